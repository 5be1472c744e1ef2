import type { ElevenLabsClient } from '@elevenlabs/elevenlabs-js';
import type { RawData, WebSocket } from 'ws';
import type { IncomingMessage } from 'node:http';
import { SAMPLE_RATE } from '../../../../protocol/src/index.ts';
import { Channel } from '../../system/async-tools.ts';
import { StageError } from '../ports.ts';
import type { SpeechToText, StageOptions, Transcript } from '../ports.ts';
import { SERVICE } from '../vendors/elevenlabs.ts';
import { reportingTranscripts } from '../reporting.ts';
import { connectionFault, httpFault, malformed } from '../vendors/http.ts';

export interface ElevenLabsSpeechToTextSettings {
  readonly modelId: string;
}

/**
 * ElevenLabs realtime speech-to-text by their SDK: one WebSocket per utterance, audio as it is spoken, a commit in the
 * pauses and at its end. The connection is opened while the patient speaks, so it costs no time after the last word.
 */
export class ElevenLabsSpeechToText implements SpeechToText {
  readonly #client: ElevenLabsClient;
  readonly #settings: ElevenLabsSpeechToTextSettings;

  constructor(client: ElevenLabsClient, settings: ElevenLabsSpeechToTextSettings) {
    this.#client = client;
    this.#settings = settings;
  }

  async *transcribe(audio: AsyncIterable<Int16Array>, options: StageOptions): AsyncGenerator<Transcript> {
    yield* reportingTranscripts(options, audio, (heard) => this.#transcribe(heard, options));
  }

  async *#transcribe(audio: AsyncIterable<Int16Array>, options: StageOptions): AsyncGenerator<Transcript> {
    const transcripts = new Channel<Transcript>(MAX_TRANSCRIPTS);
    const connection = await this.#open(options);
    const socket = guarded(connection, transcripts);
    const giveUp = (): void => socket.terminate();
    options.signal.addEventListener('abort', giveUp, { once: true });
    if (options.signal.aborted) giveUp();
    const segments = new Segments(connection, transcripts);
    this.#receive(connection, transcripts, segments);
    const spoken = this.#send(audio, connection, segments);
    spoken.catch((error: unknown) => transcripts.fail(connectionFault('speech-to-text', SERVICE, error)));
    try {
      yield* transcripts;
    } finally {
      options.signal.removeEventListener('abort', giveUp);
      socket.terminate();
    }
  }

  async #open({ language }: StageOptions): Promise<RealtimeConnection> {
    return this.#client.speechToText.realtime.connect({
      modelId: this.#settings.modelId,
      // Their enums, by value: the library is loaded late, if at all.
      audioFormat: 'pcm_16000' as never,
      commitStrategy: 'manual' as never,
      sampleRate: SAMPLE_RATE,
      languageCode: language.split('-', 1)[0]!,
    });
  }

  #receive(connection: RealtimeConnection, transcripts: Channel<Transcript>, segments: Segments): void {
    const hear = (event: string, take: (text: string) => void): void =>
      on(connection, event, (data: unknown) => {
        const text = textOf(data);
        if (text === undefined) transcripts.fail(malformed('speech-to-text', SERVICE, 'a transcript without text'));
        else take(text);
      });
    hear('partial_transcript', (text) => segments.partial(text));
    hear('committed_transcript', (text) => segments.committed(text));
    on(connection, 'error', (data: unknown) => {
      // A cough, or a breath: there are no words in it, and nothing is wrong with anybody.
      if (typeOf(data) === 'insufficient_audio_activity') segments.nothingHeard();
      else transcripts.fail(messageFault(data));
    });
    on(connection, 'close', () => transcripts.fail(connectionFault('speech-to-text', SERVICE, undefined)));
  }

  /** ~100 ms a message, as their guide asks: base64 in JSON for each 20 ms would cost both ends. */
  async #send(audio: AsyncIterable<Int16Array>, connection: RealtimeConnection, segments: Segments): Promise<void> {
    await new Promise<void>((resolve) => on(connection, 'session_started', () => resolve()));
    let waiting: Int16Array[] = [];
    const flush = (): void => {
      if (waiting.length > 0) connection.send({ audioBase64: Buffer.concat(waiting.map(bytesOf)).toString('base64') });
      waiting = [];
    };
    for await (const frame of audio) {
      if (frame.length > 0) waiting.push(frame);
      if (frame.length === 0 || waiting.length >= FRAMES_A_MESSAGE) flush();
      if (frame.length === 0) segments.pause();
      else segments.heard(frame.length);
    }
    flush();
    segments.end();
  }
}

/**
 * An utterance as their service keeps it: what was committed is fixed, what came after it is still a guess. A commit in a
 * pause settles the words so far; if the patient goes on, theirs is one segment more.
 */
class Segments {
  readonly #connection: RealtimeConnection;
  readonly #transcripts: Channel<Transcript>;
  readonly #texts: string[] = [];
  #uncommittedSamples = 0;
  #commits = 0;
  #pauses = 0;
  /** The pause whose commit is under way. */
  #settling = 0;
  #over = false;

  constructor(connection: RealtimeConnection, transcripts: Channel<Transcript>) {
    this.#connection = connection;
    this.#transcripts = transcripts;
  }

  heard(samples: number): void {
    this.#uncommittedSamples += samples;
  }

  pause(): void {
    this.#pauses++;
    if (this.#commits > 0 || this.#pauses > MAX_SETTLED || this.#uncommittedSamples < MIN_COMMIT_SAMPLES) return;
    this.#settling = this.#pauses;
    this.#commit();
  }

  end(): void {
    this.#over = true;
    // Shorter than they take, and only silence: what was committed is all there is.
    if (this.#texts.length + this.#commits === 0 || this.#uncommittedSamples >= MIN_COMMIT_SAMPLES) this.#commit();
    else if (this.#commits === 0) this.#finish();
  }

  partial(text: string): void {
    if (text !== '') this.#transcripts.push({ text: this.#with(text), final: false });
  }

  committed(text: string): void {
    this.#texts.push(text);
    if (--this.#commits <= 0 && this.#over) return this.#finish();
    const settled = this.#settling === this.#pauses;
    this.#transcripts.push({ text: this.#with(''), final: false, ...(settled && { settled }) });
  }

  /** What was committed last holds no speech: the words before it stand. */
  nothingHeard(): void {
    if (this.#commits > 0) this.#commits--;
    if (this.#over && this.#commits <= 0) this.#finish();
  }

  #commit(): void {
    this.#commits++;
    this.#uncommittedSamples = 0;
    this.#connection.commit();
  }

  #finish(): void {
    this.#transcripts.push({ text: this.#with(''), final: true });
    this.#transcripts.end();
  }

  #with(text: string): string {
    return [...this.#texts, text]
      .map((part) => part.trim())
      .filter((part) => part !== '')
      .join(' ');
  }
}

/** Commits in pauses, of one utterance: each cuts a context that the recogniser could use. */
const MAX_SETTLED = 3;
/** Not yet read. */
const MAX_TRANSCRIPTS = 100;
/** They refuse to commit less than 0.3 s (`commit_throttled`). */
const MIN_COMMIT_SAMPLES = 0.3 * SAMPLE_RATE;

type RealtimeConnection = Awaited<ReturnType<ElevenLabsClient['speechToText']['realtime']['connect']>>;

/** Their events are an enum of the library, which is loaded late, if at all. */
function on(connection: RealtimeConnection, event: string, listener: (data: unknown) => void): void {
  connection.on(event as never, listener);
}

const FRAMES_A_MESSAGE = 5;

/**
 * The SDK parses a message in the socket's event, where an exception ends the process, and tells nothing of a refused
 * upgrade but its status in an English sentence. So what is no JSON is kept from it, and the refusal is read here.
 */
function guarded(connection: RealtimeConnection, transcripts: Channel<Transcript>): WebSocket {
  const { websocket: socket } = connection as unknown as { websocket: WebSocket };
  const theirs = socket.listeners('message');
  socket.removeAllListeners('message');
  socket.on('message', (data, isBinary) => {
    if (isBinary || !isJsonObject(asText(data)))
      return transcripts.fail(malformed('speech-to-text', SERVICE, 'a message that is no JSON object'));
    for (const listener of theirs) listener.call(socket, data, isBinary);
  });
  socket.on('unexpected-response', (_request: unknown, { statusCode = 0, headers }: IncomingMessage) => {
    transcripts.fail(httpFault('speech-to-text', SERVICE, statusCode, headers['retry-after'], undefined));
    socket.terminate();
  });
  return socket;
}

function asText(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString('utf8');
  return Buffer.isBuffer(data) ? data.toString('utf8') : Buffer.from(data).toString('utf8');
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null;
  } catch {
    return false;
  }
}

function textOf(data: unknown): string | undefined {
  const { text } = data as { text?: unknown };
  return typeof text === 'string' ? text : undefined;
}

/** Their error messages, by `message_type`; the text beside it may quote what was said. */
function messageFault(data: unknown): StageError {
  if (data instanceof Error) return connectionFault('speech-to-text', SERVICE, data);
  const name = typeOf(data);
  return new StageError('speech-to-text', `${SERVICE} reported ${name}`, !WRONG_FOR_ALL.has(name), {
    scope: WRONG_WITH_THIS.has(name) ? 'request' : 'service',
  });
}

function typeOf(data: unknown): string {
  const { message_type: type } = data as { message_type?: unknown };
  return typeof type === 'string' && /^[a-z_]{1,40}$/.test(type) ? type : 'error';
}

/** The error types of their SDKs (`RealtimeEvents`). */
const WRONG_FOR_ALL = new Set(['auth_error', 'quota_exceeded', 'unaccepted_terms', 'unaccepted_terms_error']);
const WRONG_WITH_THIS = new Set([
  'invalid_request',
  'input_error',
  'commit_throttled',
  'chunk_size_exceeded',
  'session_time_limit_exceeded',
]);

function bytesOf(frame: Int16Array): Buffer {
  return Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
}
