import {
  encodeMessage,
  FRAME_SAMPLES,
  parseDeviceMessage,
  PayloadType,
  writePacket,
} from '../../../protocol/src/index.ts';
import type { FramingName } from '../../../protocol/src/index.ts';
import type { MessageSocket, MessageSocketHandlers } from '../../../common/src/link/message-socket.ts';
import type { Timer } from '../../../common/src/time/clock.ts';
import type { CodecName, DeviceMessage, ServerMessage } from '../../../protocol/src/index.ts';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import type { CodecFactory } from '../../../common/src/codec/codecs.ts';
import { tcpFlow } from '../../src/connection/tcp-flow.ts';
import type { ConnectError, ConnectHandlers, Transport } from '../../src/connection/transport.ts';
import { Call } from '../../src/conversation/call.ts';
import type { CallReport } from '../../src/conversation/report.ts';
import type { Phase } from '../../src/conversation/state.ts';
import type { PromptKind } from '../../src/playout/prompts.ts';
import { silentLog } from '../../../common/src/system/log.ts';

/** The other end of one link, in the test's hands. */
export class FakeLink implements MessageSocket {
  bufferedBytes = 0;
  bytesReceived = 0;
  readonly texts: DeviceMessage[] = [];
  readonly packets: Uint8Array[] = [];
  readonly pings: number[] = [];
  closedWith: number | undefined;
  terminated = false;
  /** False: a peer that never answers a close. */
  answersClose = true;
  readonly #clock: VirtualClock;
  #handlers: MessageSocketHandlers | undefined;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  listen(handlers: MessageSocketHandlers): void {
    this.#handlers = handlers;
  }

  send(data: string | Uint8Array): void {
    if (typeof data === 'string') this.texts.push(parseDeviceMessage(data)!);
    else this.packets.push(data);
  }

  ping(): void {
    this.pings.push(this.#clock.now());
  }

  close(code: number): void {
    this.closedWith ??= code;
    if (this.answersClose) this.#clock.after(1, () => this.serverCloses(code));
  }

  terminate(): void {
    this.terminated = true;
    this.serverCloses(1006);
  }

  of<T extends DeviceMessage['type']>(type: T): Extract<DeviceMessage, { type: T }>[] {
    return this.texts.filter((message): message is Extract<DeviceMessage, { type: T }> => message.type === type);
  }

  says(message: ServerMessage): void {
    this.sends(encodeMessage(message));
  }

  sends(data: string | Uint8Array): void {
    this.bytesReceived += data.length;
    if (typeof data === 'string') this.#handlers?.text(data);
    else this.#handlers?.binary(data);
  }

  plays(sequence: number): void {
    this.sends(
      writePacket({
        payloadType: PayloadType.opus,
        marker: false,
        sequence,
        timestamp: sequence * 960,
        ssrc: 1,
        payload: Uint8Array.of(1),
      }),
    );
  }

  serverCloses(code: number): void {
    const handlers = this.#handlers;
    this.#handlers = undefined;
    handlers?.closed(code, '');
  }
}

export const RESUMED: Extract<ServerMessage, { type: 'resumed' }> = {
  type: 'resumed',
  conversationId: 'c-1',
  resumeToken: 'token-of-a-later-link',
  rxSeq: -1,
  nextSeq: 0,
  remainingMs: 30_000,
};

export const READY: Extract<ServerMessage, { type: 'ready' }> = {
  type: 'ready',
  conversationId: 'c-1',
  resumeToken: 'token-of-the-first-link',
  resumeWindowMs: 30_000,
  codec: 'opus',
  pingMs: 5_000,
  maxQueueMs: 30_000,
  serverTime: '2026-01-01T00:00:00.000Z',
};

/** A call in virtual time: the test is the network and the server. */
export class CallRig {
  /** True: the decoder breaks its contract. */
  decoderBroken = false;
  readonly clock = new VirtualClock();
  readonly links: FakeLink[] = [];
  readonly attemptsAtMs: number[] = [];
  readonly phases: Phase[] = [];
  readonly prompts: PromptKind[] = [];
  readonly reports: CallReport[] = [];
  /** What the next attempts meet; by default they stay under way. */
  meets: (handlers: ConnectHandlers) => Timer | undefined = () => undefined;
  cancelled = 0;
  /** Attempts get as far as a server's machine. */
  answered = false;
  openCodecs = 0;
  readonly call: Call;

  constructor(codecPreference: readonly CodecName[] = ['opus', 'pcm']) {
    const transport: Transport = {
      connect: (handlers) => {
        this.attemptsAtMs.push(this.clock.now());
        const answer = this.meets(handlers);
        return {
          answered: this.answered,
          cancel: () => {
            this.cancelled++;
            answer?.cancel();
          },
        };
      },
    };
    this.call = new Call({
      clock: this.clock,
      random: () => 0.5,
      log: silentLog,
      transport,
      codecs: this.#codecs(),
      codecPreference,
      prompts: {
        next: (kind) => {
          this.prompts.push(kind);
          return new Int16Array(16_000);
        },
      },
      identity: { deviceId: '0b7e6b0e-5a0f-4a43-9c33-0123456789ab', bootId: 'boot-1', firmware: '0' },
      bitrate: 32_000,
      maxQueueMs: 30_000,
      language: 'en',
      outputDelayMs: () => 40,
      onEnded: (report) => this.reports.push(report),
      onPhase: (phase) => this.phases.push(phase),
    });
  }

  get link(): FakeLink {
    return this.links.at(-1)!;
  }

  opens(framing: FramingName = 'rtp', afterMs = 10): (handlers: ConnectHandlers) => Timer {
    return (handlers) => {
      const link = new FakeLink(this.clock);
      this.links.push(link);
      return this.clock.after(afterMs, () => handlers.opened({ socket: link, framing, flow: tcpFlow }));
    };
  }

  fails(error: ConnectError, afterMs = 5): (handlers: ConnectHandlers) => Timer {
    return (handlers) => this.clock.after(afterMs, () => handlers.failed(error));
  }

  /** Lifted, connected, ready. */
  talk(): FakeLink {
    this.meets = this.opens();
    this.call.lift();
    this.clock.advance(20);
    this.link.says(READY);
    return this.link;
  }

  /** A second of room sound and of listening is 50 frames. */
  frames(count: number): Int16Array[] {
    return Array.from({ length: count }, () => {
      this.clock.advance(20);
      this.call.capture(new Int16Array(FRAME_SAMPLES));
      const heard = new Int16Array(FRAME_SAMPLES);
      this.call.render(heard);
      return heard;
    });
  }

  #codecs(): CodecFactory {
    const close = (): void => {
      this.openCodecs--;
    };
    return {
      available: ['opus', 'pcm'],
      describe: () => 'fake',
      prepare: () => Promise.resolve(),
      encoder: (codec) => {
        this.openCodecs++;
        return { codec, encode: () => Uint8Array.of(1), tune() {}, close };
      },
      decoder: (codec) => {
        this.openCodecs++;
        const frame = (): Int16Array => new Int16Array(FRAME_SAMPLES).fill(1_000);
        const decode = (): Int16Array => (this.decoderBroken ? (null as unknown as Int16Array) : frame());
        return { codec, decode, recover: () => undefined, conceal: frame, close };
      },
    };
  }
}
