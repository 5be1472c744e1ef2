import { newFrameCounters } from '../../common/src/concealment/frame-counters.ts';
import type { Log } from '../../common/src/system/log.ts';
import type { Clock, Timer } from '../../common/src/time/clock.ts';
import type { Random } from '../../common/src/time/random.ts';
import type { AudioSink, AudioStream } from './audio/ports.ts';
import type { HookSwitch } from './controls/hook-switch.ts';
import { Downlink } from './downlink.ts';
import type { PromptSource } from './playout/prompts.ts';

/**
 * The telephone while it has nobody to call: whoever lifts the receiver is told that it is not set up yet, again and
 * again, until the receiver is put down.
 */
export class StandbyPhone {
  readonly #options: StandbyPhoneOptions;
  #downlink: Downlink | undefined;
  /** Opens and closes follow one another: one card, one owner. */
  #sound: Promise<void> = Promise.resolve();
  #stream: AudioStream | undefined;
  #retry: Timer | undefined;

  constructor(options: StandbyPhoneOptions) {
    this.#options = options;
  }

  start(): void {
    const { hook, onHookTrouble } = this.#options;
    hook.start({
      lifted: () => this.#lift(),
      hungUp: () => this.#hangUp(),
      broken: (error) => onHookTrouble(error.message),
      mended: () => onHookTrouble(undefined),
    });
  }

  /** Resolves when the card is free. */
  async stop(): Promise<void> {
    this.#options.hook.stop();
    this.#hangUp();
    await this.#sound;
  }

  get lifted(): boolean {
    return this.#downlink !== undefined;
  }

  get sound(): string | undefined {
    return this.#stream?.description;
  }

  #lift(): void {
    if (this.#downlink !== undefined) return;
    const { random, prompts, log } = this.#options;
    const downlink = new Downlink({
      decoderFor: () => {
        throw new Error('no conversation begins without an identity');
      },
      random,
      prompts,
      counters: newFrameCounters(),
      onPlayback: () => {},
      onFault: (error) => log.error('phone.standby-fault', { reason: String(error) }),
    });
    downlink.situation('not-set-up');
    this.#downlink = downlink;
    log.info('phone.not-set-up');
    this.#openSound(downlink);
  }

  #hangUp(): void {
    const { hook } = this.#options;
    if (this.#downlink === undefined) return;
    this.#downlink = undefined;
    this.#closeSound();
    hook.callOver?.();
  }

  #openSound(downlink: Downlink): void {
    this.#sound = this.#sound.then(() => this.#open(downlink));
  }

  async #open(downlink: Downlink): Promise<void> {
    const isOurs = (): boolean => this.#downlink === downlink;
    if (!isOurs()) return;
    const failed = (error: unknown): void => {
      if (isOurs()) this.#failed(downlink, error instanceof Error ? error : new Error(String(error)));
    };
    try {
      const stream = await this.#options.openAudio({
        capture: () => {},
        render: (into) => {
          if (isOurs()) this.#render(downlink, into);
          else into.fill(0);
        },
        failed,
      });
      if (isOurs()) this.#stream = stream;
      else await stream.close();
    } catch (error) {
      failed(error);
    }
  }

  #render(downlink: Downlink, into: Int16Array): void {
    downlink.render(into, this.#options.clock.now());
    this.#options.volume.apply(into);
  }

  #failed(downlink: Downlink, error: Error): void {
    const { clock, onAudioFailed } = this.#options;
    onAudioFailed(error);
    this.#retry = clock.after(SOUND_RETRY_MS, () => {
      this.#closeSound();
      this.#openSound(downlink);
    });
  }

  #closeSound(): void {
    this.#retry?.cancel();
    const closing = this.#stream?.close();
    this.#stream = undefined;
    if (closing !== undefined) this.#sound = this.#sound.then(() => closing);
  }
}

export interface StandbyPhoneOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
  readonly hook: HookSwitch;
  readonly prompts: PromptSource;
  readonly openAudio: (sink: AudioSink) => Promise<AudioStream>;
  readonly volume: { apply(samples: Int16Array): void };
  readonly onAudioFailed: (error: Error) => void;
  /** Undefined: the switch can be read again. */
  readonly onHookTrouble: (what: string | undefined) => void;
}

/** A card that is plugged in again is there after about a second. */
const SOUND_RETRY_MS = 2_000;
