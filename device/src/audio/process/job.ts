import type { AudioBackendName } from '../ports.ts';

/** The backends that touch native code or programs, and so live in a process of their own. */
export type ChildBackendName = Extract<AudioBackendName, 'portaudio' | 'alsa'>;

/** What a child is started for; travels as JSON in its first argument. */
export interface ChildJob {
  readonly backend: ChildBackendName;
  readonly task: 'stream' | 'devices';
  readonly inputDevice?: string;
  readonly outputDevice?: string;
}

/** A running child, as its supervisor sees it. */
export interface Child {
  /** Queues bytes on the pipe. Never blocks. @returns false when the child reads too slowly to be alive */
  send(bytes: Uint8Array): boolean;
  /** SIGKILL, to the child and everything it started. Nothing is reported afterwards but `gone`. */
  kill(): void;
}

export interface ChildEvents {
  data(chunk: Buffer): void;
  /** The process has ended; once, the last event. `why` is for a person. */
  gone(why: string): void;
}

export type SpawnChild = (job: ChildJob, events: ChildEvents) => Child;
