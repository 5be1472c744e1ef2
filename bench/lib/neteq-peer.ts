import { createSocket, type Socket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from '../../test/lib/statistics.ts';

/*
 * One run of WebRTC's own jitter buffer, NetEQ: two peers of @roamhq/wrtc in this process, their media through a relay
 * of ours that delays and drops what the job says. Real time. Job as JSON on standard input, answer on standard output.
 */

export interface NetEqJob {
  /** Of each packet, ms; −1: lost. Used from the start again when it is over. */
  readonly delaysMs: readonly number[];
  readonly seconds: number;
  /** 16 kHz mono samples, base64 of little-endian s16; repeated. */
  readonly speech: string;
  /** Send back what was heard. */
  readonly record: boolean;
}

export interface NetEqResult {
  readonly meanDelayMs: number;
  readonly p95DelayMs: number;
  readonly concealedShare: number;
  /** Put in and taken out to move the delay. */
  readonly stretchedShare: number;
  /** How late this process' timers came, 99th percentile, ms: what the machine did to the measurement. */
  readonly timerLateMs: number;
  /** 48 kHz s16, base64; empty unless asked for. */
  readonly heard: string;
}

/** The part of @roamhq/wrtc that is used; its own types want a browser's. */
interface Wrtc {
  readonly RTCPeerConnection: new () => Peer;
  readonly nonstandard: {
    readonly RTCAudioSource: new () => AudioSource;
    readonly RTCAudioSink: new (track: unknown) => { ondata: (data: { samples: Int16Array }) => void };
  };
}

interface AudioSource {
  createTrack(): unknown;
  onData(data: {
    samples: Int16Array;
    sampleRate: number;
    bitsPerSample: number;
    channelCount: number;
    numberOfFrames: number;
  }): void;
}

interface Description {
  readonly type: string;
  readonly sdp: string;
}

interface Peer {
  ontrack: (event: { track: unknown }) => void;
  onicecandidate: (event: { candidate: Candidate | null }) => void;
  addTrack(track: unknown): void;
  createOffer(): Promise<Description>;
  createAnswer(): Promise<Description>;
  setLocalDescription(description: Description): Promise<void>;
  setRemoteDescription(description: Description): Promise<void>;
  addIceCandidate(candidate: Candidate): Promise<void>;
  getStats(): Promise<ReadonlyMap<string, Inbound>>;
}

const { nonstandard, RTCPeerConnection } = createRequire(import.meta.url)('@roamhq/wrtc') as Wrtc;

const WARM_UP_MS = 4_000;
const TICK_MS = 5;

interface Inbound {
  readonly type: string;
  readonly jitterBufferDelay: number;
  readonly jitterBufferEmittedCount: number;
  readonly concealedSamples: number;
  readonly totalSamplesReceived: number;
  readonly insertedSamplesForDeceleration: number;
  readonly removedSamplesForAcceleration: number;
}

interface Candidate {
  candidate: string;
  sdpMid: string | null;
  sdpMLineIndex: number | null;
}

const job = JSON.parse(readFileSync(0, 'utf8')) as NetEqJob;
process.stdout.write(JSON.stringify(await run(job)), () => process.exit(0));

async function run(work: NetEqJob): Promise<NetEqResult> {
  const sender = new RTCPeerConnection();
  const receiver = new RTCPeerConnection();
  const source = new nonstandard.RTCAudioSource();
  sender.addTrack(source.createTrack());
  const heard: Int16Array[] = [];
  let recording = false;
  receiver.ontrack = (event) => {
    new nonstandard.RTCAudioSink(event.track).ondata = ({ samples }) => {
      if (recording) heard.push(samples.slice());
    };
  };
  await connect(sender, receiver, work.delaysMs);
  const lateMs = speak(source, work.speech);
  await sleep(WARM_UP_MS);
  recording = work.record;
  const statistics = await watch(receiver, work.seconds);
  return {
    ...statistics,
    timerLateMs: quantile(lateMs, 0.99),
    heard: Buffer.concat(heard.map((part) => Buffer.from(part.buffer))).toString('base64'),
  };
}

/** 10 ms at a time, on the wall clock's grid. @returns how late each tick came, filled as it goes */
function speak(source: AudioSource, speech: string): number[] {
  const bytes = Buffer.from(speech, 'base64');
  const samples = new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const blocks = Math.floor(samples.length / 160);
  const startMs = performance.now();
  const lateMs: number[] = [];
  let sent = 0;
  let lastMs = startMs;
  setInterval(() => {
    lateMs.push(performance.now() - lastMs - TICK_MS);
    lastMs = performance.now();
    for (; startMs + sent * 10 <= performance.now(); sent++) {
      const at = (sent % blocks) * 160;
      source.onData({
        samples: samples.slice(at, at + 160),
        sampleRate: 16_000,
        bitsPerSample: 16,
        channelCount: 1,
        numberOfFrames: 160,
      });
    }
  }, TICK_MS);
  return lateMs;
}

async function watch(receiver: Peer, seconds: number): Promise<Omit<NetEqResult, 'heard' | 'timerLateMs'>> {
  const first = await inbound(receiver);
  const delays: number[] = [];
  let before = first;
  for (const endMs = performance.now() + seconds * 1_000; performance.now() < endMs;) {
    await sleep(200);
    const now = await inbound(receiver);
    const emitted = now.jitterBufferEmittedCount - before.jitterBufferEmittedCount;
    if (emitted > 0) delays.push(((now.jitterBufferDelay - before.jitterBufferDelay) / emitted) * 1_000);
    before = now;
  }
  return {
    meanDelayMs:
      ((before.jitterBufferDelay - first.jitterBufferDelay) /
        (before.jitterBufferEmittedCount - first.jitterBufferEmittedCount)) *
      1_000,
    p95DelayMs: quantile(delays, 0.95),
    concealedShare:
      (before.concealedSamples - first.concealedSamples) / (before.totalSamplesReceived - first.totalSamplesReceived),
    stretchedShare: (stretched(before) - stretched(first)) / (before.totalSamplesReceived - first.totalSamplesReceived),
  };
}

function stretched({ insertedSamplesForDeceleration, removedSamplesForAcceleration }: Inbound): number {
  return insertedSamplesForDeceleration + removedSamplesForAcceleration;
}

async function inbound(receiver: Peer): Promise<Inbound> {
  for (const entry of (await receiver.getStats()).values()) if (entry.type === 'inbound-rtp') return entry;
  throw new Error('no media reached the receiver: is UDP over loopback allowed here?');
}

/** The peers find each other only through two sockets of ours; what goes from sender to receiver is delayed. */
async function connect(sender: Peer, receiver: Peer, delaysMs: readonly number[]): Promise<void> {
  const [facingSender, facingReceiver] = [await bound(), await bound()];
  const addresses: { sender?: Address; receiver?: Address } = {};
  const relay = delayed(
    delaysMs,
    (message) =>
      addresses.receiver && facingReceiver.send(message, addresses.receiver.port, addresses.receiver.address),
  );
  facingSender.on('message', (message, from) => {
    addresses.sender = from;
    if (isMedia(message)) relay(message);
    else if (addresses.receiver) facingReceiver.send(message, addresses.receiver.port, addresses.receiver.address);
  });
  facingReceiver.on('message', (message, from) => {
    addresses.receiver = from;
    if (addresses.sender) facingSender.send(message, addresses.sender.port, addresses.sender.address);
  });
  introduce(sender, receiver, facingReceiver, (address) => (addresses.sender ??= address));
  introduce(receiver, sender, facingSender, (address) => (addresses.receiver ??= address));
  const offer = await sender.createOffer();
  await sender.setLocalDescription(withoutCandidates(offer));
  await receiver.setRemoteDescription(withoutCandidates(offer));
  const answer = await receiver.createAnswer();
  await receiver.setLocalDescription(withoutCandidates(answer));
  await sender.setRemoteDescription(withoutCandidates(answer));
}

interface Address {
  readonly address: string;
  readonly port: number;
}

/** Tells `to` of the relay's socket in place of what `from` found of itself. */
function introduce(from: Peer, to: Peer, relay: Socket, learned: (address: Address) => void): void {
  from.onicecandidate = ({ candidate }) => {
    const parts = candidate?.candidate.split(' ');
    if (!candidate || !parts || parts[2]?.toLowerCase() !== 'udp' || parts[7] !== 'host' || parts[4]!.includes(':'))
      return;
    learned({ address: parts[4]!, port: Number(parts[5]) });
    parts[5] = String(relay.address().port);
    void to.addIceCandidate({
      candidate: parts.join(' '),
      sdpMid: candidate.sdpMid,
      sdpMLineIndex: candidate.sdpMLineIndex,
    });
  };
}

function withoutCandidates({ type, sdp }: Description): Description {
  return { type, sdp: sdp.replace(/a=candidate.*\r\n/g, '') };
}

function delayed(delaysMs: readonly number[], send: (message: Buffer) => void): (message: Buffer) => void {
  let count = 0;
  let lastMs = 0;
  return (message) => {
    const delayMs = delaysMs[count++ % delaysMs.length]!;
    if (delayMs < 0) return;
    lastMs = Math.max(lastMs, performance.now() + delayMs);
    const waitMs = lastMs - performance.now();
    if (waitMs < 0.5) send(message);
    else setTimeout(() => send(message), waitMs);
  };
}

/** SRTP, and neither STUN, DTLS nor SRTCP (RFC 7983, RFC 5761). */
function isMedia(message: Buffer): boolean {
  return message[0]! > 127 && message[0]! < 192 && !(message[1]! >= 192 && message[1]! <= 223);
}

function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => socket.bind(0, '0.0.0.0', () => resolve(socket)));
}
