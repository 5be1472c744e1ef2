import { Call } from '../../device/src/conversation/call.ts';
import { Phone } from '../../device/src/phone.ts';
import type { CallListeners } from '../../device/src/phone.ts';
import type { HookHandlers } from '../../device/src/controls/hook-switch.ts';
import type { PromptSource } from '../../device/src/playout/prompts.ts';
import { stampCodecs } from './codecs.ts';
import { EndClock } from './end-clock.ts';
import { LogBook } from './log-book.ts';
import { SimulatedNetwork } from './network.ts';
import type { PhoneWitness } from './phone-witness.ts';
import type { WorldSettings } from './script.ts';
import { stream } from './script.ts';
import { SoundCard } from './sound-card.ts';
import { StampKind, readStamp, stampedFrame, stampedSound } from './stamp.ts';
import type { SimulationContext } from './context.ts';

/** One household: a phone with its sound card and hook switch, its patient, and its way to the server. */
export class PhoneSite {
  readonly number: number;
  readonly deviceId: string;
  readonly network: SimulatedNetwork;
  readonly log: LogBook;
  readonly witness: PhoneWitness;
  readonly codecs = { open: 0 };
  clock: EndClock;
  card: SoundCard;
  readonly #context: SimulationContext;
  readonly #settings: WorldSettings;
  #phone: Phone;
  #hook: HookHandlers | undefined;
  #networkUp: (() => void) | undefined;
  #boot = 0;
  #speakingUntilMs = 0;
  #lifted = false;
  #powered = true;

  constructor(
    context: SimulationContext,
    number: number,
    deviceId: string,
    witness: (site: PhoneSite) => PhoneWitness,
  ) {
    const { clock, script, host } = context;
    this.number = number;
    this.deviceId = deviceId;
    this.#context = context;
    this.#settings = script.world;
    this.log = new LogBook((line) => context.trace.note(line.event));
    this.clock = new EndClock(clock, script.world.devicePpm, script.world.deviceWallMs);
    this.witness = witness(this);
    const { latencyMs, jitterMs, kbitPerSecond, kernelBytes } = script.world;
    this.network = new SimulatedNetwork({
      clock,
      host,
      deviceId,
      kernelBytes,
      witness: this.witness,
      random: stream(script.seed, `network ${number}`),
      path: { latencyMs, jitterMs, bytesPerSecond: kbitPerSecond * 125 },
    });
    this.card = this.#newCard();
    this.#phone = this.#newPhone();
    this.#phone.start();
  }

  get lifted(): boolean {
    return this.#lifted;
  }

  /** The phone waits for a voice before it calls again. */
  get resting(): boolean {
    return this.#phone.resting;
  }

  get powered(): boolean {
    return this.#powered;
  }

  lift(): void {
    if (this.#lifted) return;
    this.#lifted = true;
    if (!this.#powered) return;
    this.witness.lifted();
    this.#hook?.lifted();
  }

  hangUp(): void {
    if (!this.#lifted) return;
    this.#lifted = false;
    if (!this.#powered) return;
    this.witness.hungUp();
    this.#hook?.hungUp('hangup');
  }

  networkUp(): void {
    if (!this.#powered) return;
    this.witness.networkUp();
    this.#networkUp?.();
    this.witness.networkUpDone();
  }

  speak(ms: number): void {
    this.#speakingUntilMs = Math.max(this.#speakingUntilMs, this.#context.clock.now() + ms);
  }

  /** Everything in the phone stops at once; nobody is told. */
  powerCut(): void {
    this.#powered = false;
    this.clock.kill();
    this.card.off();
    this.codecs.open = 0;
    for (const wire of this.network.wires) wire.device.vanish();
    this.witness.poweredOff();
  }

  powerOn(): void {
    const { clock, script } = this.#context;
    this.#powered = true;
    this.clock = new EndClock(clock, script.world.devicePpm, script.world.deviceWallMs);
    this.card = this.#newCard();
    this.witness.booted();
    this.witness.lifted();
    this.#phone = this.#newPhone();
    this.#phone.start();
    if (this.#lifted) this.#hook?.lifted();
  }

  #newCard(): SoundCard {
    const { clock } = this.#context;
    return new SoundCard({
      clock,
      ppm: this.#settings.cardPpm,
      openMs: this.#settings.cardOpenMs,
      handset: { speak: () => this.#speaks(), hear: (frame) => this.witness.rendered(frame, readStamp(frame)) },
    });
  }

  #speaks(): Int16Array {
    if (!this.#lifted) return stampedFrame(StampKind.private, this.number, 0);
    const kind = this.#context.clock.now() < this.#speakingUntilMs ? StampKind.speech : StampKind.quiet;
    return stampedFrame(kind, this.number, this.witness.captured());
  }

  #newPhone(): Phone {
    const { clock, card, log } = this;
    const boot = ++this.#boot;
    return new Phone({
      clock,
      log: log.log(),
      hook: {
        description: 'simulated',
        start: (handlers) => {
          this.#hook = handlers;
        },
        stop() {},
      },
      networkWatch: {
        start: (up) => {
          this.#networkUp = up;
        },
        stop() {},
      },
      openAudio: (sink) => card.open(sink),
      newCall: (listeners) => this.#newCall(boot, listeners),
      redials: true,
      hangUpGraceMs: this.#settings.hangUpGraceMs,
      onReport: () => {},
      onIdle: () => {},
      onAudioFailed: (error) => {
        throw error;
      },
    });
  }

  #newCall(boot: number, listeners: CallListeners): Call {
    const { script } = this.#context;
    const witness = this.witness.newCall();
    return new Call({
      clock: this.clock,
      random: stream(script.seed, `phone ${this.number} ${boot} ${this.witness.calls.length}`),
      log: this.log.log(),
      transport: this.network,
      codecs: stampCodecs(this.codecs),
      prompts: PROMPTS,
      identity: { deviceId: this.deviceId, bootId: `boot-${boot}`, firmware: 'simulated' },
      codecPreference: ['opus'],
      bitrate: 32_000,
      maxQueueMs: script.world.maxQueueMs,
      language: 'en',
      outputDelayMs: () => 0,
      attended: listeners.attended,
      onEnded: (report) => {
        witness.reported(report);
        listeners.onEnded(report);
      },
      onPhase: (phase) => witness.phaseChanged(phase),
    });
  }
}

/** Each kind says its own stamp for 1.5 s. */
const PROMPT_FRAMES = 75;
const CLIPS = new Map<string, Int16Array>();
const PROMPTS: PromptSource = {
  next(kind) {
    let clip = CLIPS.get(kind);
    if (clip === undefined) CLIPS.set(kind, (clip = stampedSound(StampKind.prompt, CLIPS.size, 0, PROMPT_FRAMES)));
    return clip;
  },
};
