import assert from 'node:assert/strict';
import { seededRandom } from '../../common/src/time/random.ts';
import { FRAME_MS } from '../../protocol/src/index.ts';
import { LearnedComfortNoise } from '../../common/src/concealment/comfort-noise.ts';
import { Bench, PROMPT_MS, range, started } from './downlink-bench.ts';
import { joined, longestFlat, NumberDecoder, roughness, SineDecoder, SMOOTH } from '../../test/lib/sound.ts';

describe('Downlink, outage', () => {
  /** One response of 2 s, of which 1 s arrived when the link broke. */
  function broken(): Bench {
    const bench = started();
    bench.downlink.responseStart('a', 0);
    bench.send(0, 49);
    bench.pull(10);
    bench.downlink.situation('cut-off');
    return bench;
  }

  it('plays on from the queue, then noise, then speaks after a second, and again after six without a word', () => {
    const bench = broken();
    bench.pull(40);
    assert.deepEqual(bench.played, range(0, 49));
    bench.pull(49);
    assert.deepEqual(bench.asked, []);
    bench.pull(2);
    assert.deepEqual(bench.asked, ['one-moment']);
    bench.pull(PROMPT_MS / FRAME_MS + 295);
    assert.deepEqual(bench.asked, ['one-moment']);
    bench.pull(10);
    assert.deepEqual(bench.asked, ['one-moment', 'one-moment']);
  });

  it('goes on exactly where it stopped, after the prompt', () => {
    const bench = broken();
    bench.pull(40 + 60);
    assert.ok(bench.last.startsWith('prompt'));
    bench.downlink.situation(undefined);
    bench.send(50, 99);
    bench.downlink.responseStart('a', 0);
    bench.downlink.responseEnd('a', 99);
    bench.pull(120);
    assert.deepEqual(bench.played, range(0, 99));
    assert.deepEqual(bench.events.at(-1), { id: 'a', state: 'finished', playedMs: 2_000 });
  });

  it('lets a prompt that is nearly through finish, and fades one that has just begun', () => {
    for (const [into, atMost] of [
      [5, 11],
      [30, 45],
    ] as const) {
      const bench = broken();
      bench.pull(40 + 51 + into);
      bench.send(50, 99);
      const before = bench.rungs.length;
      bench.pull(60);
      const promptFrames = bench.rungs.slice(before).filter((rung) => rung.startsWith('prompt')).length;
      assert.ok(
        promptFrames <= atMost && promptFrames >= Math.min(10, atMost - 20),
        `${promptFrames} frames after ${into}`,
      );
    }
  });

  it('speaks in an outage between responses too, and never without one', () => {
    const bench = started();
    bench.pull(500);
    assert.deepEqual(bench.asked, []);
    bench.downlink.situation('cut-off');
    bench.pull(60);
    assert.deepEqual(bench.asked, ['one-moment']);
  });

  it('speaks when a response stops short though nobody noticed an outage', () => {
    const bench = started();
    bench.downlink.responseStart('a', 0);
    bench.send(0, 9);
    bench.pull(10 + 105);
    assert.deepEqual(bench.asked, ['one-moment']);
  });

  it('has no digital silence, flat line or click anywhere in it', () => {
    const bench = new Bench(new SineDecoder(), { comfortNoise: new LearnedComfortNoise(seededRandom(2)) });
    bench.downlink.start('opus');
    bench.downlink.responseStart('a', 0);
    for (let sequence = 0; sequence < 50; sequence++)
      bench.downlink.receive(sequence, sequence * 960, false, Uint8Array.of(1, 0, 0), 0);
    bench.pull(10);
    bench.downlink.situation('cut-off');
    bench.pull(100);
    for (let sequence = 50; sequence < 80; sequence++)
      bench.downlink.receive(sequence, sequence * 960, false, Uint8Array.of(1, 0, 0), bench.nowMs);
    bench.pull(120);
    const out = joined(bench.heard);
    assert.ok(roughness(out) < SMOOTH, `roughness ${roughness(out)}`);
    assert.ok(longestFlat(out) < 80);
  });
});

describe('Downlink, always', () => {
  it('renders noise before a conversation and after it', () => {
    const bench = new Bench();
    bench.pull(5);
    bench.downlink.start('opus');
    bench.pull(5);
    bench.downlink.close();
    bench.pull(5);
    assert.ok(longestFlat(joined(bench.heard)) < 20);
    assert.equal(bench.counters.comfortNoise, 15);
  });

  it('announces, one after the other, and says for how long', () => {
    const bench = new Bench();
    assert.equal(bench.downlink.announce('connecting'), PROMPT_MS);
    bench.pull(10);
    assert.equal(bench.downlink.announce('needs-help'), 2 * PROMPT_MS - 200);
    bench.pull((2 * PROMPT_MS - 200) / FRAME_MS);
    assert.ok(bench.last.startsWith('prompt'));
    bench.pull(1);
    assert.ok(bench.last.startsWith('comfort-noise'));
  });

  it('lets the first words of the far end in over a prompt of its own, but ends an announcement', () => {
    for (const [speak, promptFrames] of [
      [(bench: Bench) => bench.downlink.situation('lost'), 10],
      [(bench: Bench) => void bench.downlink.announce('needs-help'), PROMPT_MS / FRAME_MS],
    ] as const) {
      const bench = started();
      speak(bench);
      bench.pull(1);
      bench.downlink.situation(undefined);
      const before = bench.rungs.length;
      bench.downlink.responseStart('a', 0);
      bench.send(0, 9);
      bench.pull(100);
      const spoken = bench.rungs.slice(before).filter((rung) => rung.startsWith('prompt')).length;
      assert.ok(Math.abs(spoken - promptFrames) <= 1, `${spoken} frames of a prompt, not ${promptFrames}`);
      assert.deepEqual(bench.played, range(0, 9));
    }
  });

  it('keeps an error of its decoder from the speaker, and counts it', () => {
    const decoder = new NumberDecoder();
    decoder.conceal = () => {
      throw new Error('test');
    };
    const bench = started(decoder);
    bench.downlink.responseStart('a', 0);
    bench.send(0, 4);
    bench.pull(8);
    assert.ok(bench.downlink.statistics().faults > 0);
    assert.equal(bench.heard.length, 8);
  });

  it('acknowledges −1 before anything, and from then on what it has', () => {
    const bench = started();
    assert.deepEqual(bench.downlink.ack(), { rxSeq: -1, playedTs: 0, queuedMs: 0, lossRate: 0 });
    bench.downlink.responseStart('a', 0);
    bench.send(0, 9, [4]);
    bench.pull(2);
    assert.deepEqual(bench.downlink.ack(), { rxSeq: 9, playedTs: 1_920, queuedMs: 140, lossRate: 0.1 });
  });
});
