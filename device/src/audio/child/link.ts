import { Socket } from 'node:net';
import {
  HEADER_BYTES,
  RecordParser,
  RecordType,
  emptyRecord,
  frameRecord,
  jsonRecord,
  type ChildRecord,
} from '../process/pipe-protocol.ts';
import { AudioError, type AudioDeviceInfo } from '../ports.ts';

/** The daemon reads no more: what is captured meanwhile would only grow old in the pipe. A second, in bytes. */
const MAX_BACKLOG_BYTES = 50 * (HEADER_BYTES + 640);

/** The child's end of the pipe. */
export class DaemonLink {
  readonly #pipe: Socket;
  readonly #parser: RecordParser;
  #captureId = 0;
  #wantId = 0;

  /** @param onPlay is handed the 640 bytes of each speaker frame; they are its own */
  constructor(descriptor: number, onPlay: (pcm: Buffer) => void) {
    this.#parser = new RecordParser([RecordType.play], (record: ChildRecord) =>
      onPlay(Buffer.from(record.body.buffer)),
    );
    this.#pipe = new Socket({ fd: descriptor, readable: true, writable: true });
    this.#pipe.on('data', (chunk: Buffer) => this.#onData(chunk));
    this.#pipe.on('error', endOfGroup);
    this.#pipe.on('close', endOfGroup);
  }

  capture(frame: Int16Array): void {
    const id = this.#captureId++;
    if (this.#pipe.writableLength > MAX_BACKLOG_BYTES) return;
    const record = frameRecord(RecordType.capture, id, performance.now(), 0);
    record.samples.set(frame);
    this.#pipe.write(record.bytes);
  }

  /** @param queuedSamples what the speaker still has to play before the frame that is asked for */
  want(queuedSamples: number): void {
    this.#pipe.write(emptyRecord(RecordType.want, this.#wantId++, performance.now(), queuedSamples));
  }

  ready(description: string, cardDelayMs: number): void {
    this.#pipe.write(jsonRecord(RecordType.ready, { description, cardDelayMs }));
  }

  devices(devices: readonly AudioDeviceInfo[]): void {
    this.#pipe.write(jsonRecord(RecordType.devices, devices), endOfGroup);
  }

  /** Says why, and ends. */
  fault(error: unknown): void {
    const { fault, message } =
      error instanceof AudioError ? error : new AudioError('open-failed', String((error as Error).message ?? error));
    this.#pipe.write(jsonRecord(RecordType.fault, { fault, message }), endOfGroup);
  }

  #onData(chunk: Buffer): void {
    try {
      this.#parser.push(chunk);
    } catch {
      // The daemon does not send nonsense; without it there is nothing left to do.
      endOfGroup();
    }
  }
}

/**
 * The only way out that always works: with a dead card PortAudio holds up `process.exit()`. The child leads
 * its process group, so arecord and aplay go with it.
 */
export function endOfGroup(): void {
  process.kill(-process.pid, 'SIGKILL');
}
