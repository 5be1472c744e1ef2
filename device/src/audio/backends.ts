import type { Log } from '../../../common/src/system/log.ts';
import { isInstalled } from '../../../common/src/system/native-library.ts';
import { listChildDevices } from './process/devices.ts';
import type { ChildBackendName, SpawnChild } from './process/job.ts';
import { fileBackend } from './file.ts';
import { nullBackend } from './null.ts';
import {
  AudioError,
  type AudioBackend,
  type AudioBackendName,
  type AudioDeviceInfo,
  type AudioSettings,
  type AudioSink,
  type AudioStream,
} from './ports.ts';
import { spawnChild } from './process/spawn.ts';
import { openSupervised, type OpenAudio, type PassedOver } from './process/supervised.ts';
import { Unreaped, leftOverProcesses } from './process/unreaped.ts';
import { toneBackend } from './tone.ts';

export type { OpenAudio, PassedOver } from './process/supervised.ts';

/*
 * The phone's sound.
 *
 *        daemon                                        │ pipe │   sound process (killed when it hangs)
 *                                                      │      │
 *   sink.capture ◀── AgeGate ◀── RecordParser ◀────────┼ capture ┼── Framer ◀── microphone      pushes
 *   sink.render  ──▶ frameRecord ──▶───────────────────┼ play ───┼─────────────▶ speaker
 *        ▲                                             │      │                     │
 *        └────────────── RecordParser ◀────────────────┼ want ───┼──────────────────┘           pulls
 *
 *   Watchdog: no `capture` for 200 ms, no `want` for 300 ms → SIGKILL.  BackendRotation: what to start next, and when.
 *   Meanwhile silence on the clock. `file`, `tone` and `null` touch no card: they run in the daemon, on its clock.
 */

/** In order of preference. Native parts are loaded in the sound process, and only there. */
const BACKENDS: readonly AudioBackend[] = [
  childBackend('portaudio'),
  childBackend('alsa'),
  fileBackend,
  toneBackend,
  nullBackend,
];

/** Of this process, whoever opens sound. */
const unreaped = new Unreaped(leftOverProcesses());

/** The backends with a real card behind them: what `auto` tries in turn. */
const REAL: readonly ChildBackendName[] = ['portaudio', 'alsa'];

/**
 * Opens sound. `auto` takes the first real backend that opens, says why it passed over the others, and never
 * fails: with none it is silence on the clock, and the search goes on. A backend that was asked for by name is
 * opened or the reason thrown; once open, it is started again for ever. The sink may be called before this resolves.
 *
 * @param spawn how children are started; the real way unless a test knows better
 * @param installed whether a library is there; as Node finds it unless a test knows better
 * @throws {AudioError}
 */
export async function openAudio(
  choice: 'auto' | AudioBackendName,
  sink: AudioSink,
  settings: AudioSettings,
  spawn: SpawnChild = spawnChild,
  installed = isInstalled,
): Promise<OpenAudio> {
  if (choice === 'auto')
    return openSupervised(realHere(installed, settings.log), sink, settings, { spawn, orSilence: true, unreaped });
  if (isReal(choice)) return openSupervised([choice], sink, settings, { spawn, orSilence: false, unreaped });
  const backend = BACKENDS.find(({ name }) => name === choice)!;
  return withName(choice, await backend.open(sink, settings));
}

/** A process that is started only to find that its library is missing keeps whoever lifts the receiver waiting. */
function realHere(installed: (library: string) => boolean, log: Log): readonly ChildBackendName[] {
  if (installed('naudiodon')) return REAL;
  log.info('audio.passed-over', {
    backend: 'portaudio',
    fault: 'not-installed',
    why: 'naudiodon is not installed; `--audio portaudio` says how to get it',
  });
  return REAL.filter((name) => name !== 'portaudio');
}

export interface DeviceListing {
  readonly devices: readonly AudioDeviceInfo[];
  /** Backends that could not be asked, and why. */
  readonly unavailable: readonly PassedOver[];
}

/** What a technician can choose from, over all backends. Never fails: what cannot be asked is said. */
export async function listDevices(): Promise<DeviceListing> {
  const devices: AudioDeviceInfo[] = [];
  const unavailable: PassedOver[] = [];
  for (const backend of BACKENDS) {
    try {
      devices.push(...(await backend.devices()));
    } catch (error) {
      if (!(error instanceof AudioError)) throw error;
      unavailable.push({ backend: backend.name, why: error.message });
    }
  }
  return { devices, unavailable };
}

function childBackend(name: ChildBackendName): AudioBackend {
  return {
    name,
    open: (sink, settings) => openSupervised([name], sink, settings, { spawn: spawnChild, orSilence: false, unreaped }),
    devices: () => listChildDevices(name, spawnChild),
  };
}

function isReal(name: AudioBackendName): name is ChildBackendName {
  return (REAL as readonly AudioBackendName[]).includes(name);
}

function withName(backend: AudioBackendName, stream: AudioStream): OpenAudio {
  return {
    backend,
    passedOver: [],
    description: stream.description,
    outputDelayMs: stream.outputDelayMs,
    close: () => stream.close(),
  };
}
