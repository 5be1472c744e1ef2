import type { Clock, EndReason, Timer } from '../../protocol/src/index.ts';
import type { AudioSink, AudioStream } from './audio/ports.ts';
import type { NetworkWatch } from './connection/network-watch.ts';
import type { HookSwitch } from './controls/hook-switch.ts';
import type { Call } from './conversation/call.ts';
import type { CallReport } from './conversation/report.ts';
import type { Log } from './system/log.ts';

/**
 * The telephone around the calls: lifting the receiver opens the sound card and begins a call, putting it down
 * silences both at once. While the receiver is up nobody is left alone: a call that was lost is followed by a new one.
 */
export class Phone {
  readonly #options: PhoneOptions;
  #lifted = false;
  #call: Call | undefined;
  #callUp = false;
  #audio: Promise<AudioStream | undefined> | undefined;
  #stream: AudioStream | undefined;
  #redial: Timer | undefined;
  #stopping: (() => void) | undefined;

  constructor(options: PhoneOptions) {
    this.#options = options;
  }

  start(): void {
    this.#options.networkWatch.start(() => this.#call?.networkUp());
    this.#options.hook.start({ lifted: () => this.#lift(), hungUp: (reason) => this.#hangUp(reason) });
  }

  /** Ends a call politely and lets go of everything; resolves when that is done. */
  async stop(reason: EndReason): Promise<void> {
    this.#options.hook.stop();
    this.#options.networkWatch.stop();
    const ended = new Promise<void>((resolve) => { this.#stopping = resolve; });
    this.#hangUp(reason);
    if (!this.#callUp) this.#stopping?.();
    await ended;
    await this.#audio;
    await this.#stream?.close();
  }

  get call(): Call | undefined {
    return this.#call;
  }

  /** From `render` to the ear, ms. */
  get outputDelayMs(): number {
    return this.#stream?.outputDelayMs ?? 0;
  }

  #lift(): void {
    if (this.#lifted) return;
    this.#lifted = true;
    this.#newCall();
    this.#openAudio();
    this.#dial();
  }

  #hangUp(reason: EndReason): void {
    this.#lifted = false;
    this.#redial?.cancel();
    this.#closeAudio();
    this.#call?.hangup(reason);
  }

  #newCall(): void {
    this.#call = this.#options.newCall((report) => this.#ended(report));
  }

  #dial(): void {
    this.#callUp = true;
    this.#call?.lift();
  }

  #ended(report: CallReport): void {
    this.#callUp = false;
    this.#options.onReport(report);
    const waitMs = this.#lifted && this.#options.redials ? redialAfterMs(report.endReason) : undefined;
    if (waitMs !== undefined) {
      // The new call's downlink keeps the line alive while we wait.
      this.#newCall();
      this.#redial = this.#options.clock.after(waitMs, () => this.#dial());
      return;
    }
    this.#call = undefined;
    this.#closeAudio();
    this.#stopping?.();
    this.#options.onIdle(report);
  }

  #openAudio(): void {
    const sink: AudioSink = {
      capture: (frame) => this.#call?.capture(frame),
      render: (into) => { if (this.#call) this.#call.render(into); else into.fill(0); },
      failed: (error) => this.#options.onAudioFailed(error),
    };
    this.#audio = this.#options.openAudio(sink).then(
      async (stream) => {
        this.#options.log.info('audio', { open: stream.description });
        if (!this.#lifted) {
          await stream.close();
          return undefined;
        }
        this.#stream = stream;
        return stream;
      },
      (error: unknown) => {
        this.#options.onAudioFailed(error instanceof Error ? error : new Error(String(error)));
        return undefined;
      },
    );
  }

  #closeAudio(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    this.#audio = stream?.close().then(() => undefined) ?? this.#audio;
  }
}

/** How long after a call that ended for `reason` a new one is begun while the receiver is still up. */
function redialAfterMs(reason: EndReason): number | undefined {
  switch (reason) {
    // Long enough for the prompt that just said so to sink in.
    case 'expired':
    case 'unreachable': return 1_000;
    case 'protocol-error': return 10_000;
    // A key does not mend itself in seconds; a technician at the other end may.
    case 'refused': return 60_000;
    default: return undefined;
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
}
