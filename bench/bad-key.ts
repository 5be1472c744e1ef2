import { createHash } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { FileRegistry } from '../server-stub/src/cluster/file-registry.ts';
import { median } from '../test/lib/statistics.ts';
import { options } from './lib/options.ts';
import { paired, print } from './lib/result.ts';
import type { Row } from './lib/result.ts';

/** What a request with a key that nobody has costs before it is refused, however many devices there are. */

const { devices, requests, json } = options({ devices: 100_000, requests: 2_000 });
const ROUNDS = 9;
/** ms of CPU. */
const GOAL_MS = 0.2;
const KEY = 'x'.repeat(43);
const CHANGED = '99999999-2222-4333-8444-555555555555';
const NOBODY = '11111111-2222-4333-8444-555555555555';

const rows: Row[] = [];
for (const count of [1, devices]) rows.push(await measured(count));
print(
  {
    benchmark: 'bad-key',
    method: `CPU of ${requests} look-ups of an unknown key, median of ${ROUNDS} interleaved rounds; floor: one SHA-256 and one stat`,
    rows: [
      ...rows,
      { what: `limit at ${devices} devices`, unit: 'ms', ours: rows.at(-1)!.ours, floor: GOAL_MS, goal: 1 },
    ],
    notes: ['the last line has the limit of 0.2 ms in the place of the floor'],
  },
  json,
);

async function measured(count: number): Promise<Row> {
  const folder = await mkdtemp(join(tmpdir(), 'bestday-bad-key-'));
  try {
    const registry = new FileRegistry(folder);
    await registry.import(listOf(count));
    const blockedMs = await blockedByReading(folder);
    const file = join(folder, 'devices.json');
    const ours = (): Promise<unknown> => registry.admit(NOBODY, KEY);
    const floor = (): Promise<unknown> => {
      createHash('sha256').update(KEY).digest('base64url');
      return stat(file);
    };
    await cpuMs(ours);
    const pairs: [number, number][] = [];
    for (let round = 0; round < ROUNDS; round++) pairs.push([await cpuMs(ours), await cpuMs(floor)]);
    return paired(
      `${count} device${count === 1 ? '' : 's'} (a change of the list stops others for ${blockedMs.toFixed(0)} ms)`,
      'ms',
      pairs,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function cpuMs(lookUp: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  for (let request = 0; request < requests; request++) await lookUp();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 / requests;
}

/** The longest that the event loop stands still while a changed list is read. */
async function blockedByReading(folder: string): Promise<number> {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  const longest: number[] = [];
  for (let time = 0; time < 3; time++) {
    await new FileRegistry(folder).add(CHANGED);
    delays.enable();
    await new FileRegistry(folder).list();
    longest.push(delays.max / 1e6);
    delays.disable();
    delays.reset();
  }
  return median(longest);
}

function listOf(count: number): string {
  const all = Array.from({ length: count }, (_, index) => ({
    id: `00000000-0000-4000-8000-${index.toString(16).padStart(12, '0')}`,
    keyHash: createHash('sha256').update(String(index)).digest('base64url'),
    addedAt: '2026-01-01T00:00:00.000Z',
  }));
  return JSON.stringify({ version: 2, devices: all });
}
