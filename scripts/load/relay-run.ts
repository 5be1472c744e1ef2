import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processCost } from '../../bench/lib/process-cost.ts';
import type { CodecName } from '../../protocol/src/index.ts';
import { FRAME_BYTES } from '../../protocol/src/index.ts';
import { ROOT } from '../programs.ts';
import { rampMsOf } from './conversations.ts';
import type { GeneratorLimit } from './generator-limit.ts';
import { percentiles } from './percentiles.ts';
import type { Percentiles } from './percentiles.ts';
import type { RelayClientsNews, RelayClientsOrder } from './relay-clients.ts';
import type { RelayOrder } from './relay.ts';

export interface RelayRun {
  readonly cpuSecondsPerMinute: number;
  readonly memoryMb: number;
  readonly roundTripMs: Percentiles;
  readonly limits: readonly GeneratorLimit[];
}

export interface RelayOptions {
  /** The server's data folder: the relay shows the same certificate. */
  readonly folder: string;
  readonly count: number;
  readonly minutes: number;
  readonly processes: number;
  readonly codec: CodecName;
  /** Frames down for each frame up. */
  readonly share: number;
  readonly progress: (what: string, done: number) => void;
}

/** RTP header, and a frame of speech: 32 kbit/s are 80 bytes on average. */
const FRAME_SIZE: Readonly<Record<CodecName, number>> = { opus: 12 + 80, pcm: 12 + FRAME_BYTES };

/** The same number of sockets, frames and bytes through `ws` alone, from generators of the same number. */
export async function runRelay(options: RelayOptions): Promise<RelayRun> {
  const { folder, count, minutes, processes, codec, share, progress } = options;
  const relay = start('relay.ts');
  const order: RelayOrder = { certFile: join(folder, 'server.pem'), keyFile: join(folder, 'server-key.pem'), share };
  relay.send(order);
  const { port } = await news<{ port: number }>(relay);
  const clients = Array.from({ length: Math.min(processes, count) }, (_, index) => {
    const child = start('relay-clients.ts');
    const clientsOrder: RelayClientsOrder = {
      url: `wss://127.0.0.1:${port}`, caFile: join(folder, 'ca.pem'), count: Math.floor((count + index) / processes) || 1, frameBytes: FRAME_SIZE[codec], rampMs: rampMsOf(count),
    };
    child.send(clientsOrder);
    return child;
  });
  try {
    await sleep(rampMsOf(count) + 2_000);
    const before = { cost: processCost(relay.pid!), atMs: performance.now() };
    const untilMs = before.atMs + minutes * 60_000;
    while (performance.now() < untilMs) {
      await sleep(Math.min(500, untilMs - performance.now()));
      progress(`bare relay of ${count}`, 1 - Math.max(0, untilMs - performance.now()) / (minutes * 60_000));
    }
    const after = { cost: processCost(relay.pid!), atMs: performance.now() };
    const all = await Promise.all(clients.map((client) => {
      const answer = news<RelayClientsNews>(client);
      client.send('stop');
      return answer;
    }));
    return {
      cpuSecondsPerMinute: (after.cost.cpuSeconds - before.cost.cpuSeconds) / ((after.atMs - before.atMs) / 60_000),
      memoryMb: after.cost.shareMb,
      roundTripMs: percentiles(all.flatMap(({ roundTripMs }) => roundTripMs)),
      limits: all.map(({ limit }) => limit),
    };
  } finally {
    for (const child of [relay, ...clients]) child.kill('SIGKILL');
  }
}

function start(file: string): ChildProcess {
  return fork(join(ROOT, 'scripts/load', file), { execArgv: ['--import=tsx'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

function news<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message as T));
    child.once('exit', (code) => reject(new Error(`a process of the relay run ended with ${code}`)));
  });
}
