import assert from 'node:assert/strict';
import fc from 'fast-check';
import { silentLog } from '../../src/system/log.ts';
import { loadCodecs } from '../../src/codec/codecs.ts';
import { RateTuner } from '../../src/codec/rate-tuner.ts';
import { CLEAN_LINK, tuningAt } from '../../src/codec/tuning.ts';
import { joined, roughness, SINE_AMPLITUDE } from '../../../test/lib/sound.ts';

function after(agesMs: readonly number[], fullRate = 32_000): RateTuner {
  const tuner = new RateTuner(fullRate);
  for (const ageMs of agesMs) tuner.report(ageMs);
  return tuner;
}

function seconds(count: number, ageMs: number | ((second: number) => number)): number[] {
  return Array.from({ length: count }, (_, second) => (typeof ageMs === 'number' ? ageMs : ageMs(second)));
}

describe('RateTuner', () => {
  const grows = (second: number): number => 100 + 150 * second;
  const growsFast = (second: number): number => 100 + 500 * second;
  const rows = [
    { name: 'a good link carries it all', ages: seconds(300, 60), bitrate: 32_000 },
    { name: 'a long path is no narrow one', ages: seconds(300, 450), bitrate: 32_000 },
    { name: 'nor is one over a satellite', ages: seconds(300, 700), bitrate: 32_000 },
    { name: 'a queue may be there from the first', ages: seconds(4, 1_200), bitrate: 24_000 },
    { name: 'stalls pass', ages: seconds(300, (second) => (second % 5 === 0 ? 1_500 : 60)), bitrate: 32_000 },
    { name: 'two bad seconds pass too', ages: [...seconds(20, 60), 900, 1_200, ...seconds(20, 60)], bitrate: 32_000 },
    { name: 'a queue that grows is too much for the link', ages: seconds(6, grows), bitrate: 24_000 },
    { name: 'and if it goes on growing, so is that', ages: seconds(20, grows), bitrate: 12_000 },
    { name: 'how fast it grows says how much', ages: seconds(4, growsFast), bitrate: 12_000 },
    {
      name: 'one that shrinks is left to',
      ages: [...seconds(6, grows), ...seconds(8, (second) => 1_000 - 110 * second)],
      bitrate: 24_000,
    },
    { name: 'without a queue more is tried again', ages: [...seconds(6, grows), ...seconds(25, 100)], bitrate: 32_000 },
    { name: 'but not in a hurry', ages: [...seconds(6, grows), ...seconds(15, 100)], bitrate: 24_000 },
  ];
  for (const { name, ages, bitrate } of rows) it(name, () => assert.equal(after(ages).bitrate, bitrate));

  it('tries what was too much ever more rarely', () => {
    const tuner = new RateTuner(32_000);
    let queueMs = 0;
    let changes = 0;
    for (let second = 0; second < 1_800; second++) {
      queueMs = Math.max(0, queueMs + (tuner.bitrate > 24_000 ? 300 : -200));
      if (tuner.report(80 + queueMs)) changes++;
    }
    assert.ok(changes > 4 && changes < 40, `${changes} changes in half an hour`);
  });

  it('never goes over what was asked for', () => assert.equal(after(seconds(60, grows), 12_000).bitrate, 12_000));

  it('stays among its rates whatever is reported', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5_000 })), (ages) => {
        assert.ok([32_000, 24_000, 16_000, 12_000].includes(after(ages).bitrate));
      }),
    );
  });

  it('leaves FEC out where there is no room for it', () => {
    const wanted = { bitrate: 32_000, inbandFec: true, expectedLoss: 10 };
    assert.deepEqual(tuningAt(24_000, wanted), { bitrate: 24_000, inbandFec: true, expectedLoss: 10 });
    assert.deepEqual(tuningAt(16_000, wanted), { bitrate: 16_000, inbandFec: false, expectedLoss: 0 });
  });

  it('changes the rate of a running encoder without a click', async () => {
    const codecs = await loadCodecs(silentLog);
    await codecs.prepare(5);
    const tone = Int16Array.from({ length: 320 }, (_, at) =>
      Math.round(SINE_AMPLITUDE * Math.sin((2 * Math.PI * 200 * at) / 16_000)),
    );
    const heard = (rateOf: (frame: number) => number): number => {
      const [encoder, decoder] = [codecs.encoder('opus'), codecs.decoder('opus')];
      const frames = Array.from({ length: 400 }, (_, frame) => {
        encoder.tune(tuningAt(rateOf(frame), CLEAN_LINK));
        return decoder.decode(encoder.encode(tone)).slice();
      });
      encoder.close();
      decoder.close();
      return roughness(joined(frames.slice(20)));
    };
    const steady = Math.max(...[32_000, 24_000, 16_000, 12_000].map((rate) => heard(() => rate)));
    const changing = heard((frame) => [32_000, 24_000, 16_000, 12_000, 24_000, 32_000][Math.floor(frame / 17) % 6]!);
    assert.ok(changing <= 1.5 * steady, `roughness ${changing}, steady ${steady}`);
  });
});
