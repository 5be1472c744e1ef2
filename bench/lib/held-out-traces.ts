import type { Random } from '../../common/src/time/random.ts';
import { exponential, gauss, stall, tracesOf, wifi, type Maker, type Trace } from './traces.ts';

/*
 * Paths the delay estimator was not written for: `jitter-traces --held-out`. Whoever tunes it uses other seeds than
 * those whose figures are shown.
 */

/** Until when packets are held, and then all come at once; moved on by its maker. */
interface Hold {
  untilMs: number;
  nextMs: number;
}

const MAKERS: readonly Maker[] = [
  { name: '100 ms stall every second', make: (random) => (timeMs) => stall(timeMs, 1_000, 100) + 5 * random() },
  { name: '300 ms stall every 3 s', make: (random) => (timeMs) => stall(timeMs, 3_000, 300) + 5 * random() },
  { name: '700 ms stall every 7 s', make: (random) => (timeMs) => stall(timeMs, 7_000, 700) + 5 * random() },
  { name: '1000 ms stall every 15 s', make: (random) => (timeMs) => stall(timeMs, 15_000, 1_000) + 5 * random() },
  { name: 'stalls of 50-600 ms, any time', make: (random) => stalls(random, 6_000, () => 50 + 550 * random()) },
  { name: 'gamma, mean 40 ms', make: (random) => () => exponential(random, 20) + exponential(random, 20) },
  { name: 'log-normal, median 15 ms', make: (random) => () => 15 * Math.exp(0.9 * gauss(random)) },
  { name: 'random walk', make: randomWalk },
  { name: 'queue that fills for 8 s', make: (random) => (timeMs) => 0.03 * (timeMs % 8_000) + 8 * random() },
  { name: 'wi-fi asleep between beacons', make: powerSave },
  { name: 'TCP, 60 ms, 1 % lost', make: (random) => headOfLine(random, 60, 0.01) },
  { name: 'TCP, 200 ms, 3 % lost', make: (random) => headOfLine(random, 200, 0.03) },
  {
    name: 'route longer, then shorter',
    make: (random) => (timeMs) => (timeMs > 20_000 && timeMs < 45_000 ? 120 : 0) + 15 * random(),
  },
  { name: 'stalls that change their pace', make: (random) => (timeMs) => changingStall(timeMs) + 5 * random() },
  { name: 'handovers of 300-800 ms', make: handovers },
  { name: 'wi-fi and a queue', make: (random) => added(wifi(random), randomWalk(random)) },
];

/** The same for the same seed. */
export function makeHeldOutTraces(seconds: number, seed: number): Trace[] {
  return tracesOf(MAKERS, seconds, seed);
}

function stalls(random: Random, meanGapMs: number, lengthMs: () => number): (timeMs: number) => number {
  const hold: Hold = { untilMs: 0, nextMs: exponential(random, meanGapMs) };
  return (timeMs) => {
    if (timeMs >= hold.nextMs) {
      hold.untilMs = hold.nextMs + lengthMs();
      hold.nextMs = hold.untilMs + exponential(random, meanGapMs);
    }
    return Math.max(0, hold.untilMs - timeMs) + 5 * random();
  };
}

/** A queue of other people's traffic: 0 to 150 ms, over seconds. */
function randomWalk(random: Random): (timeMs: number) => number {
  let queueMs = 40;
  return () => {
    queueMs = Math.min(150, Math.max(0, queueMs + 5 * gauss(random)));
    return queueMs + 2 * random();
  };
}

/** A station that sleeps hears of its packets at each beacon, every 102.4 ms; it sleeps half of the time. */
function powerSave(random: Random): (timeMs: number) => number {
  const beaconMs = 102.4;
  let asleep = false;
  let changeMs = 0;
  return (timeMs) => {
    if (timeMs >= changeMs) {
      asleep = !asleep;
      changeMs = timeMs + 500 + exponential(random, 2_500);
    }
    return (asleep ? beaconMs - (timeMs % beaconMs) : 0) + exponential(random, 2);
  };
}

/** A lost segment comes one round trip later, lost again after a timeout that doubles; all behind it wait. */
function headOfLine(random: Random, roundTripMs: number, loss: number): (timeMs: number) => number {
  return () => {
    let delayMs = 2 * random();
    let againMs = roundTripMs + 20;
    for (; random() < loss; againMs = againMs === roundTripMs + 20 ? roundTripMs + 200 : 2 * againMs)
      delayMs += againMs;
    return delayMs;
  };
}

function changingStall(timeMs: number): number {
  if (timeMs < 20_000) return stall(timeMs, 5_000, 150);
  return timeMs < 45_000 ? stall(timeMs, 2_500, 350) : 0;
}

/** A cell's edge: jitter that grows for two seconds, then nothing until the next cell has the phone. */
function handovers(random: Random): (timeMs: number) => number {
  const hold: Hold = { untilMs: 0, nextMs: 5_000 + exponential(random, 8_000) };
  return (timeMs) => {
    if (timeMs >= hold.nextMs) {
      hold.untilMs = hold.nextMs + 300 + 500 * random();
      hold.nextMs = hold.untilMs + 8_000 + exponential(random, 8_000);
    }
    const edge = Math.max(0, 1 - (hold.nextMs - timeMs) / 2_000);
    return Math.max(0, hold.untilMs - timeMs) + exponential(random, 5 + 30 * edge);
  };
}

function added(one: (timeMs: number) => number, other: (timeMs: number) => number): (timeMs: number) => number {
  return (timeMs) => one(timeMs) + other(timeMs);
}
