import { readFileSync } from 'node:fs';
import { loadCodecs } from '../../common/src/codec/codecs.ts';
import type { CallReport } from '../../device/src/conversation/report.ts';
import { silentLog } from '../../common/src/system/log.ts';
import { seededRandom } from '../../common/src/time/random.ts';
import { systemClock } from '../../common/src/time/clock.ts';
import type { CodecName } from '../../protocol/src/index.ts';
import { clips } from '../../test/lib/speech.ts';
import { LoadPhone } from './load-phone.ts';
import { prepareRepertoire, replayCodecs } from './replay-codecs.ts';
import { Replay } from './replay.ts';
import type { ReplayOrder } from './replay.ts';
import { watchGenerator } from './generator-limit.ts';
import type { GeneratorLimit } from './generator-limit.ts';

/** A process full of phones, driven by the load command over IPC. */

/**
 * In this order: `begin` starts the phones; `measure` starts the tape; `hangup` is answered with the reports; `replay`
 * connects to a relay, and when all is ready `play` repeats the tape.
 */
export type PhonesOrder =
  | BeginOrder
  | { readonly type: 'measure'; readonly tapeMs: number }
  | { readonly type: 'hangup' }
  | ({ readonly type: 'replay' } & ReplayOrder)
  | { readonly type: 'play' };

export interface BeginOrder {
  readonly type: 'begin';
  readonly url: string;
  readonly caFile: string;
  readonly devices: readonly { readonly id: string; readonly key: string }[];
  readonly codec: CodecName;
  readonly rampMs: number;
  readonly seed: number;
}

export type PhonesNews =
  | { readonly type: 'talking'; readonly count: number }
  | { readonly type: 'reports'; readonly reports: readonly CallReport[]; readonly limit: GeneratorLimit }
  | { readonly type: 'ready' }
  | { readonly type: 'played'; readonly roundTripMs: readonly number[]; readonly limit: GeneratorLimit };

class Phones {
  #phones: readonly LoadPhone[] = [];
  #replay: Replay | undefined;
  #limit: () => GeneratorLimit = watchGenerator();
  #news: NodeJS.Timeout | undefined;

  async obey(order: PhonesOrder): Promise<void> {
    switch (order.type) {
      case 'begin':
        return this.#begin(order);
      case 'measure':
        return this.#measure(order.tapeMs);
      case 'hangup':
        return this.#hangup();
      case 'replay':
        return this.#connect(order);
      case 'play':
        return this.#play();
    }
  }

  async #begin({ url, caFile, devices, codec, rampMs, seed }: BeginOrder): Promise<void> {
    const real = await loadCodecs(silentLog);
    const repertoire = prepareRepertoire(
      real,
      codec,
      clips('caller').map((frames) => ({ frames })),
    );
    const [ca, codecs] = [readFileSync(caFile, 'utf8'), replayCodecs(repertoire, codec)];
    this.#phones = devices.map(
      (device, index) =>
        new LoadPhone({
          clock: systemClock,
          random: seededRandom(seed * 10_007 + index),
          url,
          ca,
          device,
          codec,
          repertoire,
          // One of each process encodes and decodes as a phone does.
          codecs: index === 0 ? real : codecs,
        }),
    );
    const stepMs = rampMs / Math.max(1, this.#phones.length);
    this.#phones.forEach((phone, index) => void setTimeout(() => phone.start(), stepMs * index));
    this.#news = setInterval(
      () => tell({ type: 'talking', count: this.#phones.filter(({ talking }) => talking).length }),
      500,
    );
  }

  #measure(tapeMs: number): void {
    this.#limit = watchGenerator();
    const now = performance.now();
    for (const { tape } of this.#phones) tape.record(now, tapeMs);
  }

  async #hangup(): Promise<void> {
    clearInterval(this.#news);
    const limit = this.#limit();
    const reports = await Promise.all(this.#phones.map((phone) => phone.stop()));
    tell({ type: 'reports', reports, limit });
  }

  async #connect(order: ReplayOrder): Promise<void> {
    this.#replay = await Replay.connect(
      order,
      this.#phones.map(({ tape }) => tape),
    );
    tell({ type: 'ready' });
  }

  async #play(): Promise<void> {
    this.#limit = watchGenerator();
    await this.#replay!.play();
    const limit = this.#limit();
    tell({ type: 'played', roundTripMs: this.#replay!.close(), limit });
    process.disconnect();
  }
}

function tell(news: PhonesNews): void {
  process.send?.(news);
}

const phones = new Phones();
process.on('message', (order: PhonesOrder) => {
  phones.obey(order).catch((error: unknown) => {
    process.stderr.write(`load: a phone process failed: ${String(error)}\n`);
    process.exit(1);
  });
});
