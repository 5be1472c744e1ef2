import type { Clock, Timer } from '../../../common/src/time/clock.ts';
import type { Log } from '../../../common/src/system/log.ts';
import type { BoardProfile } from '../settings/board-profile.ts';
import { openAudio, type OpenAudio } from './backends.ts';
import { CardWatch, cardLookFor, type CardLook } from './card-watch.ts';
import { LogBrake } from '../../../common/src/system/log-brake.ts';
import { Microphone } from './microphone.ts';
import { Mixer } from './mixer.ts';
import {
  AudioError,
  type AudioBackendName,
  type AudioSettings,
  type AudioSink,
  type MicrophoneReading,
} from './ports.ts';
import { SoundTrouble } from './sound-trouble.ts';

/**
 * The phone's sound hardware as one part: opens it, keeps its levels as the board asks, cares for the microphone, looks
 * for the card at rest, and says what is wrong.
 */
export class SoundHardware {
  /** Opens the card, with the microphone's care before the sink. */
  readonly open: (sink: AudioSink) => Promise<OpenAudio>;
  readonly #options: SoundHardwareOptions;
  readonly #mixer: Mixer;
  readonly #microphone: Microphone;
  readonly #trouble: SoundTrouble;
  readonly #failures: LogBrake;
  #check: Timer | undefined;
  #cardWatch: CardWatch | undefined;
  #audio: OpenAudio | undefined;
  #stuck = false;

  constructor(options: SoundHardwareOptions) {
    const { clock, log, board, onTrouble } = options;
    this.#options = options;
    this.#mixer = options.mixer ?? new Mixer(board?.mixer, log);
    this.#trouble = new SoundTrouble(clock, onTrouble);
    this.#failures = new LogBrake(clock);
    this.#microphone = new Microphone({
      clock,
      log,
      turn: (direction) => this.#mixer.turnMicrophone(direction),
      onFault: (advice) => this.#trouble.report('microphone', advice),
    });
    this.open = this.#microphone.watch((sink) => this.#openCard(sink));
  }

  start(): void {
    void this.#mixer.set();
    this.#check = this.#options.clock.every(CHECK_MS, () => this.#checkStream());
    this.#cardWatch = this.#watchCard();
  }

  stop(): void {
    this.#check?.cancel();
    this.#cardWatch?.stop();
  }

  /** Of the call that was the last; undefined where no card was open. */
  get microphone(): MicrophoneReading | undefined {
    return this.#microphone.reading;
  }

  /** Sound could not be opened, or broke for good. */
  failed(error: Error): void {
    const held = this.#failures.pass();
    if (held !== undefined)
      this.#options.log.error('audio.failed', { reason: error.message, ...(held > 0 && { more: held }) });
    this.#trouble.report('stream', error.message);
  }

  async #openCard(sink: AudioSink): Promise<OpenAudio> {
    const { audio, settings, clock, log, open = openAudio } = this.#options;
    const hooks = { onOpen: () => this.#opened(), onStuck: (why: string) => this.#isStuck(why) };
    this.#audio = await open(audio, sink, { ...settings, clock, log, ...hooks });
    return this.#audio;
  }

  /** A card that was plugged in again brings its own levels. */
  #opened(): void {
    this.#trouble.report('card', undefined);
    void this.#mixer.set();
  }

  /** Silence that keeps the time is no sound, unless silence was asked for. */
  #checkStream(): void {
    this.#trouble.tick();
    if (this.#options.resting() || this.#audio === undefined) return;
    const mute = this.#audio.backend === 'null' && this.#options.audio !== 'null';
    const why = this.#audio.passedOver.map(({ backend, why: each }) => `${backend}: ${each}`).join('; ');
    this.#trouble.report('stream', mute ? `no sound card opens (${why})` : undefined);
  }

  #watchCard(): CardWatch | undefined {
    const { clock, resting } = this.#options;
    const look = this.#options.look ?? this.#lookOfBoard();
    if (look === undefined) return undefined;
    return new CardWatch({
      clock,
      look,
      resting,
      onLook: (missing) => this.#trouble.report('card', missing),
      onBack: () => {
        this.#trouble.report('stream', undefined);
        void this.#mixer.set();
      },
    });
  }

  #lookOfBoard(): CardLook | undefined {
    const { audio, board } = this.#options;
    const real = audio === 'auto' || audio === 'portaudio' || audio === 'alsa';
    return board === undefined || !real ? undefined : cardLookFor(board, SOUND_SERVER);
  }

  /** The kernel holds the sound processes: only a restart of the phone is left to try. */
  #isStuck(why: string): void {
    if (this.#stuck) return;
    this.#stuck = true;
    this.#options.log.error('audio.restart-asked', { reason: why });
    this.#trouble.report('process', why);
    this.#options.onStuck(new AudioError('stalled', `${why}; the phone asks for its restart`));
  }
}

export interface SoundHardwareOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly audio: 'auto' | AudioBackendName;
  readonly settings: Omit<AudioSettings, 'clock' | 'log' | 'onOpen' | 'onStuck'>;
  readonly board: BoardProfile['sound'] | undefined;
  /** No sound is open, nor opening. */
  readonly resting: () => boolean;
  readonly onTrouble: (what: string | undefined) => void;
  /** The phone shall end, so that the service manager starts it again. Once. */
  readonly onStuck: (error: AudioError) => void;
  /** Other parts than the real ones, for tests. */
  readonly open?: typeof openAudio;
  readonly mixer?: Mixer;
  readonly look?: CardLook;
}

const CHECK_MS = 1_000;
/** Of the phones with an echo canceller; see systemd/bestday-phone-sound.service. */
const SOUND_SERVER = '/run/bestday-phone-sound/pulse.sock';
