import assert from 'node:assert/strict';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import { ButtonHook } from '../../src/controls/button-hook.ts';
import { CradleHook } from '../../src/controls/cradle-hook.ts';
import type { HookSwitch } from '../../src/controls/hook-switch.ts';
import { press } from '../../src/controls/keyboard.ts';
import { ControlError } from '../../src/controls/line.ts';
import { ManualHook } from '../../src/controls/manual-hook.ts';
import { FakeInput } from './fake-line.ts';

type Kind = 'cradle' | 'button';

class Rig {
  readonly clock = new VirtualClock();
  readonly line: FakeInput;
  readonly hook: HookSwitch;
  readonly events: string[] = [];

  constructor(kind: Kind, initial = false) {
    this.line = new FakeInput(initial);
    this.hook = new (kind === 'cradle' ? CradleHook : ButtonHook)(this.line, this.clock);
    const note = (what: string): void => {
      this.events.push(`${what}@${this.clock.now()}`);
    };
    this.hook.start({
      lifted: () => note('lifted'),
      hungUp: () => note('hungUp'),
      broken: ({ message }) => note(message),
    });
  }

  /** Levels by the ms at which they come. */
  plays(...levels: (readonly [number, boolean])[]): this {
    for (const [atMs, active] of levels) {
      this.clock.runUntil(atMs);
      this.line.level(active);
    }
    this.clock.advance(1_000);
    return this;
  }
}

describe('a handset on its cradle', () => {
  it('lifts and hangs up, each once its contacts are quiet', () => {
    assert.deepEqual(new Rig('cradle').plays([100, true], [103, false], [106, true], [5_000, false]).events, [
      'lifted@146',
      'hungUp@5040',
    ]);
  });

  it('that was up before the phone started is a call', () => {
    assert.deepEqual(new Rig('cradle', true).events, ['lifted@0']);
  });

  it('that was down before the phone started is nothing', () => {
    assert.deepEqual(new Rig('cradle').events, []);
  });

  it('reports a line that broke, and gives it back when stopped', () => {
    const rig = new Rig('cradle');
    rig.line.broken(new ControlError('broken', 'gone'));
    rig.hook.stop();
    assert.deepEqual(rig.events, ['gone@0']);
    assert.equal(rig.line.stopped, true);
  });
});

describe('one push button', () => {
  const tap = (atMs: number): readonly [readonly [number, boolean], readonly [number, boolean]] => [
    [atMs, true],
    [atMs + 100, false],
  ];

  it('calls when pressed, and ends at the next press', () => {
    assert.deepEqual(new Rig('button').plays(...tap(100), ...tap(9_000)).events, ['lifted@130', 'hungUp@9030']);
  });

  it('forgives a hand that trembles', () => {
    assert.deepEqual(new Rig('button').plays(...tap(100), ...tap(400), ...tap(900)).events, ['lifted@130']);
  });

  it('calls again after a call that ended by itself', () => {
    const rig = new Rig('button').plays(...tap(100));
    rig.hook.callOver?.();
    assert.deepEqual(rig.plays(...tap(5_000)).events, ['lifted@130', 'lifted@5030']);
  });

  it('takes a stuck button for no press', () => {
    assert.deepEqual(new Rig('button', true).plays([60_000, false]).events, []);
  });
});

describe('the keyboard', () => {
  const meanings = (typed: string): string => {
    const seen: string[] = [];
    press(typed, {
      toggle: () => seen.push('toggle'),
      louder: () => seen.push('louder'),
      quieter: () => seen.push('quieter'),
      quit: () => seen.push('quit'),
    });
    return seen.join(' ');
  };
  for (const [typed, expected] of [
    [' ', 'toggle'],
    ['\r', 'toggle'],
    ['+-', 'louder quieter'],
    ['\u0003', 'quit'],
    ['q', 'quit'],
    ['x\u001b', ''],
  ] as const) {
    it(`${JSON.stringify(typed)} means ${expected || 'nothing'}`, () => assert.equal(meanings(typed), expected));
  }

  it('lifts and hangs up by turns', () => {
    const hook = new ManualHook('test');
    const events: string[] = [];
    hook.start({ lifted: () => events.push('lifted'), hungUp: (reason) => events.push(reason) });
    hook.toggle();
    hook.toggle();
    hook.stop();
    hook.toggle();
    assert.deepEqual(events, ['lifted', 'hangup']);
  });
});
