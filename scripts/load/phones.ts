import { performance, monitorEventLoopDelay } from 'node:perf_hooks';
import { loadCodecs } from '../../device/src/codec/codecs.ts';
import type { CallReport } from '../../device/src/conversation/report.ts';
import { silentLog } from '../../device/src/system/log.ts';
import { seededRandom, systemClock } from '../../protocol/src/index.ts';
import type { CodecName } from '../../protocol/src/index.ts';
import { framesOf } from '../../bench/lib/speech.ts';
import { callerClips } from './speech.ts';
import { LoadPhone } from './load-phone.ts';
import { prepareRepertoire } from './replay-codecs.ts';
import { generatorLimit } from './generator-limit.ts';
import type { GeneratorLimit } from './generator-limit.ts';

/** A process full of phones, driven by the load command over IPC. */

export interface PhonesOrder {
  readonly url: string;
  readonly caFile: string;
  readonly devices: readonly { readonly id: string; readonly key: string }[];
  readonly codec: CodecName;
  readonly rampMs: number;
  readonly seed: number;
}

export type PhonesNews =
  | { readonly type: 'talking'; readonly count: number }
  | { readonly type: 'reports'; readonly reports: readonly CallReport[]; readonly limit: GeneratorLimit };

process.once('message', (order: PhonesOrder) => {
  run(order).catch((error: unknown) => {
    process.stderr.write(`load: a phone process failed: ${String(error)}\n`);
    process.exit(1);
  });
});

async function run(order: PhonesOrder): Promise<void> {
  const repertoire = prepareRepertoire(await loadCodecs(silentLog), order.codec, callerClips().map((clip) => ({ frames: framesOf(clip) })));
  const phones = order.devices.map((device, index) => new LoadPhone({
    clock: systemClock, random: seededRandom(order.seed * 10_007 + index), url: order.url, caFile: order.caFile, device, codec: order.codec, repertoire,
  }));
  const stepMs = order.rampMs / Math.max(1, phones.length);
  phones.forEach((phone, index) => void setTimeout(() => phone.start(), stepMs * index));
  const news = setInterval(() => tell({ type: 'talking', count: phones.filter(({ talking }) => talking).length }), 500);
  await new Promise((resolve) => void setTimeout(resolve, order.rampMs));
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  process.once('message', () => {
    clearInterval(news);
    const limit = generatorLimit(delay, process.cpuUsage(cpu), performance.now() - startMs);
    void Promise.all(phones.map((phone) => phone.stop())).then((reports) => {
      tell({ type: 'reports', reports, limit });
      process.disconnect();
    });
  });
}

function tell(news: PhonesNews): void {
  process.send?.(news);
}
