import { PayloadType } from '../src/index.ts';
import type { AudioPacket, DeviceMessage, ProtocolFault, ServerMessage } from '../src/index.ts';

/**
 * What is right and wrong on the wire, as bytes and as text, for the tests of both ends. Written by hand from
 * `protocol/README.md`, not by the code under test. Hex may hold spaces; `bytes` takes them out.
 */

export function bytes(hex: string): Buffer {
  const digits = hex.replaceAll(' ', '');
  if (!/^([0-9a-f]{2})*$/.test(digits)) throw new Error(`not hex: ${hex.slice(0, 40)}`);
  return Buffer.from(digits, 'hex');
}

/** The three bytes every Opus encoder makes of 20 ms of digital silence: CELT, full band, code 0. */
export const OPUS_SILENCE = 'f8 ff fe';
/** A DTX frame: the TOC byte alone (SILK, wide band, 20 ms). */
const OPUS_DTX = '48';
/** 320 samples of 0x0123 in network byte order. */
const L16_FRAME = '0123'.repeat(320);

export interface ValidPacket {
  readonly name: string;
  readonly hex: string;
  readonly packet: Omit<AudioPacket, 'payload'>;
  readonly payloadHex: string;
}

const opus = PayloadType.opus;
const l16 = PayloadType.l16;

export const VALID_PACKETS: readonly ValidPacket[] = [
  {
    name: 'Opus, first frame of a response',
    hex: `80 e0 0001 000003c0 1234abcd ${OPUS_SILENCE}`,
    packet: { payloadType: opus, marker: true, sequence: 1, timestamp: 960, ssrc: 0x1234abcd },
    payloadHex: OPUS_SILENCE,
  },
  {
    name: 'Opus, DTX: one byte of payload',
    hex: `80 60 0002 00000780 1234abcd ${OPUS_DTX}`,
    packet: { payloadType: opus, marker: false, sequence: 2, timestamp: 1_920, ssrc: 0x1234abcd },
    payloadHex: OPUS_DTX,
  },
  {
    name: 'every header field zero',
    hex: `80 60 0000 00000000 00000000 ${OPUS_SILENCE}`,
    packet: { payloadType: opus, marker: false, sequence: 0, timestamp: 0, ssrc: 0 },
    payloadHex: OPUS_SILENCE,
  },
  {
    name: 'every header field at its highest',
    hex: `80 e0 ffff ffffffff ffffffff ${OPUS_SILENCE}`,
    packet: { payloadType: opus, marker: true, sequence: 0xffff, timestamp: 0xffff_ffff, ssrc: 0xffff_ffff },
    payloadHex: OPUS_SILENCE,
  },
  {
    name: 'Opus, longest payload (1,275 bytes)',
    hex: `80 60 0003 00000b40 00000001 ${'78'.repeat(1_275)}`,
    packet: { payloadType: opus, marker: false, sequence: 3, timestamp: 2_880, ssrc: 1 },
    payloadHex: '78'.repeat(1_275),
  },
  {
    name: 'L16',
    hex: `80 61 8000 00000140 deadbeef ${L16_FRAME}`,
    packet: { payloadType: l16, marker: false, sequence: 0x8000, timestamp: 320, ssrc: 0xdeadbeef },
    payloadHex: L16_FRAME,
  },
  {
    name: 'L16, marker',
    hex: `80 e1 7fff 80000000 deadbeef ${L16_FRAME}`,
    packet: { payloadType: l16, marker: true, sequence: 0x7fff, timestamp: 0x8000_0000, ssrc: 0xdeadbeef },
    payloadHex: L16_FRAME,
  },
];

export interface InvalidPacket {
  readonly name: string;
  readonly hex: string;
  readonly fault: ProtocolFault;
}

const rest = '0001 000003c0 1234abcd';

export const INVALID_PACKETS: readonly InvalidPacket[] = [
  { name: 'empty', hex: '', fault: 'truncated-packet' },
  { name: 'one byte', hex: '80', fault: 'truncated-packet' },
  { name: 'a header short of its last byte', hex: '80 60 0001 000003c0 1234ab', fault: 'truncated-packet' },
  { name: 'RTP version 0', hex: `00 60 ${rest} ${OPUS_SILENCE}`, fault: 'bad-rtp-header' },
  { name: 'RTP version 1', hex: `40 60 ${rest} ${OPUS_SILENCE}`, fault: 'bad-rtp-header' },
  { name: 'RTP version 3', hex: `c0 60 ${rest} ${OPUS_SILENCE}`, fault: 'bad-rtp-header' },
  { name: 'padding bit', hex: `a0 60 ${rest} ${OPUS_SILENCE} 01`, fault: 'bad-rtp-header' },
  { name: 'extension bit', hex: `90 60 ${rest} bede0000 ${OPUS_SILENCE}`, fault: 'bad-rtp-header' },
  { name: 'one CSRC', hex: `81 60 ${rest} 00000001 ${OPUS_SILENCE}`, fault: 'bad-rtp-header' },
  { name: 'fifteen CSRCs, none there', hex: `8f 60 ${rest}`, fault: 'bad-rtp-header' },
  { name: 'a bare Opus frame, as in raw framing', hex: `48 ${'0b'.repeat(40)}`, fault: 'bad-rtp-header' },
  { name: 'a WAV file', hex: '52494646 24080000 57415645 666d7420', fault: 'bad-rtp-header' },
  { name: 'payload type 0 (PCMU)', hex: `80 00 ${rest} ${'ff'.repeat(160)}`, fault: 'bad-payload-type' },
  { name: 'payload type 11 (L16 at 44.1 kHz)', hex: `80 0b ${rest} ${L16_FRAME}`, fault: 'bad-payload-type' },
  { name: 'payload type 95', hex: `80 5f ${rest} ${OPUS_SILENCE}`, fault: 'bad-payload-type' },
  { name: 'payload type 98', hex: `80 62 ${rest} ${OPUS_SILENCE}`, fault: 'bad-payload-type' },
  { name: 'an RTCP sender report', hex: `80 c8 0006 1234abcd ${'00'.repeat(20)}`, fault: 'bad-payload-type' },
  { name: 'Opus without payload', hex: `80 60 ${rest}`, fault: 'bad-payload-length' },
  { name: 'Opus of 1,276 bytes', hex: `80 60 ${rest} ${'78'.repeat(1_276)}`, fault: 'bad-payload-length' },
  { name: 'L16 without payload', hex: `80 61 ${rest}`, fault: 'bad-payload-length' },
  { name: 'L16 of 320 bytes: 10 ms', hex: `80 61 ${rest} ${'00'.repeat(320)}`, fault: 'bad-payload-length' },
  { name: 'L16 of 639 bytes', hex: `80 61 ${rest} ${'00'.repeat(639)}`, fault: 'bad-payload-length' },
  { name: 'L16 of 641 bytes', hex: `80 61 ${rest} ${'00'.repeat(641)}`, fault: 'bad-payload-length' },
  {
    name: 'L16 of 1,280 bytes: two frames',
    hex: `80 61 ${rest} ${L16_FRAME}${L16_FRAME}`,
    fault: 'bad-payload-length',
  },
];

export interface ValidMessage<M> {
  readonly name: string;
  readonly text: string;
  readonly message: M;
}

const DEVICE_ID = '3f2b8c1e-6a0d-4f7e-9b1a-2c4d5e6f7a8b';
const TOKEN = 'rt_9f86d081884c7d65';

export const DEVICE_MESSAGES: readonly ValidMessage<DeviceMessage>[] = [
  {
    name: 'hello, fresh',
    text:
      `{"type":"hello","protocol":1,"deviceId":"${DEVICE_ID}","bootId":"b-1","firmware":"0.1.0","codecs":["opus","pcm"],` +
      '"frameMs":20,"sampleRate":16000,"maxQueueMs":30000,"language":"en-GB"}',
    message: {
      type: 'hello',
      protocol: 1,
      deviceId: DEVICE_ID,
      bootId: 'b-1',
      firmware: '0.1.0',
      codecs: ['opus', 'pcm'],
      frameMs: 20,
      sampleRate: 16_000,
      maxQueueMs: 30_000,
      language: 'en-GB',
    },
  },
  {
    name: 'hello, resuming after 65,535',
    text:
      `{"type":"hello","protocol":1,"deviceId":"${DEVICE_ID.toUpperCase()}","bootId":"b-1","firmware":"0.1.0","codecs":["pcm"],` +
      '"frameMs":20,"sampleRate":16000,"maxQueueMs":20,"language":"en",' +
      `"resume":{"conversationId":"c-7","token":"${TOKEN}","rxSeq":65541,"playedTs":4294968256,"firstTxSeq":70000}}`,
    message: {
      type: 'hello',
      protocol: 1,
      deviceId: DEVICE_ID.toUpperCase(),
      bootId: 'b-1',
      firmware: '0.1.0',
      codecs: ['pcm'],
      frameMs: 20,
      sampleRate: 16_000,
      maxQueueMs: 20,
      language: 'en',
      resume: { conversationId: 'c-7', token: TOKEN, rxSeq: 65_541, playedTs: 4_294_968_256, firstTxSeq: 70_000 },
    },
  },
  {
    name: 'ack of a device',
    text: '{"type":"ack","rxSeq":812,"playedTs":760320,"queuedMs":420.5,"lossRate":0.02}',
    message: { type: 'ack', rxSeq: 812, playedTs: 760_320, queuedMs: 420.5, lossRate: 0.02 },
  },
  { name: 'ack, nothing received', text: '{"type":"ack","rxSeq":-1}', message: { type: 'ack', rxSeq: -1 } },
  {
    name: 'playback',
    text: '{"type":"playback","id":"r-3","state":"finished","playedMs":2840}',
    message: { type: 'playback', id: 'r-3', state: 'finished', playedMs: 2_840 },
  },
  {
    name: 'interrupt',
    text: '{"type":"interrupt","id":"r-3","playedMs":0,"source":"button"}',
    message: { type: 'interrupt', id: 'r-3', playedMs: 0, source: 'button' },
  },
  {
    name: 'discarded',
    text: '{"type":"discarded","fromSeq":65530,"toSeq":65560,"reason":"stale"}',
    message: { type: 'discarded', fromSeq: 65_530, toSeq: 65_560, reason: 'stale' },
  },
  { name: 'end', text: '{"type":"end","reason":"hangup"}', message: { type: 'end', reason: 'hangup' } },
  {
    name: 'fields this version does not know are dropped',
    text: '{"volume":3,"type":"end","reason":"shutdown","__proto__":{"polluted":true}}',
    message: { type: 'end', reason: 'shutdown' },
  },
  { name: 'white space', text: ' {\n "type" : "end",\t"reason" : "idle" } ', message: { type: 'end', reason: 'idle' } },
];

export const SERVER_MESSAGES: readonly ValidMessage<ServerMessage>[] = [
  {
    name: 'ready',
    text:
      `{"type":"ready","conversationId":"c-7","resumeToken":"${TOKEN}","resumeWindowMs":30000,"codec":"opus","pingMs":5000,` +
      '"maxQueueMs":30000,"serverTime":"2026-01-01T09:30:00.000Z"}',
    message: {
      type: 'ready',
      conversationId: 'c-7',
      resumeToken: TOKEN,
      resumeWindowMs: 30_000,
      codec: 'opus',
      pingMs: 5_000,
      maxQueueMs: 30_000,
      serverTime: '2026-01-01T09:30:00.000Z',
    },
  },
  {
    name: 'resumed',
    text: `{"type":"resumed","conversationId":"c-7","resumeToken":"${TOKEN}2","rxSeq":70010,"nextSeq":65542,"remainingMs":21500}`,
    message: {
      type: 'resumed',
      conversationId: 'c-7',
      resumeToken: `${TOKEN}2`,
      rxSeq: 70_010,
      nextSeq: 65_542,
      remainingMs: 21_500,
    },
  },
  {
    name: 'ack of a server',
    text: '{"type":"ack","rxSeq":4711,"lossRate":0}',
    message: { type: 'ack', rxSeq: 4_711, lossRate: 0 },
  },
  {
    name: 'response.start',
    text: '{"type":"response.start","id":"r-3","firstSeq":901}',
    message: { type: 'response.start', id: 'r-3', firstSeq: 901 },
  },
  {
    name: 'response.end',
    text: '{"type":"response.end","id":"r-3","lastSeq":1042,"durationMs":2840}',
    message: { type: 'response.end', id: 'r-3', lastSeq: 1_042, durationMs: 2_840 },
  },
  { name: 'flush', text: '{"type":"flush","id":"r-3"}', message: { type: 'flush', id: 'r-3' } },
  {
    name: 'transcript',
    text: '{"type":"transcript","role":"patient","text":"The roses are out.","final":true}',
    message: { type: 'transcript', role: 'patient', text: 'The roses are out.', final: true },
  },
  {
    name: 'timing, every stage',
    text:
      '{"type":"timing","id":"r-3","speechEndSeq":640,"turnDetectedMs":480,"sttFinalMs":560,"llmFirstTokenMs":790,' +
      '"ttsFirstByteMs":930,"firstFrameSentMs":934.5}',
    message: {
      type: 'timing',
      id: 'r-3',
      speechEndSeq: 640,
      turnDetectedMs: 480,
      sttFinalMs: 560,
      llmFirstTokenMs: 790,
      ttsFirstByteMs: 930,
      firstFrameSentMs: 934.5,
    },
  },
  {
    name: 'timing, stages unknown',
    text: '{"type":"timing","id":"r-4","speechEndSeq":0}',
    message: { type: 'timing', id: 'r-4', speechEndSeq: 0 },
  },
  { name: 'end', text: '{"type":"end","reason":"expired"}', message: { type: 'end', reason: 'expired' } },
  {
    name: 'error',
    text: '{"type":"error","code":"bad-payload-length","message":"a 20 ms L16 frame has 640 bytes, this one 320","retryable":false}',
    message: {
      type: 'error',
      code: 'bad-payload-length',
      message: 'a 20 ms L16 frame has 640 bytes, this one 320',
      retryable: false,
    },
  },
  {
    name: 'error that says when to come back',
    text: '{"type":"error","code":"busy","message":"","retryable":true,"retryAfterMs":2000}',
    message: { type: 'error', code: 'busy', message: '', retryable: true, retryAfterMs: 2_000 },
  },
];

export interface InvalidMessage {
  readonly name: string;
  readonly text: string;
  readonly fault: ProtocolFault;
  /** The field that the error's text must name. */
  readonly field?: string;
}

/** Wrong in either direction. */
export const INVALID_MESSAGES: readonly InvalidMessage[] = [
  { name: 'empty', text: '', fault: 'not-json' },
  { name: 'half a message', text: '{"type":"ack","rxSe', fault: 'not-json' },
  { name: 'two messages in one', text: '{"type":"ack","rxSeq":1}{"type":"ack","rxSeq":2}', fault: 'not-json' },
  { name: 'JSON null', text: 'null', fault: 'not-json' },
  { name: 'a JSON array', text: '[{"type":"ack","rxSeq":1}]', fault: 'not-json' },
  { name: 'a JSON string', text: '"hello"', fault: 'not-json' },
  { name: 'nested beyond reason', text: '['.repeat(30_000), fault: 'not-json' },
  { name: 'over 64 KiB', text: `{"type":"ack","rxSeq":1,"x":"${'x'.repeat(65_536)}"}`, fault: 'oversized' },
  {
    name: 'over 64 KiB of bytes in fewer characters',
    text: `{"type":"ack","rxSeq":1,"x":"${'€'.repeat(22_000)}"}`,
    fault: 'oversized',
  },
  { name: 'no type', text: '{"rxSeq":1}', fault: 'bad-message', field: 'type' },
  { name: 'type of another kind', text: '{"type":7,"rxSeq":1}', fault: 'bad-message', field: 'type' },
  { name: 'ack without a number', text: '{"type":"ack"}', fault: 'bad-message', field: 'rxSeq' },
  { name: 'ack below −1', text: '{"type":"ack","rxSeq":-2}', fault: 'bad-message', field: 'rxSeq' },
  { name: 'ack of a fraction', text: '{"type":"ack","rxSeq":1.5}', fault: 'bad-message', field: 'rxSeq' },
  {
    name: 'ack beyond the safe integers',
    text: '{"type":"ack","rxSeq":9007199254740992}',
    fault: 'bad-message',
    field: 'rxSeq',
  },
  { name: 'ack as text', text: '{"type":"ack","rxSeq":"1"}', fault: 'bad-message', field: 'rxSeq' },
  {
    name: 'an infinite number',
    text: '{"type":"ack","rxSeq":1,"queuedMs":1e999}',
    fault: 'bad-message',
    field: 'queuedMs',
  },
  {
    name: 'more than a day',
    text: '{"type":"ack","rxSeq":1,"queuedMs":86400001}',
    fault: 'bad-message',
    field: 'queuedMs',
  },
  {
    name: 'more lost than sent',
    text: '{"type":"ack","rxSeq":1,"lossRate":1.01}',
    fault: 'bad-message',
    field: 'lossRate',
  },
  {
    name: 'null for an absent field',
    text: '{"type":"ack","rxSeq":1,"playedTs":null}',
    fault: 'bad-message',
    field: 'playedTs',
  },
  { name: 'an unknown reason', text: '{"type":"end","reason":"bored"}', fault: 'bad-message', field: 'reason' },
];

const helloWith = (fields: object): string => JSON.stringify({ ...DEVICE_MESSAGES[0]!.message, ...fields });
const resumeWith = (fields: object): string =>
  helloWith({ resume: { conversationId: 'c-7', token: TOKEN, rxSeq: -1, playedTs: 0, firstTxSeq: 0, ...fields } });

export const INVALID_DEVICE_MESSAGES: readonly InvalidMessage[] = [
  { name: 'another protocol version', text: helloWith({ protocol: 2 }), fault: 'bad-message', field: 'protocol' },
  { name: 'no UUID', text: helloWith({ deviceId: 'kitchen' }), fault: 'bad-message', field: 'deviceId' },
  { name: 'a UUID and more', text: helloWith({ deviceId: `${DEVICE_ID}\n` }), fault: 'bad-message', field: 'deviceId' },
  { name: 'an empty name', text: helloWith({ bootId: '' }), fault: 'bad-message', field: 'bootId' },
  {
    name: 'a name of 201 characters',
    text: helloWith({ firmware: 'f'.repeat(201) }),
    fault: 'bad-message',
    field: 'firmware',
  },
  { name: 'no codec', text: helloWith({ codecs: [] }), fault: 'bad-message', field: 'codecs' },
  { name: 'nine codecs', text: helloWith({ codecs: Array(9).fill('opus') }), fault: 'bad-message', field: 'codecs' },
  { name: '10 ms frames', text: helloWith({ frameMs: 10 }), fault: 'bad-message', field: 'frameMs' },
  { name: '8 kHz', text: helloWith({ sampleRate: 8_000 }), fault: 'bad-message', field: 'sampleRate' },
  { name: 'a queue below one frame', text: helloWith({ maxQueueMs: 19 }), fault: 'bad-message', field: 'maxQueueMs' },
  { name: 'a queue over a minute', text: helloWith({ maxQueueMs: 60_001 }), fault: 'bad-message', field: 'maxQueueMs' },
  { name: 'a short resume token', text: resumeWith({ token: 'short' }), fault: 'bad-message', field: 'resume.token' },
  {
    name: 'a negative frame to go on from',
    text: resumeWith({ firstTxSeq: -1 }),
    fault: 'bad-message',
    field: 'resume.firstTxSeq',
  },
  {
    name: 'an unknown playback state',
    text: '{"type":"playback","id":"r","state":"paused","playedMs":1}',
    fault: 'bad-message',
    field: 'state',
  },
  {
    name: 'less than nothing played',
    text: '{"type":"interrupt","id":"r","playedMs":-1,"source":"vad"}',
    fault: 'bad-message',
    field: 'playedMs',
  },
  {
    name: 'discarded without an end',
    text: '{"type":"discarded","fromSeq":1,"reason":"stale"}',
    fault: 'bad-message',
    field: 'toSeq',
  },
];

const readyWith = (fields: object): string => JSON.stringify({ ...SERVER_MESSAGES[0]!.message, ...fields });

export const INVALID_SERVER_MESSAGES: readonly InvalidMessage[] = [
  { name: 'a codec nobody offered', text: readyWith({ codec: 'mp3' }), fault: 'bad-message', field: 'codec' },
  { name: 'pings in a storm', text: readyWith({ pingMs: 99 }), fault: 'bad-message', field: 'pingMs' },
  { name: 'pings too rare', text: readyWith({ pingMs: 60_001 }), fault: 'bad-message', field: 'pingMs' },
  { name: 'a short resume token', text: readyWith({ resumeToken: 'x' }), fault: 'bad-message', field: 'resumeToken' },
  {
    name: 'a long time of day',
    text: readyWith({ serverTime: '2'.repeat(41) }),
    fault: 'bad-message',
    field: 'serverTime',
  },
  {
    name: 'resumed without a frame to go on from',
    text: `{"type":"resumed","conversationId":"c","resumeToken":"${TOKEN}","rxSeq":1,"remainingMs":1}`,
    fault: 'bad-message',
    field: 'nextSeq',
  },
  {
    name: 'a response without a name',
    text: '{"type":"response.start","id":"","firstSeq":1}',
    fault: 'bad-message',
    field: 'id',
  },
  {
    name: 'a third speaker',
    text: '{"type":"transcript","role":"narrator","text":"","final":true}',
    fault: 'bad-message',
    field: 'role',
  },
  {
    name: 'too much said',
    text: JSON.stringify({ type: 'transcript', role: 'patient', text: 'a'.repeat(16_385), final: true }),
    fault: 'bad-message',
    field: 'text',
  },
  {
    name: 'final as text',
    text: '{"type":"transcript","role":"patient","text":"","final":"yes"}',
    fault: 'bad-message',
    field: 'final',
  },
  { name: 'timing of no frame', text: '{"type":"timing","id":"r-3"}', fault: 'bad-message', field: 'speechEndSeq' },
];

/** Well formed, of a type that the receiver does not know in this direction: ignored and counted. */
export const UNKNOWN_TO_SERVER: readonly string[] = [
  '{"type":"battery","level":80}',
  '{"type":"ready"}',
  '{"type":"flush","id":"r-3"}',
  '{"type":"constructor"}',
  '{"type":"__proto__"}',
  '{"type":""}',
];
export const UNKNOWN_TO_DEVICE: readonly string[] = [
  '{"type":"volume","level":3}',
  '{"type":"hello"}',
  '{"type":"interrupt"}',
  '{"type":"toString"}',
  '{"type":"Ready"}',
];
