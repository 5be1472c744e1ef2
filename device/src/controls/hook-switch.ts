/** The hook switch, as a port: a handset's cradle, one push button, a key of the keyboard, or nothing at all. */
export interface HookSwitch {
  readonly description: string;
  start(handlers: HookHandlers): void;
  stop(): void;
}

export interface HookHandlers {
  lifted(): void;
  hungUp(): void;
}

/** No switch: the receiver is off its hook from the start, until the daemon stops. */
export class AlwaysLifted implements HookSwitch {
  readonly description = 'always off the hook';

  start(handlers: HookHandlers): void {
    handlers.lifted();
  }

  stop(): void {}
}
