import assert from 'node:assert/strict';
import { FRAME_SAMPLES } from '../../../protocol/src/index.ts';
import { levelDb } from '../../../common/src/audio/level.ts';
import { readWav } from '../../../common/src/audio/wav.ts';
import { silentLog } from '../../../common/src/system/log.ts';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import type { OpenAudio } from '../../src/audio/backends.ts';
import { Microphone } from '../../src/audio/microphone.ts';
import type { AudioBackendName, AudioSink } from '../../src/audio/ports.ts';
import { SpeechWatch } from '../../src/audio/speech-watch.ts';

const speech = readWav('server-stub/voices/caller/caller-garden.wav');

/** A card whose microphone is fed by the test, and a person who listens to what the phone makes of it. */
class Bench {
  readonly clock = new VirtualClock();
  readonly heard: Int16Array[] = [];
  readonly turned: number[] = [];
  readonly told: (string | undefined)[] = [];
  backend: AudioBackendName = 'alsa';
  readonly microphone: Microphone;
  readonly #stepsOfCard: number;
  #card!: AudioSink;

  constructor(stepsOfCard = 0) {
    this.#stepsOfCard = stepsOfCard;
    this.microphone = new Microphone({
      clock: this.clock,
      log: silentLog,
      turn: (direction) => {
        if (this.turned.length >= this.#stepsOfCard) return Promise.resolve(false);
        this.turned.push(direction);
        return Promise.resolve(true);
      },
      onFault: (advice) => this.told.push(advice),
    });
  }

  async open(): Promise<this> {
    const open = this.microphone.watch((sink) => {
      this.#card = sink;
      return Promise.resolve({
        backend: this.backend,
        passedOver: [],
        description: 'card',
        outputDelayMs: 0,
        close: () => Promise.resolve(),
      } satisfies OpenAudio);
    });
    await open({ capture: (frame) => this.heard.push(frame.slice()), render() {}, failed() {} });
    return this;
  }

  /** @param level of speech, dBFS; undefined: silence */
  async speak(seconds: number, level: number | undefined, offset = 0): Promise<void> {
    const gain = level === undefined ? 0 : 10 ** ((level - levelDb(speech)) / 20);
    const frame = new Int16Array(FRAME_SAMPLES);
    for (let at = 0; at < seconds * 16_000; at += FRAME_SAMPLES) {
      for (let index = 0; index < FRAME_SAMPLES; index++)
        frame[index] = Math.max(
          -32_768,
          Math.min(32_767, Math.round(speech[(at + index) % speech.length]! * gain) + offset),
        );
      this.#card.capture(frame);
      // The mixer answers between frames.
      await Promise.resolve();
      await Promise.resolve();
    }
  }

  /** Speech level of the last `seconds`. */
  heardDb(seconds: number): number {
    const frames = this.heard.slice(-seconds * 50);
    return Math.max(...frames.map(levelDb));
  }
}

describe('the microphone in front of a call', () => {
  it('passes speech on without the offset of the card, at its level', async () => {
    const bench = await new Bench().open();
    await bench.speak(6, -28, 800);
    const { length } = bench.heard;
    const mean = bench.heard.reduce((sum, frame) => sum + frame.reduce((a, b) => a + b, 0), 0) / length / FRAME_SAMPLES;
    assert.ok(Math.abs(mean) < 2, `${mean}`);
    assert.equal(bench.microphone.reading?.fault, null);
    assert.equal(bench.microphone.reading?.gainDb, 0);
  });

  it('turns the card up when speech reaches nobody, and then adds gain, until it does', async () => {
    const bench = await new Bench(2).open();
    await bench.speak(40, -60);
    assert.deepEqual(bench.turned, [1, 1]);
    assert.ok(bench.microphone.reading!.gainDb >= 6);
    const watch = new SpeechWatch();
    assert.ok(bench.heard.slice(-500).filter((frame) => watch.hears(frame)).length > 50);
    assert.deepEqual(
      bench.told.filter((told) => told !== undefined),
      [],
    );
  });

  it('adds no more than 18 dB, and then asks for help; a voice that is heard again clears it', async () => {
    const bench = await new Bench().open();
    await bench.speak(60, -75);
    assert.equal(bench.microphone.reading?.gainDb, 18);
    assert.match(bench.told.at(-1) ?? '', /too quiet/);
    await bench.speak(60, -45);
    assert.equal(bench.told.at(-1), undefined);
  });

  it('turns an overdriven card down, and asks for help where it cannot', async () => {
    const bench = await new Bench(1).open();
    await bench.speak(20, 0);
    assert.deepEqual(bench.turned, [-1]);
    assert.match(bench.told.at(-1) ?? '', /overdriven/);
  });

  it('takes its own gain back when it is too much', async () => {
    const bench = await new Bench().open();
    await bench.speak(40, -65);
    assert.equal(bench.microphone.reading?.gainDb, 18);
    await bench.speak(40, -18);
    assert.ok(bench.microphone.reading.gainDb < 18);
  });

  it('says that a microphone is dead within 20 s, and keeps its peace about silence that stands in for a card', async () => {
    const dead = await new Bench().open();
    await dead.speak(20, undefined);
    assert.match(dead.told.at(-1) ?? '', /not a sound/);
    const none = new Bench();
    none.backend = 'null';
    await none.open();
    await none.speak(60, undefined);
    assert.deepEqual(none.told, []);
  });
});
