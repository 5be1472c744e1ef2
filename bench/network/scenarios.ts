import { makeTraces } from '../lib/traces.ts';

/** One network, as the emulator and the models of `npm run listen` make it. Every number is each way. */
export interface Scenario {
  readonly about: string;
  readonly delayMs: number;
  readonly lossPercent: number;
  /** Nothing arrives for `lengthMs`, at the end of every `everyMs`. */
  readonly stall?: { readonly lengthMs: number; readonly everyMs: number };
  /** Jitter on top of `delayMs`, made by the model of that name in bench/lib/traces.ts, each way its own. */
  readonly jitter?: 'wi-fi' | 'lte';
  readonly bottleneck?: { readonly kbitPerSecond: number; readonly queueKiB: number };
}

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  clean: { about: 'a good line: 5 ms each way, nothing lost', delayMs: 5, lossPercent: 0 },
  'loss5-rtt200': { about: '5 % of the packets lost each way, 200 ms round trip', delayMs: 100, lossPercent: 5 },
  'loss5-oneway200': { about: '5 % of the packets lost each way, 200 ms each way', delayMs: 200, lossPercent: 5 },
  stall400: {
    about: 'nothing passes for 400 ms, every 5 s',
    delayMs: 20,
    lossPercent: 0,
    stall: { lengthMs: 400, everyMs: 5_000 },
  },
  wifi: {
    about: 'home Wi-Fi: contention, spikes of 40-150 ms, scans of 250 ms, 0.5 % lost',
    delayMs: 10,
    lossPercent: 0.5,
    jitter: 'wi-fi',
  },
  lte: {
    about: 'mobile: a queue that swells and drains, handovers of 100-300 ms, 4 Mbit/s',
    delayMs: 30,
    lossPercent: 0,
    jitter: 'lte',
    bottleneck: { kbitPerSecond: 4_000, queueKiB: 128 },
  },
  narrow: {
    about: 'a line of 48 kbit/s, less than the voice takes at first',
    delayMs: 40,
    lossPercent: 0,
    bottleneck: { kbitPerSecond: 48, queueKiB: 16 },
  },
};

/** @throws {Error} naming those there are */
export function scenarioOf(name: string): Scenario {
  const scenario = Object.hasOwn(SCENARIOS, name) ? SCENARIOS[name] : undefined;
  if (scenario === undefined)
    throw new Error(`there is no scenario '${name}'; there are ${Object.keys(SCENARIOS).join(', ')}`);
  return scenario;
}

/** Long enough that a call of ten minutes meets no second twice. */
const TRACE_SECONDS = 900;

/** Additional delay in ms for every 20 ms, from the scenario's jitter model; the same for the same seed. */
export function jitterOf(scenario: Scenario, way: 'up' | 'down', seed: number): Float64Array | undefined {
  if (scenario.jitter === undefined) return undefined;
  const trace = makeTraces(TRACE_SECONDS, way === 'up' ? 2 * seed : 2 * seed + 1).find(
    ({ name }) => name === scenario.jitter,
  );
  if (trace === undefined) throw new Error(`bench/lib/traces.ts has no trace '${scenario.jitter}'`);
  return trace.delaysMs;
}

/** @param traces files of the jitter, where there is some */
export function emulatorFlags(
  scenario: Scenario,
  seed: number,
  traces: { readonly up: string; readonly down: string } | undefined,
): string[] {
  const { delayMs, lossPercent, stall, bottleneck } = scenario;
  const flags: (string | number)[] = ['--seed', seed, '--delay-ms', delayMs, '--loss', lossPercent];
  if (stall !== undefined) flags.push('--stall-ms', stall.lengthMs, '--stall-every-ms', stall.everyMs);
  if (bottleneck !== undefined) flags.push('--rate-kbit', bottleneck.kbitPerSecond, '--queue-kb', bottleneck.queueKiB);
  if (traces !== undefined) flags.push('--up-trace', traces.up, '--down-trace', traces.down);
  return flags.map(String);
}
