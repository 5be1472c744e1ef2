import { spawn } from 'node:child_process';
import { SAMPLE_RATE } from '../../../../protocol/src/index.ts';
import { resample } from '../resampler.ts';
import { StageError } from '../ports.ts';
import { parseWav } from '../../../../common/src/audio/wav.ts';
import type { WavAudio } from '../../../../common/src/audio/wav.ts';
import type { Synthesiser } from './recorded-tts.ts';

const PROGRAM = 'espeak-ng';
/** Words a minute; its default of 175 is too quick for somebody who listens slowly. */
const SPEED = '150';
/** A minute of speech at 22.05 kHz: more is a mistake. */
const MAX_BYTES = 3 * 1024 * 1024;
const LIMIT_MS = 10_000;

/** @returns a synthesiser when espeak-ng is installed */
export async function findEspeak(): Promise<Synthesiser | undefined> {
  try {
    await run(['--version'], '', AbortSignal.timeout(LIMIT_MS));
    return speakWithEspeak;
  } catch {
    return undefined;
  }
}

const speakWithEspeak: Synthesiser = async (sentence, options) => {
  // By standard input: arguments are in the process list for all to read.
  const wav = await run(
    ['--stdin', '--stdout', '-s', SPEED, '-v', voiceOf(options.language)],
    sentence,
    options.signal,
  );
  const { sampleRate, pcm } = soundOf(wav);
  return resample(pcm, sampleRate, SAMPLE_RATE);
};

/** @throws {StageError} */
function soundOf(wav: Buffer): WavAudio {
  try {
    return parseWav(wav);
  } catch (cause) {
    throw new StageError('text-to-speech', `${PROGRAM} made no WAV that can be read`, false, { cause });
  }
}

/** Only what looks like a language tag reaches the command line. */
function voiceOf(language: string): string {
  return /^[a-z]{2,3}(-[a-z]{2})?$/i.exec(language)?.[0].toLowerCase() ?? 'en';
}

function run(args: readonly string[], input: string, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void =>
      reject(new StageError('text-to-speech', `${PROGRAM} could not speak`, false, { cause }));
    const child = spawn(PROGRAM, args, {
      stdio: ['pipe', 'pipe', 'ignore'],
      signal,
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    child.on('error', fail);
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) child.kill('SIGKILL');
      else chunks.push(chunk);
    });
    child.on('close', (code) => (code === 0 ? resolve(Buffer.concat(chunks)) : fail(code)));
    // It may end before it has read everything; 'close' reports that.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}
