import * as z from 'zod/mini';
import { ProtocolError } from './errors.ts';
import { FRAME_MS, MAX_MESSAGE_BYTES, MAX_QUEUE_LIMIT_MS, PROTOCOL_VERSION, SAMPLE_RATE } from './limits.ts';

/**
 * Control messages: JSON text, `type` first. Unknown fields are dropped by the schemas, unknown types are
 * ignored and counted by the caller. `asyncapi.yaml` says the same for other languages; a test holds it to this file.
 */

/** Both cases spelled out: a JSON Schema pattern has no flag for it. */
const uuid = z.string().check(z.regex(/^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/));
const name = z.string().check(z.minLength(1), z.maxLength(200));
const text = z.string().check(z.maxLength(16_384));
const token = z.string().check(z.minLength(16), z.maxLength(200));
/** Extended sequence number or timestamp: a safe non-negative integer. */
const counter = z.int().check(z.nonnegative());
/** −1: nothing received yet. */
const received = z.int().check(z.minimum(-1));
const durationMs = z.number().check(z.nonnegative(), z.maximum(86_400_000));
const codec = z.enum(['opus', 'pcm']);

/** Why a conversation ended; the same word on both ends. */
export const EndReason = z.enum([
  'hangup', // the receiver was put down
  'shutdown', // the daemon is stopping
  'duration', // the asked-for duration is over
  'idle', // nobody spoke for too long
  'expired', // not resumed within the window
  'unreachable', // no conversation could be begun within the window (device only)
  'replaced', // the same device connected anew without resuming
  'refused', // key, device or version refused
  'server', // the server ended it
  'protocol-error',
]);
export type EndReason = z.infer<typeof EndReason>;

const resume = z.object({
  conversationId: name,
  token,
  /** Last downlink frame received, or −1. */
  rxSeq: received,
  playedTs: counter,
  /** First microphone frame the device still holds. */
  firstTxSeq: counter,
});

export const Hello = z.object({
  type: z.literal('hello'),
  protocol: z.literal(PROTOCOL_VERSION),
  deviceId: uuid,
  bootId: name,
  firmware: name,
  codecs: z.array(codec).check(z.minLength(1), z.maxLength(8)),
  frameMs: z.literal(FRAME_MS),
  sampleRate: z.literal(SAMPLE_RATE),
  maxQueueMs: z.int().check(z.minimum(FRAME_MS), z.maximum(MAX_QUEUE_LIMIT_MS)),
  language: name,
  resume: z.optional(resume),
});

export const Ready = z.object({
  type: z.literal('ready'),
  conversationId: name,
  resumeToken: token,
  resumeWindowMs: durationMs,
  codec,
  pingMs: z.number().check(z.minimum(100), z.maximum(60_000)),
  maxQueueMs: z.int().check(z.minimum(FRAME_MS), z.maximum(MAX_QUEUE_LIMIT_MS)),
  serverTime: z.string().check(z.maxLength(40)),
});

export const Resumed = z.object({
  type: z.literal('resumed'),
  conversationId: name,
  resumeToken: token,
  /** Last microphone frame the server holds, or −1. */
  rxSeq: received,
  /** First frame it replays. */
  nextSeq: counter,
  remainingMs: durationMs,
});

export const Ack = z.object({
  type: z.literal('ack'),
  rxSeq: received,
  /** From the device: RTP timestamp (extended) up to which sound has left the speaker. */
  playedTs: z.optional(counter),
  /** From the device: what it holds and has not played. */
  queuedMs: z.optional(durationMs),
  /** Share of the frames since the last ack that never came, 0 … 1; the sender's codec follows it. */
  lossRate: z.optional(z.number().check(z.minimum(0), z.maximum(1))),
});

export const ResponseStart = z.object({ type: z.literal('response.start'), id: name, firstSeq: counter });
export const ResponseEnd = z.object({ type: z.literal('response.end'), id: name, lastSeq: received, durationMs });
export const Flush = z.object({ type: z.literal('flush'), id: name });

export const Playback = z.object({
  type: z.literal('playback'),
  id: name,
  state: z.enum(['started', 'finished', 'flushed']),
  playedMs: durationMs,
});
export const Interrupt = z.object({ type: z.literal('interrupt'), id: name, playedMs: durationMs, source: name });
export const Discarded = z.object({ type: z.literal('discarded'), fromSeq: counter, toSeq: counter, reason: name });

export const Transcript = z.object({
  type: z.literal('transcript'),
  role: z.enum(['patient', 'assistant']),
  text,
  final: z.boolean(),
});

/**
 * One turn's stages, each in ms from the end of the patient's speech. `speechEndSeq` is the microphone frame
 * that ended it: the device knows when it captured that frame, so mouth-to-ear time needs only one clock.
 */
export const Timing = z.object({
  type: z.literal('timing'),
  id: name,
  speechEndSeq: counter,
  turnDetectedMs: z.optional(durationMs),
  sttFinalMs: z.optional(durationMs),
  llmFirstTokenMs: z.optional(durationMs),
  ttsFirstByteMs: z.optional(durationMs),
  firstFrameSentMs: z.optional(durationMs),
});

export const End = z.object({ type: z.literal('end'), reason: EndReason });

export const ServerError = z.object({
  type: z.literal('error'),
  code: name,
  message: text,
  retryable: z.boolean(),
  retryAfterMs: z.optional(durationMs),
});

export const FROM_DEVICE = {
  hello: Hello,
  ack: Ack,
  playback: Playback,
  interrupt: Interrupt,
  discarded: Discarded,
  end: End,
} as const;
export const FROM_SERVER = {
  ready: Ready,
  resumed: Resumed,
  ack: Ack,
  'response.start': ResponseStart,
  'response.end': ResponseEnd,
  flush: Flush,
  transcript: Transcript,
  timing: Timing,
  end: End,
  error: ServerError,
} as const;

type Messages<T extends Record<string, z.ZodMiniType>> = { [K in keyof T]: z.infer<T[K]> }[keyof T];
export type DeviceMessage = Messages<typeof FROM_DEVICE>;
export type ServerMessage = Messages<typeof FROM_SERVER>;
export type Hello = z.infer<typeof Hello>;
export type Ready = z.infer<typeof Ready>;
export type Resumed = z.infer<typeof Resumed>;
export type ResumeRequest = z.infer<typeof resume>;

/**
 * @returns the message, or `undefined` for a type this version does not know (to be counted and ignored)
 * @throws {ProtocolError} oversized, not-json, bad-message; its text names the field, never the value
 */
export function parseDeviceMessage(data: string): DeviceMessage | undefined {
  return parse(FROM_DEVICE, data) as DeviceMessage | undefined;
}

/** @see parseDeviceMessage */
export function parseServerMessage(data: string): ServerMessage | undefined {
  return parse(FROM_SERVER, data) as ServerMessage | undefined;
}

function parse(schemas: Readonly<Record<string, z.ZodMiniType>>, data: string): unknown {
  const bytes = Buffer.byteLength(data);
  if (bytes > MAX_MESSAGE_BYTES) {
    throw new ProtocolError('oversized', `a control message of ${bytes} bytes; the limit is ${MAX_MESSAGE_BYTES}`);
  }
  const value = parseJson(data);
  const type = value['type'];
  if (typeof type !== 'string') throw new ProtocolError('bad-message', 'a control message needs a string field "type"');
  const schema = Object.hasOwn(schemas, type) ? schemas[type] : undefined;
  if (schema === undefined) return undefined;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new ProtocolError('bad-message', `${type}: field "${issue?.path.join('.') ?? ''}" is missing or out of range`);
}

function parseJson(data: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    // The parser's own message quotes the text, so it is not passed on as a cause.
    throw new ProtocolError('not-json', 'a text message must be one JSON object');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ProtocolError('not-json', 'a text message must be one JSON object');
  }
  return value as Record<string, unknown>;
}

/** Serialises with `type` first, as the protocol asks. */
export function encodeMessage(message: DeviceMessage | ServerMessage): string {
  const { type, ...fields } = message;
  return JSON.stringify({ type, ...fields });
}
