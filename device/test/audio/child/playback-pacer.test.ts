import assert from 'node:assert/strict';
import { LEAD_MS, PlaybackPacer } from '../../../src/audio/child/playback-pacer.ts';

/** Microphone frames at these times, after the first at 0. @returns the frames asked for at each */
function wants(pacer: PlaybackPacer, timesMs: readonly number[]): number[] {
  return timesMs.map((atMs) => pacer.onMicrophoneFrame(atMs).want);
}

describe('PlaybackPacer', () => {
  it('asks for the lead at once, and then for one frame per microphone frame', () => {
    const pacer = new PlaybackPacer();
    assert.deepEqual(wants(pacer, [0, 20, 40, 60, 80]), [3, 1, 1, 1, 1]);
  });

  it('asks for nothing on the rest of a burst, so that the delay does not grow', () => {
    const pacer = new PlaybackPacer();
    wants(pacer, [0, 20]);
    assert.deepEqual(wants(pacer, [70, 71, 72, 73, 74, 75]), [1, 1, 1, 1, 0, 0]);
    assert.ok(pacer.leadMs <= 90, `${pacer.leadMs}`);
  });

  it('empties the player when the machine stood still for longer than the lead, but not again and again', () => {
    const pacer = new PlaybackPacer();
    wants(pacer, [0, 20]);
    assert.deepEqual(pacer.onMicrophoneFrame(120), { want: 3, restart: true });
    assert.equal(pacer.onMicrophoneFrame(220).restart, false);
    assert.equal(pacer.onMicrophoneFrame(2300).restart, true);
  });

  it('follows the microphone for half an hour although its clock is 200 ppm off the machine’s', () => {
    for (const periodMs of [20 * 1.0002, 20 / 1.0002]) {
      const pacer = new PlaybackPacer();
      const frames = 30 * 60 * 50;
      let asked = 0;
      for (let frame = 0; frame <= frames; frame++) asked += pacer.onMicrophoneFrame(frame * periodMs).want;
      assert.equal(asked, frames + LEAD_MS / 20);
    }
  });
});
