import type { CodecFactory } from '../../common/src/codec/codecs.ts';
import { CLEAN_LINK } from '../../common/src/codec/tuning.ts';
import type { Downlink } from '../../device/src/downlink.ts';
import type { FrameCounters } from '../../common/src/concealment/frame-counters.ts';
import { newFrameCounters } from '../../common/src/concealment/frame-counters.ts';
import { Uplink } from '../../device/src/uplink.ts';
import {
  ACK_INTERVAL_MS,
  DEFAULT_MAX_QUEUE_MS,
  encodeMessage,
  extendTimestamp,
  FRAME_MS,
  parsePacket,
  writePacket,
  SequenceExtender,
} from '../../protocol/src/index.ts';
import { uplinkLink } from '../../test/lib/uplink-link.ts';
import type { MessageSocket } from '../../common/src/link/message-socket.ts';
import type { ServerMessage } from '../../protocol/src/index.ts';
import type { VirtualClock } from '../../common/src/time/virtual-clock.ts';
import { Downlink as ServerDownlink } from '../../server-stub/src/media/downlink.ts';
import { ServerStats } from '../../server-stub/src/system/stats.ts';
import type { ConversationLog } from '../../server-stub/src/store/conversation-store.ts';
import type { Scenario } from '../network/scenarios.ts';
import { PacketPath } from './packet-path.ts';
import type { Utterance } from './speech.ts';
import { liveSpeech } from './speech.ts';
import { TcpFlow } from './tcp-flow.ts';

/**
 * How sound travels from the far end to the phone:
 *
 * - `ahead`: what the product does: responses over WebSocket, sent as fast as they are made;
 * - `live`: over WebSocket as it is spoken, by a sender that sheds what grew stale (a person at the far end);
 * - `datagram`: as it is spoken, over a path that loses packets for good (WebRTC, one day).
 */
export const WAYS = ['ahead', 'live', 'datagram'] as const;
export type Way = (typeof WAYS)[number];

export interface Crossing {
  readonly clock: VirtualClock;
  readonly scenario: Scenario;
  readonly seed: number;
  readonly seconds: number;
  readonly codecs: CodecFactory;
  readonly utterances: readonly Utterance[];
  /** The phone's. */
  readonly downlink: Downlink;
}

/** @returns the sender's counters */
export function send(way: Way, crossing: Crossing): Readonly<FrameCounters> {
  return way === 'ahead' ? sendAhead(crossing) : sendLive(crossing, way);
}

/** From the phone's point of view: sound comes down, acknowledgements go up. */
function pathsOf({ scenario, seed }: Crossing): { down: PacketPath; up: PacketPath } {
  return { down: new PacketPath(scenario, 'down', seed), up: new PacketPath(scenario, 'up', seed) };
}

function flowsOf(crossing: Crossing): { down: TcpFlow; up: TcpFlow } {
  const roundTripMs = 2 * crossing.scenario.delayMs;
  const data = pathsOf(crossing);
  return {
    down: new TcpFlow(crossing.clock, data.down, data.up, roundTripMs),
    up: new TcpFlow(crossing.clock, data.up, data.down, roundTripMs),
  };
}

function sendAhead(crossing: Crossing): FrameCounters {
  const { clock, codecs, downlink, utterances } = crossing;
  const { down, up } = flowsOf(crossing);
  const counters = newFrameCounters();
  const encoder = codecs.encoder('opus', CLEAN_LINK);
  const sender = newServerDownlink(clock);
  const receive = receiver(crossing);
  downlink.start('opus');
  sender.attach({
    message: (message) => down.send(encodeMessage(message).length, () => deliver(downlink, message)),
    frame: (packet) => {
      const data = writePacket(packet);
      counters.sent++;
      down.send(data.length, () => receive(data));
    },
  });
  clock.every(ACK_INTERVAL_MS, () => {
    const { rxSeq, playedTs } = downlink.ack();
    up.send(ACK_BYTES, () => sender.acknowledge(rxSeq, playedTs));
  });
  utterances.forEach(({ atMs, frames }, index) =>
    clock.after(atMs, () => {
      const id = `response-${index}`;
      sender.begin(id);
      frames.forEach((frame, number) =>
        clock.after(madeAfterMs(number), () => sender.append(id, encoder.encode(frame))),
      );
      clock.after(madeAfterMs(frames.length), () => sender.end(id));
    }),
  );
  return counters;
}

/** As the server makes responses: see `response.ts` there. */
function madeAfterMs(frame: number): number {
  return Math.max(0, Math.ceil((frame + 1 - FIRST_SLICE_FRAMES) / FRAMES_PER_SLICE)) * SLICE_PAUSE_MS;
}

function sendLive(crossing: Crossing, way: 'live' | 'datagram'): FrameCounters {
  const { clock, codecs, downlink, utterances, seconds, seed } = crossing;
  const { down, up } = flowsOf(crossing);
  const counters = newFrameCounters();
  const receive = receiver(crossing);
  const uplink = new Uplink({
    clock,
    counters,
    encoder: codecs.encoder('opus', CLEAN_LINK),
    bitrate: CLEAN_LINK.bitrate,
    ssrc: 1,
    firstSequence: 0,
    firstTimestamp: 0,
    onShed() {},
  });
  downlink.start('opus', true);
  const socket = way === 'live' ? streamSocket(down, receive) : datagramSocket(crossing, receive);
  uplink.link(uplinkLink(socket), -1);
  clock.every(ACK_INTERVAL_MS, () => {
    const { rxSeq, lossRate } = downlink.ack();
    up.send(ACK_BYTES, () => uplink.acknowledge(rxSeq, lossRate));
  });
  const stream = liveSpeech(utterances, seconds, seed);
  stream.forEach((frame, index) => clock.after(index * FRAME_MS, () => uplink.capture(frame)));
  return counters;
}

function receiver({ clock, downlink }: Crossing): (data: Uint8Array) => void {
  const numbers = new SequenceExtender();
  let timestamp: number | undefined;
  return (data) => {
    const packet = parsePacket(data);
    timestamp = timestamp === undefined ? packet.timestamp : extendTimestamp(timestamp, packet.timestamp);
    downlink.receive(numbers.extend(packet.sequence), timestamp, packet.marker, packet.payload, clock.now());
  };
}

function deliver(downlink: Downlink, message: ServerMessage): void {
  if (message.type === 'response.start') downlink.responseStart(message.id, message.firstSeq);
  if (message.type === 'response.end') downlink.responseEnd(message.id, message.lastSeq);
}

function streamSocket(flow: TcpFlow, receive: (data: Uint8Array) => void): MessageSocket {
  return {
    ...DEAF_SOCKET,
    get bufferedBytes() {
      return flow.bufferedBytes;
    },
    send: (data) => {
      if (typeof data !== 'string') flow.send(data.length, () => receive(data));
    },
  };
}

function datagramSocket(crossing: Crossing, receive: (data: Uint8Array) => void): MessageSocket {
  const { down } = pathsOf(crossing);
  return {
    ...DEAF_SOCKET,
    send: (data) => {
      const now = crossing.clock.now();
      const arrivesMs = typeof data === 'string' ? undefined : down.arrival(now, data.length + DATAGRAM_HEADER_BYTES);
      if (arrivesMs !== undefined) crossing.clock.after(arrivesMs - now, () => receive(data as Uint8Array));
    },
  };
}

const DEAF_SOCKET: MessageSocket = {
  bufferedBytes: 0,
  bytesReceived: 0,
  listen() {},
  send() {},
  ping() {},
  close() {},
  terminate() {},
};

function newServerDownlink(clock: VirtualClock): ServerDownlink {
  const forgets: ConversationLog = {
    save() {},
    append() {},
    heard() {},
    understood() {},
    release() {},
    clear() {},
    remove() {},
  };
  return new ServerDownlink({
    clock,
    codec: 'opus',
    maxQueueMs: DEFAULT_MAX_QUEUE_MS,
    maxHeldMs: 2 * DEFAULT_MAX_QUEUE_MS,
    firstFrame: 0,
    frames: [],
    record: { ssrc: 1, firstSequence: 0, firstTimestamp: 0, responses: [], flushing: [] },
    log: forgets,
    stats: new ServerStats(),
    changed() {},
  });
}

const ACK_BYTES = 80;
/** IP, UDP, and SRTP's tag. */
const DATAGRAM_HEADER_BYTES = 38;
const FIRST_SLICE_FRAMES = 28;
const FRAMES_PER_SLICE = 10;
const SLICE_PAUSE_MS = 2;
