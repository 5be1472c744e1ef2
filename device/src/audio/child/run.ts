import { setPriority } from 'node:os';
import type { ChildBackendName, ChildJob } from '../process/job.ts';
import { alsa } from './alsa.ts';
import type { ChildBackend, Load } from './backend.ts';
import { DaemonLink } from './link.ts';
import { portaudio } from './portaudio.ts';

const PIPE_DESCRIPTOR = 3;
/** Sound before all else, as PulseAudio asks for itself. */
const NICENESS = -11;

const BACKENDS: Readonly<Record<ChildBackendName, ChildBackend>> = { portaudio, alsa };

/** @param jobJson a `ChildJob`, from the daemon, which is of the same version */
export function runChild(load: Load, jobJson: string): void {
  raisePriority();
  const job = JSON.parse(jobJson) as ChildJob;
  let play: ((pcm: Buffer) => void) | undefined;
  const link = new DaemonLink(PIPE_DESCRIPTOR, (pcm) => play?.(pcm));
  const backend = BACKENDS[job.backend];
  process.on('uncaughtException', (error) => link.fault(error));
  process.on('unhandledRejection', (error) => link.fault(error));
  const work =
    job.task === 'devices'
      ? backend.devices(load).then((devices) => link.devices(devices))
      : backend.open(link, job, load).then((player) => {
          play = (pcm) => player.play(pcm);
        });
  work.catch((error: unknown) => link.fault(error));
}

/** arecord and aplay inherit it. Where it is not allowed, the service manager has said what it wants. */
function raisePriority(): void {
  try {
    setPriority(NICENESS);
  } catch {
    // EACCES, EPERM: as we are, then.
  }
}
