import { seededRandom, type Random } from '../../common/src/time/random.ts';

/** One network path: the delay of each 20 ms packet over the fastest, ms, delivered in order. */
export interface Trace {
  readonly name: string;
  readonly delaysMs: Float64Array;
}

const PACKET_MS = 20;

export interface Maker {
  readonly name: string;
  /** @returns the delay of the packet sent at `timeMs` */
  make(random: Random): (timeMs: number) => number;
}

const MAKERS: readonly Maker[] = [
  { name: 'clean', make: (random) => () => random() },
  { name: 'normal 30 ms', make: (random) => () => Math.abs(gauss(random)) * 30 },
  { name: '200 ms stall every 5 s', make: (random) => (timeMs) => stall(timeMs, 5_000, 200) + random() * 5 },
  { name: '500 ms stall every 10 s', make: (random) => (timeMs) => stall(timeMs, 10_000, 500) + random() * 5 },
  { name: 'uniform 0-20 ms', make: (random) => () => random() * 20 },
  { name: 'wi-fi', make: wifi },
  { name: 'lte', make: lte },
];

/** The same for the same seed. */
export function makeTraces(seconds: number, seed: number): Trace[] {
  return tracesOf(MAKERS, seconds, seed);
}

export function tracesOf(makers: readonly Maker[], seconds: number, seed: number): Trace[] {
  return makers.map((maker, index) => {
    const delayAt = maker.make(seededRandom(seed * 1_000 + index));
    return {
      name: maker.name,
      delaysMs: inOrder(
        Float64Array.from({ length: (seconds * 1_000) / PACKET_MS }, (_, at) => delayAt(at * PACKET_MS)),
      ),
    };
  });
}

/** A packet never overtakes: TCP, and most paths. */
function inOrder(delaysMs: Float64Array): Float64Array {
  let latest = 0;
  return delaysMs.map((delayMs, index) => {
    latest = Math.max(latest, index * PACKET_MS + delayMs);
    return latest - index * PACKET_MS;
  });
}

export function gauss(random: Random): number {
  return Math.sqrt(-2 * Math.log(random() + 1e-12)) * Math.cos(2 * Math.PI * random());
}

export function exponential(random: Random, mean: number): number {
  return -mean * Math.log(1 - random());
}

export function stall(timeMs: number, everyMs: number, lengthMs: number): number {
  return Math.max(0, lengthMs - (timeMs % everyMs));
}

/** Contention: short jitter, a spike of 40-150 ms every second or two, now and then a scan of other channels (250 ms). */
export function wifi(random: Random): (timeMs: number) => number {
  let nextMs = exponential(random, 1_500);
  let untilMs = 0;
  return (timeMs) => {
    if (timeMs >= nextMs) {
      untilMs = nextMs + (random() < 0.1 ? 250 : 40 + 110 * random());
      nextMs = untilMs + exponential(random, 1_500);
    }
    return Math.max(0, untilMs - timeMs) + exponential(random, 3);
  };
}

/** A scheduler's 10 ms grid, a queue that swells and drains over seconds, handovers of 100-300 ms. */
function lte(random: Random): (timeMs: number) => number {
  let queueMs = 10;
  let nextMs = 4_000 + exponential(random, 8_000);
  let untilMs = 0;
  return (timeMs) => {
    queueMs = Math.max(0, queueMs + 2.5 * gauss(random) + 0.02 * (20 - queueMs));
    if (timeMs >= nextMs) {
      untilMs = nextMs + 100 + 200 * random();
      nextMs = untilMs + 4_000 + exponential(random, 8_000);
    }
    return Math.max(0, untilMs - timeMs) + queueMs + 10 * random();
  };
}
