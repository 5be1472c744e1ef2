import assert from 'node:assert/strict';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import { silentLog } from '../../../common/src/system/log.ts';
import type { OpenAudio } from '../../src/audio/backends.ts';
import { Mixer } from '../../src/audio/mixer.ts';
import { openSupervised } from '../../src/audio/process/supervised.ts';
import { Unreaped } from '../../src/audio/process/unreaped.ts';
import { SoundHardware } from '../../src/audio/sound-hardware.ts';
import { FakeChildren, type Life } from './fake-child.ts';

const LIVE: Life = { liveAfterMs: 300 };

/** The phone's sound on children that live as scripted. */
class Bench {
  readonly clock = new VirtualClock();
  readonly children: FakeChildren;
  readonly set: string[] = [];
  readonly shown: (string | undefined)[] = [];
  missing: string | undefined;
  restart: Error | undefined;
  readonly sound: SoundHardware;
  #open = false;
  #stream: OpenAudio | undefined;

  constructor(lives: readonly Life[]) {
    this.children = new FakeChildren(this.clock, lives);
    const unreaped = new Unreaped();
    this.sound = new SoundHardware({
      clock: this.clock,
      log: silentLog,
      audio: 'auto',
      settings: {},
      board: undefined,
      resting: () => !this.#open,
      onTrouble: (what) => {
        if (what !== this.shown.at(-1)) this.shown.push(what);
      },
      onStuck: (error) => {
        this.restart = error;
      },
      open: (_audio, sink, settings) =>
        openSupervised(['alsa'], sink, settings, { spawn: this.children.spawn, orSilence: true, unreaped }),
      mixer: new Mixer({ card: 'phone', controls: [{ name: 'Mic', value: '80%' }] }, silentLog, (argumentsOf) => {
        this.set.push(argumentsOf.join(' '));
        return Promise.resolve();
      }),
      look: () => Promise.resolve(this.missing),
    });
  }

  hangUp(): void {
    this.#open = false;
    void this.#stream?.close();
  }

  async lift(): Promise<void> {
    this.#open = true;
    void this.sound
      .open({ capture() {}, render: (into) => into.fill(0), failed() {} })
      .then((stream) => (this.#stream = stream));
    await this.clock.advanceAsync(1_000);
  }
}

describe('the sound hardware', () => {
  it('has its levels set at start, whenever a card opens, and when one is back at rest', async () => {
    const bench = new Bench([{ ...LIVE, diesMs: 2_000 }, LIVE]);
    bench.sound.start();
    await bench.clock.advanceAsync(1_000);
    assert.equal(bench.set.length, 1);
    bench.missing = 'gone';
    await bench.clock.advanceAsync(10_000);
    bench.missing = undefined;
    await bench.clock.advanceAsync(10_000);
    assert.equal(bench.set.length, 2);
    await bench.lift();
    assert.equal(bench.set.length, 3);
    await bench.clock.advanceAsync(5_000);
    assert.equal(bench.set.length, 4, 'a card that was lost and opened again');
    bench.sound.stop();
  });

  it('tells of a card that is gone, at rest or in a call, and of its return', async () => {
    const bench = new Bench([{ faultMs: [50, 'no-device', 'no card'] }, LIVE]);
    bench.sound.start();
    bench.missing = "there is no sound card 'phone'";
    await bench.clock.advanceAsync(15_000);
    assert.deepEqual(bench.shown, ["there is no sound card 'phone'"]);
    await bench.lift();
    await bench.clock.advanceAsync(2_000);
    assert.match(bench.shown.at(-1) ?? '', /no sound card opens/);
    await bench.clock.advanceAsync(13_000);
    assert.equal(bench.shown.at(-1), undefined);
    bench.sound.stop();
  });

  it('forgets at rest what a call said of a card that is back since', async () => {
    const bench = new Bench([{ faultMs: [50, 'no-device', 'no card'] }]);
    bench.sound.start();
    bench.missing = 'gone';
    await bench.lift();
    await bench.clock.advanceAsync(10_000);
    bench.hangUp();
    await bench.clock.advanceAsync(10_000);
    assert.match(bench.shown.at(-1) ?? '', /no sound card opens/);
    bench.missing = undefined;
    await bench.clock.advanceAsync(15_000);
    assert.equal(bench.shown.at(-1), undefined);
    bench.sound.stop();
  });

  it('asks once for a restart of the phone when its processes cannot be ended', async () => {
    const bench = new Bench([{ ...LIVE, captureStopsMs: 1_000, unkillable: true }]);
    bench.sound.start();
    await bench.lift();
    await bench.clock.advanceAsync(60_000);
    assert.match(bench.restart?.message ?? '', /cannot be ended.*asks for its restart/);
    assert.match(bench.shown.at(-1) ?? '', /cannot be ended/);
    assert.equal(bench.children.running, 2);
    bench.sound.stop();
  });
});
