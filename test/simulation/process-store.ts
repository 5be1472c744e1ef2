import type {
  Authorise,
  ConversationLog,
  ConversationRecord,
  ConversationStore,
  ClaimedConversation,
} from '../../server-stub/src/store/conversation-store.ts';
import type { VirtualClock } from '../../common/src/time/virtual-clock.ts';

/** Told of what a server process writes, when it writes it. */
export interface StoreWitness {
  created(record: ConversationRecord, process: number): void;
  /** The store has made it this process's. */
  claimed(id: string, process: number): void;
  appended(id: string, sequence: number, frame: Uint8Array, process: number): void;
  /** The write has reached the store: a crash cannot take it back. */
  stored(id: string, sequence: number, process: number): void;
  cleared(id: string, next: number): void;
}

/**
 * One server process's way to the shared store: writes take a while, in order, and those under way die with the
 * process. It never throws a wrench in by itself; it is what a Redis over a network does.
 */
export class ProcessStore implements ConversationStore {
  readonly #shared: ConversationStore;
  readonly #clock: VirtualClock;
  readonly #delayMs: number;
  readonly #witness: StoreWitness;
  readonly #process: number;
  #dead = false;

  constructor(shared: ConversationStore, clock: VirtualClock, delayMs: number, witness: StoreWitness, process: number) {
    this.#shared = shared;
    this.#clock = clock;
    this.#delayMs = delayMs;
    this.#witness = witness;
    this.#process = process;
  }

  /** The process is gone, and with it what had not been written. */
  kill(): void {
    this.#dead = true;
  }

  create(record: ConversationRecord, lost: () => void): ConversationLog {
    this.#witness.created(record, this.#process);
    let log: ConversationLog | undefined;
    this.#write(() => {
      log = this.#shared.create(record, () => this.#soon(lost));
    });
    return this.#log(record.id, () => log);
  }

  async claim(id: string, authorise: Authorise, lost: () => void): Promise<ClaimedConversation | undefined> {
    await this.#delay();
    if (this.#dead) return new Promise(() => {});
    const claimed = await this.#shared.claim(id, authorise, () => this.#soon(lost));
    if (claimed !== undefined) this.#witness.claimed(id, this.#process);
    await this.#delay();
    if (this.#dead) return new Promise(() => {});
    return claimed && { ...claimed, log: this.#log(id, () => claimed.log) };
  }

  #log(id: string, log: () => ConversationLog | undefined): ConversationLog {
    return {
      save: (record, expiresInMs) => this.#write(() => log()?.save(record, expiresInMs)),
      append: (sequence, frame) => {
        this.#witness.appended(id, sequence, frame, this.#process);
        this.#write(() => {
          log()?.append(sequence, frame);
          this.#witness.stored(id, sequence, this.#process);
        });
      },
      heard: (frame) => this.#write(() => log()?.heard(frame)),
      understood: (sequence) => this.#write(() => log()?.understood(sequence)),
      release: (through) => this.#write(() => log()?.release(through)),
      clear: (next) => {
        this.#witness.cleared(id, next);
        this.#write(() => log()?.clear(next));
      },
      remove: () => this.#write(() => log()?.remove()),
    };
  }

  #write(write: () => void): void {
    if (this.#dead) return;
    if (this.#delayMs === 0) write();
    else
      this.#clock.after(this.#delayMs, () => {
        if (!this.#dead) write();
      });
  }

  #soon(lost: () => void): void {
    if (this.#dead) return;
    if (this.#delayMs === 0) lost();
    else
      this.#clock.after(this.#delayMs, () => {
        if (!this.#dead) lost();
      });
  }

  #delay(): Promise<void> {
    return this.#delayMs === 0
      ? Promise.resolve()
      : new Promise((resolve) => this.#clock.after(this.#delayMs, resolve));
  }
}
