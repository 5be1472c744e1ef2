import { SAMPLE_RATE } from '../../../../protocol/src/index.ts';

/** Frames as a WAV file, 16 kHz mono 16-bit, for services that take files. */
export function voiceWav(frames: readonly Int16Array[]): Uint8Array<ArrayBuffer> {
  const samples = frames.reduce((total, { length }) => total + length, 0);
  const file = new Uint8Array(44 + samples * 2);
  const view = new DataView(file.buffer);
  const text = (at: number, name: string): void => {
    for (let index = 0; index < name.length; index++) view.setUint8(at + index, name.charCodeAt(index));
  };
  text(0, 'RIFF');
  view.setUint32(4, 36 + samples * 2, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  // PCM, one channel.
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, SAMPLE_RATE, true);
  view.setUint32(28, SAMPLE_RATE * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, 'data');
  view.setUint32(40, samples * 2, true);
  let at = 44;
  for (const frame of frames)
    for (const sample of frame) {
      view.setInt16(at, sample, true);
      at += 2;
    }
  return file;
}
