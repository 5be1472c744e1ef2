import type { ControlError, InputLine, OutputLine } from '../../src/controls/line.ts';

/** A wire in the test's hands. */
export class FakeInput implements InputLine {
  readonly description = 'fake line';
  level: (active: boolean) => void = () => {};
  broken: (error: ControlError) => void = () => {};
  stopped = false;
  readonly #initial: boolean;

  constructor(initial = false) {
    this.#initial = initial;
  }

  start(level: (active: boolean) => void, broken: (error: ControlError) => void): void {
    this.level = level;
    this.broken = broken;
    level(this.#initial);
  }

  stop(): void {
    this.stopped = true;
  }
}

/** A lamp that remembers when it was lit. */
export class FakeLamp implements OutputLine {
  readonly description = 'fake lamp';
  readonly changes: [number, boolean][] = [];
  closed = false;
  fails = false;
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  set(active: boolean): void {
    if (this.fails) throw new Error('EIO');
    this.changes.push([this.#now(), active]);
  }

  close(): void {
    this.closed = true;
  }
}
