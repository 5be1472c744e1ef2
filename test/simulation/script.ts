import { seededRandom } from '../../common/src/time/random.ts';
import type { Random } from '../../common/src/time/random.ts';
import type { Answers } from './pipeline.ts';
import type { Direction, Side } from './wire.ts';

/** One run, whole: it follows from a seed, or is read from a file; either way it replays exactly. Times in ms. */
export interface Script {
  /** Feeds what chance is left inside the run: jitter, identifiers, the length of answers. */
  readonly seed: number;
  /** The receiver is put down for good here, and everything must come to rest. */
  readonly lengthMs: number;
  readonly world: WorldSettings;
  readonly events: readonly ScriptEvent[];
}

export interface WorldSettings {
  /** How much faster than true time each clock runs, parts per million. */
  readonly devicePpm: number;
  readonly serverPpm: number;
  readonly cardPpm: number;
  /** How wrong each wall clock is. */
  readonly deviceWallMs: number;
  readonly serverWallMs: number;
  /** One way. */
  readonly latencyMs: number;
  readonly jitterMs: number;
  readonly kbitPerSecond: number;
  /** What each kernel buffers unseen. */
  readonly kernelBytes: number;
  readonly storeDelayMs: number;
  readonly cardOpenMs: number;
  /** A receiver put down for less than this was a mistake, and the call goes on. */
  readonly hangUpGraceMs: number;
  readonly maxQueueMs: number;
  readonly answers: Answers;
}

/** What happens at `atMs`; where a time follows, for how long. */
export type ScriptEvent = { readonly atMs: number } & (
  | { readonly type: 'lift' }
  | { readonly type: 'hang-up' }
  | { readonly type: 'speak'; readonly ms: number }
  | { readonly type: 'path'; readonly latencyMs: number; readonly jitterMs: number; readonly kbitPerSecond: number }
  /** Nothing gets through, whatever the connection; `reported`: the phone's own interface was down, and tells when it is back. */
  | { readonly type: 'outage'; readonly direction: Direction; readonly ms: number; readonly reported: boolean }
  /** The present connection alone stands still for a while. */
  | { readonly type: 'stall'; readonly direction: Direction; readonly ms: number }
  /** The present connection is half-open from now on: a router forgot it. */
  | { readonly type: 'sever'; readonly direction: Direction }
  | { readonly type: 'reset'; readonly who: Side | 'both' }
  /** New connections are not let in: refused by TCP, left hanging, sent away (503), or forbidden (401). */
  | {
      readonly type: 'connects';
      readonly mode: 'refuse' | 'hang' | 'busy' | 'forbid';
      readonly ms: number;
      readonly retryAfterMs: number;
    }
  /** Upgrade requests made meanwhile arrive `byMs` late, so after those of newer attempts. */
  | { readonly type: 'slow-requests'; readonly ms: number; readonly byMs: number }
  /** SIGKILL, and another process after `downMs`, with the same conversation store or an empty one. */
  | { readonly type: 'kill'; readonly downMs: number; readonly store: 'kept' | 'lost' }
  /** SIGTERM: drained, gone after `lingerMs`; the next process begins `downMs` after the signal. */
  | { readonly type: 'drain'; readonly lingerMs: number; readonly downMs: number }
  | { readonly type: 'power-cut'; readonly ms: number }
  /** A second phone with the same identity dials for a while. */
  | { readonly type: 'clone'; readonly ms: number }
  /** Somebody tries to take the conversation over. */
  | { readonly type: 'intruder'; readonly with: 'spent-token' | 'other-device' | 'guess' }
  | { readonly type: 'wall-step'; readonly end: Side; readonly ms: number }
  | { readonly type: 'card-stall'; readonly ms: number }
  /** The interface reports itself, without having been away. */
  | { readonly type: 'network-up' }
);

/** Every script of the simulator, by number. */
export function scriptOf(seed: number): Script {
  const random = stream(seed, 'script');
  const chance = (share: number): boolean => random() < share;
  const calm = chance(0.15);
  const talkative = chance(0.1);
  const world = talkative ? { ...worldOf(random, calm), ...TALKATIVE } : worldOf(random, calm);
  const events: ScriptEvent[] = [{ atMs: Math.round(between(random, 50, 500)), type: 'lift' }];
  const troubleMs = between(random, 5_000, 45_000);
  for (let atMs = between(random, 300, 4_000); atMs < troubleMs; atMs += gap(random)) {
    events.push({ atMs: Math.round(atMs), ...pick(random, calm ? GENTLE : TROUBLES)(random) });
  }
  for (let atMs = between(random, 500, 8_000); atMs < troubleMs; atMs += between(random, 1_500, 15_000)) {
    events.push({ atMs: Math.round(atMs), type: 'speak', ms: Math.round(between(random, 60, 3_500)) });
  }
  if (talkative) events.push(...unheardInterruption(between(random, 2_000, troubleMs)));
  events.sort((a, b) => a.atMs - b.atMs);
  const overMs = Math.max(...events.map(endOf));
  // Every third script leaves time to come to rest, so that what was made must have been heard to its end.
  const restMs = chance(0.33) && world.answers.maxMs < 20_000 ? REST_MS : between(random, 100, 6_000);
  return { seed, lengthMs: Math.round(overMs + restMs), world, events };
}

/** Answers that lie in the phone's queue for long. */
const TALKATIVE: Partial<WorldSettings> = {
  maxQueueMs: 30_000,
  answers: { minMs: 13_000, maxMs: 15_000, speed: 20, thinkMs: 200, failing: 0 },
};

/** The patient interrupts an answer while the server can hear, and cannot be heard: its `flush` is lost with the link. */
function unheardInterruption(atMs: number): ScriptEvent[] {
  const from = Math.round(atMs);
  return [
    { atMs: from, type: 'speak', ms: 800 },
    { atMs: from + 4_500, type: 'sever', direction: 'down' },
    { atMs: from + 5_000, type: 'speak', ms: 1_500 },
  ];
}

/** Long enough to play what is queued, when nothing is wrong any more. */
export const REST_MS = 60_000;

/** Chance for one purpose: leaving an event out of a script changes nothing for the others. */
export function stream(seed: number, purpose: string): Random {
  let hash = seed ^ 0x9e3779b9;
  for (const character of purpose) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  return seededRandom(hash >>> 0);
}

/** When the event's doing is over. */
export function endOf(event: ScriptEvent): number {
  return (
    event.atMs +
    ('ms' in event && event.type !== 'wall-step' ? event.ms : 0) +
    ('downMs' in event ? event.downMs : 0) +
    ('byMs' in event ? event.byMs : 0)
  );
}

function worldOf(random: Random, calm: boolean): WorldSettings {
  // More than may be sent ahead, or held.
  const long = random() < 0.08;
  const skew = (ppm: number): number => Math.round((random() * 2 - 1) * ppm);
  return {
    devicePpm: skew(300),
    serverPpm: skew(300),
    cardPpm: skew(500),
    deviceWallMs: random() < 0.3 ? skew(1e9) : skew(500),
    serverWallMs: skew(500),
    latencyMs: Math.round(calm ? between(random, 5, 40) : skewed(random, 5, 200)),
    jitterMs: Math.round(calm ? 2 : skewed(random, 0, 150)),
    kbitPerSecond: Math.round(calm ? 5_000 : between(random, 250, 5_000)),
    kernelBytes: Math.round(skewed(random, 8_000, 500_000)),
    storeDelayMs: random() < 0.5 ? 0 : Math.round(between(random, 1, 20)),
    cardOpenMs: Math.round(skewed(random, 1, 600)),
    hangUpGraceMs: random() < 0.3 ? 0 : 1_000,
    maxQueueMs: random() < 0.7 ? 30_000 : Math.round(between(random, 200, 20_000)),
    answers: {
      minMs: 20,
      maxMs: Math.round(long ? 100_000 : between(random, 500, 15_000)),
      speed: Math.round((long ? 30 : skewed(random, 0.7, 30)) * 10) / 10,
      thinkMs: Math.round(between(random, 20, 1_500)),
      failing: random() < 0.2 ? 0.2 : 0,
    },
  };
}

type Happening = ScriptEvent extends infer E ? (E extends ScriptEvent ? Omit<E, 'atMs'> : never) : never;
type Maker = (random: Random) => Happening;

const lengthOfOutage = (random: Random): number => {
  const kind = random();
  if (kind < 0.35) return between(random, 100, 5_500);
  if (kind < 0.8) return between(random, 5_500, 29_500);
  return between(random, 29_500, 40_000);
};

const GENTLE: readonly (readonly [number, Maker])[] = [
  [
    3,
    (random) => ({
      type: 'path',
      latencyMs: Math.round(between(random, 5, 60)),
      jitterMs: Math.round(between(random, 0, 20)),
      kbitPerSecond: 3_000,
    }),
  ],
  [2, (random) => ({ type: 'stall', direction: anyDirection(random), ms: Math.round(between(random, 100, 3_000)) })],
  [1, (random) => ({ type: 'card-stall', ms: Math.round(between(random, 20, 400)) })],
  [1, () => ({ type: 'network-up' })],
];

const TROUBLES: readonly (readonly [number, Maker])[] = [
  ...GENTLE,
  [
    2,
    (random) => ({
      type: 'path',
      latencyMs: Math.round(skewed(random, 5, 250)),
      jitterMs: Math.round(skewed(random, 0, 200)),
      kbitPerSecond: Math.round(between(random, 250, 5_000)),
    }),
  ],
  [
    5,
    (random) => ({
      type: 'outage',
      direction: anyDirection(random),
      ms: Math.round(lengthOfOutage(random)),
      reported: random() < 0.5,
    }),
  ],
  [2, (random) => ({ type: 'stall', direction: anyDirection(random), ms: Math.round(between(random, 3_000, 12_000)) })],
  [3, (random) => ({ type: 'sever', direction: anyDirection(random) })],
  [5, (random) => ({ type: 'reset', who: oneOf(random, ['both', 'device', 'server'] as const) })],
  [
    2,
    (random) => ({
      type: 'connects',
      mode: oneOf(random, ['refuse', 'hang', 'busy'] as const),
      ms: Math.round(between(random, 500, 15_000)),
      retryAfterMs: 1_000 * Math.round(between(random, 1, 8)),
    }),
  ],
  [
    0.3,
    (random) => ({ type: 'connects', mode: 'forbid', ms: Math.round(between(random, 500, 10_000)), retryAfterMs: 0 }),
  ],
  [
    1.5,
    (random) => ({
      type: 'slow-requests',
      ms: Math.round(between(random, 1_000, 8_000)),
      byMs: Math.round(between(random, 500, 8_000)),
    }),
  ],
  [
    1.5,
    (random) => ({
      type: 'kill',
      downMs: Math.round(between(random, 50, 8_000)),
      store: random() < 0.75 ? 'kept' : 'lost',
    }),
  ],
  [
    2,
    (random) => ({
      type: 'drain',
      lingerMs: Math.round(between(random, 20, 10_000)),
      downMs: Math.round(between(random, 0, 4_000)),
    }),
  ],
  [0.5, (random) => ({ type: 'power-cut', ms: Math.round(between(random, 500, 20_000)) })],
  [0.5, (random) => ({ type: 'clone', ms: Math.round(between(random, 1_000, 8_000)) })],
  [
    2.5,
    (random) => ({
      type: 'intruder',
      with: oneOf(random, ['spent-token', 'spent-token', 'other-device', 'guess'] as const),
    }),
  ],
  [
    0.5,
    (random) => ({
      type: 'wall-step',
      end: oneOf(random, ['device', 'server'] as const),
      ms: Math.round(between(random, -1e8, 1e8)),
    }),
  ],
  [1.5, () => ({ type: 'hang-up' })],
  [3, () => ({ type: 'lift' })],
];

function pick(random: Random, table: readonly (readonly [number, Maker])[]): Maker {
  let left = random() * table.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, make] of table) if ((left -= weight) < 0) return make;
  return table[0]![1];
}

/** Mostly seconds, sometimes a few milliseconds: troubles that come together. */
function gap(random: Random): number {
  return random() < 0.2 ? between(random, 1, 300) : between(random, 300, 12_000);
}

function anyDirection(random: Random): Direction {
  return oneOf(random, ['both', 'up', 'down'] as const);
}

function oneOf<T>(random: Random, choices: readonly T[]): T {
  return choices[Math.floor(random() * choices.length)]!;
}

function between(random: Random, low: number, high: number): number {
  return low + random() * (high - low);
}

/** Mostly near the low end. */
function skewed(random: Random, low: number, high: number): number {
  return low + random() ** 3 * (high - low);
}
