import type { HookHandlers, HookSwitch } from './hook-switch.ts';

/** A receiver that a program lifts and puts down: for the keyboard and the control socket. */
export class ManualHook implements HookSwitch {
  readonly description: string;
  #handlers: HookHandlers | undefined;
  #up = false;

  constructor(description: string) {
    this.description = description;
  }

  start(handlers: HookHandlers): void {
    this.#handlers = handlers;
  }

  stop(): void {
    this.#handlers = undefined;
  }

  lift(): void {
    this.#up = true;
    this.#handlers?.lifted();
  }

  hangUp(): void {
    this.#up = false;
    this.#handlers?.hungUp('hangup');
  }

  toggle(): void {
    if (this.#up) this.hangUp();
    else this.lift();
  }
}
