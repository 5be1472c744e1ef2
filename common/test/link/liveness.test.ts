import assert from 'node:assert/strict';
import { Liveness } from '../../src/link/liveness.ts';
import type { MessageSocket } from '../../src/link/message-socket.ts';
import { VirtualClock } from '../../src/time/virtual-clock.ts';

const PING_MS = 5_000;
const DEAD_MS = 6_000;

/** A watched socket in virtual time: `arrive` is bytes on the wire, `message` is bytes that made a whole message. */
function watched(deadAfterMs?: number) {
  const clock = new VirtualClock();
  const seen = { bytes: 0, pingsAtMs: [] as number[], deathsAtMs: [] as number[] };
  const socket: MessageSocket = {
    bufferedBytes: 0,
    get bytesReceived() {
      return seen.bytes;
    },
    listen() {},
    send() {},
    ping: () => seen.pingsAtMs.push(clock.now()),
    close() {},
    terminate() {},
  };
  const liveness = new Liveness(clock, socket, PING_MS, () => seen.deathsAtMs.push(clock.now()), deadAfterMs);
  const arrive = (): void => void seen.bytes++;
  const message = (): void => {
    arrive();
    liveness.life();
  };
  return { clock, seen, liveness, arrive, message };
}

describe('liveness', () => {
  it('pings on a steady grid', () => {
    const { clock, seen, message } = watched();
    clock.every(1_000, message);
    clock.advance(20_000);
    assert.deepEqual(seen.pingsAtMs, [5_000, 10_000, 15_000, 20_000]);
    assert.deepEqual(seen.deathsAtMs, []);
  });

  it('finds a peer dead that never sent a byte', () => {
    const { clock, seen } = watched();
    clock.advance(60_000);
    assert.deepEqual(seen.deathsAtMs, [DEAD_MS]);
  });

  for (const lastMs of [0, 20, 999, 1_000, 1_001, 5_990, 123_456.7]) {
    it(`finds a peer dead 6 s after its last message, at ${lastMs} ms`, () => {
      const { clock, seen, message } = watched();
      for (let at = lastMs % 2_000; at <= lastMs; at += 2_000) clock.after(at, message);
      clock.advance(lastMs + 30_000);
      assert.deepEqual(seen.deathsAtMs.map(Math.round), [Math.round(lastMs + DEAD_MS)]);
    });
  }

  it('lets a peer live that sends just in time', () => {
    const { clock, seen, message } = watched();
    clock.every(DEAD_MS - 1, message);
    clock.advance(10 * 60_000);
    assert.deepEqual(seen.deathsAtMs, []);
  });

  it('takes a trickle of bytes for life, though no message becomes whole', () => {
    const { clock, seen, arrive } = watched();
    clock.every(4_900, arrive);
    clock.advance(10 * 60_000);
    assert.deepEqual(seen.deathsAtMs, []);
  });

  it('notices within a second more when the trickle ends inside a message', () => {
    for (let lastMs = 100; lastMs <= 12_000; lastMs += 700) {
      const { clock, seen, message, arrive } = watched();
      for (let at = 0; at < lastMs; at += 500) clock.after(at, message);
      clock.after(lastMs, arrive);
      clock.advance(60_000);
      assert.equal(seen.deathsAtMs.length, 1);
      const silentMs = seen.deathsAtMs[0]! - lastMs;
      assert.ok(silentMs >= DEAD_MS && silentMs <= DEAD_MS + 1_000, `last byte ${lastMs}, silent for ${silentMs}`);
    }
  });

  it('says so once, and leaves no timer behind', () => {
    const { clock, seen } = watched();
    clock.advance(60_000);
    assert.equal(seen.deathsAtMs.length, 1);
    assert.equal(clock.pending, 0);
    assert.deepEqual(seen.pingsAtMs, [PING_MS]);
  });

  it('stops when it is told to', () => {
    const { clock, seen, liveness } = watched();
    liveness.stop();
    clock.advance(60_000);
    assert.deepEqual(seen, { bytes: 0, pingsAtMs: [], deathsAtMs: [] });
    assert.equal(clock.pending, 0);
  });

  it('takes another limit, shorter than its own sampling', () => {
    const { clock, seen } = watched(300);
    clock.advance(60_000);
    assert.deepEqual(seen.deathsAtMs, [300]);
  });
});
