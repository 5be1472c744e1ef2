import assert from 'node:assert/strict';
import { dryStretches, highBandLevels, loudestStepDb } from '../lib/clicks.ts';

const SECOND = 16_000;
const tone = (): Int16Array =>
  Int16Array.from({ length: SECOND }, (_, at) => Math.round(8_000 * Math.sin((2 * Math.PI * 200 * at) / SECOND)) || 1);

describe('the search for clicks', () => {
  it('finds nothing in a tone', () => {
    const levels = highBandLevels(tone());
    assert.ok(Math.max(...levels) - Math.min(...levels) < 3);
  });

  it('finds a jump, where it is', () => {
    const jumped = tone().map((sample, at) => (at < SECOND / 2 ? sample : sample + 1_000));
    const levels = highBandLevels(jumped);
    const loud = levels.flatMap((level, window) => (level > levels[0]! + 20 ? [window] : []));
    assert.ok(loud.length > 0 && loud.every((window) => Math.abs(window - 50) <= 2), String(loud));
  });

  it('says how loud a jump of a given height would be', () => {
    const floor = highBandLevels(tone())[0]!;
    assert.ok(loudestStepDb(tone(), 1_000) > floor + 20);
    assert.ok(loudestStepDb(tone(), 1_000) > loudestStepDb(tone(), 100) + 15);
  });

  it('tells where a sound card ran dry, and leaves that out', () => {
    const dry = tone().fill(0, 8_000, 8_400);
    assert.deepEqual(dryStretches(dry), [[8_000, 8_400]]);
    const levels = highBandLevels(dry, dryStretches(dry));
    assert.ok(Math.max(...levels) - Math.min(...levels) < 3);
  });

  it('takes a zero crossing for no dry card', () => assert.deepEqual(dryStretches(tone()), []));
});
