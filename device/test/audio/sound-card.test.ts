import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../../common/src/time/clock.ts';
import { openAudio, type OpenAudio } from '../../src/audio/backends.ts';
import type { ChildBackendName } from '../../src/audio/process/job.ts';
import type { AudioSettings, AudioSink } from '../../src/audio/ports.ts';
import { silentLog } from '../../../common/src/system/log.ts';
import { amplitudeAt, ramp, rampBreaks, sine, until } from '../../../test/lib/signals.ts';
import { joined } from '../../../test/lib/sound.ts';
import { needs, unlessStarved } from '../../../test/lib/skip.ts';
import { SoundCard } from '../../../test/lib/sound-card.ts';

const SETTINGS: AudioSettings = { clock: systemClock, log: silentLog };
/** How long nothing may be lost. `BESTDAY_SOUND_SECONDS=60` for the long version. */
const SECONDS = Number(process.env['BESTDAY_SOUND_SECONDS'] ?? 3);
/** Real time on a shared machine: one disturbed run tells nothing, four do. */
const RETRIES = 3;
/** What the talker says, as the value of all samples. */
const SPOKEN_BEFORE = 3000;
const SPOKEN_AFTER = 9000;
/** In its first second the watchdog is more patient. */
const SETTLED_MS = 1200;
const FROZEN_MS = Number(process.env['BESTDAY_FROZEN_MS'] ?? 2000);
const DAEMON = fileURLToPath(new URL('daemon-with-sound.ts', import.meta.url));
const ENDINGS: readonly [string, (daemon: ChildProcess) => void][] = [
  ['is killed', (daemon) => daemon.kill('SIGKILL')],
  ['exits without closing its sound', (daemon) => daemon.stdin?.write('exit\n')],
  ['closes its sound and has nothing more to do', (daemon) => daemon.stdin?.write('close\n')],
];
const BACKENDS: readonly ChildBackendName[] = ['portaudio', 'alsa'];

/** Keeps what the microphone gave, with the time it came; plays what it is told to. */
class Phone implements AudioSink {
  readonly captured: { atMs: number; frame: Int16Array }[] = [];
  readonly rendered: number[] = [];
  source: (into: Int16Array) => void = (into) => into.fill(0);

  capture(frame: Int16Array): void {
    this.captured.push({ atMs: performance.now(), frame });
  }

  render(into: Int16Array): void {
    this.source(into);
    this.rendered.push(performance.now());
  }

  failed(error: Error): void {
    throw error;
  }

  /** The last frame was this value throughout. */
  hears(value: number): boolean {
    return this.captured.at(-1)?.frame.every((sample) => sample === value) === true;
  }

  longestGapMs(): number {
    return Math.max(...this.captured.slice(1).map(({ atMs }, index) => atMs - this.captured[index]!.atMs));
  }

  samples(): Int16Array {
    return joined(this.captured.map(({ frame }) => frame));
  }
}

for (const backend of BACKENDS) {
  describe(`${backend} on a sound card made of software`, function realCard() {
    this.timeout(SECONDS * 1000 + 30_000);
    this.slow(20_000);
    this.retries(RETRIES);
    let card: SoundCard;
    let phone: Phone;
    let audio: OpenAudio | undefined;

    before(function start() {
      if (backend === 'portaudio') needs(this, 'naudiodon');
      card = SoundCard.startOrSkip(this);
    });
    after(() => card?.stop());
    beforeEach(() => {
      phone = new Phone();
    });
    afterEach(() => audio?.close());

    const onCard = (title: string, body: () => Promise<void>): Mocha.Test =>
      it(
        title,
        unlessStarved(() => card, RETRIES, body),
      );

    const open = async (): Promise<OpenAudio> => (audio = await openAudio(backend, phone, SETTINGS, card.spawner()));

    onCard('gives the tone that is played into the microphone, in frames of 320 samples', async () => {
      await open();
      const hush = card.speak(sine(1000, 2, 8000));
      await until(
        'the tone',
        2000,
        () => Math.abs(amplitudeAt(joined(phone.captured.slice(-25).map(({ frame }) => frame)), 1000) - 8000) < 100,
      );
      assert.ok(phone.captured.every(({ frame }) => frame.length === 320));
      hush();
    });

    onCard('plays the tone that is rendered', async () => {
      const tone = sine(440, 1, 6000);
      let at = 0;
      phone.source = (into) => {
        into.set(tone.subarray(at, at + 320));
        at = (at + 320) % tone.length;
      };
      await open();
      await sleep(500);
      const stop = card.record();
      await sleep(700);
      const heard = stop();
      assert.ok(
        Math.abs(amplitudeAt(heard.subarray(-8000), 440) - 6000) < 120,
        `${amplitudeAt(heard.subarray(-8000), 440)}`,
      );
    });

    onCard(`loses and invents no sample in ${SECONDS} s, either way, and memory stays flat`, async () => {
      let at = 1;
      phone.source = (into) => {
        into.set(ramp(320, at));
        at += 320;
      };
      const stop = card.record();
      await open();
      const hush = card.speak(ramp(SECONDS * 16_000, 1));
      await sleep(1000);
      const before = process.memoryUsage().external + process.memoryUsage().heapUsed;
      await sleep((SECONDS - 1) * 1000 + 500);
      const grownBytes = process.memoryUsage().external + process.memoryUsage().heapUsed - before;
      hush();
      const [captured, heard] = [rampBreaks(phone.samples()), rampBreaks(stop())];
      assert.deepEqual([captured.breaks, heard.breaks], [0, 0]);
      // Its first samples may have been spoken before the stream was open; all the others have to be there.
      assert.ok(captured.length > (SECONDS - 0.3) * 16_000, `captured ${captured.length} samples`);
      assert.ok(heard.length > (SECONDS - 0.3) * 16_000, `heard ${heard.length} samples`);
      // The test itself keeps 32 kB/s of microphone and as much of the speaker, with their records.
      assert.ok(grownBytes < SECONDS * 400_000 + 10_000_000, `grew by ${grownBytes} bytes`);
    });

    onCard('has sound again within 2 s of the return of a killed sound server, and frames meanwhile', async () => {
      await open();
      await sleep(SETTLED_MS);
      card.kill();
      await sleep(1000);
      await card.restart();
      const hush = card.speak(constant(SPOKEN_AFTER));
      await until('the microphone is heard', 2000, () => phone.hears(SPOKEN_AFTER));
      hush();
      assert.ok(phone.longestGapMs() < 400, `${phone.longestGapMs()} ms without a frame`);
    });

    onCard(
      'has sound again within 2 s of the thaw of a frozen sound server, and nothing that was said before',
      async () => {
        await open();
        const hushBefore = card.speak(constant(SPOKEN_BEFORE));
        await sleep(SETTLED_MS);
        await until('the microphone is heard', 3000, () => phone.hears(SPOKEN_BEFORE));
        card.freeze();
        await sleep(FROZEN_MS);
        hushBefore();
        const thawedMs = performance.now();
        card.thaw();
        const hushAfter = card.speak(constant(SPOKEN_AFTER));
        await until('the microphone is heard', 2000, () => phone.hears(SPOKEN_AFTER));
        hushAfter();
        const stale = phone.captured.filter(({ atMs, frame }) => atMs > thawedMs && frame.includes(SPOKEN_BEFORE));
        assert.ok(stale.length <= 10, `${stale.length * 20} ms of old speech`);
        assert.ok(phone.longestGapMs() < 400, `${phone.longestGapMs()} ms without a frame`);
      },
    );

    onCard('closes within a second under a frozen sound server, and leaves no process behind', async () => {
      await open();
      card.freeze();
      try {
        await sleep(100);
        const startMs = performance.now();
        await audio?.close();
        assert.ok(performance.now() - startMs < 1000);
        await until('all processes ended', 1000, () => card.soundProcesses().length === 0);
      } finally {
        card.thaw();
      }
    });

    for (const [how, end] of ENDINGS) {
      onCard(`ends with a daemon that ${how}, under a frozen sound server too`, async () => {
        const daemon = spawn(process.execPath, ['--import=tsx', DAEMON, backend], {
          env: card.env,
          stdio: ['pipe', 'pipe', 'inherit'],
        });
        await once(daemon.stdout, 'data');
        assert.ok(card.soundProcesses().length > 1);
        card.freeze();
        try {
          const exit = once(daemon, 'exit');
          end(daemon);
          assert.ok(await Promise.race([exit, sleep(1000)]), 'the daemon did not end within a second');
          await until('all processes ended', 1000, () => card.soundProcesses().length === 0);
        } finally {
          card.thaw();
          daemon.kill('SIGKILL');
        }
      });
    }
  });
}

function constant(value: number): Int16Array {
  return new Int16Array(60 * 16_000).fill(value);
}
