import type { Clock, Timer } from '../../common/src/time/clock.ts';
import type { EndReason } from '../../protocol/src/index.ts';
import type { AudioSink, AudioStream } from './audio/ports.ts';
import type { NetworkWatch } from './connection/network-watch.ts';
import type { HookSwitch } from './controls/hook-switch.ts';
import { SpeechWatch } from './conversation/speech-watch.ts';
import type { Call } from './conversation/call.ts';
import type { CallReport } from './conversation/report.ts';
import type { Log } from '../../common/src/system/log.ts';

/**
 * The telephone around the calls: lifting the receiver opens the sound card and begins a call, putting it down
 * silences both at once. While the receiver is up nobody is left alone: a call that was lost is followed by a new
 * one, and a line at rest listens for a voice.
 */
export class Phone {
  readonly #options: PhoneOptions;
  readonly #clock: Clock;
  readonly #speech = new SpeechWatch();
  readonly #up = new Set<Call>();
  #lifted = false;
  #call: Call | undefined;
  /** Runs while the receiver is down and the call not yet over: a slip of the hand is mended within it. */
  #misHang: Timer | undefined;
  #redial: Timer | undefined;
  /** The receiver is up and no call is: the next voice begins one. */
  #resting = false;
  #heardMs = 0;
  /** Of the sound that is open, or opening; frames of an older one are nobody's. */
  #soundTurn: object | undefined;
  #sound: Promise<void> = Promise.resolve();
  #stream: AudioStream | undefined;
  #soundRetry: Timer | undefined;
  #stopping: (() => void) | undefined;

  constructor(options: PhoneOptions) {
    this.#options = options;
    this.#clock = options.clock;
  }

  start(): void {
    this.#options.networkWatch.start(() => this.#call?.networkUp());
    this.#options.hook.start({
      lifted: () => this.#lift(),
      hungUp: (reason) => this.#putDown(reason),
      broken: (error) => this.#options.onHookBroken?.(error),
    });
  }

  /** Ends a call politely and lets go of everything; resolves when that is done. */
  async stop(reason: EndReason): Promise<void> {
    this.#options.hook.stop();
    this.#options.networkWatch.stop();
    const ended = new Promise<void>((resolve) => {
      this.#stopping = resolve;
    });
    this.#hangUp(reason);
    if (this.#up.size === 0) this.#stopping?.();
    await ended;
    await this.#sound;
  }

  get call(): Call | undefined {
    return this.#call;
  }

  get lifted(): boolean {
    return this.#lifted;
  }

  /** What carries the sound, for a person; undefined while no receiver is up. */
  get sound(): string | undefined {
    return this.#stream?.description;
  }

  /** From `render` to the ear, ms. */
  get outputDelayMs(): number {
    return this.#stream?.outputDelayMs ?? 0;
  }

  // ---- the receiver

  #lift(): void {
    if (this.#misHang !== undefined) {
      this.#misHang.cancel();
      this.#misHang = undefined;
      this.#options.log.info('mis-hang');
      return;
    }
    if (this.#lifted) return;
    this.#lifted = true;
    this.#heardMs = this.#clock.now();
    this.#newCall();
    this.#openSound();
    this.#dial();
  }

  /** Microphone and speaker are silent from here on; the call itself ends a little later when it may be a mistake. */
  #putDown(reason: EndReason): void {
    const graceMs = this.#options.hangUpGraceMs ?? 0;
    if (!this.#lifted || this.#misHang !== undefined) return;
    if (reason !== 'hangup' || graceMs === 0) return this.#hangUp(reason);
    this.#misHang = this.#clock.after(graceMs, () => this.#hangUp(reason));
  }

  #hangUp(reason: EndReason): void {
    this.#misHang?.cancel();
    this.#misHang = undefined;
    this.#lifted = false;
    this.#resting = false;
    this.#redial?.cancel();
    this.#closeSound();
    const call = this.#call;
    if (call === undefined || this.#up.has(call)) return call?.hangup(reason);
    this.#call = undefined;
    call.discard();
  }

  // ---- calls

  #newCall(): void {
    const call: Call = this.#options.newCall((report) => this.#ended(call, report));
    this.#call = call;
  }

  #dial(): void {
    this.#resting = false;
    if (this.#call === undefined) return;
    this.#up.add(this.#call);
    this.#call.lift();
  }

  #ended(call: Call, report: CallReport): void {
    this.#up.delete(call);
    this.#options.onReport(report);
    // The receiver was lifted again while this one said good-bye.
    if (this.#call === call) this.#follow(report);
    if (this.#up.size === 0) this.#stopping?.();
  }

  /** What comes after a call, while its receiver may still be up. */
  #follow(report: CallReport): void {
    const { redials, hook, onIdle } = this.#options;
    const next = this.#lifted && redials ? afterCall(report.endReason, hook.callOver !== undefined) : 'over';
    if (next === 'over') {
      this.#call = undefined;
      this.#lifted = false;
      this.#closeSound();
      hook.callOver?.();
      onIdle(report);
      return;
    }
    // The new call's downlink keeps the line alive while we wait.
    this.#newCall();
    if (next === 'rest') this.#resting = true;
    else this.#redial = this.#clock.after(next.redialAfterMs, () => this.#dial());
  }

  // ---- sound

  #capture(frame: Int16Array): void {
    if (this.#misHang !== undefined) return;
    if (this.#speech.hears(frame)) this.#heard();
    else if (this.#clock.now() - this.#heardMs > (this.#options.offHookMs ?? Infinity)) this.#leftOffHook();
    this.#call?.capture(frame);
  }

  #render(into: Int16Array): void {
    if (this.#call === undefined || this.#misHang !== undefined) {
      into.fill(0);
      return;
    }
    this.#call.render(into);
    this.#options.volume?.apply(into);
  }

  #heard(): void {
    this.#heardMs = this.#clock.now();
    if (this.#resting) this.#dial();
  }

  /** Hours without a word: the receiver lies beside the phone, or somebody sleeps. */
  #leftOffHook(): void {
    if (this.#resting || this.#call === undefined) return;
    this.#heardMs = this.#clock.now();
    this.#redial?.cancel();
    this.#options.log.warn('left-off-hook', { quietMs: this.#options.offHookMs });
    this.#options.onLeftOffHook?.();
    if (this.#up.has(this.#call)) this.#call.hangup('idle');
    else this.#resting = true;
  }

  #openSound(): void {
    const turn = {};
    this.#soundTurn = turn;
    // One card, one owner: the stream before it has let go first.
    this.#sound = this.#sound.then(() => this.#open(turn));
  }

  async #open(turn: object): Promise<void> {
    const isOurs = (): boolean => this.#soundTurn === turn;
    if (!isOurs()) return;
    try {
      const stream = await this.#options.openAudio({
        capture: (frame) => {
          if (isOurs()) this.#capture(frame);
        },
        render: (into) => {
          if (isOurs()) this.#render(into);
          else into.fill(0);
        },
        failed: (error) => {
          if (isOurs()) this.#soundFailed(error);
        },
      });
      this.#options.log.info('audio', { open: stream.description });
      if (isOurs()) this.#stream = stream;
      else await stream.close();
    } catch (error) {
      if (isOurs()) this.#soundFailed(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #soundFailed(error: Error): void {
    this.#options.onAudioFailed(error);
    if (this.#options.redials)
      this.#soundRetry = this.#clock.after(SOUND_RETRY_MS, () => {
        this.#closeSound();
        this.#openSound();
      });
  }

  #closeSound(): void {
    this.#soundRetry?.cancel();
    this.#soundTurn = undefined;
    const closing = this.#stream?.close();
    this.#stream = undefined;
    if (closing !== undefined) this.#sound = this.#sound.then(() => closing);
  }
}

/** A card that is plugged in again is there after about a second. */
const SOUND_RETRY_MS = 2_000;

type AfterCall = 'over' | 'rest' | { readonly redialAfterMs: number };

/**
 * What follows a call that ended for `reason` while the receiver is still up.
 * @param momentary the switch is a button: nobody holds anything to the ear, so only what was cut off goes on
 */
function afterCall(reason: EndReason, momentary: boolean): AfterCall {
  switch (reason) {
    // Long enough for the prompt that just said so to sink in.
    case 'expired':
      return { redialAfterMs: 1_000 };
    case 'unreachable':
      return momentary ? 'over' : { redialAfterMs: 1_000 };
    case 'protocol-error':
      return momentary ? 'over' : { redialAfterMs: 10_000 };
    // A key does not mend itself in seconds; a technician at the other end may.
    case 'refused':
      return momentary ? 'over' : { redialAfterMs: 60_000 };
    // A second phone with this identity is a mistake of ours, not of the person who holds this one.
    case 'replaced':
    case 'idle':
    case 'server':
      return momentary ? 'over' : 'rest';
    default:
      return 'over';
  }
}

export interface PhoneOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly hook: HookSwitch;
  readonly networkWatch: NetworkWatch;
  readonly openAudio: (sink: AudioSink) => Promise<AudioStream>;
  readonly newCall: (onEnded: (report: CallReport) => void) => Call;
  /** Follow a lost call with a new one while the receiver is up (a phone does; a single `run` does not). */
  readonly redials: boolean;
  readonly onReport: (report: CallReport) => void;
  /** No call is up and none will follow by itself. */
  readonly onIdle: (report: CallReport) => void;
  readonly onAudioFailed: (error: Error) => void;
  /** How long a hang-up may still turn out to be a slip of the hand, ms; 0 when absent. */
  readonly hangUpGraceMs?: number | undefined;
  /** So long without a voice, and the receiver was left lying, ms; never when absent. */
  readonly offHookMs?: number | undefined;
  readonly onLeftOffHook?: (() => void) | undefined;
  /** The switch cannot be read any more. */
  readonly onHookBroken?: ((error: Error) => void) | undefined;
  /** The last stage before the speaker. */
  readonly volume?: { apply(samples: Int16Array): void } | undefined;
}
