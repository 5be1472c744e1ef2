import assert from 'node:assert/strict';
import { run } from './run.ts';
import { loadMutant } from './mutant-loader.ts';
import { MUTANTS } from './mutants.ts';
import { scriptOf } from './script.ts';
import { shrink } from './shrink.ts';

describe('a failing script', function () {
  this.timeout(60_000);

  it('shrinks to the events that matter, and still fails', async () => {
    const broken = await loadMutant(MUTANTS.find(({ name }) => name === 'replay begins one frame late')!);
    const fails = async (script: Parameters<typeof run>[0]): Promise<boolean> =>
      (await broken.run(script)).violations.some(({ code }) => code === 'missing-frames');
    let seed = 1;
    while (!(await fails(scriptOf(seed)))) seed++;
    const small = await shrink(scriptOf(seed), fails, 150);
    assert.ok(small.events.length <= 4, JSON.stringify(small.events));
    assert.ok(await fails(small));
    assert.deepEqual((await run(small)).violations, []);
  });

  it('is not tried more often than it may be', async () => {
    let runs = 0;
    await shrink(
      scriptOf(3),
      () => {
        runs++;
        return Promise.resolve(true);
      },
      10,
    );
    assert.equal(runs, 10);
  });
});
