import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  findWavData,
  MAX_WAV_BYTES,
  parseSpeechWav,
  parseWav,
  readWav,
  WavError,
  wavOf,
  WavWriter,
} from '../../src/audio/wav.ts';
import { ramp } from '../../../test/lib/signals.ts';

function chunk(tag: string, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.write(tag, 0, 'latin1');
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body, Buffer.alloc(body.length & 1)]);
}

function format({ code = 1, channels = 1, rate = 16_000, bits = 16 } = {}): Buffer {
  const body = Buffer.alloc(16);
  body.writeUInt16LE(code, 0);
  body.writeUInt16LE(channels, 2);
  body.writeUInt32LE(rate, 4);
  body.writeUInt16LE(bits, 14);
  return chunk('fmt ', body);
}

function riff(...chunks: Buffer[]): Buffer {
  return chunk('RIFF', Buffer.concat([Buffer.from('WAVE'), ...chunks]));
}

const DATA = chunk('data', Buffer.from(ramp(100, 5).buffer));

describe('WAV files', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'bestday-wav-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('are read past chunks that mean nothing here, odd ones too', () => {
    assert.deepEqual(
      parseSpeechWav(riff(chunk('LIST', Buffer.from('abc')), format(), chunk('junk', Buffer.alloc(7)), DATA)),
      ramp(100, 5),
    );
  });

  it('of the extensible kind are read by their sub-format', () => {
    const body = Buffer.alloc(40);
    format({ code: 0xfffe }).copy(body, 0, 8, 24);
    body.writeUInt16LE(1, 24);
    assert.deepEqual(parseSpeechWav(riff(chunk('fmt ', body), DATA)), ramp(100, 5));
  });

  it('cut short give what is there', () => {
    assert.equal(parseSpeechWav(riff(format(), DATA).subarray(0, -101)).length, 49);
  });

  it('of a writer that could not know its length give all there is', () => {
    const streamed = riff(format(), DATA);
    streamed.writeUInt32LE(0xffff_ffff, streamed.length - 204);
    assert.deepEqual(parseSpeechWav(streamed), ramp(100, 5));
  });

  it('leave half a sample out', () => assert.equal(parseSpeechWav(riff(format(), DATA).subarray(0, -1)).length, 99));

  it('may have another rate where that is asked for', () => {
    assert.deepEqual(parseWav(riff(format({ rate: 22_050 }), DATA)), { sampleRate: 22_050, pcm: ramp(100, 5) });
  });

  it('tell where their samples begin as soon as that has come', () => {
    const streamed = riff(chunk('LIST', Buffer.from('abc')), format({ rate: 24_000 }), DATA);
    const from = streamed.length - 200;
    for (let come = 0; come < from; come++) assert.equal(findWavData(streamed.subarray(0, come)), undefined);
    assert.deepEqual(findWavData(streamed.subarray(0, from)), { sampleRate: 24_000, from, length: 200 });
  });

  const refused: readonly [string, Buffer, RegExp][] = [
    ['44.1 kHz', riff(format({ rate: 44_100 }), DATA), /this is 44100 Hz/],
    ['stereo', riff(format({ channels: 2 }), DATA), /2 channel/],
    ['8-bit', riff(format({ bits: 8 }), DATA), /8-bit/],
    ['floats', riff(format({ code: 3, bits: 32 }), DATA), /format code 3/],
    ['data without a format', riff(DATA), /no format chunk/],
    ['half a format', riff(chunk('fmt ', Buffer.alloc(15)), DATA), /no whole format chunk/],
    ['a format without data', riff(format()), /no data chunk/],
    ['no WAV at all', Buffer.from('OggS and so on, for a while'), /no WAV file/],
    ['nothing', Buffer.alloc(0), /no WAV file/],
  ];
  for (const [what, bytes, message] of refused) {
    it(`with ${what} are refused with what was found`, () => {
      assert.throws(
        () => parseSpeechWav(bytes),
        (error) => error instanceof WavError && message.test(error.message),
      );
    });
  }

  it('of any bytes are samples or a WavError', () => {
    const pieces = fc.array(
      fc.oneof(
        fc.constantFrom('RIFF', 'WAVE', 'fmt ', 'data').map((tag) => Buffer.from(tag)),
        fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
      ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(pieces, (parts) => {
        try {
          parseWav(Buffer.concat([Buffer.from('RIFF....WAVE'), ...parts]));
        } catch (error) {
          assert.ok(error instanceof WavError, String(error));
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('that are missing or too long are refused by name', () => {
    assert.throws(() => readWav(join(folder, 'none.wav')), /cannot read .*none\.wav/);
    const long = join(folder, 'long.wav');
    writeFileSync(long, '');
    truncateSync(long, MAX_WAV_BYTES + 1);
    assert.throws(() => readWav(long), /at most/);
  });

  it('are valid while they are being written, and whole when closed', () => {
    const path = join(folder, 'written.wav');
    const writer = new WavWriter(path);
    for (let frame = 0; frame < 120; frame++) writer.write(ramp(320, frame * 320));
    assert.deepEqual(readWav(path), ramp(32_000));
    writer.close();
    writer.close();
    assert.deepEqual(readWav(path), ramp(120 * 320));
    assert.equal(readFileSync(path).readUInt32LE(4), 36 + 120 * 640);
  });

  it('are made of pieces', () => {
    const pieces = [ramp(100), ramp(400).subarray(100, 320), new Int16Array(0)];
    assert.deepEqual(parseSpeechWav(wavOf(pieces)), ramp(320));
  });

  it('that cannot be made are refused by name', () => {
    assert.throws(() => new WavWriter(join(folder, 'no/such/folder.wav')), /cannot write .*folder\.wav/);
  });
});
