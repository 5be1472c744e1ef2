import type { Clock } from '../../../../common/src/time/clock.ts';
import type { Child, ChildJob, SpawnChild } from './job.ts';
import {
  ChildProtocolError,
  RecordParser,
  RecordType,
  frameRecord,
  jsonOf,
  samplesOf,
  type ChildRecord,
  type ReadyInfo,
} from './pipe-protocol.ts';
import { SAMPLE_RATE } from '../../../../protocol/src/limits.ts';
import { AudioError, type AudioFault } from '../ports.ts';
import { AgeGate, Watchdog } from './watchdog.ts';

/** Microphone audio older than this was held up on its way: talking over it would only put the caller behind. ms */
const STALE_MS = 200;
const SAMPLES_PER_MS = SAMPLE_RATE / 1000;

const FAULTS: ReadonlySet<string> = new Set<AudioFault>([
  'not-installed',
  'no-device',
  'open-failed',
  'bad-file',
  'stalled',
  'died',
]);

export interface SessionEvents {
  /** Sound runs in both directions; once. */
  live(description: string): void;
  capture(frame: Int16Array): void;
  render(into: Int16Array): void;
  /** This child is of no use any more and has been killed; once, the last event. Not called after `kill()`. */
  ended(error: AudioError): void;
}

/** One life of one child: its records become calls, its silence and its nonsense become its end. */
export class ChildSession {
  readonly gone: Promise<void>;
  readonly #clock: Clock;
  readonly #events: SessionEvents;
  readonly #child: Child;
  readonly #watchdog: Watchdog;
  readonly #age = new AgeGate();
  readonly #parser = new RecordParser(
    [RecordType.ready, RecordType.capture, RecordType.want, RecordType.fault],
    (record) => this.#onRecord(record),
  );
  #ready: ReadyInfo | undefined;
  #queuedSamples = 0;
  #liveSinceMs: number | undefined;
  #over = false;
  #staleFrames = 0;

  constructor(spawn: SpawnChild, job: ChildJob, clock: Clock, events: SessionEvents) {
    this.#clock = clock;
    this.#events = events;
    this.#watchdog = new Watchdog(clock.now());
    let resolveGone = (): void => {};
    this.gone = new Promise((resolve) => {
      resolveGone = resolve;
    });
    this.#child = spawn(job, {
      data: (chunk) => this.#onData(chunk),
      gone: (why) => {
        resolveGone();
        this.#end(new AudioError('died', why));
      },
    });
  }

  /** How long sound has run in both directions, ms. */
  get ranMs(): number {
    return this.#liveSinceMs === undefined ? 0 : this.#clock.now() - this.#liveSinceMs;
  }

  /** From a frame being rendered to its first sample being heard, ms. */
  get outputDelayMs(): number {
    return (this.#ready?.cardDelayMs ?? 0) + this.#queuedSamples / SAMPLES_PER_MS;
  }

  /** Microphone frames thrown away because they were old. */
  get staleFrames(): number {
    return this.#staleFrames;
  }

  /** To be called a few times in every 100 ms. @param daemonStoodStill the caller itself was not on time */
  check(daemonStoodStill: boolean): void {
    const nowMs = this.#clock.now();
    if (daemonStoodStill) this.#watchdog.excuse(nowMs);
    const stall = this.#watchdog.stalled(nowMs);
    if (stall === 'start') this.#end(new AudioError('stalled', this.#startStall()));
    else if (stall === 'capture') this.#end(new AudioError('stalled', 'the microphone fell silent'));
    else if (stall === 'playback') this.#end(new AudioError('stalled', 'the speaker takes no more sound'));
  }

  kill(): void {
    this.#over = true;
    this.#child.kill();
  }

  #startStall(): string {
    return this.#ready === undefined
      ? 'the sound system did not answer; is the sound server or the card hung?'
      : 'the card opened but gives no sound; is it in use, or unplugged?';
  }

  #end(error: AudioError): void {
    if (this.#over) return;
    this.kill();
    this.#events.ended(error);
  }

  #onData(chunk: Buffer): void {
    if (this.#over) return;
    try {
      this.#parser.push(chunk);
    } catch (error) {
      if (!(error instanceof ChildProtocolError)) throw error;
      this.#end(new AudioError('died', 'the sound process sent nonsense', { cause: error }));
    }
  }

  #onRecord(record: ChildRecord): void {
    if (this.#over) return;
    if (record.type === RecordType.capture) this.#onCapture(record);
    else if (record.type === RecordType.want) this.#onWant(record);
    else if (record.type === RecordType.ready) this.#ready = readyInfo(jsonOf(record));
    else this.#end(faultOf(jsonOf(record)));
  }

  #onCapture(record: ChildRecord): void {
    const nowMs = this.#clock.now();
    this.#watchdog.captured(nowMs);
    this.#goLive();
    if (this.#age.ageMs(nowMs, record.stampMs) > STALE_MS) this.#staleFrames++;
    else if (this.#liveSinceMs !== undefined) this.#events.capture(samplesOf(record));
  }

  #onWant(want: ChildRecord): void {
    this.#watchdog.requested(this.#clock.now());
    this.#queuedSamples = want.queuedSamples;
    this.#goLive();
    const play = frameRecord(RecordType.play, want.id, this.#clock.now(), 0);
    if (this.#liveSinceMs !== undefined) this.#events.render(play.samples);
    if (!this.#child.send(play.bytes))
      this.#end(new AudioError('stalled', 'the sound process does not take what it asked for'));
  }

  #goLive(): void {
    if (this.#liveSinceMs !== undefined || this.#ready === undefined || !this.#watchdog.running) return;
    this.#liveSinceMs = this.#clock.now();
    this.#events.live(this.#ready.description);
  }
}

function readyInfo(json: unknown): ReadyInfo {
  const { description, cardDelayMs } = fieldsOf(json);
  if (typeof description !== 'string' || typeof cardDelayMs !== 'number')
    throw new ChildProtocolError('`ready` lacks its fields');
  return { description, cardDelayMs };
}

export function faultOf(json: unknown): AudioError {
  const { fault, message } = fieldsOf(json);
  if (typeof fault !== 'string' || !FAULTS.has(fault) || typeof message !== 'string')
    throw new ChildProtocolError('`fault` lacks its fields');
  return new AudioError(fault as AudioFault, message);
}

function fieldsOf(json: unknown): Record<string, unknown> {
  if (typeof json !== 'object' || json === null) throw new ChildProtocolError('a record holds no JSON object');
  return json as Record<string, unknown>;
}
