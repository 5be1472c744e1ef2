import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CLEAN_LINK, LossTuner } from '../../src/codec/tuning.ts';

function after(reports: readonly number[]): LossTuner {
  const tuner = new LossTuner();
  for (const loss of reports) tuner.report(loss);
  return tuner;
}

function seconds(count: number, loss: number): number[] {
  return new Array<number>(count).fill(loss);
}

describe('LossTuner', () => {
  const rows = [
    { name: 'a clean link pays for no FEC', reports: seconds(60, 0), fec: false, expectedLoss: 0 },
    {
      name: 'a lost frame now and then changes nothing',
      reports: [...seconds(10, 0), 0.02, ...seconds(10, 0), 0.02],
      fec: false,
      expectedLoss: 0,
    },
    { name: '5 % turns it on', reports: seconds(3, 0.05), fec: true, expectedLoss: 5 },
    { name: '20 % declares more', reports: seconds(3, 0.2), fec: true, expectedLoss: 10 },
    {
      name: 'a few good seconds do not turn it off',
      reports: [...seconds(10, 0.05), ...seconds(5, 0)],
      fec: true,
      expectedLoss: 5,
    },
    { name: 'half a good minute does', reports: [...seconds(10, 0.2), ...seconds(35, 0)], fec: false, expectedLoss: 0 },
  ];
  for (const { name, reports, fec, expectedLoss } of rows) {
    it(name, () => {
      const { tuning } = after(reports);
      assert.deepEqual([tuning.inbandFec, tuning.expectedLoss], [fec, expectedLoss]);
    });
  }

  it('says only what changed', () => {
    const tuner = new LossTuner();
    assert.equal(tuner.report(0), undefined);
    assert.equal(tuner.report(0.1)?.inbandFec, true);
    assert.equal(tuner.report(0.06), undefined);
  });

  it('does not flutter at the edge of a step', () => {
    const tuner = new LossTuner();
    let changes = 0;
    for (let second = 0; second < 300; second++) if (tuner.report(second % 3 === 0 ? 0.08 : 0.02)) changes++;
    assert.ok(changes <= 2, `${changes} changes`);
  });

  it('is not led astray by any report', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.double(), fc.double({ min: 0, max: 1 }))), (reports) => {
        const { tuning } = after(reports);
        assert.ok(tuning.bitrate >= CLEAN_LINK.bitrate && tuning.expectedLoss <= 100);
      }),
    );
  });
});
