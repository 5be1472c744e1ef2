import assert from 'node:assert/strict';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import { findingLine, hasFailed, runChecks } from '../../src/diagnosis/finding.ts';
import type { Finding } from '../../src/diagnosis/finding.ts';
import {
  judgeClock,
  judgeDisk,
  judgeMicrophone,
  judgeRoundTrip,
  judgeSpeaker,
  judgeTemperature,
  judgeThrottling,
} from '../../src/diagnosis/judges.ts';
import { joined } from '../../../test/lib/sound.ts';
import { levelDb } from '../../../common/src/audio/level.ts';
import { clippedShare, humIn, toneDb } from '../../src/diagnosis/sound-checks.ts';

type State = Finding['state'];
const MIB = 2 ** 20;
const ROWS: readonly (readonly [string, Omit<Finding, 'name'>, State])[] = [
  ['a microphone that hears a room', judgeMicrophone(-52, 0), 'ok'],
  ['a microphone of zeros', judgeMicrophone(-Infinity, 0), 'fail'],
  ['a microphone that hardly hears', judgeMicrophone(-80, 0), 'warn'],
  ['a microphone at its limit', judgeMicrophone(-3, 0.05), 'warn'],
  ['a microphone that hums', judgeMicrophone(-30, 0, { levelDb: -32, humDb: -32, share: 0.9 }), 'warn'],
  ['a microphone that hums a little', judgeMicrophone(-30, 0, { levelDb: -60, humDb: -62, share: 0.7 }), 'ok'],
  ['a speaker that is heard', judgeSpeaker(25), 'ok'],
  ['a speaker that is not', judgeSpeaker(1), 'warn'],
  ['a clock that is right', judgeClock(-1.4), 'ok'],
  ['a clock that is a minute off', judgeClock(60), 'warn'],
  ['a clock of 1970', judgeClock(-1.7e9), 'fail'],
  ['a good line', judgeRoundTrip([40, 41, 39, 60], 4), 'ok'],
  ['a slow line', judgeRoundTrip([400, 410, 420], 3), 'warn'],
  ['a line that retransmits', judgeRoundTrip([40, 40, 40, 900], 4), 'warn'],
  ['a line that loses', judgeRoundTrip([40, 40, 40], 4), 'warn'],
  ['a line that lets nothing through', judgeRoundTrip([], 10), 'fail'],
  ['a disk with room', judgeDisk(900 * MIB, 8_000 * MIB), 'ok'],
  ['a disk that fills', judgeDisk(50 * MIB, 8_000 * MIB), 'warn'],
  ['a full disk', judgeDisk(0, 8_000 * MIB), 'fail'],
  ['a cool board', judgeTemperature(45), 'ok'],
  ['a warm board', judgeTemperature(72), 'warn'],
  ['a hot board', judgeTemperature(82), 'fail'],
  ['good power', judgeThrottling(0), 'ok'],
  ['power that was bad once', judgeThrottling(0x50000), 'warn'],
  ['power that is bad', judgeThrottling(0x50005), 'fail'],
];

describe('the doctor', () => {
  for (const [what, { state, todo }, expected] of ROWS) {
    it(`judges ${what}: ${expected}`, () => {
      assert.equal(state, expected);
      assert.equal(todo === undefined, expected === 'ok', 'what to do is said when, and only when, something is wrong');
    });
  }

  it('names what was wrong with the power, and when', () => {
    assert.equal(judgeThrottling(0x50000).detail, 'since the boot: under-voltage, throttled');
  });

  it('takes a check that throws, and one that hangs, for failed, and goes on', async () => {
    const clock = new VirtualClock();
    const running = runChecks(
      [
        { name: 'throws', disturbs: false, run: () => Promise.reject(new Error('why')) },
        { name: 'hangs', disturbs: false, run: () => new Promise(() => {}) },
        { name: 'holds', disturbs: false, run: () => Promise.resolve({ state: 'ok', detail: 'well' }) },
      ],
      clock,
      () => {},
    );
    await clock.advanceAsync(20_000);
    const findings = await running;
    assert.deepEqual(
      findings.map(({ name, state }) => [name, state]),
      [
        ['throws', 'fail'],
        ['hangs', 'fail'],
        ['holds', 'ok'],
      ],
    );
    assert.equal(hasFailed(findings), true);
    assert.equal(hasFailed(findings.slice(2)), false);
  });

  it('writes one line, and under it what to do', () => {
    assert.equal(
      findingLine({ name: 'disk', state: 'fail', detail: 'full', todo: 'tidy' }),
      'fail    disk            full\n                        → tidy\n',
    );
  });
});

describe('what the microphone heard', () => {
  const tone = (hz: number, amplitude: number): Int16Array =>
    Int16Array.from({ length: 8_000 }, (_, index) =>
      Math.round(amplitude * Math.sin((2 * Math.PI * hz * index) / 16_000)),
    );

  it('has a level around its mean', () => {
    assert.equal(levelDb(new Int16Array(320)), -100);
    assert.equal(levelDb(new Int16Array(320).fill(500)), -100);
    assert.ok(Math.abs(levelDb(tone(440, 32_767)) + 3.01) < 0.05);
  });

  it('is clipped in the share that stands at full scale', () =>
    assert.equal(clippedShare(Int16Array.of(32_767, -32_768, 0, 5)), 0.5));

  it('is hum in its quietest half second', () => {
    const words = joined([tone(440, 12_000), tone(50, 1_000), tone(440, 12_000)]);
    const { humDb, share } = humIn(words)!;
    assert.ok(Math.abs(humDb + 33.3) < 0.2 && share > 0.99, `${humDb} ${share}`);
  });

  it('holds the test tone, and no other', () => {
    assert.ok(Math.abs(toneDb(tone(1_000, 3_277)) + 20) < 0.1);
    assert.ok(toneDb(tone(700, 3_277)) < -60);
  });
});
