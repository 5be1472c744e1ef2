import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processCost } from '../../bench/lib/process-cost.ts';
import type { CallReport } from '../../device/src/conversation/report.ts';
import type { CodecName } from '../../protocol/src/index.ts';
import { DeviceRegistry } from '../../server-stub/src/device-registry.ts';
import { ROOT, startServer } from '../programs.ts';
import type { GeneratorLimit } from './generator-limit.ts';
import { scrape } from './metrics.ts';
import type { PhonesNews, PhonesOrder } from './phones.ts';

export interface LoadOptions {
  readonly folder: string;
  readonly count: number;
  readonly minutes: number;
  readonly codec: CodecName;
  /** How many processes the phones are spread over. */
  readonly processes: number;
  readonly serverArguments: readonly string[];
  readonly progress: (what: string, done: number) => void;
}

export interface HeldConversations {
  readonly reports: readonly CallReport[];
  readonly limits: readonly GeneratorLimit[];
  /** Within the measured time only. */
  readonly cpuSecondsPerMinute: number;
  readonly memoryMb: number;
  readonly framesUp: number;
  readonly framesDown: number;
  /** By the server, on its way to the phones; cached ones not counted. */
  readonly framesEncoded: number;
  readonly framesDecoded: number;
  readonly uplinkShed: number;
  readonly measuredMinutes: number;
}

/** One real server, `count` phones in `processes` processes, in conversation for `minutes`. */
export async function holdConversations(options: LoadOptions): Promise<HeldConversations> {
  const { folder, count, minutes, serverArguments, progress } = options;
  const devices = await addDevices(folder, count);
  const log = openSync(join(folder, 'server.log'), 'w');
  // A recogniser per utterance would be the load.
  const server = await startServer(folder, log, ['--stt', 'wordless', ...serverArguments]);
  const phones = startPhones(options, server.url, server.ca!, devices);
  try {
    await sleep(rampMsOf(count) + SETTLE_MS);
    const metrics = (): Promise<ReadonlyMap<string, number>> => scrape(server.url, server.ca!);
    const before = { cost: processCost(server.process.pid!), metrics: await metrics(), atMs: performance.now() };
    const untilMs = before.atMs + minutes * 60_000;
    while (performance.now() < untilMs) {
      await sleep(Math.min(500, untilMs - performance.now()));
      progress(`${phones.talking()} of ${count} in conversation`, 1 - Math.max(0, untilMs - performance.now()) / (minutes * 60_000));
    }
    const after = { cost: processCost(server.process.pid!), metrics: await metrics(), atMs: performance.now() };
    const { reports, limits } = await phones.stop();
    const grown = (name: string): number => (after.metrics.get(name) ?? 0) - (before.metrics.get(name) ?? 0);
    const measuredMinutes = (after.atMs - before.atMs) / 60_000;
    return {
      reports, limits, measuredMinutes,
      cpuSecondsPerMinute: (after.cost.cpuSeconds - before.cost.cpuSeconds) / measuredMinutes,
      memoryMb: after.cost.shareMb,
      framesUp: grown('bestday_uplink_frames_total{outcome="received"}'),
      framesDown: grown('bestday_frames_sent_total'),
      framesEncoded: grown('bestday_frames_encoded_total'),
      framesDecoded: grown('bestday_uplink_frames_total{outcome="received"}'),
      uplinkShed: grown('bestday_uplink_frames_total{outcome="shed"}'),
    };
  } finally {
    phones.kill();
    await server.stop();
    closeSync(log);
  }
}

/** All at once would measure TLS handshakes. */
export function rampMsOf(count: number): number {
  return 2_000 + count * 40;
}

const SETTLE_MS = 5_000;

type Devices = readonly { readonly id: string; readonly key: string }[];

async function addDevices(folder: string, count: number): Promise<Devices> {
  const registry = new DeviceRegistry(folder);
  const devices: { id: string; key: string }[] = [];
  for (let index = 0; index < count; index++) devices.push(await registry.add());
  return devices;
}

interface Phones {
  talking(): number;
  stop(): Promise<{ reports: CallReport[]; limits: GeneratorLimit[] }>;
  kill(): void;
}

function startPhones({ codec, processes, count }: LoadOptions, url: string, caFile: string, devices: Devices): Phones {
  const shares = Array.from({ length: Math.min(processes, count) }, (_, index) => devices.filter((_device, at) => at % processes === index));
  const children = shares.map((share, seed) => {
    const child = fork(join(ROOT, 'scripts/load/phones.ts'), { execArgv: ['--import=tsx'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const order: PhonesOrder = { url, caFile, devices: share, codec, rampMs: rampMsOf(count), seed };
    child.send(order);
    return new PhoneProcess(child);
  });
  return {
    talking: () => children.reduce((total, { talking }) => total + talking, 0),
    async stop() {
      const all = await Promise.all(children.map((child) => child.stop()));
      return { reports: all.flatMap(({ reports }) => reports), limits: all.map(({ limit }) => limit) };
    },
    kill: () => children.forEach((child) => child.kill()),
  };
}

class PhoneProcess {
  readonly #child: ChildProcess;
  talking = 0;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (news: PhonesNews) => {
      if (news.type === 'talking') this.talking = news.count;
    });
  }

  stop(): Promise<Extract<PhonesNews, { type: 'reports' }>> {
    return new Promise((resolve, reject) => {
      this.#child.on('message', (news: PhonesNews) => {
        if (news.type === 'reports') resolve(news);
      });
      this.#child.once('exit', (code) => reject(new Error(`a phone process ended with ${code}`)));
      this.#child.send('stop');
    });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
