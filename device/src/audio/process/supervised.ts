import type { LogFields } from '../../../../common/src/system/log.ts';
import type { Clock, Timer } from '../../../../common/src/time/clock.ts';
import type { ChildBackendName, ChildJob, SpawnChild } from './job.ts';
import { ChildSession } from './session.ts';
import { FRAME_MS, FRAME_SAMPLES } from '../../../../protocol/src/limits.ts';
import { AudioError, type AudioBackendName, type AudioSettings, type AudioSink, type AudioStream } from '../ports.ts';
import { LogBrake } from '../../../../common/src/system/log-brake.ts';
import { BackendRotation } from '../rotation.ts';
import type { Unreaped } from './unreaped.ts';

/** Fine enough that 200 ms of silence is answered before 260. ms */
const CHECK_MS = 50;
/** A check this late means that the daemon stood still, not the child. ms */
const LATE_CHECK_MS = 100;
/** A killed process is waited for no longer than this. ms */
const CLOSE_MS = 500;

/** A backend that was tried and is not in use, and why, for a person. */
export interface PassedOver {
  readonly backend: AudioBackendName;
  readonly why: string;
}

/** A stream that says what carries it now, and what does not. */
export interface OpenAudio extends AudioStream {
  /** 'null' while there is no sound and silence keeps the time. */
  readonly backend: AudioBackendName;
  readonly passedOver: readonly PassedOver[];
}

export interface SupervisedOptions {
  readonly spawn: SpawnChild;
  /** Open as silence when nothing opens, and go on trying. Else `open` is rejected. */
  readonly orSilence: boolean;
  /** Killed children of all streams. */
  readonly unreaped: Unreaped;
}

/**
 * Sound in a child process that may hang or die at any time: it is watched, killed, started again, replaced by the
 * next backend, and meanwhile silence on the clock keeps `capture` and `render` going, so that the conversation
 * stays alive and nothing piles up. `sink.failed` is never called: there is always one more try.
 *
 * @throws {AudioError} when nothing opens and `orSilence` is not set; its text names each backend and its reason
 */
export function openSupervised(
  backends: readonly ChildBackendName[],
  sink: AudioSink,
  settings: AudioSettings,
  options: SupervisedOptions,
): Promise<OpenAudio> {
  return new Promise((resolve, reject) => {
    const audio: SupervisedAudio = new SupervisedAudio(backends, sink, settings, options, (error) => {
      if (error === undefined) resolve(audio);
      else reject(error);
    });
  });
}

class SupervisedAudio implements OpenAudio {
  readonly #sink: AudioSink;
  readonly #settings: AudioSettings;
  readonly #clock: Clock;
  readonly #options: SupervisedOptions;
  readonly #rotation: BackendRotation;
  readonly #passedOver = new Map<AudioBackendName, string>();
  readonly #check: Timer;
  readonly #unheard = new Int16Array(FRAME_SAMPLES);
  #opened: ((error?: AudioError) => void) | undefined;
  #untried: number;
  #session: ChildSession | undefined;
  #retry: Timer | undefined;
  #silence: Timer | undefined;
  #closed = false;
  #checkedMs: number;
  #live: { backend: AudioBackendName; description: string } | undefined;
  readonly #lossBrake: LogBrake;
  /** A loss was logged, so its end is too. */
  #logOpen = true;

  constructor(
    backends: readonly ChildBackendName[],
    sink: AudioSink,
    settings: AudioSettings,
    options: SupervisedOptions,
    opened: (error?: AudioError) => void,
  ) {
    this.#sink = sink;
    this.#settings = settings;
    this.#clock = settings.clock;
    this.#options = options;
    this.#rotation = new BackendRotation(backends);
    this.#untried = backends.length;
    this.#opened = opened;
    this.#lossBrake = new LogBrake(this.#clock);
    this.#checkedMs = this.#clock.now();
    this.#check = this.#clock.every(CHECK_MS, () => this.#onCheck());
    this.#start();
  }

  get backend(): AudioBackendName {
    return this.#live?.backend ?? 'null';
  }

  get description(): string {
    return this.#live?.description ?? 'silence, while looking for a sound card';
  }

  get outputDelayMs(): number {
    return this.#live === undefined ? 0 : (this.#session?.outputDelayMs ?? 0);
  }

  get passedOver(): readonly PassedOver[] {
    return [...this.#passedOver].map(([backend, why]) => ({ backend, why }));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#check.cancel();
    this.#retry?.cancel();
    this.#stopSilence();
    const session = this.#session;
    this.#session = undefined;
    if (session === undefined) return;
    session.kill();
    this.#options.unreaped.add(session.gone);
    await new Promise<void>((resolve) => {
      const limit = this.#clock.after(CLOSE_MS, resolve);
      void session.gone.then(() => {
        limit.cancel();
        resolve();
      });
    });
  }

  #start(): void {
    const backend = this.#rotation.current as ChildBackendName;
    if (this.#options.unreaped.isFull(this.#clock)) return this.#refuseStart(backend);
    this.#session = new ChildSession(this.#options.spawn, this.#jobFor(backend), this.#clock, {
      live: (description) => this.#onLive(backend, description),
      capture: (frame) => this.#sink.capture(frame),
      render: (into) => this.#sink.render(into),
      ended: (error) => this.#onEnded(backend, error),
    });
  }

  /** One more child would hang where the others do; the daemon's own restart is what may still help. */
  #refuseStart(backend: ChildBackendName): void {
    const why = "two sound processes cannot be ended: the card's driver hangs";
    if (this.#options.unreaped.isStuck(this.#clock)) this.#settings.onStuck?.(why);
    this.#retry = this.#clock.after(0, () => this.#onEnded(backend, new AudioError('stalled', why)));
  }

  #jobFor(backend: ChildBackendName): ChildJob {
    const { inputDevice, outputDevice } = this.#settings;
    return {
      backend,
      task: 'stream',
      ...(inputDevice === undefined ? {} : { inputDevice }),
      ...(outputDevice === undefined ? {} : { outputDevice }),
    };
  }

  #onCheck(): void {
    const nowMs = this.#clock.now();
    const late = nowMs - this.#checkedMs > CHECK_MS + LATE_CHECK_MS;
    this.#checkedMs = nowMs;
    this.#session?.check(late);
  }

  #onLive(backend: AudioBackendName, description: string): void {
    this.#stopSilence();
    this.#passedOver.delete(backend);
    this.#live = { backend, description };
    if (this.#logOpen)
      this.#settings.log.info('audio.open', { backend, description, outputDelayMs: this.outputDelayMs });
    this.#logOpen = false;
    this.#settings.onOpen?.();
    this.#finishOpening();
  }

  #onEnded(backend: AudioBackendName, error: AudioError): void {
    const ranMs = this.#session?.ranMs ?? 0;
    const staleFrames = this.#session?.staleFrames ?? 0;
    if (this.#session !== undefined) this.#options.unreaped.add(this.#session.gone);
    this.#session = undefined;
    this.#live = undefined;
    this.#passedOver.set(backend, error.message);
    if (this.#opened !== undefined) return this.#passOver(backend, error);
    this.#startSilence();
    const next = this.#rotation.failed(this.#clock.now(), error.fault, ranMs);
    this.#logLoss(backend, error, {
      ranMs: Math.round(ranMs),
      staleFrames,
      retryInMs: next.waitMs,
      next: next.backend,
    });
    this.#retry = this.#clock.after(next.waitMs, () => this.#start());
  }

  #logLoss(backend: AudioBackendName, error: AudioError, more: LogFields): void {
    const held = this.#lossBrake.pass();
    if (held === undefined) return;
    this.#logOpen = true;
    const { fault, message: why } = error;
    this.#settings.log.warn('audio.lost', { backend, fault, why, ...more, ...(held > 0 && { more: held }) });
  }

  #passOver(backend: AudioBackendName, error: AudioError): void {
    this.#untried--;
    // Of the last one the rejection tells.
    if (this.#untried > 0 || this.#options.orSilence)
      this.#settings.log.warn('audio.passed-over', { backend, fault: error.fault, why: error.message });
    if (this.#untried > 0) {
      this.#rotation.passOver(error.fault);
      this.#start();
    } else if (this.#options.orSilence) {
      this.#startSilence();
      const next = this.#rotation.failed(this.#clock.now(), error.fault, 0);
      this.#retry = this.#clock.after(next.waitMs, () => this.#start());
      this.#finishOpening();
    } else {
      const reasons = this.passedOver.map((passed) => `${passed.backend}: ${passed.why}`).join('; ');
      void this.close();
      this.#finishOpening(new AudioError(error.fault, reasons, { cause: error }));
    }
  }

  #finishOpening(error?: AudioError): void {
    const opened = this.#opened;
    this.#opened = undefined;
    opened?.(error);
  }

  #startSilence(): void {
    if (this.#closed) return;
    this.#silence ??= this.#clock.every(FRAME_MS, () => {
      this.#sink.capture(new Int16Array(FRAME_SAMPLES));
      this.#sink.render(this.#unheard);
    });
  }

  #stopSilence(): void {
    this.#silence?.cancel();
    this.#silence = undefined;
  }
}
