import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { SAMPLE_RATE } from '../framer.ts';
import { AudioError } from '../ports.ts';
import { programError } from './alsa-names.ts';
import { firstLine, type Load } from './backend.ts';

/** A player that lets this many wait has stopped: 300 ms. Frames */
const MAX_WAITING_FRAMES = 15;
/** The last that aplay printed, for the error's text. Characters */
const STDERR_TAIL = 300;

/** Takes frames as they come; paced by its caller. */
export interface PacedPlayer {
  readonly name: string;
  play(pcm: Buffer): void;
  /** Throws away what it holds. */
  restart(): void;
}

type OnError = (error: AudioError) => void;
type SpeakerClass = new (options: { channels: number; bitDepth: number; sampleRate: number }) => Writable;

/**
 * `speaker` for the default device, else aplay. Loading `speaker` aborts the process when ALSA has no default
 * device, so it is left alone where a device was named; and where it is not installed, aplay does.
 */
export function openPlayer(device: string | undefined, load: Load, onError: OnError): PacedPlayer {
  const Speaker = device === undefined ? loadSpeaker(load) : undefined;
  return Speaker === undefined
    ? restartable('aplay', () => startAplay(device, onError), onError)
    : restartable('speaker', () => startSpeaker(Speaker, onError), onError);
}

/** One run of a player: where to write, and how to be rid of it without hearing of it again. */
interface PlayerRun {
  readonly stream: Writable;
  end(): void;
}

function restartable(name: string, start: () => PlayerRun, onError: OnError): PacedPlayer {
  let run = start();
  let waiting = 0;
  return {
    name,
    play(pcm) {
      if (waiting >= MAX_WAITING_FRAMES) return onError(new AudioError('stalled', `${name} takes no more sound`));
      const to = run;
      waiting++;
      to.stream.write(pcm, () => { if (to === run) waiting--; });
    },
    restart() {
      run.end();
      run = start();
      waiting = 0;
    },
  };
}

function loadSpeaker(load: Load): SpeakerClass | undefined {
  try {
    return load('speaker') as SpeakerClass;
  } catch {
    return undefined;
  }
}

function startSpeaker(Speaker: SpeakerClass, onError: OnError): PlayerRun {
  let over = false;
  const stream = new Speaker({ channels: 1, bitDepth: 16, sampleRate: SAMPLE_RATE });
  stream.on('error', (error) => { if (!over) onError(new AudioError('died', `speaker: ${firstLine(error)}`)); });
  return {
    stream,
    end() {
      over = true;
      // Not close(): a write that still runs in the native part would lose its handle under it.
      stream.end();
    },
  };
}

function startAplay(device: string | undefined, onError: OnError): PlayerRun {
  const aplay = spawn('aplay', [
    ...(device === undefined ? [] : ['-D', device]),
    '-q', '-t', 'raw', '-f', 'S16_LE', '-r', String(SAMPLE_RATE), '-c', '1', '--period-time=20000', '--buffer-time=60000', '-',
  ], { stdio: ['pipe', 'ignore', 'pipe'] });
  let over = false;
  let said = '';
  const fail = (error: AudioError): void => { if (!over) onError(error); };
  aplay.stderr.on('data', (text: Buffer) => { said = (said + text.toString('utf8')).slice(-STDERR_TAIL); });
  aplay.on('error', (cause) => fail(programError('aplay', cause)));
  // EPIPE: aplay is going; its exit says why.
  aplay.stdin.on('error', () => {});
  aplay.on('close', (code, signal) => {
    fail(new AudioError('died', `aplay ended (${signal ?? `exit code ${code}`}): ${said.trim().split('\n').at(-1)}`));
  });
  return {
    stream: aplay.stdin,
    end() {
      over = true;
      aplay.kill('SIGKILL');
    },
  };
}
