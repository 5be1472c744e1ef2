import type { Clock, Timer } from './clock.ts';

interface Entry {
  dueMs: number;
  order: number;
  periodMs: number | undefined;
  callback: () => void;
  cancelled: boolean;
}

/**
 * Virtual time for tests and the simulator: nothing happens until it is advanced, and then everything
 * happens in order of its due time (and, for the same due time, of its setting), with no real waiting.
 */
export class VirtualClock implements Clock {
  #nowMs: number;
  readonly #startMs: number;
  readonly #wallStartMs: number;
  #order = 0;
  /** Binary heap on (dueMs, order). */
  readonly #heap: Entry[] = [];
  #live = 0;

  constructor(startMs = 0, wallStartMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs;
    this.#startMs = startMs;
    this.#wallStartMs = wallStartMs;
  }

  now(): number {
    return this.#nowMs;
  }

  wallTime(): number {
    return this.#wallStartMs + (this.#nowMs - this.#startMs);
  }

  /** Timers set and neither fired nor cancelled: a test's check that nothing was left open. */
  get pending(): number {
    return this.#live;
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.#add(Math.max(0, delayMs), undefined, callback);
  }

  every(periodMs: number, callback: () => void): Timer {
    return this.#add(periodMs, periodMs, callback);
  }

  /** Runs everything that falls due within the next `ms`. */
  advance(ms: number): void {
    this.runUntil(this.#nowMs + ms);
  }

  /** Runs everything due up to and at `untilMs`, then stands at `untilMs`. */
  runUntil(untilMs: number): void {
    for (;;) {
      const entry = this.#heap[0];
      if (entry === undefined || entry.dueMs > untilMs) break;
      this.#fire(entry);
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /** As `runUntil`, but lets promises settle between timers: for code under test that awaits. */
  async runUntilAsync(untilMs: number): Promise<void> {
    await settle();
    for (;;) {
      const entry = this.#heap[0];
      if (entry === undefined || entry.dueMs > untilMs) break;
      this.#fire(entry);
      await settle();
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  advanceAsync(ms: number): Promise<void> {
    return this.runUntilAsync(this.#nowMs + ms);
  }

  #fire(entry: Entry): void {
    this.#pop();
    if (entry.cancelled) return;
    this.#nowMs = Math.max(this.#nowMs, entry.dueMs);
    if (entry.periodMs === undefined) {
      entry.cancelled = true;
      this.#live--;
    } else {
      entry.dueMs += entry.periodMs;
      entry.order = this.#order++;
      this.#push(entry);
    }
    entry.callback();
  }

  #add(delayMs: number, periodMs: number | undefined, callback: () => void): Timer {
    const entry: Entry = { dueMs: this.#nowMs + delayMs, order: this.#order++, periodMs, callback, cancelled: false };
    this.#push(entry);
    this.#live++;
    return {
      cancel: () => {
        if (entry.cancelled) return;
        entry.cancelled = true;
        this.#live--;
      },
    };
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (before(heap[parent]!, entry)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (before(last, heap[child]!)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}

/** A few turns of the microtask queue: enough for chains of awaits in the code under test. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await Promise.resolve();
}
