import assert from 'node:assert/strict';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import { promptsAfterStart } from '../../src/playout/prompt-files.ts';

const CLIP = new Int16Array(320);

describe('prompts after the start', () => {
  it('are read a little later, once', () => {
    const { clock, prompts, loads } = withPrompts();
    assert.equal(loads(), 0);
    clock.advance(1_000);
    assert.equal(loads(), 1);
    assert.equal(prompts.next('one-moment'), CLIP);
    assert.equal(loads(), 1);
  });

  it('are read at once when one is asked for sooner', () => {
    const { clock, prompts, loads } = withPrompts();
    assert.equal(prompts.next('connecting'), CLIP);
    clock.advance(1_000);
    assert.equal(loads(), 1);
  });
});

function withPrompts() {
  const clock = new VirtualClock();
  let loads = 0;
  const prompts = promptsAfterStart(clock, () => {
    loads++;
    return { next: () => CLIP };
  });
  return { clock, prompts, loads: () => loads };
}
