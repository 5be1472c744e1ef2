import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseVoiceWav, parseWav, WavError } from '../../src/media/wav.ts';

interface Shape {
  readonly rate?: number;
  readonly channels?: number;
  readonly bits?: number;
  readonly encoding?: number;
  readonly dataSize?: number;
  readonly before?: Buffer;
}

function wav(
  samples: readonly number[],
  {
    rate = 16_000,
    channels = 1,
    bits = 16,
    encoding = 1,
    dataSize = samples.length * 2,
    before = Buffer.alloc(0),
  }: Shape = {},
): Buffer {
  const format = Buffer.alloc(24);
  format.write('fmt ', 0, 'latin1');
  format.writeUInt32LE(16, 4);
  format.writeUInt16LE(encoding, 8);
  format.writeUInt16LE(channels, 10);
  format.writeUInt32LE(rate, 12);
  format.writeUInt16LE(bits, 22);
  const data = Buffer.alloc(8 + samples.length * 2);
  data.write('data', 0, 'latin1');
  data.writeUInt32LE(dataSize, 4);
  samples.forEach((sample, at) => data.writeInt16LE(sample, 8 + at * 2));
  return Buffer.concat([Buffer.from('RIFF\0\0\0\0WAVE', 'latin1'), format, before, data]);
}

describe('WAV', () => {
  it('gives its samples', () => assert.deepEqual([...parseVoiceWav(wav([1, -2, 3]))], [1, -2, 3]));
  it('skips other chunks, of odd length too', () => {
    assert.deepEqual([...parseVoiceWav(wav([7], { before: Buffer.from('LIST\x03\0\0\0abc\0', 'latin1') }))], [7]);
  });
  it('takes a size that its writer could not know for all there is', () => {
    assert.deepEqual([...parseWav(wav([1, 2], { dataSize: 0xffff_ffff })).pcm], [1, 2]);
  });
  it('leaves half a sample out', () => assert.equal(parseWav(wav([1, 2]).subarray(0, -1)).pcm.length, 1));

  const wrong: readonly { name: string; file: Buffer; says: RegExp }[] = [
    { name: 'stereo', file: wav([1], { channels: 2 }), says: /2 channels/ },
    { name: '8 bits', file: wav([1], { bits: 8 }), says: /8 bits/ },
    { name: 'A-law', file: wav([1], { encoding: 6 }), says: /encoding 6/ },
    { name: '44.1 kHz', file: wav([1], { rate: 44_100 }), says: /44100/ },
    { name: 'no WAV', file: Buffer.from('ID3'), says: /RIFF/ },
    { name: 'no data', file: wav([1]).subarray(0, 36), says: /data chunk/ },
  ];
  for (const { name, file, says } of wrong) {
    it(`${name} is refused`, () =>
      assert.throws(
        () => parseVoiceWav(file),
        (error) => error instanceof WavError && says.test(error.message),
      ));
  }

  it('garbage gives samples or a WavError, never anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, headed) => {
        const file = headed ? Buffer.concat([Buffer.from('RIFF\0\0\0\0WAVE', 'latin1'), bytes]) : Buffer.from(bytes);
        try {
          parseWav(file);
        } catch (error) {
          assert.ok(error instanceof WavError);
        }
      }),
    );
  });
});
