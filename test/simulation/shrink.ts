import { endOf } from './script.ts';
import type { Script, ScriptEvent, WorldSettings } from './script.ts';

/** True when the script still shows the failure. */
export type StillFails = (script: Script) => Promise<boolean>;

/** What a script is made of when nothing about it matters. */
const PLAIN: WorldSettings = {
  devicePpm: 0,
  serverPpm: 0,
  cardPpm: 0,
  deviceWallMs: 0,
  serverWallMs: 0,
  latencyMs: 20,
  jitterMs: 0,
  kbitPerSecond: 5_000,
  kernelBytes: 100_000,
  storeDelayMs: 0,
  cardOpenMs: 1,
  hangUpGraceMs: 0,
  maxQueueMs: 30_000,
  answers: { minMs: 20, maxMs: 5_000, speed: 5, thinkMs: 20, failing: 0 },
};

/**
 * The smallest script found that still fails: events are left out (delta debugging, Zeller 1999), what remains is made
 * shorter and earlier, and the world plainer.
 * @param mostRuns a bound on how long it may take
 */
export async function shrink(script: Script, stillFails: StillFails, mostRuns = 600): Promise<Script> {
  const search = new Search(script, stillFails, mostRuns);
  for (let before = ''; before !== JSON.stringify(search.best) && search.runsLeft > 0;) {
    before = JSON.stringify(search.best);
    await leaveOut(search);
    await sooner(search);
    await smaller(search);
    await plainer(search);
  }
  return search.best;
}

class Search {
  best: Script;
  runsLeft: number;
  readonly #stillFails: StillFails;

  constructor(script: Script, stillFails: StillFails, mostRuns: number) {
    this.best = script;
    this.#stillFails = stillFails;
    this.runsLeft = mostRuns;
  }

  async try(candidate: Script): Promise<boolean> {
    if (this.runsLeft <= 0 || candidate.events.length === 0) return false;
    this.runsLeft--;
    if (!(await this.#stillFails(candidate))) return false;
    this.best = candidate;
    return true;
  }

  /** The same world, other events; the receiver goes down as long after the last as it did. */
  withEvents(events: readonly ScriptEvent[]): Script {
    const restMs = this.best.lengthMs - overAt(this.best.events);
    return { ...this.best, events, lengthMs: overAt(events) + restMs };
  }
}

async function leaveOut(search: Search): Promise<void> {
  for (let size = Math.ceil(search.best.events.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < search.best.events.length;) {
      const { events } = search.best;
      const rest = [...events.slice(0, at), ...events.slice(at + size)];
      if (!(await search.try(search.withEvents(rest)))) at += size;
    }
  }
}

/** Pulls the end, and each event with all that follow it, towards the start. */
async function sooner(search: Search): Promise<void> {
  for (const share of [0.1, 0.5, 0.9]) {
    const overMs = overAt(search.best.events);
    await search.try({ ...search.best, lengthMs: Math.round(overMs + (search.best.lengthMs - overMs) * share) });
  }
  for (let at = 1; at < search.best.events.length; at++) {
    for (const share of [0, 0.5]) {
      const { events } = search.best;
      const gapMs = events[at]!.atMs - events[at - 1]!.atMs;
      const byMs = gapMs - Math.round(gapMs * share);
      if (
        byMs > 0 &&
        (await search.try(
          search.withEvents(events.map((event, index) => (index < at ? event : { ...event, atMs: event.atMs - byMs }))),
        ))
      )
        break;
    }
  }
}

async function smaller(search: Search): Promise<void> {
  for (let at = 0; at < search.best.events.length; at++) {
    for (const field of ['ms', 'byMs', 'downMs', 'lingerMs', 'retryAfterMs'] as const) {
      for (;;) {
        const event = search.best.events[at] as ScriptEvent & Partial<Record<typeof field, number>>;
        const size = event[field];
        if (size === undefined || Math.abs(size) < 2) break;
        const half = { ...event, [field]: Math.round(size / 2) } as ScriptEvent;
        if (
          !(await search.try(
            search.withEvents(search.best.events.map((other, index) => (index === at ? half : other))),
          ))
        )
          break;
      }
    }
  }
}

async function plainer(search: Search): Promise<void> {
  if (await search.try({ ...search.best, world: PLAIN })) return;
  for (const field of Object.keys(PLAIN) as (keyof WorldSettings)[]) {
    if (JSON.stringify(search.best.world[field]) === JSON.stringify(PLAIN[field])) continue;
    await search.try({ ...search.best, world: { ...search.best.world, [field]: PLAIN[field] } });
  }
}

function overAt(events: readonly ScriptEvent[]): number {
  return Math.max(0, ...events.map(endOf));
}
