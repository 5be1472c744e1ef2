import assert from 'node:assert/strict';
import { pickAlsaName } from '../../../src/audio/child/alsa-names.ts';

const LISTED = ['null', 'hw:CARD=phone,DEV=0', 'plughw:CARD=phone,DEV=0', 'default'];

describe('a name for ALSA', () => {
  for (const [asked, chosen] of [
    ['phone', 'plughw:CARD=phone,DEV=0'],
    ['hw:CARD=phone,DEV=0', 'hw:CARD=phone,DEV=0'],
    ['phone_out', 'phone_out'],
    ['plughw:7,0', 'plughw:7,0'],
  ] as const)
    it(`is ${chosen} for ${asked}`, () => assert.equal(pickAlsaName(LISTED, asked), chosen));

  for (const asked of ["file:'|id > x',raw", 'file:/etc/x,raw', 'tee:default,/etc/x,raw', 'shm:x', '{type hw card 0}'])
    it(`is none for ${asked}: ALSA would do more than open a card`, () =>
      assert.throws(() => pickAlsaName(LISTED, asked), { fault: 'no-device' }));
});
