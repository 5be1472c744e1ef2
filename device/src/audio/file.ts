import { openPaced } from './clock-paced.ts';
import { AudioError, type AudioBackend, type AudioSettings } from './ports.ts';
import { readWav, WavError, WavWriter } from '../../../common/src/audio/wav.ts';

/** Speaks a WAV and writes what is heard to another; either may be left out (silence, nowhere). */
export const fileBackend: AudioBackend = {
  name: 'file',
  // An async function, so that a file that cannot be used rejects and does not throw.
  async open(sink, settings) {
    const speak = speaker(settings);
    const ear = listener(settings);
    return openPaced({ description: describe(settings), speak, ...ear }, sink, settings);
  },
  devices: () => Promise.resolve([]),
};

function describe({ inputFile, outputFile }: AudioSettings): string {
  return `file: speaks ${inputFile ?? 'silence'}, writes what it hears to ${outputFile ?? 'nowhere'}`;
}

function speaker({ inputFile, inputRepeat, inputEnded }: AudioSettings): (into: Int16Array) => void {
  const samples = inputFile === undefined ? new Int16Array(0) : orAudioError(() => readWav(inputFile));
  let at = 0;
  let ended = inputFile === undefined;
  const forever = inputRepeat === 'forever' && samples.length > 0;
  return (into) => {
    if (forever && at >= samples.length) at = 0;
    // The frame that finds the script used up reports it, so the last samples have been captured by then.
    if (at >= samples.length && !ended) {
      ended = true;
      inputEnded?.();
    }
    into.set(samples.subarray(at, at + into.length));
    at += into.length;
  };
}

function listener({ outputFile, log }: AudioSettings): { hear(frame: Int16Array): void; close(): void } {
  let writer = outputFile === undefined ? undefined : orAudioError(() => new WavWriter(outputFile));
  /** A full disk ends the recording, not the call. */
  const orLoseRecording = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof WavError)) throw error;
      writer = undefined;
      log.error('audio.recording-lost', { why: error.message });
    }
  };
  return {
    hear: (frame) => orLoseRecording(() => writer?.write(frame)),
    close: () => orLoseRecording(() => writer?.close()),
  };
}

/** @throws {AudioError} bad-file */
function orAudioError<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof WavError)) throw error;
    throw new AudioError('bad-file', error.message, { cause: error });
  }
}
