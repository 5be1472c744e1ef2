import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../../protocol/src/index.ts';
import { openAudio, type OpenAudio } from '../../src/audio/backends.ts';
import type { ChildBackendName } from '../../src/audio/child-job.ts';
import type { AudioSettings, AudioSink } from '../../src/audio/ports.ts';
import { silentLog } from '../../src/system/log.ts';
import { amplitudeAt, concat, ramp, rampBreaks, sine, until } from './signals.ts';
import { VirtualSoundCard } from './virtual-sound-card.ts';

const SETTINGS: AudioSettings = { clock: systemClock, log: silentLog };
/** How long nothing may be lost. `BESTDAY_SOUND_SECONDS=60` for the long version. */
const SECONDS = Number(process.env['BESTDAY_SOUND_SECONDS'] ?? 3);
/** Everything there is, each on the software card; aplay plays where a device was named. */
const BACKENDS: readonly { name: string; backend: ChildBackendName; settings: AudioSettings }[] = [
  { name: 'portaudio', backend: 'portaudio', settings: SETTINGS },
  { name: 'alsa, playing through speaker', backend: 'alsa', settings: SETTINGS },
  { name: 'alsa, playing through aplay', backend: 'alsa', settings: { ...SETTINGS, outputDevice: 'default' } },
];

/** Keeps what the microphone gave, with the time it came; plays what it is told to. */
class Phone implements AudioSink {
  readonly captured: { atMs: number; frame: Int16Array }[] = [];
  readonly rendered: number[] = [];
  source: (into: Int16Array) => void = (into) => into.fill(0);
  /** Frames are looked at and let go, where a test would otherwise fill the memory that it measures. */
  keep = true;

  capture(frame: Int16Array): void {
    if (this.keep) this.captured.push({ atMs: performance.now(), frame });
  }

  render(into: Int16Array): void {
    this.source(into);
    this.rendered.push(performance.now());
  }

  failed(error: Error): void {
    throw error;
  }

  samples(): Int16Array {
    return concat(this.captured.map(({ frame }) => frame));
  }
}

for (const { name, backend, settings } of BACKENDS) {
  describe(`${name} on a real sound card made of software`, function realCard() {
    this.timeout(SECONDS * 1000 + 30_000);
    let card: VirtualSoundCard;
    let phone: Phone;
    let audio: OpenAudio | undefined;

    before(function start() { card = VirtualSoundCard.start(this); });
    after(() => card?.stop());
    beforeEach(() => { phone = new Phone(); });
    afterEach(() => audio?.close());

    const open = async (): Promise<OpenAudio> => (audio = await openAudio(backend, phone, settings, card.spawner()));

    it('gives the tone that is played into the microphone, in frames of 320 samples', async () => {
      await open();
      const hush = card.speak(sine(1000, 2, 8000));
      await until('the tone', 2000, () => Math.abs(amplitudeAt(concat(phone.captured.slice(-25).map(({ frame }) => frame)), 1000) - 8000) < 100);
      assert.ok(phone.captured.every(({ frame }) => frame.length === 320));
      hush();
    });

    it('plays the tone that is rendered', async () => {
      const tone = sine(440, 1, 6000);
      let at = 0;
      phone.source = (into) => {
        into.set(tone.subarray(at, at + 320));
        at = (at + 320) % tone.length;
      };
      await open();
      await sleep(500);
      const stop = card.listen();
      await sleep(700);
      const heard = stop();
      assert.ok(Math.abs(amplitudeAt(heard.subarray(-8000), 440) - 6000) < 120, `${amplitudeAt(heard.subarray(-8000), 440)}`);
    });

    it(`loses and invents no sample in ${SECONDS} s, either way`, async () => {
      let at = 1;
      phone.source = (into) => {
        into.set(ramp(320, at));
        at += 320;
      };
      const stop = card.listen();
      await open();
      const hush = card.speak(ramp(SECONDS * 16_000, 1));
      await sleep(SECONDS * 1000 + 500);
      const heard = stop();
      hush();
      console.log(name, rampBreaks(phone.samples()), rampBreaks(heard));
    });
  });
}
