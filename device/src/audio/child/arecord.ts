import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { SAMPLE_RATE } from '../framer.ts';
import { AudioError } from '../ports.ts';
import { programError } from './alsa-names.ts';
import { firstLine, loadOptional, type Load } from './backend.ts';

/** The last that arecord printed, for the error's text. Characters */
const STDERR_TAIL = 300;

interface RecorderOptions {
  readonly sampleRate: number;
  readonly channels: number;
  readonly device?: string;
}

/** What is used of node-record-lpcm16. */
interface Recorder {
  record(options: RecorderOptions): { stream(): Readable; readonly process: ChildProcess };
}

/**
 * node-record-lpcm16's own arecord gives 125 ms at a time; ours asks ALSA for periods of one frame. The library
 * looks recorders up as files, and the phone ships as one bundled file, so the look-up is what is replaced.
 *
 * @throws {AudioError} not-installed
 */
export function startArecord(
  device: string | undefined, load: Load, onChunk: (chunk: Buffer) => void, onError: (error: AudioError) => void,
): void {
  const advice = 'to record through arecord: npm install node-record-lpcm16';
  const library = loadOptional(load, 'node-record-lpcm16', advice) as Recorder;
  const recorders = loadOptional(load, 'node-record-lpcm16/recorders', advice) as { load(): unknown };
  recorders.load = () => arecord;
  const recording = library.record({ sampleRate: SAMPLE_RATE, channels: 1, ...(device === undefined ? {} : { device }) });
  let said = '';
  recording.process.stderr?.on('data', (text: Buffer) => { said = (said + text.toString('utf8')).slice(-STDERR_TAIL); });
  recording.process.on('error', (cause) => onError(programError('arecord', cause)));
  // The library emits a string here, and Node ends the process when nobody listens.
  recording.stream().on('error', (reason: unknown) => onError(ended(said, reason)));
  recording.stream().on('end', () => onError(ended(said, 'it closed its output')));
  recording.stream().on('data', onChunk);
}

function arecord(options: RecorderOptions): { cmd: string; args: string[]; spawnOptions: object } {
  const device = options.device === undefined ? [] : ['-D', options.device];
  return {
    cmd: 'arecord',
    args: [
      ...device, '-q', '-t', 'raw', '-f', 'S16_LE', '-r', String(options.sampleRate), '-c', String(options.channels),
      '--period-time=20000', '--buffer-time=200000', '-',
    ],
    spawnOptions: { stdio: ['ignore', 'pipe', 'pipe'] },
  };
}

function ended(said: string, reason: unknown): AudioError {
  const why = said.trim() === '' ? firstLine(reason) : said.trim().split('\n').at(-1)!;
  return new AudioError('died', `arecord ended: ${why}`);
}
