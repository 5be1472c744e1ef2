import assert from 'node:assert/strict';
import { LossMeter } from '../../src/playout/loss-meter.ts';

describe('LossMeter', () => {
  function meter(sequences: number[]): LossMeter {
    const subject = new LossMeter();
    for (const sequence of sequences) subject.arrived(sequence, false);
    return subject;
  }

  const rows = [
    { name: 'nothing yet', arrive: [], rate: 0 },
    { name: 'all came', arrive: [10, 11, 12, 13], rate: 0 },
    { name: 'one of four missing', arrive: [10, 11, 13], rate: 0.25 },
    { name: 'one that came out of order is not lost', arrive: [10, 12, 11, 13], rate: 0 },
  ];
  for (const { name, arrive, rate } of rows) it(name, () => assert.equal(meter(arrive).take(), rate));

  it('starts anew with each report', () => {
    const subject = meter([1, 3]);
    assert.ok(subject.take() > 0.3);
    subject.arrived(4, false);
    assert.equal(subject.take(), 0);
  });

  it('takes the numbers between two responses for a pause', () => {
    const subject = meter([1, 2]);
    subject.expectFrom(50);
    subject.arrived(50, true);
    assert.equal(subject.take(), 0);
  });

  it('counts the first frames of an announced response as lost when they never came', () => {
    const subject = meter([1, 2]);
    subject.expectFrom(50);
    subject.arrived(52, false);
    assert.equal(subject.take(), 2 / 5);
  });

  it('knows the highest number, −1 before any', () => {
    assert.equal(new LossMeter().highest, -1);
    assert.equal(meter([4, 7, 6]).highest, 7);
  });
});
