import type { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import type { Child, ChildEvents, ChildJob, SpawnChild } from '../../src/audio/process/job.ts';
import {
  RecordParser,
  RecordType,
  emptyRecord,
  frameRecord,
  jsonRecord,
} from '../../src/audio/process/pipe-protocol.ts';
import type { AudioFault } from '../../src/audio/ports.ts';

/** How one life of a sound process goes. Times are ms after its start. */
export interface Life {
  /** Sound begins then; never when absent. */
  readonly liveAfterMs?: number;
  readonly captureStopsMs?: number;
  readonly wantStopsMs?: number;
  readonly diesMs?: number;
  readonly faultMs?: readonly [number, AudioFault, string];
  readonly garbageMs?: number;
  /** Cannot be killed: the kernel holds it. */
  readonly unkillable?: boolean;
}

/** Sound processes that live as scripted, in virtual time: the first spawn lives the first life, and so on; the last repeats. */
export class FakeChildren {
  readonly jobs: ChildJob[] = [];
  readonly spawnedMs: number[] = [];
  /** First samples of the speaker frames that came. */
  readonly played: number[] = [];
  running = 0;
  readonly #clock: VirtualClock;
  readonly #lives: readonly Life[];

  constructor(clock: VirtualClock, lives: readonly Life[]) {
    this.#clock = clock;
    this.#lives = lives;
  }

  readonly spawn: SpawnChild = (job, events) => {
    const life = this.#lives[Math.min(this.jobs.length, this.#lives.length - 1)]!;
    this.jobs.push(job);
    this.spawnedMs.push(this.#clock.now());
    this.running++;
    return new FakeChild(
      this.#clock,
      life,
      events,
      (sample) => this.played.push(sample),
      () => this.running--,
    );
  };
}

class FakeChild implements Child {
  readonly #life: Life;
  readonly #events: ChildEvents;
  readonly #onGone: () => void;
  readonly #parser: RecordParser;
  #gone = false;
  #frames = 0;

  constructor(
    clock: VirtualClock,
    life: Life,
    events: ChildEvents,
    onPlay: (sample: number) => void,
    onGone: () => void,
  ) {
    this.#life = life;
    this.#events = events;
    this.#onGone = onGone;
    this.#parser = new RecordParser([RecordType.play], (record) => onPlay(new Int16Array(record.body.buffer)[0]!));
    const startMs = clock.now();
    const at = (delayMs: number | undefined, work: () => void): void => {
      if (delayMs !== undefined)
        clock.after(delayMs, () => {
          if (!this.#gone) work();
        });
    };
    at(life.diesMs, () => this.#end());
    at(life.garbageMs, () => events.data(Buffer.from('portaudio says hello')));
    if (life.faultMs !== undefined) {
      const [delayMs, fault, message] = life.faultMs;
      at(delayMs, () => events.data(Buffer.from(jsonRecord(RecordType.fault, { fault, message }))));
    }
    at(life.liveAfterMs, () => {
      events.data(Buffer.from(jsonRecord(RecordType.ready, { description: 'fake card', cardDelayMs: 10 })));
      const beat = clock.every(20, () => {
        if (this.#gone) return beat.cancel();
        this.#beat(clock.now(), clock.now() - startMs);
      });
    });
  }

  send(bytes: Uint8Array): boolean {
    this.#parser.push(bytes);
    return true;
  }

  kill(): void {
    if (this.#life.unkillable !== true) this.#end();
  }

  #beat(nowMs: number, lifeMs: number): void {
    const { captureStopsMs = Infinity, wantStopsMs = Infinity } = this.#life;
    const frame = frameRecord(RecordType.capture, this.#frames, nowMs, 0);
    frame.samples.fill(1000 + (this.#frames++ % 1000));
    if (lifeMs < captureStopsMs) this.#events.data(Buffer.from(frame.bytes));
    if (lifeMs < wantStopsMs && !this.#gone)
      this.#events.data(Buffer.from(emptyRecord(RecordType.want, this.#frames, nowMs, 640)));
  }

  #end(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#onGone();
    this.#events.gone('the fake child ended');
  }
}
