import type { ElevenLabsClient } from '@elevenlabs/elevenlabs-js';
import type { RawData, WebSocket } from 'ws';
import type { IncomingMessage } from 'node:http';
import { SAMPLE_RATE } from '../../../../protocol/src/index.ts';
import { StageError } from '../ports.ts';
import type { SpeechToText, StageOptions, Transcript } from '../ports.ts';
import { SERVICE } from './elevenlabs-fault.ts';
import { connectionFault, httpFault, malformed } from './http-fault.ts';
import { Inbox } from './inbox.ts';

export interface ElevenLabsEarsSettings {
  readonly modelId: string;
}

/**
 * ElevenLabs realtime speech-to-text by their SDK: one WebSocket per utterance, audio as it is spoken, one commit at its
 * end. The connection is opened while the patient speaks, so it costs no time after the last word.
 */
export class ElevenLabsEars implements SpeechToText {
  readonly #client: ElevenLabsClient;
  readonly #settings: ElevenLabsEarsSettings;

  constructor(client: ElevenLabsClient, settings: ElevenLabsEarsSettings) {
    this.#client = client;
    this.#settings = settings;
  }

  async *transcribe(audio: AsyncIterable<Int16Array>, options: StageOptions): AsyncGenerator<Transcript> {
    const inbox = new Inbox<Transcript>();
    const connection = await this.#open(options);
    const socket = guarded(connection, inbox);
    const giveUp = (): void => socket.terminate();
    options.signal.addEventListener('abort', giveUp, { once: true });
    if (options.signal.aborted) giveUp();
    this.#hear(connection, inbox);
    const spoken = this.#send(audio, connection, inbox);
    // What goes wrong there comes out of the inbox.
    spoken.catch(() => {});
    try {
      yield* inbox.read();
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

  #hear(connection: RealtimeConnection, inbox: Inbox<Transcript>): void {
    on(connection, 'partial_transcript', (data: unknown) => {
      const text = textOf(data);
      if (text === undefined) inbox.fail(malformed('speech-to-text', SERVICE, 'a transcript without text'));
      else if (text !== '') inbox.push({ text, final: false });
    });
    on(connection, 'committed_transcript', (data: unknown) => {
      const text = textOf(data);
      if (text === undefined) return inbox.fail(malformed('speech-to-text', SERVICE, 'a transcript without text'));
      inbox.push({ text: text.trim(), final: true });
      inbox.end();
    });
    on(connection, 'error', (data: unknown) => inbox.fail(messageFault(data)));
    on(connection, 'close', () => inbox.fail(connectionFault('speech-to-text', SERVICE, undefined)));
  }

  /** ~100 ms a message, as their guide asks: base64 in JSON for each 20 ms would cost both ends. */
  async #send(audio: AsyncIterable<Int16Array>, connection: RealtimeConnection, inbox: Inbox<Transcript>): Promise<void> {
    try {
      await new Promise<void>((resolve) => on(connection, 'session_started', () => resolve()));
      let waiting: Int16Array[] = [];
      const flush = (): void => {
        if (waiting.length > 0) connection.send({ audioBase64: Buffer.concat(waiting.map(bytesOf)).toString('base64') });
        waiting = [];
      };
      for await (const frame of audio) {
        waiting.push(frame);
        if (waiting.length >= FRAMES_A_MESSAGE) flush();
      }
      flush();
      connection.commit();
    } catch (error) {
      inbox.fail(connectionFault('speech-to-text', SERVICE, error));
    }
  }
}

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
function guarded(connection: RealtimeConnection, inbox: Inbox<Transcript>): WebSocket {
  const { websocket: socket } = connection as unknown as { websocket: WebSocket };
  const theirs = socket.listeners('message');
  socket.removeAllListeners('message');
  socket.on('message', (data, isBinary) => {
    if (isBinary || !isJsonObject(asText(data))) return inbox.fail(malformed('speech-to-text', SERVICE, 'a message that is no JSON object'));
    for (const listener of theirs) listener.call(socket, data, isBinary);
  });
  socket.on('unexpected-response', (_request: unknown, { statusCode = 0, headers }: IncomingMessage) => {
    inbox.fail(httpFault('speech-to-text', SERVICE, statusCode, headers['retry-after'], undefined));
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
  const { message_type: type } = data as { message_type?: unknown };
  const name = typeof type === 'string' && /^[a-z_]{1,40}$/.test(type) ? type : 'error';
  const hopeless = ['auth_error', 'quota_exceeded', 'unaccepted_terms', 'invalid_request', 'input_error'].includes(name);
  return new StageError('speech-to-text', `${SERVICE} reported ${name}`, !hopeless);
}

function bytesOf(frame: Int16Array): Buffer {
  return Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
}
