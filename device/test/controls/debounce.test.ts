import assert from 'node:assert/strict';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import { Debouncer } from '../../src/controls/debounce.ts';

/** [at ms, level] in, [at ms, level] out, settled for 40 ms. */
const ROWS: readonly (readonly [
  string,
  readonly (readonly [number, boolean])[],
  readonly (readonly [number, boolean])[],
])[] = [
  ['takes the first level at once', [[0, true]], [[0, true]]],
  [
    'passes a clean change on when it has settled',
    [
      [0, false],
      [100, true],
    ],
    [
      [0, false],
      [140, true],
    ],
  ],
  [
    'counts the time from the last bounce',
    [
      [0, false],
      [100, true],
      [105, false],
      [110, true],
    ],
    [
      [0, false],
      [150, true],
    ],
  ],
  [
    'does not see a knock',
    [
      [0, false],
      [100, true],
      [130, false],
      [500, false],
    ],
    [[0, false]],
  ],
  [
    'sees both ends of a long press',
    [
      [0, false],
      [100, true],
      [200, false],
    ],
    [
      [0, false],
      [140, true],
      [240, false],
    ],
  ],
  [
    'does not repeat itself',
    [
      [0, true],
      [50, true],
      [100, true],
    ],
    [[0, true]],
  ],
];

describe('the debouncer', () => {
  for (const [what, levels, expected] of ROWS) {
    it(what, () => {
      const clock = new VirtualClock();
      const seen: [number, boolean][] = [];
      const debouncer = new Debouncer(clock, 40, (active) => seen.push([clock.now(), active]));
      for (const [atMs, active] of levels) {
        clock.runUntil(atMs);
        debouncer.level(active);
      }
      clock.advance(1_000);
      assert.deepEqual(seen, expected);
    });
  }

  it('is quiet once stopped', () => {
    const clock = new VirtualClock();
    let changes = 0;
    const debouncer = new Debouncer(clock, 40, () => {
      changes++;
    });
    debouncer.level(false);
    debouncer.level(true);
    debouncer.stop();
    clock.advance(1_000);
    assert.deepEqual([changes, clock.pending], [1, 0]);
  });
});
