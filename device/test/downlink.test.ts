import assert from 'node:assert/strict';
import fc from 'fast-check';
import { seededRandom } from '../../common/src/time/random.ts';
import { FRAME_MS } from '../../protocol/src/index.ts';
import { LearnedComfortNoise } from '../../common/src/concealment/comfort-noise.ts';
import { newFrameCounters } from '../../common/src/concealment/frame-counters.ts';
import { Bench, range, started } from './downlink-bench.ts';
import { joined, numbered, roughness, SineDecoder, SMOOTH } from '../../test/lib/sound.ts';

describe('Downlink, responses sent ahead', () => {
  it('plays a response and says when it began and ended', () => {
    const bench = started();
    bench.downlink.responseStart('a', 10);
    bench.send(10, 29);
    bench.downlink.responseEnd('a', 29);
    bench.pull(22);
    assert.deepEqual(bench.played, range(10, 29));
    assert.deepEqual(bench.events, [
      { id: 'a', state: 'started', playedMs: 0 },
      { id: 'a', state: 'finished', playedMs: 400 },
    ]);
    assert.equal(bench.last, 'comfort-noise idle');
  });

  it('starts at the first pull when two frames are there', () => {
    const bench = started();
    bench.downlink.responseStart('a', 0);
    bench.send(0, 1);
    bench.pull(1);
    assert.deepEqual(bench.played, [0]);
  });

  it('does not wait longer than 40 ms for the second frame', () => {
    const bench = started();
    bench.downlink.responseStart('a', 0);
    bench.send(0, 0);
    bench.pull(3);
    assert.deepEqual(bench.rungs, ['comfort-noise idle', 'comfort-noise idle', 'received flowing']);
  });

  it('plays a response of one frame at once when it is known to be all', () => {
    const bench = started();
    bench.downlink.responseStart('a', 0);
    bench.send(0, 0);
    bench.downlink.responseEnd('a', 0);
    bench.pull(1);
    assert.deepEqual(
      bench.events.map((event) => event.state),
      ['started', 'finished'],
    );
  });

  it('goes on with the very next frame after a stall, and counts one underrun', () => {
    const bench = started();
    bench.downlink.responseStart('a', 0);
    bench.send(0, 9);
    bench.pull(30);
    assert.equal(bench.downlink.playedMsOf('a'), 200);
    bench.send(10, 19);
    bench.downlink.responseEnd('a', 19);
    bench.pull(12);
    assert.deepEqual(bench.played, range(0, 19));
    assert.deepEqual(
      { ...bench.counters, comfortNoise: 0 },
      { ...newFrameCounters(), received: 20, played: 20, underrun: 1, concealed: 6 },
    );
    assert.deepEqual(bench.events.at(-1), { id: 'a', state: 'finished', playedMs: 400 });
  });

  it('fills a gap inside a response in its place', () => {
    const bench = started();
    bench.downlink.responseStart('a', 0);
    bench.send(0, 19, [5, 6, 12]);
    bench.downlink.responseEnd('a', 19);
    bench.pull(20);
    assert.deepEqual(
      bench.rungs.map((rung, index) => (rung.startsWith('received') ? -1 : index)).filter((index) => index >= 0),
      [5, 6, 12],
    );
    assert.equal(bench.counters.concealed, 3);
    assert.deepEqual(bench.events.at(-1), { id: 'a', state: 'finished', playedMs: 400 });
  });

  it('fills the end that was shed', () => {
    const bench = started();
    bench.downlink.responseStart('a', 0);
    bench.send(0, 9, [8, 9]);
    bench.downlink.responseEnd('a', 9);
    bench.pull(10);
    assert.equal(bench.counters.concealed, 2);
    assert.deepEqual(bench.events.at(-1), { id: 'a', state: 'finished', playedMs: 200 });
  });

  it('leaps over a gap that nobody would wait for, and over an end that never was', () => {
    const bench = started();
    bench.downlink.responseStart('a', 0);
    bench.send(0, 4);
    bench.send(500, 504);
    bench.downlink.responseEnd('a', 1_000_000);
    bench.pull(30);
    assert.deepEqual(bench.played, [...range(0, 4), ...range(500, 504)]);
    assert.equal(bench.events.at(-1)?.state, 'finished');
  });

  it('takes numbers left out between two responses for no loss', () => {
    const bench = started();
    bench.downlink.responseStart('a', 0);
    bench.send(0, 9);
    bench.downlink.responseEnd('a', 9);
    bench.downlink.responseStart('b', 200);
    bench.send(200, 209);
    bench.downlink.responseEnd('b', 209);
    bench.pull(21);
    assert.deepEqual(bench.played, [...range(0, 9), ...range(200, 209)]);
    assert.equal(bench.counters.concealed, 0);
    assert.equal(bench.downlink.ack().lossRate, 0);
  });

  it('ends a response that never was ended where the next begins', () => {
    const bench = started();
    bench.downlink.responseStart('a', 0);
    bench.send(0, 9);
    bench.downlink.responseStart('b', 20);
    bench.send(20, 29);
    bench.pull(20);
    assert.deepEqual(bench.played, [...range(0, 9), ...range(20, 29)]);
    assert.deepEqual(
      bench.events.map((event) => `${event.id} ${event.state} ${event.playedMs}`),
      ['a started 0', 'a finished 200', 'b started 0'],
    );
  });

  it('keeps a pause of the sender (DTX) in its place and calls it no loss', () => {
    const bench = started();
    bench.downlink.responseStart('a', 0);
    for (const [sequence, slot] of [
      [0, 0],
      [1, 1],
      [2, 7],
      [3, 8],
    ] as const)
      bench.downlink.receive(sequence, slot * 960, slot === 7, numbered(sequence), 0);
    bench.downlink.responseEnd('a', 3);
    bench.pull(9);
    assert.deepEqual(bench.rungs.map((rung) => rung[0]).join(''), 'rrcccccrr');
    assert.equal(bench.counters.concealed, 0);
    assert.equal(bench.downlink.ack().lossRate, 0);
  });

  it('does not wait out the time that passed between two responses', () => {
    const bench = started();
    bench.downlink.responseStart('a', 0);
    bench.send(0, 4);
    bench.downlink.responseEnd('a', 4);
    bench.pull(10);
    bench.downlink.responseStart('b', 5);
    for (let sequence = 5; sequence < 10; sequence++)
      bench.downlink.receive(sequence, (sequence + 30) * 960, sequence === 5, numbered(sequence), bench.nowMs);
    bench.pull(5);
    assert.deepEqual(bench.played, range(0, 9));
  });

  it('knows late from duplicate, and plays neither', () => {
    const bench = started();
    bench.downlink.responseStart('a', 0);
    bench.send(0, 9, [3]);
    bench.pull(6);
    bench.send(3, 4);
    bench.pull(4);
    assert.equal(bench.counters.late, 1);
    assert.equal(bench.counters.duplicate, 1);
    assert.deepEqual(bench.played, [0, 1, 2, 4, 5, 6, 7, 8, 9]);
  });

  it('refuses what is over its bound, and never grows', () => {
    const bench = new Bench(undefined, { maxQueueMs: 1_000 });
    bench.downlink.start('opus');
    bench.downlink.responseStart('a', 0);
    bench.send(0, 999);
    assert.ok(bench.downlink.ack().queuedMs <= 3_000);
    assert.equal(bench.downlink.statistics().refused, 1_000 - 150);
  });

  it('plays frames that no response announced', () => {
    const bench = started();
    bench.send(7, 12);
    bench.pull(20);
    assert.deepEqual(bench.played, range(7, 12));
    assert.equal(bench.last, 'comfort-noise idle');
  });

  it('counts garbage and plays on', () => {
    const bench = started(new SineDecoder());
    bench.downlink.responseStart('a', 0);
    for (const payload of [[1, 0], [1, 0], [0], [1, 0]])
      bench.downlink.receive(
        bench.counters.received,
        bench.counters.received * 960,
        false,
        Uint8Array.from(payload),
        0,
      );
    bench.pull(4);
    assert.equal(bench.downlink.statistics().garbage, 1);
    assert.equal(bench.counters.concealed, 1);
  });

  it('keeps the packet, not the buffer it came in', () => {
    const bench = started();
    const payload = numbered(0);
    bench.downlink.responseStart('a', 0);
    bench.downlink.receive(0, 0, true, payload, 0);
    payload.fill(255);
    bench.send(1, 1);
    bench.pull(1);
    assert.deepEqual(bench.played, [0]);
  });
});

describe('Downlink, flush', () => {
  it('takes effect with the next frame, and says to the frame what was heard', () => {
    const bench = started();
    bench.downlink.responseStart('a', 0);
    bench.send(0, 99);
    bench.pull(10);
    bench.downlink.flush('a');
    bench.pull(5);
    assert.deepEqual(bench.played, range(0, 9));
    assert.deepEqual(bench.events.at(-1), { id: 'a', state: 'flushed', playedMs: 200 });
    assert.equal(bench.downlink.ack().queuedMs, 0);
    assert.equal(bench.last, 'comfort-noise idle');
  });

  it('says 0 of a response nothing was heard of', () => {
    const bench = started();
    bench.downlink.responseStart('a', 0);
    bench.send(0, 9);
    bench.downlink.flush('a');
    assert.deepEqual(bench.events, [{ id: 'a', state: 'flushed', playedMs: 0 }]);
  });

  it('drops what is still in flight, up to the next response', () => {
    const bench = started();
    bench.downlink.responseStart('a', 0);
    bench.send(0, 9);
    bench.pull(3);
    bench.downlink.flush('a');
    bench.send(10, 14);
    bench.downlink.responseStart('b', 15);
    bench.send(15, 20);
    bench.pull(10);
    assert.deepEqual(bench.played, [0, 1, 2, ...range(15, 20)]);
    assert.equal(bench.downlink.statistics().flushed, 5);
  });

  it('tells the sender that flushed frames hold it back no longer', () => {
    const bench = started();
    bench.downlink.responseStart('a', 0);
    bench.send(0, 9);
    bench.pull(3);
    bench.downlink.flush('a');
    bench.send(10, 10);
    assert.equal(bench.downlink.ack().playedTs, 11 * 960);
  });

  it('is heard once, however often start, end and flush come again', () => {
    const bench = started();
    bench.downlink.responseStart('a', 0);
    bench.send(0, 9);
    bench.pull(3);
    for (let again = 0; again < 3; again++) {
      bench.downlink.flush('a');
      bench.downlink.responseStart('a', 0);
      bench.downlink.responseEnd('a', 9);
    }
    bench.pull(12);
    assert.deepEqual(
      bench.events.map((event) => event.state),
      ['started', 'flushed'],
    );
    assert.deepEqual(bench.played, [0, 1, 2]);
  });

  it('may come before the start it belongs to', () => {
    const bench = started();
    bench.downlink.flush('a');
    bench.downlink.responseStart('a', 0);
    bench.send(0, 9);
    bench.downlink.responseStart('b', 10);
    bench.send(10, 12);
    bench.pull(8);
    assert.deepEqual(bench.played, [10, 11, 12]);
  });

  it('does not click', () => {
    const bench = new Bench(new SineDecoder(), { comfortNoise: new LearnedComfortNoise(seededRandom(2)) });
    bench.downlink.start('opus');
    bench.downlink.responseStart('a', 0);
    bench.send(1, 99);
    bench.pull(10);
    bench.downlink.flush('a');
    bench.pull(10);
    assert.ok(roughness(joined(bench.heard)) < SMOOTH);
  });
});

describe('Downlink, whatever arrives', () => {
  it('plays each frame once and in order, whatever the arrivals', () => {
    const step = fc.oneof(
      fc.record({ send: fc.integer({ min: 1, max: 12 }) }),
      fc.record({ pull: fc.integer({ min: 1, max: 15 }) }),
      fc.record({ again: fc.integer({ min: 1, max: 20 }) }),
      fc.record({ outage: fc.boolean() }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const bench = started();
        bench.downlink.responseStart('a', 0);
        let sent = 0;
        for (const each of steps) {
          if ('send' in each) bench.send(sent, (sent += each.send) - 1);
          else if ('pull' in each) bench.pull(each.pull);
          else if ('again' in each) bench.send(Math.max(0, sent - each.again), sent - 1);
          else bench.downlink.situation(each.outage ? 'cut-off' : undefined);
        }
        bench.downlink.responseEnd('a', sent - 1);
        bench.pull(sent + 80);
        assert.deepEqual(bench.played, range(0, sent - 1));
        assert.equal(bench.counters.concealed > 0 && bench.counters.underrun === 0, false);
        assert.equal(bench.downlink.statistics().faults, 0);
      }),
      { numRuns: 300 },
    );
  });

  it('plays in order and nothing twice when packets are lost, late and mixed up', () => {
    const arrivals = fc.array(fc.record({ sequence: fc.nat(40), pulls: fc.nat(2) }), { maxLength: 200 });
    fc.assert(
      fc.property(arrivals, (list) => {
        const bench = started();
        bench.downlink.responseStart('a', 0);
        bench.downlink.responseEnd('a', 40);
        for (const { sequence, pulls } of list) {
          bench.send(sequence, sequence);
          bench.pull(pulls);
        }
        bench.pull(100);
        const { played } = bench;
        for (let index = 1; index < played.length; index++) assert.ok(played[index]! > played[index - 1]!);
        assert.equal(bench.events.at(-1)?.state, 'finished');
        assert.equal(bench.events.at(-1)?.playedMs, 41 * FRAME_MS);
      }),
      { numRuns: 200 },
    );
  });
});
