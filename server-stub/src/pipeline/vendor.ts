import type { Clock } from '../../../common/src/time/clock.ts';
import type { Log } from '../../../common/src/system/log.ts';
import type { RecordedClip } from './offline/clips.ts';
import type { Synthesiser } from './offline/recorded-tts.ts';
import type { Settings, Values, ValuesOf } from './setting.ts';

/**
 * The table of one stage: who can serve it. A new vendor is one file with its adapter and one row here, which imports that
 * file when it is opened: a vendor's SDK costs nothing where another vendor serves. The first row is the default, and the
 * fallback of every service.
 */
export type VendorTable<Local, Service> = readonly [
  LocalVendor<Local>,
  ...(LocalVendor<Local> | ServiceVendor<Service>)[],
];

/** Runs on this machine, without key and network. */
interface LocalVendor<Stage> extends VendorRow {
  readonly kind: 'local';
  open(parts: VendorParts): Promise<Stage>;
}

/** A service that may be slow or fail: the pipeline makes it resilient. */
interface ServiceVendor<Stage> extends VendorRow {
  readonly kind: 'service';
  open(parts: VendorParts, values: Values): Promise<Stage>;
}

interface VendorRow {
  /** As the operator gives it. */
  readonly name: string;
  /** For `--help`. */
  readonly about: string;
  /** What it needs to be told, by name. */
  readonly settings: Settings;
}

/** What a row may use. */
export interface VendorParts {
  readonly clock: Clock;
  readonly log: Log;
  /** @returns the key in the file that the setting `NAMEKeyFile` names; undefined when there is none */
  readonly keyOf: (name: string) => string | undefined;
  readonly clips: readonly RecordedClip[];
  /** Speaks what was not recorded, where one is installed. */
  readonly synthesiser: Synthesiser | undefined;
}

export function local<Stage>(row: Omit<LocalVendor<Stage>, 'kind' | 'settings'>): LocalVendor<Stage> {
  return { ...row, kind: 'local', settings: {} };
}

export function service<Stage, S extends Settings>(row: {
  readonly name: string;
  readonly about: string;
  readonly settings: S;
  open(parts: VendorParts, values: ValuesOf<S>): Promise<Stage>;
}): ServiceVendor<Stage> {
  return { ...row, kind: 'service' };
}
