import assert from 'node:assert/strict';
import { FRAME_SAMPLES } from '../../protocol/src/index.ts';
import type { MessageSocket } from '../../common/src/link/message-socket.ts';
import { VirtualClock } from '../../common/src/time/virtual-clock.ts';
import type { Encoder } from '../../common/src/codec/ports.ts';
import { newFrameCounters } from '../../common/src/concealment/frame-counters.ts';
import { uplinkLink } from '../../test/lib/uplink-link.ts';
import { Uplink } from '../src/uplink.ts';

/** IP, TCP, TLS and WebSocket around a packet of its own; around one in a queue, whose segments TCP fills. */
const ALONE_BYTES = 80;
const QUEUED_BYTES = 31;
const DELAY_MS = 40;

/** The narrower, the more has piled up when it shows. */
const NARROW = [
  { kbit: 48, worstMs: 700 },
  { kbit: 40, worstMs: 1_600 },
  { kbit: 32, worstMs: 2_900 },
];

/** An uplink over a line of `kbitOf(time)` kbit/s with a long queue, a server that acks every second. */
function call(seconds: number, kbitOf: (nowMs: number) => number) {
  const clock = new VirtualClock();
  const counters = newFrameCounters();
  const rates: number[] = [32_000];
  const encoder: Encoder = {
    codec: 'opus',
    close() {},
    encode: () => new Uint8Array(rates.at(-1)! / 400),
    tune: ({ bitrate }) => rates.push(bitrate),
  };
  const uplink = new Uplink({
    clock,
    encoder,
    bitrate: 32_000,
    counters,
    ssrc: 7,
    firstSequence: 0,
    firstTimestamp: 0,
    onShed() {},
  });
  let lineFreeMs = 0;
  let received = -1;
  let sequence = 0;
  const delaysMs: number[] = [];
  const socket: MessageSocket = {
    bufferedBytes: 0,
    bytesReceived: 0,
    listen() {},
    ping() {},
    close() {},
    terminate() {},
    send(data) {
      const bytes = data.length + (lineFreeMs > clock.now() ? QUEUED_BYTES : ALONE_BYTES);
      lineFreeMs = Math.max(lineFreeMs, clock.now()) + (bytes * 8) / kbitOf(clock.now());
      const number = ((data as Uint8Array)[2]! << 8) | (data as Uint8Array)[3]!;
      clock.after(lineFreeMs + DELAY_MS - clock.now(), () => {
        received = number;
        delaysMs[number] = clock.now() - uplink.capturedAtMs(number)!;
      });
    },
  };
  uplink.link(uplinkLink(socket), -1);
  clock.every(1_000, () => {
    const acknowledged = received;
    clock.after(DELAY_MS, () => uplink.acknowledge(acknowledged));
  });
  clock.every(20, () => {
    uplink.capture(new Int16Array(FRAME_SAMPLES));
    sequence++;
  });
  clock.advance(seconds * 1_000);
  return { rates, delaysMs, counters, sequence };
}

describe('the uplink on a line that is narrow', () => {
  it('leaves the bitrate alone where the line carries it', () =>
    assert.deepEqual(call(120, () => 200).rates, [32_000]));

  for (const { kbit, worstMs } of NARROW) {
    it(`lowers it on ${kbit} kbit/s, so that what is said arrives soon and nothing is shed`, () => {
      const { rates, delaysMs, counters } = call(240, () => kbit);
      assert.ok(Math.min(...rates) < 32_000);
      assert.ok(rates.length < 20, `${rates.length} changes`);
      assert.equal(counters.shed, 0);
      assert.ok(Math.max(...delaysMs) < worstMs, `${Math.max(...delaysMs).toFixed(0)} ms`);
      const late = delaysMs.slice(60 * 50);
      assert.ok(Math.max(...late) < 700, `${Math.max(...late).toFixed(0)} ms after a minute`);
    });
  }

  it('has the old one back once the line is wide again', () => {
    const { rates } = call(180, (nowMs) => (nowMs > 20_000 && nowMs < 60_000 ? 40 : 200));
    assert.ok(Math.min(...rates) < 32_000);
    assert.equal(rates.at(-1), 32_000);
  });
});
