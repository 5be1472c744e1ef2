import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processCost } from '../lib/process-cost.ts';
import type { CallReport } from '../../device/src/conversation/report.ts';
import type { CodecName } from '../../protocol/src/index.ts';
import { FileRegistry } from '../../server-stub/src/cluster/file-registry.ts';
import { startServer } from '../../scripts/programs.ts';
import { RedisServer } from '../../test/lib/redis-server.ts';
import type { GeneratorLimit } from './generator-limit.ts';
import { scrape } from '../../test/lib/metrics.ts';
import { PhoneProcesses } from './phone-processes.ts';
import type { Devices } from './phone-processes.ts';

export interface LoadOptions {
  readonly folder: string;
  readonly count: number;
  readonly minutes: number;
  readonly codec: CodecName;
  /** How many processes the phones are spread over. */
  readonly phoneProcesses: number;
  /** The server's own; over 1 they share a Redis of this machine's, as they must. */
  readonly serverProcesses: number;
  readonly serverArguments: readonly string[];
  readonly progress: (what: string, done: number) => void;
}

export interface HeldConversations {
  readonly reports: readonly CallReport[];
  readonly limits: readonly GeneratorLimit[];
  /** Of the server's processes, within the measured time only. */
  readonly cpuSecondsPerMinute: number;
  readonly encodeCpuSecondsPerMinute: number;
  readonly decodeCpuSecondsPerMinute: number;
  readonly memoryMb: number;
  readonly framesUp: number;
  readonly framesDown: number;
  /** By the server, on its way to the phones; cached ones not counted. */
  readonly framesEncoded: number;
  readonly framesDecoded: number;
  readonly uplinkShed: number;
  readonly measuredMinutes: number;
  /** Hung up, and with a tape of what they said; the caller kills them. */
  readonly phones: PhoneProcesses;
}

/** One real server, `count` phones in conversation with it for `minutes`. The server is gone afterwards, the phones' processes are not. */
export async function holdConversations(options: LoadOptions): Promise<HeldConversations> {
  const { folder, count, codec, phoneProcesses, serverProcesses } = options;
  const devices = await addDevices(folder, count);
  const log = openSync(join(folder, 'server.log'), 'w');
  const redis = serverProcesses > 1 ? await RedisServer.start() : undefined;
  const shared = redis === undefined ? [] : ['--processes', String(serverProcesses), '--store', redis.url];
  // A recogniser per utterance would be the load; stages are not what is measured here.
  const server = await startServer(folder, log, ['--stt', 'wordless', ...shared, ...options.serverArguments]);
  const phones = new PhoneProcesses(phoneProcesses, devices, {
    url: server.url,
    caFile: server.ca!,
    codec,
    rampMs: rampMsOf(count),
  });
  try {
    const measured = await measure(options, { pid: server.process.pid!, metricsUrl: server.metricsUrl }, phones);
    return { ...measured, ...(await phones.hangup()), phones };
  } catch (error) {
    phones.kill();
    throw error;
  } finally {
    await server.stop();
    await redis?.kill();
    closeSync(log);
  }
}

/** All at once would measure TLS handshakes. */
export function rampMsOf(count: number): number {
  return 2_000 + count * 40;
}

const SETTLE_MS = 5_000;
/** What the relay is then given to do: it has nothing that could drift. */
const TAPE_MS = 60_000;

async function measure(
  { count, minutes, progress }: LoadOptions,
  server: { pid: number; metricsUrl: string },
  phones: PhoneProcesses,
) {
  const snapshot = async () => ({
    metrics: await scrape(server.metricsUrl),
    cost: processCost(server.pid),
    atMs: performance.now(),
  });
  await sleep(rampMsOf(count) + SETTLE_MS);
  phones.measure(TAPE_MS);
  const before = await snapshot();
  const untilMs = before.atMs + minutes * 60_000;
  while (performance.now() < untilMs) {
    await sleep(Math.min(500, untilMs - performance.now()));
    progress(
      `${phones.talking} of ${count} in conversation`,
      1 - Math.max(0, untilMs - performance.now()) / (minutes * 60_000),
    );
  }
  const after = await snapshot();
  const measuredMinutes = (after.atMs - before.atMs) / 60_000;
  const grown = (name: string): number => (after.metrics.get(name) ?? 0) - (before.metrics.get(name) ?? 0);
  const frames = (outcome: string): number => grown(`bestday_uplink_frames_total{outcome="${outcome}"}`);
  const opus = (work: string): number => grown(`bestday_opus_seconds_total{work="${work}"}`) / measuredMinutes;
  return {
    measuredMinutes,
    cpuSecondsPerMinute: (after.cost.cpuSeconds - before.cost.cpuSeconds) / measuredMinutes,
    encodeCpuSecondsPerMinute: opus('encode'),
    decodeCpuSecondsPerMinute: opus('decode'),
    memoryMb: after.cost.shareMb,
    framesUp: frames('received'),
    framesDown: grown('bestday_frames_sent_total'),
    framesEncoded: grown('bestday_frames_encoded_total'),
    framesDecoded: grown('bestday_frames_decoded_total'),
    uplinkShed: frames('shed'),
  };
}

export async function addDevices(folder: string, count: number): Promise<Devices> {
  const registry = new FileRegistry(folder);
  const devices: { id: string; key: string }[] = [];
  for (let index = 0; index < count; index++) devices.push(await registry.add());
  return devices;
}
