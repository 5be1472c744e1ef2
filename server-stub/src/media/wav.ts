import { SAMPLE_RATE } from '../../../protocol/src/index.ts';

export class WavError extends Error {
  override readonly name = 'WavError';
}

export interface WavAudio {
  readonly sampleRate: number;
  /** Mono. */
  readonly pcm: Int16Array;
}

/** Reads mono 16-bit PCM of any rate. @throws {WavError} anything else */
export function parseWav(data: Buffer): WavAudio {
  if (data.length < 12 || data.toString('latin1', 0, 4) !== 'RIFF' || data.toString('latin1', 8, 12) !== 'WAVE')
    throw new WavError('no RIFF WAVE file');
  const format = chunk(data, 'fmt ');
  if (format === undefined || format.length < 16) throw new WavError('a WAV file without a format chunk');
  const [encoding, channels, sampleRate, bits] = [
    format.readUInt16LE(0),
    format.readUInt16LE(2),
    format.readUInt32LE(4),
    format.readUInt16LE(14),
  ];
  if (encoding !== 1 || channels !== 1 || bits !== 16) {
    throw new WavError(`want 16-bit mono PCM; this is encoding ${encoding}, ${channels} channels, ${bits} bits`);
  }
  const samples = chunk(data, 'data');
  if (samples === undefined) throw new WavError('a WAV file without a data chunk');
  // Copied, so that samples are aligned whatever the chunk's offset.
  const bytes = Uint8Array.prototype.slice.call(samples, 0, samples.length & ~1);
  return { sampleRate, pcm: new Int16Array(bytes.buffer, 0, bytes.length / 2) };
}

/** @throws {WavError} also when the rate is not 16 kHz */
export function parseVoiceWav(data: Buffer): Int16Array {
  const { sampleRate, pcm } = parseWav(data);
  if (sampleRate !== SAMPLE_RATE) throw new WavError(`want ${SAMPLE_RATE} Hz, this is ${sampleRate}`);
  return pcm;
}

function chunk(data: Buffer, id: string): Buffer | undefined {
  for (let at = 12; at + 8 <= data.length;) {
    // A program that streams writes a size it cannot know yet: then the chunk goes to the end.
    const size = Math.min(data.readUInt32LE(at + 4), data.length - at - 8);
    if (data.toString('latin1', at, at + 4) === id) return data.subarray(at + 8, at + 8 + size);
    at += 8 + size + (size & 1);
  }
  return undefined;
}
