import type { Clock } from '../../../common/src/time/clock.ts';
import type { Log } from '../../../common/src/system/log.ts';

/**
 * Sound, as the daemon sees it. The microphone pushes, the speaker pulls: the sound card is the playout
 * clock and no timer of ours paces audio. Frames are 320 samples (20 ms) of 16 kHz mono s16, always.
 */
export interface AudioSink {
  /** One microphone frame; the array belongs to the callee. */
  capture(frame: Int16Array): void;
  /** The speaker wants its next frame: fill all 320 samples of `into`. Must not throw, must not be slow. */
  render(into: Int16Array): void;
  /** The stream broke for good and will call nothing any more. Never called after `close()`. */
  failed(error: AudioError): void;
}

/** An open full-duplex stream. */
export interface AudioStream {
  /** What is open, for a person: 'portaudio: USB Audio Device'. */
  readonly description: string;
  /** From `render` being asked for a frame to its first sample leaving the speaker, as well as it is known, ms. */
  readonly outputDelayMs: number;
  /** Stops both directions; resolves within a second whatever the sound system does. */
  close(): Promise<void>;
}

/** One way to reach a sound card (or to do without). Adapters stand in one ordered table, loaded on demand. */
export interface AudioBackend {
  readonly name: AudioBackendName;
  /** @throws {AudioError} with what was missing and what to do */
  open(sink: AudioSink, settings: AudioSettings): Promise<AudioStream>;
  /** What a technician can choose from. @throws {AudioError} */
  devices(): Promise<AudioDeviceInfo[]>;
}

export type AudioBackendName = 'portaudio' | 'alsa' | 'file' | 'tone' | 'null';

export interface AudioSettings {
  readonly clock: Clock;
  readonly log: Log;
  /** Part of a device's name or id; the system's default when absent. */
  readonly inputDevice?: string;
  readonly outputDevice?: string;
  /** `file` only: a 16 kHz mono 16-bit WAV to speak, and one to write what is heard. */
  readonly inputFile?: string;
  readonly outputFile?: string;
  /** `file` only: `forever` begins again where the input file ends. */
  readonly inputRepeat?: 'once' | 'forever';
  /** `file` only: called once when the input file has been spoken to its end (silence follows). */
  readonly inputEnded?: () => void;
  /** A real card has opened, at first or again: what it remembers of its own levels is set then. */
  readonly onOpen?: () => void;
  /** Sound processes hang in the kernel, and no other is started: only the daemon's own restart is left to try. */
  readonly onStuck?: (why: string) => void;
}

export interface AudioDeviceInfo {
  readonly backend: AudioBackendName;
  readonly id: string;
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly isDefaultInput: boolean;
  readonly isDefaultOutput: boolean;
}

export type AudioFault =
  | 'not-installed' // the native part or program is missing
  | 'no-device' // nothing to open
  | 'open-failed'
  | 'bad-file' // missing, or not 16 kHz mono 16-bit
  | 'stalled' // no frame or callback for too long
  | 'died'; // the child or program ended

export class AudioError extends Error {
  override readonly name = 'AudioError';
  readonly fault: AudioFault;

  constructor(fault: AudioFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}

/** What can be wrong with a microphone that delivers its frames. */
export type MicrophoneFault =
  | 'dead' // not even noise: unplugged, or muted in the card
  | 'clipped' // a large part of what is said stands at full scale
  | 'hum' // the mains is louder than a quiet voice
  | 'quiet'; // what is spoken reaches nobody

/** Numbers for the call report. */
export interface MicrophoneReading {
  readonly fault: MicrophoneFault | null;
  /** How loud speech is, dBFS; null: nobody spoke enough to tell. */
  readonly speechDbfs: number | null;
  /** Of all samples in the worst five seconds. */
  readonly clippedShare: number;
  /** Of full scale; taken out before anybody hears it. */
  readonly offset: number;
  /** Mains hum in the pauses, dBFS; null: no pause yet. */
  readonly humDbfs: number | null;
  /** That was added behind the card, dB. */
  readonly gainDb: number;
}
