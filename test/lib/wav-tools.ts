import { SAMPLE_RATE } from '../../protocol/src/index.ts';

/** A 16 kHz mono 16-bit WAV of these pieces, one after the other. */
export function wavOf(pieces: readonly Int16Array[], sampleRate = SAMPLE_RATE, channels = 1): Buffer {
  const samples = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const wav = Buffer.alloc(44 + 2 * samples);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(36 + 2 * samples, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(channels, 22);
  wav.writeUInt32LE(sampleRate, 24);
  wav.writeUInt32LE(2 * channels * sampleRate, 28);
  wav.writeUInt16LE(2 * channels, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(2 * samples, 40);
  let at = 44;
  for (const piece of pieces) for (const sample of piece) at = wav.writeInt16LE(sample, at);
  return wav;
}

/** Share of the power at one frequency, 0 … 1: 1 is that pure tone (Goertzel). */
export function toneLevel(samples: Int16Array, hertz: number): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * hertz) / SAMPLE_RATE);
  let [before, last, total] = [0, 0, 0];
  for (const sample of samples) {
    [before, last] = [last, sample + coefficient * last - before];
    total += sample * sample;
  }
  const power = last * last + before * before - coefficient * last * before;
  return total === 0 ? 0 : (2 * power) / (samples.length * total);
}
