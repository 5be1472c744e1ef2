import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { SAMPLE_RATE } from '../framer.ts';
import { AudioError } from '../ports.ts';
import { programError } from './alsa-names.ts';
import { firstLine, type Load, type Player } from './backend.ts';

/** A player this far behind has stopped: its own buffer is half a second. Frames */
const MAX_WAITING_FRAMES = 25;
const STDERR_TAIL = 300;

interface NamedPlayer extends Player {
  readonly name: string;
}

type SpeakerClass = new (options: { channels: number; bitDepth: number; sampleRate: number }) => Writable;

/**
 * `speaker` for the default device, else aplay. Loading `speaker` aborts the process when ALSA has no default
 * device, so it is left alone where a device was named; and where it is not installed, aplay does.
 *
 * @throws {AudioError} not-installed
 */
export function openPlayer(device: string | undefined, load: Load, onError: (error: AudioError) => void): NamedPlayer {
  if (device === undefined) {
    const Speaker = loadSpeaker(load);
    if (Speaker !== undefined) return speakerPlayer(Speaker, onError);
  }
  return aplayPlayer(device, onError);
}

function loadSpeaker(load: Load): SpeakerClass | undefined {
  try {
    return load('speaker') as SpeakerClass;
  } catch {
    return undefined;
  }
}

function speakerPlayer(Speaker: SpeakerClass, onError: (error: AudioError) => void): NamedPlayer {
  const speaker = new Speaker({ channels: 1, bitDepth: 16, sampleRate: SAMPLE_RATE });
  speaker.on('error', (error) => onError(new AudioError('died', `speaker: ${firstLine(error)}`)));
  return { name: 'speaker', play: boundedWriter(speaker, 'speaker', onError) };
}

function aplayPlayer(device: string | undefined, onError: (error: AudioError) => void): NamedPlayer {
  const aplay = spawn('aplay', [
    ...(device === undefined ? [] : ['-D', device]),
    '-q', '-t', 'raw', '-f', 'S16_LE', '-r', String(SAMPLE_RATE), '-c', '1', '--period-time=20000', '--buffer-time=60000', '-',
  ], { stdio: ['pipe', 'ignore', 'pipe'] });
  let said = '';
  aplay.stderr.on('data', (text: Buffer) => { said = (said + text.toString('utf8')).slice(-STDERR_TAIL); });
  aplay.on('error', (cause) => onError(programError('aplay', cause)));
  // EPIPE: aplay is going; its exit says why.
  aplay.stdin.on('error', () => {});
  void once(aplay, 'close').then(
    ([code, signal]) => onError(new AudioError('died', `aplay ended (${signal ?? `exit code ${code}`}): ${said.trim().split('\n').at(-1)}`)),
    () => {},
  );
  return { name: 'aplay', play: boundedWriter(aplay.stdin, 'aplay', onError) };
}

/** Writes wait for one another; too many waiting means that the card takes nothing any more. */
function boundedWriter(stream: Writable, name: string, onError: (error: AudioError) => void): (pcm: Buffer) => void {
  let waiting = 0;
  return (pcm) => {
    if (waiting >= MAX_WAITING_FRAMES) return onError(new AudioError('stalled', `${name} takes no more sound`));
    waiting++;
    stream.write(pcm, () => { waiting--; });
  };
}
