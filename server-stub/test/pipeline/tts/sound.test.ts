import assert from 'node:assert/strict';
import { wavOf } from '../../../../common/src/audio/wav.ts';
import { seededRandom } from '../../../../common/src/time/random.ts';
import { ramp, sine } from '../../../../test/lib/signals.ts';
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

/** Frames of MP3, or of anything compressed: bytes without order. */
function compressed(): Buffer {
  const random = seededRandom(3);
  const bytes = Buffer.from(Array.from({ length: 8_000 }, () => Math.floor(random() * 256)));
  for (let at = 0; at < bytes.length; at += 417) bytes.set([0xff, 0xfb, 0x90, 0x64], at);
  return bytes;
}

function whiteNoise(length: number, peak: number): Int16Array {
  const random = seededRandom(4);
  return Int16Array.from({ length }, () => Math.round((2 * random() - 1) * peak));
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

  it('is what its bytes are, whatever it is called', async () => {
    for (const name of ['audio/mpeg', 'application/octet-stream', 'audio/pcm', 'audio/wav'])
      assert.deepEqual(await heard(Buffer.from(SAMPLES.buffer), 300, name), SAMPLES, name);
  });

  it('has the rate that its label names', async () => {
    const double = await heard(Buffer.from(SAMPLES.buffer), 300, 'audio/pcm;rate=32000');
    assert.ok(Math.abs(double.length - SAMPLES.length / 2) <= 2, `${double.length} samples`);
  });

  it('is in network byte order when it is called L16', async () => {
    const swapped = Buffer.from(SAMPLES.buffer.slice(0)).swap16();
    assert.deepEqual(await heard(swapped, 300, 'audio/L16;rate=16000;channels=1'), SAMPLES);
  });

  it('ends where the samples of its WAV end', async () => {
    const tail = Buffer.concat([WAV, Buffer.from('LIST'), Buffer.alloc(400, 0xa5)]);
    assert.deepEqual(await heard(tail, 300), SAMPLES);
  });

  it('is speech however it begins: a loud vowel, a hiss, a click', async () => {
    for (const pcm of [sine(700, 0.5, 20_000), whiteNoise(8_000, 1_500), ramp(1_000, 20_000)])
      assert.equal((await heard(Buffer.from(pcm.buffer), 300)).length, pcm.length);
  });

  const refused: readonly [string, Buffer, (string | null)?][] = [
    ['a stereo WAV', changed((wav) => wav.writeUInt16LE(2, 22))],
    ['an 8-bit WAV', changed((wav) => wav.writeUInt16LE(8, 34))],
    ['a WAV without a format', changed((wav) => wav.write('junk', 12))],
    ['a WAV whose sound never begins', Buffer.concat([WAV.subarray(0, 36), Buffer.alloc(5_000)])],
    ['MP3', Buffer.from('ID3 and so on')],
    ['MP3 without a tag', compressed()],
    ['MP3 without a tag, as octets', compressed(), 'application/octet-stream'],
    ['stereo by its label', Buffer.from(SAMPLES.buffer), 'audio/pcm;rate=16000;channels=2'],
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
