import assert from 'node:assert/strict';
import { VirtualClock } from '../../../../common/src/time/virtual-clock.ts';
import { hedged, ResponseTimes } from '../../../src/pipeline/resilience/hedging.ts';

describe('when requests are hedged', () => {
  const rows: readonly (readonly [string, readonly number[], number])[] = [
    ['nothing is known yet: not', [], 1],
    ['two slow results may be chance: not', [900, 900], 1],
    ['three slow results: hedged', [900, 900, 900], 3],
    ['quick with one straggler: not', [300, 300, 4_000, 300], 1],
    ['quicker only because it is hedged: still', [900, 900, 900, 500, 500, 500, 500, 500, 500], 3],
    ['quick by itself again: no longer', [900, 900, 900, ...Array.from({ length: 8 }, () => 400)], 1],
  ];
  for (const [name, tookMs, requests] of rows) {
    it(`${name}: ${tookMs.length} results`, () => {
      const responseTimes = new ResponseTimes(new VirtualClock(), { slowMs: 600, requests: 3 });
      for (const ms of tookMs) responseTimes.add(ms);
      assert.equal(responseTimes.requests, requests);
    });
  }

  it('not for a minute after a failure, however slow the service is', () => {
    const clock = new VirtualClock();
    const responseTimes = new ResponseTimes(clock, { slowMs: 600, requests: 2 });
    for (let result = 0; result < 3; result++) responseTimes.add(900);
    responseTimes.failed();
    assert.equal(responseTimes.requests, 1);
    clock.advance(60_000);
    assert.equal(responseTimes.requests, 2);
  });
});

describe('a hedged request', () => {
  interface Source {
    readonly afterMs: number;
    readonly items: readonly string[];
    readonly fails?: true;
  }

  function hedge(sources: readonly Source[], signal = new AbortController().signal) {
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
      for await (const item of hedged(sources.length, signal, open)) items.push(item);
      return items;
    })();
    result.catch(() => {});
    return { clock, result, stopped };
  }

  const rows: readonly { name: string; sources: readonly Source[]; items: readonly string[] | RegExp }[] = [
    {
      name: 'gives all items of the quickest, and nothing of the others',
      sources: [
        { afterMs: 300, items: ['slow'] },
        { afterMs: 100, items: ['quick', 'too'] },
      ],
      items: ['quick', 'too'],
    },
    {
      name: 'passes over a request that fails',
      sources: [
        { afterMs: 100, items: [], fails: true },
        { afterMs: 300, items: ['slow'] },
      ],
      items: ['slow'],
    },
    {
      name: 'fails when all requests do',
      sources: [
        { afterMs: 100, items: [], fails: true },
        { afterMs: 300, items: [], fails: true },
      ],
      items: /source 0/,
    },
    {
      name: 'may be empty',
      sources: [
        { afterMs: 100, items: [] },
        { afterMs: 300, items: ['slow'] },
      ],
      items: [],
    },
  ];
  for (const { name, sources, items } of rows) {
    it(name, async () => {
      const { clock, result, stopped } = hedge(sources);
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

  it('stops all requests when it is aborted', () => {
    const abort = new AbortController();
    const { stopped } = hedge(
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
