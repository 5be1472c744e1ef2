import type { ChildProcess } from 'node:child_process';
import { options } from './lib/options.ts';
import { Programs } from './lib/programs.ts';
import { paired, print } from './lib/result.ts';

/** From starting the process to its first frame at the server. */

const { runs, json } = options({ runs: 21 });
/** Ship the daemon as one bundled file that loads the native codec directly: half as much again as nothing but that. */
const GOAL = 1.5;

const programs = await Programs.start(10);
try {
  const starts = { ours: () => programs.daemon('/silent'), floor: () => programs.floor('/silent') };
  // Fills the page cache.
  await timed(programs, starts.ours);
  await timed(programs, starts.floor);
  const pairs: [number, number][] = [];
  for (let run = 0; run < runs; run++) {
    const floorFirst = run % 2 === 0 ? await timed(programs, starts.floor) : undefined;
    const ours = await timed(programs, starts.ours);
    pairs.push([ours, floorFirst ?? (await timed(programs, starts.floor))]);
  }
  print(
    {
      benchmark: 'startup',
      method: `process start to the first frame at the server, wss on loopback; median of ${runs} interleaved runs`,
      rows: [paired('start to first frame', 'ms', pairs, GOAL)],
      notes: [
        'the daemon shakes hands (hello, ready) before its first frame; the floor sends as soon as the socket is open',
      ],
    },
    json,
  );
} finally {
  programs.stop();
}

async function timed(all: Programs, start: () => ChildProcess): Promise<number> {
  const frame = all.firstFrame();
  const startNs = process.hrtime.bigint();
  const child = start();
  const ms = Number((await frame) - startNs) / 1e6;
  await all.end(child);
  return ms;
}
