import type { WebSocket } from 'ws';
import { median } from '../../test/lib/statistics.ts';

/** What one frame costs, in microseconds. */
export interface Cost {
  /** Processor time of the whole process, all threads. */
  readonly cpuUs: number;
  /** Wall time in the timed calls alone; the median, for a busy machine has outliers. */
  readonly inCallUs: number;
}

/** Runs `work`, which times `frames` calls, however they come about. */
export async function measured(
  frames: number,
  work: (timed: (call: () => void) => void) => Promise<void>,
): Promise<Cost> {
  const inCall: number[] = [];
  const before = process.cpuUsage();
  await work((call) => {
    const startMs = performance.now();
    call();
    inCall.push((performance.now() - startMs) * 1_000);
  });
  const { user, system } = process.cpuUsage(before);
  return { cpuUs: (user + system) / frames, inCallUs: median(inCall) };
}

/** Frames that the bench server sends when it is asked for them; `take` is called with what each of them causes. */
export class Arrivals {
  readonly #frames: number;
  #take: (call: () => void) => void = () => {};

  constructor(frames: number) {
    this.#frames = frames;
  }

  take(call: () => void): void {
    this.#take(call);
  }

  round(socket: WebSocket): Promise<Cost> {
    return measured(
      this.#frames,
      (timed) =>
        new Promise((resolve) => {
          let left = this.#frames;
          this.#take = (call) => {
            timed(call);
            if (--left === 0) resolve();
          };
          socket.send(JSON.stringify({ type: 'more', frames: this.#frames }));
        }),
    );
  }
}
