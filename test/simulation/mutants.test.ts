import assert from 'node:assert/strict';
import { loadMutant } from './mutant-loader.ts';
import { MUTANTS } from './mutants.ts';
import { scriptOf } from './script.ts';

/** Each is caught within this many; most within ten. */
const SEEDS = 200;

describe('the simulator catches', function () {
  this.timeout(120_000);

  for (const mutant of MUTANTS) {
    it(mutant.name, async () => {
      const broken = await loadMutant(mutant);
      for (let seed = 1; seed <= SEEDS; seed++) {
        if ((await broken.run(scriptOf(seed))).violations.length > 0) return;
      }
      assert.fail(`no violation in ${SEEDS} seeds`);
    });
  }

  it('and a variant whose expression is gone is an error, not a pass', async () => {
    await assert.rejects(
      loadMutant({
        name: 'none',
        edits: [{ file: 'device/src/uplink.ts', find: 'an expression that is not there', replace: '' }],
      }),
      /holds 0 times/,
    );
  });
});
