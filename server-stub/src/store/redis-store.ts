import type { Clock, Timer } from '../../../common/src/time/clock.ts';
import type {
  Authorise,
  ClaimedConversation,
  ConversationLog,
  ConversationRecord,
  ConversationStore,
} from './conversation-store.ts';
import { RedisConversationLog, unpackHeard } from './redis-log.ts';
import type { RemoteConversations, SeenConversation, TakenConversation } from './redis-scripts.ts';
import type { StoreHealth } from './store-health.ts';

/**
 * Conversations in Redis: one goes on in another process when its own was killed, stopped, or cannot be reached by
 * the phone any more. Who owns one is a name that only its owner knows; to take a conversation over is to write a new
 * name there, and whoever then writes under the old one is told that it lost it.
 *
 * Redis is never waited for but by `claim`, and there not for long. While it cannot be reached conversations go on;
 * they can be resumed in their own process only, and are written again, whole, once Redis is back.
 */
export class RedisConversationStore implements ConversationStore {
  readonly #options: RedisStoreOptions;
  readonly #waiting = new Set<RedisConversationLog>();
  #retry: Timer | undefined;

  constructor(options: RedisStoreOptions) {
    this.#options = options;
  }

  create(record: ConversationRecord, lost: () => void): ConversationLog {
    const { firstSequence } = record.downlink;
    return this.#log(record, this.#options.newOwner(), lost, {
      firstFrame: firstSequence,
      frames: [],
      heardFirst: 0,
      heard: [],
      expiresInMs: FIRST_SAVE_WITHIN_MS,
      stored: false,
    });
  }

  /** @throws {StoreError} when Redis cannot be reached or does not answer in time */
  claim(id: string, authorise: Authorise, lost: () => void): Promise<ClaimedConversation | undefined> {
    return new Promise((resolve, reject) => {
      const { clock, health } = this.#options;
      let late = false;
      const limit = clock.after(CLAIM_LIMIT_MS, () => {
        late = true;
        reject(new StoreError('slow', `the store did not answer within ${CLAIM_LIMIT_MS} ms`));
      });
      const inTime: Authorise = async (record) => {
        const authorised = await authorise(record);
        // Its phone was told to come back: what would be taken now would be nobody's.
        if (late) throw new StoreError('slow', 'the store answered too late');
        return authorised;
      };
      this.#claim(id, inTime, lost)
        .then(
          (claimed) => {
            health.succeeded();
            resolve(claimed);
          },
          (error: unknown) => {
            if (error instanceof ClaimError && error.cause instanceof Error) return reject(error.cause);
            if (error instanceof StoreError) return reject(error);
            health.failed(error);
            reject(new StoreError('unreachable', 'the store cannot be reached', { cause: error }));
          },
        )
        .finally(() => limit.cancel());
    });
  }

  /** Stops trying again; what is under way is the connection's to finish. */
  close(): void {
    this.#retry?.cancel();
    this.#waiting.clear();
  }

  async #claim(id: string, authorise: Authorise, lost: () => void): Promise<ClaimedConversation | undefined> {
    for (let attempt = 0; attempt < CLAIM_ATTEMPTS; attempt++) {
      const seen = await this.#options.remote.read(id);
      if (seen === undefined) return undefined;
      const record = JSON.parse(seen.record) as ConversationRecord;
      if (!(await allowed(authorise, record))) return undefined;
      const claimed = await this.#take(record, seen, lost);
      if (claimed !== undefined) return claimed;
    }
    throw new StoreError('contended', 'the conversation changed at every attempt to take it over');
  }

  /** @returns undefined when the record changed since it was seen: the token that was accepted may be another now */
  async #take(
    record: ConversationRecord,
    seen: SeenConversation,
    lost: () => void,
  ): Promise<ClaimedConversation | undefined> {
    const owner = this.#options.newOwner();
    const taken = await this.#options.remote.take(record.id, owner, seen);
    return taken && this.#claimed(record, taken, owner, lost);
  }

  #claimed(
    record: ConversationRecord,
    { first, frames, heardFirst, heard, remainingMs }: TakenConversation,
    owner: string,
    lost: () => void,
  ): ClaimedConversation {
    // The device sends again what comes after `micRxSeq`.
    const kept = heard.filter((packed) => unpackHeard(packed).sequence <= record.micRxSeq);
    const stored = kept.length === heard.length;
    const held = { firstFrame: first, frames, heardFirst, heard: kept, expiresInMs: remainingMs, stored };
    const log = this.#log(record, owner, lost, held);
    return { record, firstFrame: first, frames, heard: kept.map(unpackHeard), remainingMs, log };
  }

  #log(record: ConversationRecord, owner: string, lost: () => void, held: HeldInRedis): RedisConversationLog {
    const { clock, remote, health } = this.#options;
    return new RedisConversationLog({
      clock,
      remote,
      id: record.id,
      owner,
      record,
      lost,
      ...held,
      succeeded: () => health.succeeded(),
      failed: (error) => health.failed(error),
      retryLater: (log) => this.#retryLater(log),
    });
  }

  #retryLater(log: RedisConversationLog): void {
    this.#waiting.add(log);
    this.#retry ??= this.#options.clock.after(RETRY_MS, () => {
      this.#retry = undefined;
      const logs = [...this.#waiting];
      this.#waiting.clear();
      for (const each of logs) each.retry();
    });
  }
}

/** `authorise` refused to go on: no fault of Redis. */
class ClaimError extends Error {}

async function allowed(authorise: Authorise, record: ConversationRecord): Promise<boolean> {
  try {
    return await authorise(record);
  } catch (error) {
    throw new ClaimError('the claim was called off', { cause: error });
  }
}

export interface RedisStoreOptions {
  readonly clock: Clock;
  readonly remote: RemoteConversations;
  readonly health: StoreHealth;
  /** A name that was never given before, in any process. */
  readonly newOwner: () => string;
}

interface HeldInRedis {
  readonly firstFrame: number;
  readonly frames: readonly Uint8Array[];
  readonly heardFirst: number;
  readonly heard: readonly Uint8Array[];
  readonly expiresInMs: number;
  readonly stored: boolean;
}

export type StoreFault = 'unreachable' | 'slow' | 'contended';

/** A conversation could not be taken over just now; the phone may try again. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly fault: StoreFault;

  constructor(fault: StoreFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}

/** Inside the handshake's 5 s, so that the phone hears why and comes back; no less, for it comes back a second later still. */
const CLAIM_LIMIT_MS = 4_000;
const CLAIM_ATTEMPTS = 3;
const RETRY_MS = 250;
/** A new conversation is saved, with its true expiry, before this turn of the event loop is over. */
const FIRST_SAVE_WITHIN_MS = 10_000;
