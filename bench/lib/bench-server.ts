import { createServer } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { generate } from 'selfsigned';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { systemClock } from '../../common/src/time/clock.ts';
import {
  ACK_INTERVAL_MS,
  CloseCode,
  DEFAULT_MAX_QUEUE_MS,
  encodeMessage,
  OPUS_FRAME_TICKS,
  PayloadType,
  PING_INTERVAL_MS,
  RESUME_WINDOW_MS,
  SUBPROTOCOL,
  writePacket,
} from '../../protocol/src/index.ts';
import type { Timer } from '../../common/src/time/clock.ts';
import type { ServerMessage } from '../../protocol/src/index.ts';

/**
 * The other end of every measurement: as little server as the protocol allows, so that what is measured is the
 * phone. It sends the same Opus frames to a client that offers the subprotocol (in RTP, as one response after the
 * other, with acks) and to one that does not (bare). The path says how: `/live/20` sends one every 20 ms from the
 * handshake on, `/asked/1` one a millisecond for as many as a text message `{"type":"more","frames":N}` asks for,
 * `/silent` none.
 */
export class BenchServer {
  readonly port: number;
  /** PEM; its own authority. */
  readonly ca: string;
  readonly #close: () => Promise<void>;

  private constructor(port: number, ca: string, close: () => Promise<void>) {
    this.port = port;
    this.ca = ca;
    this.#close = close;
  }

  static async start(options: BenchServerOptions): Promise<BenchServer> {
    const pem = await generate([{ name: 'commonName', value: 'localhost' }], {
      keyType: 'ec',
      curve: 'P-256',
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
    });
    const http = createServer({ key: pem.private, cert: pem.cert });
    const sockets = new WebSocketServer({
      server: http,
      perMessageDeflate: false,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
    sockets.on('connection', (socket: WebSocket, request: IncomingMessage) => {
      new Client(socket, request.url ?? '', options);
    });
    await new Promise<void>((resolve) => http.listen(0, 'localhost', resolve));
    return new BenchServer((http.address() as AddressInfo).port, pem.cert, async () => {
      for (const client of sockets.clients) client.terminate();
      await new Promise((resolve) => http.close(resolve));
    });
  }

  /** @param path `/live/20`, `/silent` … */
  url(path: string): string {
    return `wss://localhost:${this.port}${path}`;
  }

  close(): Promise<void> {
    return this.#close();
  }
}

export interface BenchServerOptions {
  /** Opus, 20 ms each; sent over and over. */
  readonly packets: readonly Buffer[];
  /** A frame came. @param index from 0, of this client */
  readonly onFrame?: (payload: Buffer, index: number, framing: 'rtp' | 'raw') => void;
  /** A frame goes out now. @param index from 0, of this client */
  readonly onSend?: (index: number) => void;
}

/** Frames of one response; then the next one begins. */
const RESPONSE_FRAMES = 250;
const FIRST_SEQUENCE = 1_000;
const SSRC = 1;

class Client {
  readonly #socket: WebSocket;
  readonly #options: BenchServerOptions;
  readonly #rtp: boolean;
  readonly #way: string | undefined;
  readonly #periodMs: number;
  readonly #timers: Timer[] = [];
  #received = 0;
  #rxSeq = -1;
  #sent = 0;

  constructor(socket: WebSocket, path: string, options: BenchServerOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#rtp = socket.protocol === SUBPROTOCOL;
    const [, way, period] = /^\/(live|asked)\/(\d+)$/.exec(path) ?? [];
    this.#way = way;
    this.#periodMs = Number(period);
    socket.on('message', (data: Buffer, isBinary) => (isBinary ? this.#frame(data) : this.#control(data.toString())));
    socket.on('close', () => this.#timers.forEach((timer) => timer.cancel()));
    socket.on('error', () => {});
    if (!this.#rtp && way === 'live') this.#stream(Infinity);
  }

  #frame(data: Buffer): void {
    const payload = this.#rtp ? data.subarray(12) : data;
    if (this.#rtp) this.#rxSeq = this.#rxSeq === -1 ? data.readUInt16BE(2) : this.#rxSeq + 1;
    this.#options.onFrame?.(payload, this.#received++, this.#rtp ? 'rtp' : 'raw');
  }

  #control(text: string): void {
    const { type, frames } = JSON.parse(text) as { type: string; frames?: number };
    if (type === 'end') this.#socket.close(CloseCode.done);
    if (type === 'more') this.#stream(frames ?? 0);
    if (type !== 'hello') return;
    this.#send({
      type: 'ready',
      conversationId: 'bench',
      resumeToken: '0123456789abcdef',
      resumeWindowMs: RESUME_WINDOW_MS,
      codec: 'opus',
      pingMs: PING_INTERVAL_MS,
      maxQueueMs: DEFAULT_MAX_QUEUE_MS,
      serverTime: new Date().toISOString(),
    });
    this.#timers.push(systemClock.every(ACK_INTERVAL_MS, () => this.#send({ type: 'ack', rxSeq: this.#rxSeq })));
    if (this.#way === 'live') this.#stream(Infinity);
  }

  #stream(frames: number): void {
    let left = frames;
    const timer = systemClock.every(this.#periodMs, () => {
      if (--left === 0) timer.cancel();
      this.#next();
    });
    this.#timers.push(timer);
  }

  #next(): void {
    const index = this.#sent++;
    const payload = this.#options.packets[index % this.#options.packets.length]!;
    const first = index % RESPONSE_FRAMES === 0;
    const sequence = FIRST_SEQUENCE + index;
    const id = `r${Math.floor(index / RESPONSE_FRAMES)}`;
    if (this.#rtp && first) this.#send({ type: 'response.start', id, firstSeq: sequence });
    this.#options.onSend?.(index);
    this.#socket.send(this.#rtp ? packetOf(payload, sequence, index, first) : payload, { binary: true });
    if (this.#rtp && index % RESPONSE_FRAMES === RESPONSE_FRAMES - 1) {
      this.#send({ type: 'response.end', id, lastSeq: sequence, durationMs: RESPONSE_FRAMES * 20 });
    }
  }

  #send(message: ServerMessage): void {
    this.#socket.send(encodeMessage(message));
  }
}

function packetOf(payload: Buffer, sequence: number, index: number, marker: boolean): Buffer {
  return writePacket({
    payloadType: PayloadType.opus,
    marker,
    sequence: sequence & 0xffff,
    timestamp: (index * OPUS_FRAME_TICKS) % 2 ** 32,
    ssrc: SSRC,
    payload,
  });
}
