import { randomUUID } from 'node:crypto';
import type { CodecFactory } from '../../common/src/codec/codecs.ts';
import { WebSocketTransport } from '../../device/src/connection/websocket.ts';
import { Call } from '../../device/src/conversation/call.ts';
import type { CallReport } from '../../device/src/conversation/report.ts';
import { noPrompts } from '../../device/src/playout/prompts.ts';
import { silentLog } from '../../common/src/system/log.ts';
import { FRAME_MS, FRAME_SAMPLES } from '../../protocol/src/index.ts';
import type { Clock, Timer } from '../../common/src/time/clock.ts';
import type { Random } from '../../common/src/time/random.ts';
import type { CodecName } from '../../protocol/src/index.ts';
import type { Repertoire, Utterance } from './replay-codecs.ts';
import { Tape, TapedTransport } from './tape.ts';

export interface LoadPhoneOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly url: string;
  /** PEM. */
  readonly ca: string;
  readonly device: { readonly id: string; readonly key: string };
  readonly codec: CodecName;
  readonly codecs: CodecFactory;
  readonly repertoire: Repertoire;
}

/**
 * One patient in conversation: the device's own `Call`, uplink and downlink over a real socket, with a sound card
 * that is a timer. It lets the companion finish, thinks a little, says something, and waits for the answer.
 */
export class LoadPhone {
  readonly tape = new Tape();
  readonly #options: LoadPhoneOptions;
  readonly #call: Call;
  readonly #heard = new Int16Array(FRAME_SAMPLES);
  #card: Timer | undefined;
  #saying: Utterance;
  #at = 0;
  /** When to speak next, on the clock; pushed away while the companion speaks. */
  #speakAtMs = Infinity;
  #next: number;
  /** Settled when the call is over, by whomever it was ended. */
  readonly #over: Promise<CallReport>;

  constructor(options: LoadPhoneOptions) {
    const { clock, random, url, ca, device, codec, codecs, repertoire } = options;
    const transport = new WebSocketTransport({
      url,
      deviceId: device.id,
      clientId: randomUUID(),
      apiKey: device.key,
      ca,
    });
    this.#options = options;
    let ended: (report: CallReport) => void = () => {};
    this.#over = new Promise((resolve) => {
      ended = resolve;
    });
    this.#saying = repertoire.silence;
    this.#next = Math.floor(random() * repertoire.utterances.length);
    this.#call = new Call({
      clock,
      random,
      log: silentLog,
      prompts: noPrompts,
      codecs,
      codecPreference: [codec],
      transport: new TapedTransport(transport, this.tape),
      identity: { deviceId: device.id, bootId: 'load', firmware: 'load' },
      bitrate: 32_000,
      maxQueueMs: 30_000,
      language: 'en',
      outputDelayMs: () => 0,
      onEnded: ended,
      onPlayback: ({ state }) => this.#listen(state),
    });
  }

  get talking(): boolean {
    return this.#call.phase === 'talking';
  }

  start(): void {
    this.#call.lift();
    this.#card = this.#options.clock.every(FRAME_MS, () => this.#frame());
  }

  /** Hangs up. @returns what the call was like */
  async stop(): Promise<CallReport> {
    this.#call.hangup('hangup');
    const report = await this.#over;
    this.#card?.cancel();
    return report;
  }

  #frame(): void {
    this.#call.capture(this.#spoken());
    this.#call.render(this.#heard);
  }

  #spoken(): Int16Array {
    const { repertoire, clock } = this.#options;
    if (this.#saying === repertoire.silence && clock.now() >= this.#speakAtMs) this.#speak();
    const frame = this.#saying.frames[this.#at++];
    if (frame !== undefined) return frame;
    this.#saying = repertoire.silence;
    this.#at = 1;
    return this.#saying.frames[0]!;
  }

  #speak(): void {
    const { repertoire, clock } = this.#options;
    this.#saying = repertoire.utterances[this.#next++ % repertoire.utterances.length]!;
    this.#at = 0;
    // Whatever becomes of the answer, it will speak again.
    this.#speakAtMs = clock.now() + PATIENCE_MS;
  }

  #listen(state: 'started' | 'finished' | 'flushed'): void {
    const { clock, random } = this.#options;
    this.#speakAtMs = clock.now() + (state === 'started' ? PATIENCE_MS : THINK_MS * (0.5 + random()));
  }
}

/** No answer for this long: say something. Longer than any answer. */
const PATIENCE_MS = 20_000;
const THINK_MS = 1_000;
