import assert from 'node:assert/strict';
import { AgeGate, Watchdog } from '../../../src/audio/process/watchdog.ts';

/** Runs since 1000, last heard of at 3000. */
function running(): Watchdog {
  const watchdog = new Watchdog(0);
  for (const atMs of [1000, 3000]) {
    watchdog.captured(atMs);
    watchdog.requested(atMs);
  }
  return watchdog;
}

describe('Watchdog', () => {
  it('gives a child four seconds for its first frame of each direction', () => {
    const watchdog = new Watchdog(0);
    watchdog.captured(500);
    assert.equal(watchdog.stalled(4000), undefined);
    assert.equal(watchdog.stalled(4001), 'start');
  });

  it('calls 200 ms without a microphone frame a stall', () => {
    const watchdog = running();
    watchdog.requested(3200);
    assert.equal(watchdog.stalled(3200), undefined);
    assert.equal(watchdog.stalled(3201), 'capture');
  });

  it('calls 300 ms without a playback request a stall', () => {
    const watchdog = running();
    watchdog.captured(3300);
    assert.equal(watchdog.stalled(3300), undefined);
    assert.equal(watchdog.stalled(3301), 'playback');
  });

  it('is three times as patient in the first second', () => {
    const watchdog = new Watchdog(0);
    watchdog.captured(1000);
    watchdog.requested(1000);
    assert.equal(watchdog.stalled(1600), undefined);
    assert.equal(watchdog.stalled(1601), 'capture');
  });

  it('does not blame the child for a time in which the daemon itself stood still', () => {
    const watchdog = running();
    watchdog.excuse(6000);
    assert.equal(watchdog.stalled(6200), undefined);
    assert.equal(watchdog.stalled(6201), 'capture');
  });
});

describe('AgeGate', () => {
  it('measures how much longer than the fastest a frame was on its way, with zeros of the clocks far apart', () => {
    const gate = new AgeGate();
    const offsets = [
      [1_000_000, 0],
      [1_000_021, 20],
      [1_000_340, 40],
      [1_000_341, 341],
    ];
    assert.deepEqual(
      offsets.map(([nowMs, stampMs]) => gate.ageMs(nowMs!, stampMs!)),
      [0, 1, 300, 0],
    );
  });
});
