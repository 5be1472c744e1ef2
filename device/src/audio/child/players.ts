import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Writable } from 'node:stream';
import { FRAME_BYTES, SAMPLE_RATE } from '../../../../protocol/src/limits.ts';
import { AudioError } from '../ports.ts';
import { programError } from './alsa-names.ts';
import { firstLine, loadOptional, type Load } from './backend.ts';

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
type SpeakerClass = new (options: {
  channels: number;
  bitDepth: number;
  sampleRate: number;
  device: string | null;
}) => Writable & { close(): void };

/**
 * aplay, or the package `speaker` where there is none. Not the other way round: on a busy machine `speaker` stutters
 * for seconds once it ran dry (it starts again with a single frame, aplay with a full buffer), and loading it aborts
 * the process when ALSA has no default device.
 *
 * @throws {AudioError} not-installed
 */
export function openPlayer(device: string | undefined, load: Load, onError: OnError): PacedPlayer {
  if (isOnPath('aplay')) return restartable('aplay', () => startAplay(device, onError), onError);
  const Speaker = loadOptional(load, 'speaker', 'to play through ALSA: apt install alsa-utils') as SpeakerClass;
  return restartable('speaker', () => startSpeaker(Speaker, device, onError), onError);
}

function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));
}

/** One run of a player: where to write, and how to be rid of it without hearing of it again. */
interface PlayerRun {
  readonly stream: Writable;
  /** @param writing the native part is in the middle of a write */
  end(writing: boolean): void;
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
      to.stream.write(pcm, () => {
        if (to === run) waiting--;
      });
    },
    restart() {
      run.end(waiting > 0);
      run = start();
      waiting = 0;
    },
  };
}

function startSpeaker(Speaker: SpeakerClass, device: string | undefined, onError: OnError): PlayerRun {
  let over = false;
  const stream = new Speaker({ channels: 1, bitDepth: 16, sampleRate: SAMPLE_RATE, device: device ?? null });
  stream.on('error', (error) => {
    if (!over) onError(new AudioError('died', `speaker: ${firstLine(error)}`));
  });
  // The first write opens the device and blocks meanwhile: better now than when the microphone runs.
  stream.write(Buffer.alloc(FRAME_BYTES));
  return {
    stream,
    end(writing) {
      over = true;
      // Closing drops what is queued, but a write that still runs would lose its handle; that one plays to its end.
      if (writing) stream.end();
      else stream.close();
    },
  };
}

function startAplay(device: string | undefined, onError: OnError): PlayerRun {
  const aplay = spawn(
    'aplay',
    [
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
      '--buffer-time=60000',
      '-',
    ],
    { stdio: ['pipe', 'ignore', 'pipe'] },
  );
  let over = false;
  let said = '';
  const fail = (error: AudioError): void => {
    if (!over) onError(error);
  };
  aplay.stderr.on('data', (text: Buffer) => {
    said = (said + text.toString('utf8')).slice(-STDERR_TAIL);
  });
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
