import { WebSocket } from 'ws';
import {
  CloseCode,
  encodeMessage,
  FRAME_TICKS_OF,
  parsePacket,
  parseServerMessage,
  PayloadType,
  RECONNECT_DELAYS_MS,
  SequenceExtender,
  SUBPROTOCOL,
  wireSequence,
  writePacket,
} from '../../protocol/src/index.ts';
import type { ServerMessage } from '../../protocol/src/index.ts';

/** As little phone as a return needs: it begins, keeps its receiver off the hook, and comes back with its token. */
export class BurstPhone {
  readonly #options: BurstPhoneOptions;
  readonly #rx = new SequenceExtender();
  #socket: WebSocket | undefined;
  #session: { readonly conversationId: string; readonly token: string } | undefined;
  #txSeq = 0;
  #attempts = 0;
  #closed: () => void = () => {};
  #opened: (how: 'ready' | 'resumed') => void = () => {};
  /** `performance.now()` of its `resumed`. */
  resumedAtMs: number | undefined;
  outcome: 'talking' | 'away' | 'resumed' | 'begun-anew' = 'away';

  constructor(options: BurstPhoneOptions) {
    this.#options = options;
  }

  /** Resolves with `ready`. */
  begin(url: string): Promise<unknown> {
    const begun = new Promise((resolve) => (this.#opened = resolve));
    this.#connect(url);
    return begun;
  }

  /** Resolves when the server is gone. */
  get dropped(): Promise<void> {
    return this.outcome === 'away' ? Promise.resolve() : new Promise((resolve) => (this.#closed = resolve));
  }

  /** Resolves when it is in conversation again, whichever. Tries as a phone does, until `untilMs`. */
  async comeBack(url: string, untilMs: number): Promise<void> {
    while (performance.now() < untilMs) {
      const opened = new Promise<void>((resolve) => (this.#opened = () => resolve()));
      const closed = new Promise<void>((resolve) => (this.#closed = resolve));
      this.#connect(url);
      await Promise.race([opened, closed]);
      if (this.outcome !== 'away') return;
      const waitMs = RECONNECT_DELAYS_MS[Math.min(this.#attempts++, RECONNECT_DELAYS_MS.length - 1)]!;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }

  /** A little microphone audio: silence. */
  speak(frames: number): void {
    if (this.#socket?.readyState !== WebSocket.OPEN || this.outcome === 'away') return;
    for (let frame = 0; frame < frames; frame++) this.#socket.send(this.#packet());
  }

  stop(): void {
    this.#socket?.terminate();
  }

  #connect(url: string): void {
    const { ca, id, key } = this.#options;
    const socket = new WebSocket(url, SUBPROTOCOL, {
      ca,
      headers: { Authorization: `Bearer ${key}`, 'Device-Id': id },
      perMessageDeflate: false,
    });
    this.#socket = socket;
    socket.on('open', () => socket.send(this.#hello()));
    socket.on('message', (data: Buffer, binary: boolean) => {
      if (binary) this.#rx.extend(parsePacket(data).sequence);
      else this.#hear(parseServerMessage(data.toString('utf8')));
    });
    // A 'close' follows.
    socket.on('error', () => {});
    socket.on('close', (code: number) => {
      if (code === CloseCode.conversationExpired) this.#session = undefined;
      if (this.#socket !== socket) return;
      this.outcome = 'away';
      this.#closed();
    });
  }

  #hear(message: ServerMessage | undefined): void {
    if (message?.type === 'ready') {
      this.outcome = this.#options.began() ? 'begun-anew' : 'talking';
      this.#session = { conversationId: message.conversationId, token: message.resumeToken };
      this.#opened('ready');
    } else if (message?.type === 'resumed') {
      this.outcome = 'resumed';
      this.resumedAtMs = performance.now();
      this.#session = { conversationId: message.conversationId, token: message.resumeToken };
      this.#txSeq = Math.max(this.#txSeq, message.rxSeq + 1);
      this.#rx.reset(message.nextSeq - 1);
      this.#opened('resumed');
    } else if (message?.type === 'response.start' && this.#rx.highest === undefined)
      this.#rx.reset(message.firstSeq - 1);
  }

  #hello(): string {
    const { id } = this.#options;
    return encodeMessage({
      type: 'hello',
      protocol: 1,
      deviceId: id,
      bootId: 'burst',
      firmware: 'burst',
      codecs: ['opus'],
      frameMs: 20,
      sampleRate: 16_000,
      maxQueueMs: 30_000,
      language: 'en',
      ...(this.#session !== undefined && {
        resume: { ...this.#session, rxSeq: this.#rx.highest ?? -1, playedTs: 0, firstTxSeq: this.#txSeq },
      }),
    });
  }

  #packet(): Uint8Array {
    const sequence = this.#txSeq++;
    return writePacket({
      payloadType: PayloadType.opus,
      marker: false,
      sequence: wireSequence(sequence),
      timestamp: (sequence * FRAME_TICKS_OF.opus) % 2 ** 32,
      ssrc: 7,
      payload: this.#options.silence,
    });
  }
}

export interface BurstPhoneOptions {
  readonly id: string;
  readonly key: string;
  /** PEM. */
  readonly ca: string;
  /** One Opus frame. */
  readonly silence: Uint8Array;
  /** True once every phone is in conversation: a `ready` after that is a stranger's greeting. */
  readonly began: () => boolean;
}
