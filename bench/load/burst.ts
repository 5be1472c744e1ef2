import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadCodecs } from '../../common/src/codec/codecs.ts';
import { silentLog } from '../../common/src/system/log.ts';
import { FRAME_SAMPLES } from '../../protocol/src/index.ts';
import { startServer } from '../../scripts/programs.ts';
import { RedisServer } from '../../test/lib/redis-server.ts';
import { percentiles } from '../../test/lib/statistics.ts';
import { BurstPhone } from './burst-phone.ts';
import { addDevices } from './conversations.ts';

export interface BurstReport {
  readonly burst: {
    readonly phones: number;
    readonly stallStoreMs: number;
    /** Phones that were in conversation again within the window, whatever conversation. */
    readonly returned: number;
    readonly resumed: number;
    /** Greeted as strangers: their conversation was gone. */
    readonly begunAnew: number;
    readonly lost: number;
    /** Of those that resumed: from their first attempt, or from when the store answered again if that was later. */
    readonly resumedMs: { readonly p50: number; readonly p95: number };
  };
}

export interface BurstOptions {
  readonly folder: string;
  readonly count: number;
  readonly stallStoreMs: number;
  readonly progress: (what: string, done: number) => void;
}

/**
 * Three server processes and a Redis; one of them holds every conversation and is killed; within 100 ms all its phones
 * are back at the other two, while Redis does not answer.
 */
export async function measureBurst(options: BurstOptions): Promise<BurstReport> {
  const { folder, count, stallStoreMs } = options;
  const devices = await addDevices(folder, count);
  const log = openSync(join(folder, 'server.log'), 'w');
  const redis = await RedisServer.start();
  const server = () => startServer(folder, log, ['--stt', 'wordless', '--store', redis.url]);
  // The first alone: it makes the certificate that all show.
  const servers = [await server(), ...(await Promise.all([server(), server()]))];
  const ca = readFileSync(servers[0]!.ca!, 'utf8');
  const silence = (await loadCodecs(silentLog)).encoder('opus').encode(new Int16Array(FRAME_SAMPLES));
  let began = false;
  const phones = devices.map((device) => new BurstPhone({ ...device, ca, silence, began: () => began }));
  const microphones = setInterval(() => phones.forEach((phone) => phone.speak(FRAMES_AT_ONCE)), FRAMES_AT_ONCE * 20);
  try {
    await beginAll(phones, servers[0]!.url, options.progress);
    began = true;
    await sleep(SETTLE_MS);
    const dropped = Promise.all(phones.map((phone) => phone.dropped));
    servers[0]!.process.kill('SIGKILL');
    await dropped;
    const { firstMs, answersMs } = await returnAll(phones, [servers[1]!.url, servers[2]!.url], redis, stallStoreMs);
    return reportOf(phones, stallStoreMs, firstMs, answersMs);
  } finally {
    clearInterval(microphones);
    for (const phone of phones) phone.stop();
    redis.thaw();
    for (const { process: running } of servers) running.kill('SIGKILL');
    await redis.kill();
    closeSync(log);
  }
}

async function beginAll(phones: readonly BurstPhone[], url: string, progress: BurstOptions['progress']): Promise<void> {
  for (let at = 0; at < phones.length; at += PHONES_AT_ONCE) {
    await Promise.all(phones.slice(at, at + PHONES_AT_ONCE).map((phone) => phone.begin(url)));
    progress('phones in conversation', Math.min(1, (at + PHONES_AT_ONCE) / phones.length));
  }
}

async function returnAll(
  phones: readonly BurstPhone[],
  urls: readonly string[],
  redis: RedisServer,
  stallStoreMs: number,
): Promise<{ firstMs: readonly number[]; answersMs: number }> {
  const startMs = performance.now();
  let answersMs = startMs;
  const firstMs: number[] = [];
  if (stallStoreMs > 0) redis.freeze();
  const stalled = sleep(stallStoreMs).then(() => {
    if (stallStoreMs === 0) return;
    redis.thaw();
    answersMs = performance.now();
  });
  await Promise.all(
    phones.map(async (phone, index) => {
      await sleep((index / phones.length) * BURST_MS);
      firstMs[index] = performance.now();
      await phone.comeBack(urls[index % urls.length]!, startMs + WINDOW_MS);
    }),
  );
  await stalled;
  return { firstMs, answersMs };
}

function reportOf(
  phones: readonly BurstPhone[],
  stallStoreMs: number,
  firstMs: readonly number[],
  answersMs: number,
): BurstReport {
  const of = (outcome: BurstPhone['outcome']): number => phones.filter((phone) => phone.outcome === outcome).length;
  const times = phones.flatMap(({ resumedAtMs }, index) =>
    resumedAtMs === undefined ? [] : [Math.max(0, resumedAtMs - Math.max(firstMs[index]!, answersMs))],
  );
  const { p50, p95 } = percentiles(times);
  const [resumed, begunAnew] = [of('resumed'), of('begun-anew')];
  const returned = resumed + begunAnew;
  return {
    burst: {
      phones: phones.length,
      stallStoreMs,
      returned,
      resumed,
      begunAnew,
      lost: phones.length - returned,
      resumedMs: { p50, p95 },
    },
  };
}

/** After which the store answers again, p95. */
const RESUMED_WITHIN_MS = 2_000;

export function burstHolds({ burst }: BurstReport): boolean {
  return burst.lost === 0 && burst.begunAnew === 0 && burst.resumedMs.p95 < RESUMED_WITHIN_MS;
}

export function printBurst({ burst }: BurstReport): void {
  const { phones, stallStoreMs, returned, resumed, begunAnew, lost, resumedMs } = burst;
  process.stdout.write(
    `${phones} phones back within ${BURST_MS} ms of a kill, the store stalled for ${stallStoreMs} ms: ${returned} returned, ` +
      `${resumed} resumed, ${begunAnew} begun anew, ${lost} lost; resumed p50 ${resumedMs.p50} ms, p95 ${resumedMs.p95} ms after the store answered\n`,
  );
}

const BURST_MS = 100;
const WINDOW_MS = 30_000;
const SETTLE_MS = 3_000;
const PHONES_AT_ONCE = 20;
/** Microphone frames are sent in fives, so that it is the server that is measured. */
const FRAMES_AT_ONCE = 5;
