import type { EndReason } from '../../../protocol/src/index.ts';

/** The hook switch, as a port: a handset's cradle, one push button, a key of the keyboard, or a script. */
export interface HookSwitch {
  readonly description: string;
  start(handlers: HookHandlers): void;
  stop(): void;
}

export interface HookHandlers {
  lifted(): void;
  hungUp(reason: EndReason): void;
}
