import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { watchEventLoop } from '../../src/system/event-loop.ts';

describe('the watch on the event loop', () => {
  it('tells how long the loop was held up, and forgets it once it told', async () => {
    const delay = watchEventLoop();
    await sleep(60);
    const until = performance.now() + 150;
    while (performance.now() < until);
    await sleep(30);
    const held = delay();
    assert.ok(held.maxMs >= 100 && held.p50Ms < held.maxMs, JSON.stringify(held));
    await sleep(60);
    assert.ok(delay().maxMs < held.maxMs, 'it is forgotten');
  });
});
