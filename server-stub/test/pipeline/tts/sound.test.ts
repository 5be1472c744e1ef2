import assert from 'node:assert/strict';
import { wavOf } from '../../../../common/src/audio/wav.ts';
import { ramp } from '../../../../test/lib/signals.ts';
import { joined } from '../../../../test/lib/sound.ts';
import { StageError } from '../../../src/pipeline/ports.ts';
import { soundOf } from '../../../src/pipeline/tts/sound.ts';

const SAMPLES = ramp(1_000, 1);
const WAV = wavOf([SAMPLES]);

/** With its format chunk in the longer form, where the true format stands in the sub-format. */
function extensible(): Buffer {
  const format = Buffer.alloc(8 + 40);
  WAV.copy(format, 0, 12, 36);
  format.writeUInt32LE(40, 4);
  format.writeUInt16LE(0xfffe, 8);
  format.writeUInt16LE(1, 8 + 24);
  return Buffer.concat([WAV.subarray(0, 12), format, WAV.subarray(36)]);
}

function changed(change: (wav: Buffer) => void): Buffer {
  const wav = Buffer.from(WAV);
  change(wav);
  return wav;
}

async function heard(bytes: Buffer, chunkBytes: number, contentType: string | null = null): Promise<Int16Array> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
  }
  const pieces: Int16Array[] = [];
  for await (const piece of soundOf(chunks(), contentType, 16_000, 'the service')) pieces.push(piece);
  return joined(pieces);
}

describe('sound as a text-to-speech service streams it', () => {
  const sounds: readonly [string, Buffer][] = [
    ['bare samples', Buffer.from(SAMPLES.buffer)],
    ['a WAV', WAV],
    ['a WAV of the extensible kind', extensible()],
    ['a WAV whose length its writer could not know', changed((wav) => wav.writeUInt32LE(0xffff_ffff, 40))],
  ];
  for (const [what, bytes] of sounds)
    for (const chunkBytes of [1, 7, bytes.length])
      it(`${what}, ${chunkBytes} bytes at a time, is its samples`, async () => {
        assert.deepEqual(await heard(bytes, chunkBytes), SAMPLES);
      });

  const refused: readonly [string, Buffer, (string | null)?][] = [
    ['a stereo WAV', changed((wav) => wav.writeUInt16LE(2, 22))],
    ['an 8-bit WAV', changed((wav) => wav.writeUInt16LE(8, 34))],
    ['a WAV without a format', changed((wav) => wav.write('junk', 12))],
    ['a WAV whose sound never begins', Buffer.concat([WAV.subarray(0, 36), Buffer.alloc(5_000)])],
    ['MP3', Buffer.from('ID3 and so on')],
    ['Ogg', Buffer.from('OggS and so on')],
    ['an error in place of sound', Buffer.from('{"error":"no"}')],
    ['what calls itself text', Buffer.from(SAMPLES.buffer), 'text/html; charset=utf-8'],
    ['two bytes', Buffer.alloc(2)],
  ];
  for (const [what, bytes, contentType] of refused)
    it(`${what} is refused, for it would be heard as noise`, async () => {
      await assert.rejects(heard(bytes, 100, contentType ?? null), StageError);
    });
});
