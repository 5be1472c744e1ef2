import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { FRAME_BYTES, FRAME_MS } from '../../../../protocol/src/index.ts';
import { deferred } from '../../../src/system/async-tools.ts';
import { after, FaultPlan, NO_DELAYS, refuse, SLOW_MS } from './fault.ts';
import type { Delays, FakeVendorOptions, Fault } from './fault.ts';
import { bodyOf, durationOf, FakeServer, spoken, streamSound } from './fake-server.ts';

/**
 * ElevenLabs as its published API describes it: `POST /v1/text-to-speech/{voice}/stream` (raw PCM, chunked) and
 * `GET /v1/speech-to-text/realtime` (a WebSocket of JSON with `message_type`), errors as `{"detail": {"status", "message"}}`.
 */
export class FakeElevenLabs {
  readonly speech = new FaultPlan();
  readonly hearing = new FaultPlan();
  /** What it understands, a word for every so much voice: nobody knows a word that was not said yet. */
  transcript = 'a fine day';
  wordMs = 250;
  /** The texts that it was asked to speak, with what it was told came before. */
  readonly texts: { readonly text: string; readonly previous: string | undefined }[] = [];
  readonly #options: FakeVendorOptions;
  readonly #hearingDelays: Delays;
  readonly #http: FakeServer;
  readonly #sockets = new WebSocketServer({ noServer: true });
  heardMs = 0;

  constructor(options: FakeVendorOptions & { readonly hearingDelays?: Delays }) {
    this.#options = options;
    this.#hearingDelays = options.hearingDelays ?? NO_DELAYS;
    this.#http = new FakeServer((request, response) => this.#answer(request, response));
    this.#http.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#upgrade(request, socket, head),
    );
  }

  get url(): string {
    return this.#http.url;
  }

  listen(): Promise<void> {
    return this.#http.listen();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    await this.#http.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, this.url);
    if (
      !/^\/v1\/text-to-speech\/[^/]+\/stream$/.test(url.pathname) ||
      url.searchParams.get('output_format') !== 'pcm_16000'
    )
      return void response.writeHead(404).end();
    const {
      text,
      previous_text: previous,
      model_id: model,
    } = JSON.parse((await bodyOf(request)).toString('utf8')) as {
      text: string;
      model_id?: string;
      previous_text?: string;
    };
    const fault = request.headers['xi-api-key'] === this.#options.key ? this.speech.take() : 'unauthorised';
    if (refuse(response, fault, detail)) return;
    // As their documentation of `previous_text` has it: not available for eleven_v3.
    if (model === 'eleven_v3' && previous !== undefined) return void refuse(response, 'refused', detail);
    this.texts.push({ text, previous });
    await this.#speak(response, text, fault);
  }

  async #speak(response: ServerResponse, text: string, fault: Fault): Promise<void> {
    const { clock, delays = NO_DELAYS } = this.#options;
    await after(clock, delays.firstMs() + (fault === 'slow' ? SLOW_MS : 0));
    if (fault === 'malformed')
      return void response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>maintenance</html>');
    response.writeHead(200, { 'Content-Type': 'audio/pcm' });
    const sound = (this.#options.sound ?? LEVEL)(durationOf(text), 16_000);
    await streamSound(response, sound, fault, clock, delays.nextMs);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const fault = request.headers['xi-api-key'] === this.#options.key ? this.hearing.take() : 'unauthorised';
    const refusal = {
      unauthorised: '401 Unauthorized',
      refused: '400 Bad Request',
      'too-many': '429 Too Many Requests\r\nRetry-After: 1',
      'too-many-for-long': '429 Too Many Requests\r\nRetry-After: 60',
      'server-error': '503 Service Unavailable',
    }[fault as string];
    if (refusal !== undefined)
      return void socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    this.#sockets.handleUpgrade(
      request,
      socket,
      head,
      (webSocket) => new Session(webSocket, fault, this, this.#options.clock, this.#hearingDelays),
    );
  }
}

export const VENDOR_LEVEL = 3_000;

const LEVEL = (ms: number, rate: number): Buffer => spoken(ms, rate, VENDOR_LEVEL);

class Session {
  readonly #socket: WebSocket;
  readonly #fault: Fault;
  readonly #vendor: FakeElevenLabs;
  readonly #clock: FakeVendorOptions['clock'];
  readonly #delays: Delays;
  #chunks = 0;
  #voicedMs = 0;
  #uncommittedMs = 0;
  #silentMs = 0;
  /** Words of segments that were committed. */
  #committed = 0;
  #said: Promise<void> = Promise.resolve();

  constructor(
    socket: WebSocket,
    fault: Fault,
    vendor: FakeElevenLabs,
    clock: FakeVendorOptions['clock'],
    delays: Delays,
  ) {
    this.#socket = socket;
    this.#fault = fault;
    this.#vendor = vendor;
    this.#clock = clock;
    this.#delays = delays;
    socket.on('error', () => {});
    socket.on('message', (data: Buffer) => void this.#message(JSON.parse(data.toString('utf8')) as ChunkMessage));
    this.#say({
      message_type: 'session_started',
      session_id: 'fake',
      config: { sample_rate: 16_000, audio_format: 'pcm_16000', commit_strategy: 'manual' },
    });
  }

  async #message({ message_type: type, audio_base_64: audio, commit }: ChunkMessage): Promise<void> {
    if (type !== 'input_audio_chunk') return this.#say({ message_type: 'input_error', error: 'unknown message' });
    this.#chunks++;
    const sound = Buffer.from(audio, 'base64');
    this.#vendor.heardMs += sound.length / 32;
    this.#uncommittedMs += sound.length / 32;
    this.#listen(sound);
    if (this.#fault === 'cut' && this.#chunks > 2) return this.#socket.terminate();
    if (this.#fault === 'malformed' && this.#chunks > 2) return this.#socket.send('{"message_type": "partial_tr');
    if (this.#fault === 'stalled' && this.#chunks > 2) return;
    const words = this.#vendor.transcript.split(' ').slice(0, this.#words);
    const text = words.slice(this.#committed).join(' ');
    if (commit && this.#uncommittedMs < LEAST_COMMIT_MS)
      return this.#say({ message_type: 'commit_throttled', error: 'less than 0.3 s of audio' });
    if (commit) [this.#committed, this.#uncommittedMs] = [words.length, 0];
    const before = this.#said;
    const { promise, resolve } = deferred<void>();
    this.#said = promise;
    await after(
      this.#clock,
      commit ? this.#delays.firstMs() + (this.#fault === 'slow' ? SLOW_MS : 0) : this.#delays.nextMs(),
    );
    // What they say comes in the order of what they heard.
    await before;
    resolve();
    this.#say({ message_type: commit ? 'committed_transcript' : 'partial_transcript', text });
  }

  /** A word is known when it is over: when the next one begins, or nothing comes after it. */
  get #words(): number {
    const words = this.#voicedMs / this.#vendor.wordMs;
    return this.#silentMs >= FRAME_MS ? Math.ceil(words) : Math.floor(words);
  }

  #listen(sound: Buffer): void {
    for (let from = 0; from < sound.length; from += FRAME_BYTES) {
      const voiced = isVoiced(sound.subarray(from, from + FRAME_BYTES));
      if (voiced) this.#voicedMs += FRAME_MS;
      this.#silentMs = voiced ? 0 : this.#silentMs + FRAME_MS;
    }
  }

  #say(message: object): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(message));
  }
}

function isVoiced(frame: Buffer): boolean {
  let energy = 0;
  for (let at = 0; at + 1 < frame.length; at += 2) energy += frame.readInt16LE(at) ** 2;
  return Math.sqrt(energy / (frame.length / 2)) > VOICE_RMS;
}

const LEAST_COMMIT_MS = 300;
/** -40 dBFS: speech, not room noise. */
const VOICE_RMS = 330;

interface ChunkMessage {
  readonly message_type: string;
  readonly audio_base_64: string;
  readonly commit: boolean;
}

function detail(status: number): object {
  const name = { 401: 'invalid_api_key', 429: 'too_many_concurrent_requests' }[status as 401] ?? 'internal_error';
  return { detail: { status: name, message: 'as documented' } };
}
