import assert from 'node:assert/strict';
import { setMixer } from '../../src/audio/mixer.ts';
import { silentLog } from '../../../common/src/system/log.ts';

const MIXER = {
  card: 'phone',
  controls: [
    { name: 'Speaker', value: '85%' },
    { name: 'PCM', value: '85%' },
    { name: 'Left Mixer', value: 'on' },
  ],
};

describe("the card's mixer", () => {
  it('is set control by control, and a control that is not there is passed over', async () => {
    const seen: string[] = [];
    await setMixer(MIXER, silentLog, (argumentsOf) => {
      seen.push(argumentsOf.join(' '));
      return argumentsOf.includes('Speaker')
        ? Promise.reject(new Error('amixer: Unable to find simple control'))
        : Promise.resolve();
    });
    assert.deepEqual(seen, [
      '-q -c phone sset Speaker 85% unmute',
      '-q -c phone sset PCM 85% unmute',
      '-q -c phone sset Left Mixer on',
    ]);
  });

  it('is left alone where the profile names none', async () => {
    await setMixer(undefined, silentLog, () => assert.fail('amixer was run'));
  });
});
