import assert from 'node:assert/strict';
import { BackendRotation } from '../../src/audio/rotation.ts';

describe('BackendRotation', () => {
  it('moves on after three failures within a minute, and round to the first again', () => {
    const rotation = new BackendRotation(['portaudio', 'alsa']);
    const tried = [0, 1, 2, 3, 4, 5].map((second) => rotation.failed(second * 1000, 'died', 500).backend);
    assert.deepEqual(tried, ['portaudio', 'portaudio', 'alsa', 'alsa', 'alsa', 'portaudio']);
  });

  it('forgives failures that are more than a minute apart', () => {
    const rotation = new BackendRotation(['portaudio', 'alsa']);
    const tried = [0, 31, 62, 93, 124].map((second) => rotation.failed(second * 1000, 'stalled', 500).backend);
    assert.deepEqual(tried, Array(5).fill('portaudio'));
  });

  it('waits longer each time, never over a second, and little again once sound has held', () => {
    const rotation = new BackendRotation(['portaudio']);
    const ranMs = [5000, 1, 1, 1, 1, 10_000];
    assert.deepEqual(
      ranMs.map((ran) => rotation.failed(0, 'died', ran).waitMs),
      [100, 250, 500, 1000, 1000, 100],
    );
  });

  it('searches at leisure while no card was ever seen', () => {
    assert.equal(new BackendRotation(['portaudio', 'alsa']).failed(0, 'no-device', 0).waitMs, 5000);
  });

  it('leaves out what is not installed, and hardly ever asks again when nothing else is left', () => {
    const rotation = new BackendRotation(['portaudio', 'alsa']);
    assert.equal(rotation.failed(0, 'not-installed', 0).backend, 'alsa');
    const tried = [1, 2, 3].map((at) => rotation.failed(at, 'died', 1).backend);
    assert.deepEqual(tried, ['alsa', 'alsa', 'alsa']);
    assert.deepEqual(rotation.failed(4, 'not-installed', 0), { backend: 'alsa', waitMs: 60_000 });
  });
});
