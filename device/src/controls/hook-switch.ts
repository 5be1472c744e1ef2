import type { EndReason } from '../../../protocol/src/index.ts';
import type { ControlError } from './line.ts';

/** The hook switch, as a port: a handset's cradle, one push button, a key of the keyboard, or a script. */
export interface HookSwitch {
  readonly description: string;
  start(handlers: HookHandlers): void;
  stop(): void;
  /** The call ended, and nobody has hung up: the next press of a button begins a call. */
  callOver?(): void;
}

export interface HookHandlers {
  lifted(): void;
  /** `hangup` may be a mistake that is undone within a second; other reasons are final. */
  hungUp(reason: EndReason): void;
  /** The switch cannot be read; its last level stays in force until it is mended. */
  broken?(error: ControlError): void;
  /** It can be read again: its present level counts. */
  mended?(): void;
}
