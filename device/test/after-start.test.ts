import assert from 'node:assert/strict';
import { VirtualClock } from '../../common/src/time/virtual-clock.ts';
import { promptsAfterStart, watchAfterStart } from '../src/after-start.ts';

const CLIP = new Int16Array(320);

describe('what waits until after the start', () => {
  it('reads the prompts a little later, once', () => {
    const { clock, prompts, loads } = withPrompts();
    assert.equal(loads(), 0);
    clock.advance(1_000);
    assert.equal(loads(), 1);
    assert.equal(prompts.next('one-moment'), CLIP);
    assert.equal(loads(), 1);
  });

  it('reads the prompts at once when one is asked for sooner', () => {
    const { clock, prompts, loads } = withPrompts();
    assert.equal(prompts.next('connecting'), CLIP);
    clock.advance(1_000);
    assert.equal(loads(), 1);
  });

  it('watches the network a little later', () => {
    const { clock, watch, events } = withWatch();
    watch.start(() => events.push('up'));
    assert.deepEqual(events, []);
    clock.advance(1_000);
    assert.deepEqual(events, ['started', 'up']);
  });

  it('does not begin to watch what was stopped before', () => {
    const { clock, watch, events } = withWatch();
    watch.start(() => {});
    watch.stop();
    clock.advance(1_000);
    assert.deepEqual(events, ['stopped']);
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

function withWatch() {
  const clock = new VirtualClock();
  const events: string[] = [];
  const watch = watchAfterStart(clock, {
    start: (up) => {
      events.push('started');
      up();
    },
    stop: () => {
      events.push('stopped');
    },
  });
  return { clock, watch, events };
}
