import type { Clock, Timer } from '../../common/src/time/clock.ts';
import type { EndReason } from '../../protocol/src/index.ts';
import type { AudioSink, AudioStream } from './audio/ports.ts';
import type { NetworkWatch } from './connection/network-watch.ts';
import type { HookSwitch } from './controls/hook-switch.ts';
import type { Situation } from './playout/announcements.ts';
import type { PromptKind } from './playout/prompts.ts';
import { SpeechWatch } from './audio/speech-watch.ts';
import type { Call } from './conversation/call.ts';
import type { CallOptions } from './conversation/call.ts';
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
  /** The phone has said why the call is over, or is saying it; then it is. */
  #farewell: { readonly timer: Timer; readonly report: CallReport } | undefined;
  #resting = false;
  /** When the phone spoke last by itself. */
  #announcedMs = Number.NEGATIVE_INFINITY;
  /** When a voice was heard last, or the receiver lifted. */
  #heardMs = 0;
  /** When a conversation was live last: somebody listened then. */
  #liveMs = 0;
  #leftOffHook = false;
  /** Calls in a row that were over as soon as they had begun: each makes the wait for the next one longer. */
  #shortCalls = 0;
  /** No call is dialled by itself before this moment. */
  #notBeforeMs = 0;
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
      mended: () => this.#options.onHookBroken?.(undefined),
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

  /** The receiver is up and no call is: the next voice begins one. */
  get resting(): boolean {
    return this.#resting;
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
      this.#options.log.info('phone.mis-hang');
    }
    if (this.#lifted && this.#farewell === undefined) return;
    this.#endFarewell();
    this.#lifted = true;
    this.#heardMs = this.#clock.now();
    this.#shortCalls = 0;
    this.#newCall();
    this.#openSound();
    this.#dial('connecting');
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
    this.#endFarewell();
    this.#lifted = false;
    this.#resting = false;
    this.#noteLeftOffHook(false);
    this.#redial?.cancel();
    this.#closeSound();
    const call = this.#call;
    if (call === undefined || this.#up.has(call)) return call?.hangup(reason);
    this.#call = undefined;
    call.discard();
  }

  // ---- calls

  #newCall(): void {
    const call: Call = this.#options.newCall({
      onEnded: (report) => this.#ended(call, report),
      attended: () => this.#clock.now() - Math.max(this.#heardMs, this.#liveMs) < ATTENDED_MS,
    });
    this.#call = call;
  }

  #dial(situation: Situation): void {
    this.#resting = false;
    if (this.#call === undefined) return;
    this.#up.add(this.#call);
    this.#call.lift(situation);
  }

  #ended(call: Call, report: CallReport): void {
    this.#up.delete(call);
    this.#options.onReport(report);
    // The receiver was lifted again while this one said good-bye.
    if (this.#call === call) this.#follow(call, report);
    if (this.#up.size === 0) this.#stopping?.();
  }

  /** What comes after a call, while its receiver may still be up. */
  #follow(ended: Call, report: CallReport): void {
    const { redials, hook } = this.#options;
    if (!this.#lifted) return this.#over(report);
    const next = afterCall(report.endReason, !redials ? 'once' : hook.callOver === undefined ? 'receiver' : 'button');
    if (next.then === 'over') return this.#sayGoodbye(next.prompt, report);
    // The new call's downlink keeps the line alive, and says why, while we wait.
    this.#newCall();
    this.#shortCalls = report.durationMs < SHORT_CALL_MS ? this.#shortCalls + 1 : 0;
    const now = this.#clock.now();
    this.#notBeforeMs = Math.max(ended.notBeforeMs, now + brakeMs(this.#shortCalls));
    this.#call!.wait(next.then);
    if (next.then === 'resting') this.#resting = true;
    else this.#redialIn(Math.max(next.redialAfterMs, this.#notBeforeMs - now), next.then);
  }

  #redialIn(delayMs: number, situation: Situation): void {
    this.#redial?.cancel();
    this.#redial = this.#clock.after(delayMs, () => this.#dial(situation));
  }

  #sayGoodbye(prompt: PromptKind | undefined, report: CallReport): void {
    if (prompt === undefined) return this.#over(report);
    // Before it is spoken: the next press of a button is a call again, not the end of this one.
    this.#options.hook.callOver?.();
    this.#newCall();
    const spokenMs = this.#call!.say(prompt) + this.outputDelayMs;
    this.#farewell = { report, timer: this.#clock.after(spokenMs, () => this.#endFarewell()) };
  }

  #endFarewell(): void {
    const farewell = this.#farewell;
    if (farewell === undefined) return;
    this.#farewell = undefined;
    farewell.timer.cancel();
    this.#call?.discard();
    this.#over(farewell.report, true);
  }

  /** No call is up and none follows by itself. */
  #over(report: CallReport, hookKnows = false): void {
    const { hook, onIdle } = this.#options;
    this.#misHang?.cancel();
    this.#misHang = undefined;
    this.#call = undefined;
    this.#lifted = false;
    this.#closeSound();
    if (!hookKnows) hook.callOver?.();
    onIdle(report);
  }

  // ---- sound

  #capture(frame: Int16Array): void {
    if (this.#misHang !== undefined) return;
    const now = this.#clock.now();
    if (this.#call?.announcing === true) this.#announcedMs = now;
    // The phone's own words come back from the earpiece: they are nobody's voice.
    const ownVoice = now - this.#announcedMs < this.outputDelayMs + ECHO_TAIL_MS;
    const voice = this.#speech.hears(frame);
    if (voice && !ownVoice) this.#heard();
    else if (this.#clock.now() - this.#heardMs > (this.#options.offHookMs ?? Infinity)) this.#noteLeftOffHook(true);
    if (this.#call?.phase === 'talking') this.#liveMs = this.#clock.now();
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
    this.#noteLeftOffHook(false);
    if (!this.#resting) return;
    this.#resting = false;
    this.#call?.wait('connecting');
    this.#redialIn(Math.max(0, this.#notBeforeMs - this.#heardMs), 'connecting');
  }

  /** Hours without a word: the receiver lies beside the phone, or somebody sleeps. */
  #noteLeftOffHook(left: boolean): void {
    if (left === this.#leftOffHook) return;
    this.#leftOffHook = left;
    // A board with a button has no receiver that could be left anywhere; a call that nobody speaks on ends all the same.
    if (this.#options.hook.callOver === undefined) this.#options.onLeftOffHook?.(left);
    if (!left || this.#resting || this.#call === undefined) return;
    this.#redial?.cancel();
    this.#options.log.warn('phone.left-off-hook', { quietMs: this.#options.offHookMs });
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
      this.#options.log.info('phone.sound-open', { open: stream.description });
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

/** Nobody was heard, and no conversation was live, for this long: prompts stop until somebody is heard. */
const ATTENDED_MS = 600_000;
/** A prompt rings on in a room and in the sound card for this long. */
const ECHO_TAIL_MS = 300;
/** A call that was over sooner had no time for a conversation. */
const SHORT_CALL_MS = 20_000;
const LONGEST_BRAKE_MS = 60_000;

/** After one short call 1 s, after two 2 s, then 4, 8 … 60 s. */
function brakeMs(shortCalls: number): number {
  return shortCalls === 0 ? 0 : Math.min(1_000 * 2 ** (shortCalls - 1), LONGEST_BRAKE_MS);
}

/** `receiver`: a hand holds it to an ear. `button`: nobody holds anything. `once`: one call was asked for, no more. */
type Handling = 'receiver' | 'button' | 'once';

type AfterCall =
  | { readonly then: 'over'; readonly prompt?: PromptKind }
  | { readonly then: 'resting' }
  | { readonly then: Exclude<Situation, 'resting'>; readonly redialAfterMs: number };

/**
 * What follows a call that ended for `reason` while the receiver is still up; whoever put it down is not here. With a
 * receiver at an ear no call is ever simply over: it is dialled again, or the phone rests and listens for a voice.
 */
function afterCall(reason: EndReason, handling: Handling): AfterCall {
  if (handling === 'once') return { then: 'over', ...(FAILED.has(reason) && { prompt: 'needs-help' as const }) };
  const button = handling === 'button';
  switch (reason) {
    // Of a server that shuts down the successor may be there already.
    case 'expired':
    case 'shutdown':
      return { then: 'lost', redialAfterMs: 1_000 };
    case 'unreachable':
      return button ? { then: 'over', prompt: 'try-later' } : { then: 'no-answer', redialAfterMs: 1_000 };
    case 'protocol-error':
      return button ? { then: 'over', prompt: 'try-later' } : { then: 'lost', redialAfterMs: 10_000 };
    // A key does not mend itself in seconds; a technician at the other end may.
    case 'refused':
      return button ? { then: 'over', prompt: 'needs-help' } : { then: 'refused', redialAfterMs: 60_000 };
    // The server's decision (`hangup` and `duration` among them), or a second phone with this identity.
    default:
      return button ? { then: 'over', prompt: 'call-over' } : { then: 'resting' };
  }
}

const FAILED: ReadonlySet<EndReason> = new Set<EndReason>(['expired', 'unreachable', 'protocol-error', 'refused']);

export type CallListeners = Pick<CallOptions, 'onEnded' | 'attended'>;

export interface PhoneOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly hook: HookSwitch;
  readonly networkWatch: NetworkWatch;
  readonly openAudio: (sink: AudioSink) => Promise<AudioStream>;
  readonly newCall: (listeners: CallListeners) => Call;
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
  /** The receiver is up and nobody has spoken for `offHookMs`; and when that is over. */
  readonly onLeftOffHook?: ((left: boolean) => void) | undefined;
  /** The switch cannot be read; undefined: it can again. */
  readonly onHookBroken?: ((error: Error | undefined) => void) | undefined;
  /** The last stage before the speaker. */
  readonly volume?: { apply(samples: Int16Array): void } | undefined;
}
