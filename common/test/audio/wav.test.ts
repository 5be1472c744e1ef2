import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { AudioError } from '../../../device/src/audio/ports.ts';
import { MAX_WAV_BYTES, WavWriter, parseWav, readWav } from '../../src/audio/wav.ts';
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
      parseWav(riff(chunk('LIST', Buffer.from('abc')), format(), chunk('junk', Buffer.alloc(7)), DATA)),
      ramp(100, 5),
    );
  });

  it('of the extensible kind are read by their sub-format', () => {
    const body = Buffer.alloc(40);
    format({ code: 0xfffe }).copy(body, 0, 8, 24);
    body.writeUInt16LE(1, 24);
    assert.deepEqual(parseWav(riff(chunk('fmt ', body), DATA)), ramp(100, 5));
  });

  it('cut short give what is there', () => {
    assert.equal(parseWav(riff(format(), DATA).subarray(0, -101)).length, 49);
  });

  const refused: readonly [string, Buffer, RegExp][] = [
    ['44.1 kHz', riff(format({ rate: 44_100 }), DATA), /this is 44100 Hz/],
    ['stereo', riff(format({ channels: 2 }), DATA), /2 channel/],
    ['8-bit', riff(format({ bits: 8 }), DATA), /8-bit/],
    ['floats', riff(format({ code: 3, bits: 32 }), DATA), /format code 3/],
    ['data without a format', riff(DATA), /no format chunk/],
    ['a format without data', riff(format()), /no data chunk/],
    ['no WAV at all', Buffer.from('OggS and so on, for a while'), /no WAV file/],
    ['nothing', Buffer.alloc(0), /no WAV file/],
  ];
  for (const [what, bytes, message] of refused) {
    it(`with ${what} are refused with what was found`, () => {
      assert.throws(
        () => parseWav(bytes),
        (error) => error instanceof AudioError && error.fault === 'bad-file' && message.test(error.message),
      );
    });
  }

  it('of any bytes are samples or an AudioError', () => {
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
          assert.ok(error instanceof AudioError, String(error));
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

  it('that cannot be made are refused by name', () => {
    assert.throws(() => new WavWriter(join(folder, 'no/such/folder.wav')), /cannot write .*folder\.wav/);
  });
});
