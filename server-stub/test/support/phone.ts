import {
  CloseCode,
  encodeMessage,
  FRAME_BYTES,
  FRAME_TICKS_OF,
  parsePacket,
  parseServerMessage,
  PayloadType,
  SequenceExtender,
  wireSequence,
  writePacket,
} from '../../../protocol/src/index.ts';
import type { MessageSocket, MessageSocketHandlers } from '../../../common/src/link/message-socket.ts';
import type { AudioPacket, DeviceMessage, ServerMessage } from '../../../protocol/src/index.ts';

export type MessageOf<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>;

export const DEVICE_ID = '11111111-2222-4333-8444-555555555555';

export const HELLO: Extract<DeviceMessage, { type: 'hello' }> = {
  type: 'hello',
  protocol: 1,
  deviceId: DEVICE_ID,
  bootId: 'boot',
  firmware: 'test',
  codecs: ['pcm'],
  frameMs: 20,
  sampleRate: 16_000,
  maxQueueMs: 30_000,
  language: 'en',
};

/** The phone's end of one link, in one object with the server's: what is sent arrives at once. */
export class TestPhone {
  readonly messages: ServerMessage[] = [];
  /** Frames in the order they came, with their extended numbers. */
  readonly frames: { readonly sequence: number; readonly packet: AudioPacket }[] = [];
  /** Bare frames of a raw link. */
  readonly raw: Uint8Array[] = [];
  /** Messages and frames in the order they came: `ready`, `response.start`, `#42`. */
  readonly wire: string[] = [];
  closedWith: number | undefined;
  terminated = false;
  pings = 0;
  bytesReceived = 0;
  readonly socket: MessageSocket;
  readonly #numbers: SequenceExtender;
  readonly #lastReceived: number | undefined;
  readonly #isRaw: boolean;
  #handlers: MessageSocketHandlers | undefined;
  #txSeq = 100;
  /** The link still looks open, and nothing passes. */
  cut = false;

  /** @param lastReceived the last frame that the phone got over earlier links */
  constructor(lastReceived?: number, isRaw = false) {
    this.#isRaw = isRaw;
    this.#numbers = new SequenceExtender(lastReceived);
    this.#lastReceived = lastReceived;
    this.socket = Object.defineProperties(
      {
        bufferedBytes: 0,
        bytesReceived: 0,
        listen: (handlers: MessageSocketHandlers) => {
          this.#handlers = handlers;
        },
        send: (data: string | Uint8Array) => this.#receive(data),
        ping: () => {
          this.pings++;
        },
        close: (code: number) => this.#closed(code),
        terminate: () => {
          this.terminated = true;
          this.#closed(CloseCode.abnormal);
        },
      },
      { bytesReceived: { get: () => this.bytesReceived } },
    );
  }

  get rxSeq(): number {
    return this.frames.at(-1)?.sequence ?? this.#lastReceived ?? -1;
  }

  say(message: DeviceMessage): void {
    this.sayText(encodeMessage(message));
  }

  sayText(text: string): void {
    if (this.cut) return;
    this.bytesReceived += text.length;
    this.#handlers?.text(text);
  }

  sayBinary(data: Uint8Array): void {
    if (this.cut) return;
    this.bytesReceived += data.length;
    this.#handlers?.binary(data);
  }

  /** A pong, say. */
  live(): void {
    this.#handlers?.activity();
  }

  hello(fields: Partial<typeof HELLO> = {}): MessageOf<'ready'> {
    this.say({ ...HELLO, ...fields });
    return this.last('ready');
  }

  /** One microphone frame, all samples `level`. */
  speak(level: number, sequence = this.#txSeq): void {
    this.#txSeq = sequence + 1;
    this.sayBinary(micPacket(sequence, level));
  }

  /** The link breaks, as the server's kernel sees it. */
  drop(code: number = CloseCode.abnormal): void {
    this.#closed(code);
  }

  all<T extends ServerMessage['type']>(type: T): MessageOf<T>[] {
    return this.messages.filter((message): message is MessageOf<T> => message.type === type);
  }

  last<T extends ServerMessage['type']>(type: T): MessageOf<T> {
    const message = this.all(type).at(-1);
    if (message === undefined) throw new Error(`the server sent no ${type}, but ${this.wire.join(' ')}`);
    return message;
  }

  #receive(data: string | Uint8Array): void {
    if (this.closedWith !== undefined || this.cut) return;
    if (typeof data === 'string') return this.#note(parseServerMessage(data)!);
    if (this.#isRaw) return void this.raw.push(data);
    const packet = parsePacket(data);
    const sequence = this.#numbers.extend(packet.sequence);
    this.frames.push({ sequence, packet });
    this.wire.push(`#${sequence}`);
  }

  #note(message: ServerMessage): void {
    if (message.type === 'resumed') {
      this.#numbers.reset(message.nextSeq - 1);
      this.#txSeq = Math.max(this.#txSeq, message.rxSeq + 1);
    }
    if (message.type === 'response.start' && this.#numbers.highest === undefined)
      this.#numbers.reset(message.firstSeq - 1);
    this.messages.push(message);
    this.wire.push(message.type);
  }

  #closed(code: number): void {
    if (this.closedWith !== undefined) return;
    this.closedWith = code;
    this.#handlers?.closed(code, '');
  }
}

/** An L16 frame whose samples are all `level`. */
export function micPacket(sequence: number, level: number, ssrc = 7): Uint8Array {
  const payload = Buffer.alloc(FRAME_BYTES);
  for (let at = 0; at < FRAME_BYTES; at += 2) payload.writeInt16BE(level, at);
  return writePacket({
    payloadType: PayloadType.l16,
    marker: false,
    sequence: wireSequence(sequence),
    timestamp: (sequence * FRAME_TICKS_OF.pcm) % 2 ** 32,
    ssrc,
    payload,
  });
}

/** The first sample of an L16 payload. */
export function levelOf(packet: AudioPacket): number {
  return Buffer.from(packet.payload).readInt16BE(0);
}
