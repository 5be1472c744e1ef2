import type { EndReason } from '../../../protocol/src/index.ts';
import type { ControlError } from './line.ts';

/** The hook switch, as a port: a handset's cradle, one push button, a key of the keyboard, or a script. */
export interface HookSwitch {
  readonly description: string;
  start(handlers: HookHandlers): void;
  stop(): void;
  /** The call ended by itself; nobody has put anything down. A button needs to know. */
  callOver?(): void;
}

export interface HookHandlers {
  lifted(): void;
  /** `hangup` may be a mistake that is mended within the second; other reasons are meant. */
  hungUp(reason: EndReason): void;
  /** The switch cannot be read any more; what it said last holds. */
  broken?(error: ControlError): void;
}
