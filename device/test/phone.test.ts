import assert from 'node:assert/strict';
import { FRAME_SAMPLES } from '../../protocol/src/index.ts';
import type { EndReason } from '../../protocol/src/index.ts';
import { VirtualClock } from '../../common/src/time/virtual-clock.ts';
import type { AudioSink, AudioStream } from '../src/audio/ports.ts';
import type { HookHandlers } from '../src/controls/hook-switch.ts';
import { VolumeStage } from '../src/playout/volume.ts';
import type { Call } from '../src/conversation/call.ts';
import type { Situation } from '../src/playout/announcements.ts';
import type { PromptKind } from '../src/playout/prompts.ts';
import type { CallReport } from '../src/conversation/report.ts';
import { Phone } from '../src/phone.ts';
import type { CallListeners, PhoneOptions } from '../src/phone.ts';
import { silentLog } from '../../common/src/system/log.ts';

const HOUR_MS = 3_600_000;
const PROMPT_MS = 2_000;

/** A call that plays a constant and says good-bye for 100 ms. */
class FakeCall {
  captured = 0;
  dialled = false;
  discarded = false;
  notBeforeMs = 0;
  situation: Situation | undefined;
  readonly said: PromptKind[] = [];
  #beganMs = 0;
  endReason: EndReason | undefined;
  readonly #clock: VirtualClock;
  readonly #listeners: CallListeners;

  constructor(clock: VirtualClock, listeners: CallListeners) {
    this.#clock = clock;
    this.#listeners = listeners;
  }

  lift(situation: Situation): void {
    this.dialled = true;
    this.situation = situation;
    this.#beganMs = this.#clock.now();
  }
  wait(situation: Situation): void {
    this.situation = situation;
  }
  say(prompt: PromptKind): number {
    this.said.push(prompt);
    return PROMPT_MS;
  }
  get attended(): boolean {
    return this.#listeners.attended!();
  }
  networkUp(): void {}
  discard(): void {
    this.discarded = true;
  }
  capture(): void {
    this.captured++;
  }
  render(into: Int16Array): void {
    into.fill(1_000);
  }

  hangup(reason: EndReason): void {
    if (!this.dialled || this.endReason !== undefined) return;
    this.endReason = reason;
    this.#clock.after(100, () =>
      this.#listeners.onEnded({ endReason: reason, durationMs: this.#clock.now() - this.#beganMs } as CallReport),
    );
  }
}

class Rig {
  readonly clock = new VirtualClock();
  readonly calls: FakeCall[] = [];
  readonly idle: EndReason[] = [];
  readonly reports: EndReason[] = [];
  readonly leftOffHook: boolean[] = [];
  openStreams = 0;
  mostStreams = 0;
  hook!: HookHandlers;
  readonly phone: Phone;
  #sink: AudioSink | undefined;

  constructor(more: Partial<PhoneOptions> = {}, callOver?: () => void) {
    this.phone = new Phone({
      clock: this.clock,
      log: silentLog,
      hook: {
        description: 'test',
        start: (handlers) => {
          this.hook = handlers;
        },
        stop() {},
        ...(callOver && { callOver }),
      },
      networkWatch: { start() {}, stop() {} },
      openAudio: (sink) => this.#open(sink),
      newCall: (listeners) => {
        const call = new FakeCall(this.clock, listeners);
        this.calls.push(call);
        return call as unknown as Call;
      },
      redials: true,
      hangUpGraceMs: 1_000,
      offHookMs: 2 * HOUR_MS,
      onReport: ({ endReason }) => this.reports.push(endReason),
      onIdle: ({ endReason }) => this.idle.push(endReason),
      onLeftOffHook: (left) => this.leftOffHook.push(left),
      onAudioFailed: () => {},
      ...more,
    });
    this.phone.start();
  }

  async #open(sink: AudioSink): Promise<AudioStream> {
    await Promise.resolve();
    this.openStreams++;
    this.mostStreams = Math.max(this.mostStreams, this.openStreams);
    this.#sink = sink;
    return {
      description: 'test card',
      outputDelayMs: 50,
      close: () => {
        this.openStreams--;
        return new Promise((resolve) => {
          this.clock.after(30, resolve);
        });
      },
    };
  }

  async lift(): Promise<void> {
    this.hook.lifted();
    await this.clock.advanceAsync(50);
  }

  hears(): number {
    const frame = new Int16Array(FRAME_SAMPLES);
    this.#sink!.render(frame);
    return frame[FRAME_SAMPLES - 1]!;
  }

  /** `ms` of microphone frames, at 50 a second or, for hours, one a minute. */
  async speak(ms: number, amplitude: number, everyMs = 20): Promise<void> {
    for (let done = 0; done < ms; done += everyMs) {
      this.#sink!.capture(Int16Array.from({ length: FRAME_SAMPLES }, (_, at) => (at % 8 < 4 ? amplitude : -amplitude)));
      await this.clock.advanceAsync(everyMs);
    }
  }
}

describe('the telephone', () => {
  it('is silent both ways from the moment of the hang-up, and ends the call after a second', async () => {
    const rig = new Rig();
    await rig.lift();
    const [call] = rig.calls;
    assert.equal(rig.hears(), 1_000);
    rig.hook.hungUp('hangup');
    assert.equal(rig.hears(), 0);
    await rig.speak(980, 5_000);
    assert.deepEqual([call!.captured, call!.endReason], [0, undefined]);
    await rig.clock.advanceAsync(20);
    assert.equal(call!.endReason, 'hangup');
    assert.equal(rig.openStreams, 0);
  });

  it('takes a slip of the hand for one: the same call, its sound back at once', async () => {
    const rig = new Rig();
    await rig.lift();
    rig.hook.hungUp('hangup');
    await rig.clock.advanceAsync(900);
    rig.hook.lifted();
    assert.equal(rig.hears(), 1_000);
    await rig.clock.advanceAsync(5_000);
    assert.equal(rig.calls.length, 1);
    assert.equal(rig.calls[0]!.endReason, undefined);
  });

  it('ends at once for a reason that is no slip', async () => {
    const rig = new Rig();
    await rig.lift();
    rig.hook.hungUp('duration');
    assert.equal(rig.calls[0]!.endReason, 'duration');
  });

  it('keeps the new call when the receiver is lifted while the old one says good-bye', async () => {
    const rig = new Rig();
    await rig.lift();
    rig.hook.hungUp('hangup');
    await rig.clock.advanceAsync(1_010);
    await rig.lift();
    await rig.clock.advanceAsync(5_000);
    assert.deepEqual(rig.reports, ['hangup']);
    assert.equal(rig.phone.call, rig.calls[1]);
    assert.equal(rig.hears(), 1_000);
    assert.deepEqual([rig.openStreams, rig.mostStreams], [1, 1]);
  });

  it('opens one stream however fast the receiver goes up and down', async () => {
    const rig = new Rig({ hangUpGraceMs: 0 });
    for (let round = 0; round < 5; round++) {
      rig.hook.lifted();
      rig.hook.hungUp('hangup');
    }
    rig.hook.lifted();
    await rig.clock.advanceAsync(1_000);
    assert.deepEqual([rig.openStreams, rig.mostStreams], [1, 1]);
  });

  it('rests when nobody has spoken for hours, says so, and calls again at the next voice', async () => {
    const rig = new Rig();
    await rig.lift();
    await rig.speak(2 * HOUR_MS + 120_000, 3, 60_000);
    assert.deepEqual([rig.reports, rig.leftOffHook], [['idle'], [true]]);
    await rig.speak(10_000, 3);
    assert.equal(rig.calls.at(-1)!.dialled, false);
    await rig.speak(500, 6_000);
    assert.equal(rig.calls.at(-1)!.dialled, true);
    assert.equal(rig.calls.length, 2);
  });

  it('lets go of a call that was never dialled when the receiver goes down', async () => {
    const rig = new Rig({ hangUpGraceMs: 0 });
    await rig.lift();
    rig.calls[0]!.hangup('server');
    await rig.clock.advanceAsync(200);
    rig.hook.hungUp('hangup');
    assert.deepEqual(
      rig.calls.map(({ dialled, discarded }) => [dialled, discarded]),
      [
        [true, false],
        [false, true],
      ],
    );
    assert.equal(rig.phone.call, undefined);
  });

  it('leaves nobody with a dead receiver when another phone took the line over', async () => {
    const rig = new Rig();
    await rig.lift();
    rig.calls[0]!.hangup('replaced');
    await rig.speak(10_000, 3);
    assert.equal(rig.openStreams, 1);
    assert.notEqual(rig.phone.call, undefined, 'somebody keeps the line alive');
    assert.equal(rig.calls.at(-1)!.dialled, false);
    await rig.speak(500, 6_000);
    assert.equal(rig.calls.at(-1)!.dialled, true);
  });

  it('is not left lying while somebody speaks now and then', async () => {
    const rig = new Rig();
    await rig.lift();
    for (let hour = 0; hour < 6; hour++) {
      await rig.speak(HOUR_MS, 3, 60_000);
      await rig.speak(400, 6_000);
    }
    assert.deepEqual(rig.reports, []);
  });

  it('redials for a person who holds a receiver, not for a button that nobody touches', async () => {
    for (const [callOver, redials] of [
      [undefined, true],
      [() => {}, false],
    ] as const) {
      const rig = new Rig({}, callOver);
      await rig.lift();
      rig.calls[0]!.hangup('unreachable');
      await rig.clock.advanceAsync(4_000);
      assert.equal(rig.calls.at(-1)!.dialled, redials);
      assert.equal(rig.openStreams, redials ? 1 : 0);
    }
  });

  it('opens the sound again when it failed under a lifted receiver', async () => {
    let tries = 0;
    const rig = new Rig({
      openAudio: () => {
        tries++;
        return Promise.reject(new Error('no card'));
      },
    });
    await rig.lift();
    await rig.clock.advanceAsync(6_100);
    assert.equal(tries, 4);
    rig.hook.hungUp('duration');
    await rig.clock.advanceAsync(6_000);
    assert.equal(tries, 4);
  });

  it('turns the volume on what is heard', async () => {
    const volume = new VolumeStage(0);
    const rig = new Rig({ volume });
    await rig.lift();
    assert.equal(rig.hears(), 126);
  });

  it('stops when the last call has said good-bye and the card is free', async () => {
    const rig = new Rig();
    await rig.lift();
    let stopped = false;
    void rig.phone.stop('shutdown').then(() => {
      stopped = true;
    });
    await rig.clock.advanceAsync(90);
    assert.equal(stopped, false);
    await rig.clock.advanceAsync(20);
    assert.deepEqual([stopped, rig.openStreams, rig.reports[0]], [true, 0, 'shutdown']);
  });

  const FROM_SERVER: readonly EndReason[] = ['hangup', 'idle', 'duration', 'shutdown', 'server', 'replaced', 'expired'];
  for (const reason of FROM_SERVER) {
    it(`with the receiver up, a server's '${reason}' leaves nobody with a dead line`, async () => {
      const rig = new Rig();
      await rig.lift();
      await rig.clock.advanceAsync(30_000);
      rig.calls[0]!.hangup(reason);
      await rig.clock.advanceAsync(200);
      assert.equal(rig.openStreams, 1);
      assert.deepEqual(rig.idle, []);
      const next = rig.calls.at(-1)!;
      assert.notEqual(next, rig.calls[0]);
      assert.ok(next.situation === 'resting' || next.situation === 'lost', next.situation);
      await rig.speak(2_500, 3);
      await rig.speak(500, 6_000);
      assert.equal(next.dialled, true, 'dialled again by itself, or by the next voice');
    });
  }

  it('tells whoever pressed a button why the call is over, and is silent then', async () => {
    for (const [reason, prompt] of [
      ['server', 'call-over'],
      ['unreachable', 'try-later'],
      ['refused', 'needs-help'],
    ] as const) {
      const rig = new Rig({}, () => {});
      await rig.lift();
      rig.calls[0]!.hangup(reason);
      await rig.clock.advanceAsync(200);
      assert.deepEqual(rig.calls.at(-1)!.said, [prompt]);
      assert.equal(rig.openStreams, 1);
      await rig.clock.advanceAsync(PROMPT_MS + 200);
      assert.deepEqual([rig.openStreams, rig.idle], [0, [reason]]);
    }
  });

  it('takes a press while it says why the call is over for a new call', async () => {
    const rig = new Rig({}, () => {});
    await rig.lift();
    rig.calls[0]!.hangup('unreachable');
    await rig.clock.advanceAsync(200);
    await rig.lift();
    assert.equal(rig.calls.at(-1)!.dialled, true);
    await rig.clock.advanceAsync(10_000);
    assert.equal(rig.openStreams, 1);
  });

  it('does not swallow a lift within the second of a slip in which a single call ended', async () => {
    const rig = new Rig({ redials: false });
    await rig.lift();
    rig.hook.hungUp('hangup');
    rig.calls[0]!.hangup('server');
    await rig.clock.advanceAsync(200);
    await rig.lift();
    assert.equal(rig.calls.at(-1)!.dialled, true);
    assert.equal(rig.calls.length, 2);
  });

  it('calls less and less often when each call ends at once, whatever is said meanwhile', async () => {
    const rig = new Rig();
    await rig.lift();
    for (let second = 0; second < 60; second++) {
      const call = rig.calls.at(-1)!;
      if (call.dialled) call.hangup('server');
      await rig.speak(500, 3);
      await rig.speak(500, 6_000);
    }
    const dialled = rig.calls.filter((call) => call.dialled).length;
    assert.ok(dialled <= 8, `${dialled} calls in a minute`);
  });

  it("keeps to a server's Retry-After across calls", async () => {
    const rig = new Rig();
    await rig.lift();
    await rig.clock.advanceAsync(30_000);
    rig.calls[0]!.notBeforeMs = rig.clock.now() + 60_000;
    rig.calls[0]!.hangup('unreachable');
    await rig.clock.advanceAsync(59_000);
    assert.equal(rig.calls.at(-1)!.dialled, false);
    await rig.clock.advanceAsync(1_500);
    assert.equal(rig.calls.at(-1)!.dialled, true);
  });

  it('speaks to nobody after ten minutes without a voice and without a conversation', async () => {
    const rig = new Rig();
    await rig.lift();
    const [call] = rig.calls;
    await rig.clock.advanceAsync(599_000);
    assert.equal(call!.attended, true);
    await rig.clock.advanceAsync(2_000);
    assert.equal(call!.attended, false);
    await rig.speak(2_500, 3);
    await rig.speak(500, 6_000);
    assert.equal(call!.attended, true);
  });

  it('tells that the receiver was left off the hook, also at rest, and that it no longer is', async () => {
    const rig = new Rig();
    await rig.lift();
    await rig.speak(60_000, 3, 10_000);
    rig.calls[0]!.hangup('idle');
    await rig.speak(2 * HOUR_MS, 3, 60_000);
    assert.deepEqual(rig.leftOffHook, [true]);
    rig.hook.hungUp('hangup');
    await rig.clock.advanceAsync(2_000);
    assert.deepEqual(rig.leftOffHook, [true, false]);
  });

  it('has no receiver to leave off the hook where there is a button', async () => {
    const rig = new Rig({}, () => {});
    await rig.lift();
    await rig.speak(3 * HOUR_MS, 3, 60_000);
    assert.deepEqual(rig.leftOffHook, []);
  });
});
