import { AudioError, type AudioDeviceInfo } from '../ports.ts';

/** What a backend in the child is given to work with. */
export interface ChildSink {
  capture(frame: Int16Array): void;
  /** Asks for one frame; `play` follows. @param queuedSamples what the speaker still has to play before it */
  want(queuedSamples: number): void;
  /** @param cardDelayMs from the end of what is queued to the speaker */
  ready(description: string, cardDelayMs: number): void;
  fault(error: unknown): void;
}

/** Loads a package that may not be there; `require`, or a test's. */
export type Load = (name: string) => unknown;

export interface DeviceChoice {
  readonly inputDevice?: string;
  readonly outputDevice?: string;
}

export interface Player {
  /** One frame of 640 bytes, in answer to a `want`. */
  play(pcm: Buffer): void;
}

export interface ChildBackend {
  /** Opens both directions; calls `sink.ready` and then runs until the process is killed. @throws {AudioError} */
  open(sink: ChildSink, choice: DeviceChoice, load: Load): Promise<Player>;
  /** @throws {AudioError} */
  devices(load: Load): Promise<AudioDeviceInfo[]>;
}

/** @throws {AudioError} not-installed, with what to install */
export function loadOptional(load: Load, name: string, advice: string): unknown {
  try {
    return load(name);
  } catch (cause) {
    throw new AudioError('not-installed', `${name} cannot be loaded (${firstLine(cause)}); ${advice}`, { cause });
  }
}

/** The device whose name or id holds `part`, case aside. @throws {AudioError} no-device, with what there is */
export function chooseByName<T extends { readonly id: string | number; readonly name: string }>(
  devices: readonly T[],
  part: string,
): T {
  const wanted = part.toLowerCase();
  const found =
    devices.find((device) => String(device.id).toLowerCase() === wanted) ??
    devices.find((device) => device.name.toLowerCase().includes(wanted));
  if (found !== undefined) return found;
  const names = devices.map((device) => `'${device.name}'`).join(', ');
  throw new AudioError('no-device', `no device is called '${part}'; there is ${names === '' ? 'none' : names}`);
}

export function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n')[0] ?? text;
}
