import { seededRandom } from '../../common/src/time/random.ts';
import { FRAME_MS, FRAME_SAMPLES } from '../../protocol/src/index.ts';
import type { Decoder } from '../../common/src/codec/ports.ts';
import { Downlink, type DownlinkOptions, type PlaybackEvent } from '../src/downlink.ts';
import { FlatComfortNoise } from '../../common/src/concealment/comfort-noise.ts';
import { newFrameCounters } from '../../common/src/concealment/frame-counters.ts';
import { NumberDecoder, numbered } from '../../test/lib/sound.ts';

export const PROMPT_MS = 1_200;

/** A downlink with a speaker that pulls on the grid; time is what the speaker has pulled. */
export class Bench {
  readonly counters = newFrameCounters();
  readonly events: PlaybackEvent[] = [];
  readonly rungs: string[] = [];
  readonly heard: Int16Array[] = [];
  readonly asked: string[] = [];
  readonly decoder: Decoder;
  readonly downlink: Downlink;
  nowMs = 0;

  constructor(decoder: Decoder = new NumberDecoder(), options: Partial<DownlinkOptions> = {}) {
    this.decoder = decoder;
    this.downlink = new Downlink({
      decoderFor: () => decoder,
      random: seededRandom(5),
      comfortNoise: new FlatComfortNoise(seededRandom(5)),
      counters: this.counters,
      prompts: {
        next: (kind) => (
          this.asked.push(kind),
          Int16Array.from({ length: PROMPT_MS * 16 }, (_, at) => Math.round(3_000 * Math.sin(at / 40)))
        ),
      },
      onPlayback: (event) => this.events.push(event),
      onRung: (rung, state) => this.rungs.push(`${rung} ${state}`),
      ...options,
    });
  }

  send(from: number, to: number, without: readonly number[] = []): void {
    for (let sequence = from; sequence <= to; sequence++) {
      if (!without.includes(sequence))
        this.downlink.receive(sequence, sequence * 960, false, numbered(sequence), this.nowMs);
    }
  }

  pull(count: number): void {
    for (let index = 0; index < count; index++) {
      const frame = new Int16Array(FRAME_SAMPLES);
      this.downlink.render(frame, this.nowMs);
      this.heard.push(frame);
      this.nowMs += FRAME_MS;
    }
  }

  /** The numbers of the frames that were played, in order; only with `NumberDecoder`. */
  get played(): number[] {
    return this.heard
      .filter((_, index) => this.rungs[index]?.startsWith('received'))
      .map((frame) => frame[FRAME_SAMPLES - 1]! - 100);
  }

  get last(): string {
    return this.rungs.at(-1)!;
  }
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

export function started(decoder?: Decoder): Bench {
  const bench = new Bench(decoder);
  bench.downlink.start('opus');
  return bench;
}
