import { spawn, type ChildProcess } from 'node:child_process';
import { SAMPLE_RATE } from '../../../../protocol/src/limits.ts';
import { AudioError } from '../ports.ts';
import { programError } from './alsa-names.ts';
import { firstLine, type Load } from './backend.ts';

/** The last that arecord printed, for the error's text. Characters */
const STDERR_TAIL = 300;

interface Command {
  readonly cmd: string;
  readonly args: readonly string[];
}

/** What is used of node-record-lpcm16. */
interface Recorder {
  record(options: object): { readonly process: ChildProcess };
}

/** The microphone through arecord: node-record-lpcm16 runs it, or we do where that is not installed. */
export function startArecord(
  device: string | undefined,
  load: Load,
  onChunk: (chunk: Buffer) => void,
  onError: (error: AudioError) => void,
): void {
  const recording = start(commandFor(device), load);
  let said = '';
  recording.stderr?.on('data', (text: Buffer) => {
    said = (said + text.toString('utf8')).slice(-STDERR_TAIL);
  });
  recording.on('error', (cause) => onError(programError('arecord', cause)));
  // The library emits a string here, and Node ends the process when nobody listens.
  recording.stdout?.on('error', (reason: unknown) => onError(ended(said, reason)));
  recording.on('close', () => onError(ended(said, 'it gave no reason')));
  recording.stdout?.on('data', onChunk);
}

/**
 * The library's own arecord gives 125 ms at a time; ours asks ALSA for periods of one frame. The library looks
 * recorders up as files, and the phone ships as one bundled file, so the look-up is what is replaced.
 */
function start(command: Command, load: Load): ChildProcess {
  let library: Recorder;
  try {
    library = load('node-record-lpcm16') as Recorder;
    (load('node-record-lpcm16/recorders') as { load(): unknown }).load = () => () => command;
  } catch {
    return spawn(command.cmd, command.args, { stdio: ['ignore', 'pipe', 'pipe'] });
  }
  return library.record({}).process;
}

function commandFor(device: string | undefined): Command {
  return {
    cmd: 'arecord',
    args: [
      ...(device === undefined ? [] : ['-D', device]),
      '-q',
      '-t',
      'raw',
      '-f',
      'S16_LE',
      '-r',
      String(SAMPLE_RATE),
      '-c',
      '1',
      '--period-time=20000',
      '--buffer-time=200000',
      '-',
    ],
  };
}

function ended(said: string, reason: unknown): AudioError {
  const why = said.trim() === '' ? firstLine(reason) : said.trim().split('\n').at(-1)!;
  return new AudioError('died', `arecord ended: ${why}`);
}
