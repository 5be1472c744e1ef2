import assert from 'node:assert/strict';
import { VirtualClock } from '../../../../common/src/time/virtual-clock.ts';
import { firstOf } from '../../../src/pipeline/resilience/hedging.ts';
import { Pace } from '../../../src/pipeline/resilience/response-times.ts';

describe('the pace of a service', () => {
  const rows: readonly (readonly [string, readonly number[], number])[] = [
    ['nothing known of it: asked once', [], 1],
    ['two slow results are chance', [900, 900], 1],
    ['three are not', [900, 900, 900], 3],
    ['quick, but for a straggler', [300, 300, 4_000, 300], 1],
    ['quicker only because several are asked: still slow', [900, 900, 900, 500, 500, 500, 500, 500, 500], 3],
    ['quick by itself again', [900, 900, 900, ...Array.from({ length: 8 }, () => 400)], 1],
  ];
  for (const [name, tookMs, times] of rows) {
    it(`${name}: ${tookMs.length} results`, () => {
      const pace = new Pace(new VirtualClock(), { slowMs: 600, times: 3 });
      for (const ms of tookMs) pace.took(ms);
      assert.equal(pace.times, times);
    });
  }

  it('a failure while it is slow: asked once for a minute', () => {
    const clock = new VirtualClock();
    const pace = new Pace(clock, { slowMs: 600, times: 2 });
    for (let result = 0; result < 3; result++) pace.took(900);
    pace.failed();
    assert.equal(pace.times, 1);
    clock.advance(60_000);
    assert.equal(pace.times, 2);
  });
});

describe('the first of several', () => {
  interface Source {
    readonly afterMs: number;
    readonly items: readonly string[];
    readonly fails?: true;
  }

  function race(sources: readonly Source[], signal = new AbortController().signal) {
    const clock = new VirtualClock();
    const stopped: number[] = [];
    let opened = 0;
    async function* open(own: AbortSignal): AsyncGenerator<string> {
      const index = opened++;
      const { afterMs, items, fails } = sources[index]!;
      own.addEventListener('abort', () => stopped.push(index));
      await new Promise<void>((resolve) => clock.after(afterMs, resolve));
      if (fails === true) throw new Error(`source ${index}`);
      yield* items;
    }
    const result = (async () => {
      const items: string[] = [];
      for await (const item of firstOf(sources.length, signal, open)) items.push(item);
      return items;
    })();
    result.catch(() => {});
    return { clock, result, stopped };
  }

  const rows: readonly { name: string; sources: readonly Source[]; items: readonly string[] | RegExp }[] = [
    {
      name: 'gives all its items, and nothing of the others',
      sources: [
        { afterMs: 300, items: ['slow'] },
        { afterMs: 100, items: ['quick', 'too'] },
      ],
      items: ['quick', 'too'],
    },
    {
      name: 'is not one that fails',
      sources: [
        { afterMs: 100, items: [], fails: true },
        { afterMs: 300, items: ['slow'] },
      ],
      items: ['slow'],
    },
    {
      name: 'fails when all do',
      sources: [
        { afterMs: 100, items: [], fails: true },
        { afterMs: 300, items: [], fails: true },
      ],
      items: /source 0/,
    },
    {
      name: 'may have nothing to give',
      sources: [
        { afterMs: 100, items: [] },
        { afterMs: 300, items: ['slow'] },
      ],
      items: [],
    },
  ];
  for (const { name, sources, items } of rows) {
    it(name, async () => {
      const { clock, result, stopped } = race(sources);
      for (let step = 0; step < 40; step++) {
        clock.advance(10);
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (items instanceof RegExp) await assert.rejects(result, items);
      else assert.deepEqual(await result, items);
      assert.deepEqual(
        [...stopped].sort(),
        sources.map((_source, index) => index),
      );
    });
  }

  it('stops all when nobody wants them any more', () => {
    const abort = new AbortController();
    const { stopped } = race(
      [
        { afterMs: 100, items: [] },
        { afterMs: 100, items: [] },
      ],
      abort.signal,
    );
    abort.abort();
    assert.deepEqual(stopped, [0, 1]);
  });
});
