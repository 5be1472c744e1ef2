import { CloseCode } from '../../../protocol/src/index.ts';
import { CodecError } from '../../../common/src/codec/ports.ts';
import type { MessageSocket } from '../../../common/src/link/message-socket.ts';
import type { Timer } from '../../../common/src/time/clock.ts';
import type { CodecName, Hello, ResumeRequest } from '../../../protocol/src/index.ts';
import type { FrameCounters } from '../../../common/src/concealment/frame-counters.ts';
import { closePair, makePair, negotiate, takePair } from '../media/codecs.ts';
import type { CodecPair } from '../media/codecs.ts';
import { Connection } from './connection.ts';
import type { Lobby } from './connection.ts';
import { Conversation, mayResume } from './conversation.ts';
import type { ConversationOrigin, Terms } from './conversation.ts';
import type { Environment, Peer } from './environment.ts';
import { DeviceLimits } from '../system/device-limits.ts';
import type { Limited } from '../system/device-limits.ts';
import { DEFAULT_LIMITS } from '../system/limits.ts';
import { count, ServerStats } from '../system/stats.ts';
import type { Timeline } from './timeline.ts';
import { DEFAULT_TURN_TAKING } from '../dialogue/turn-taking.ts';
import { EncodedRecordings } from '../media/voice-encoder.ts';

/** The whole server but for HTTP, TLS and files. */
export interface ServerCore {
  /** An authenticated socket on which nothing was said yet. */
  accept(socket: MessageSocket, peer: Peer): void;
  readonly stats: ServerStats;
  readonly draining: boolean;
  /** The ladder of what the phones sent, conversations under way included. */
  uplinkCounters(): FrameCounters;
  /**
   * The device's next socket, before it is accepted: when it has too many open, those silent longest are closed for it.
   * @returns what the device has had too much of; undefined when it may connect
   */
  admit(deviceId: string): Limited | undefined;
  /** Its key has lost its right: whatever of this device is open ends now. */
  revoke(deviceId: string): void;
  /** Conversations under way, for tests and the simulator's checks. */
  conversations(): readonly ConversationView[];
  conversation(id: string): ConversationView | undefined;
  /** Accepts nobody any more. Resolves when every turn under way is over, its answer made to its end, or after `limitMs`. */
  finishTurns(limitMs: number): Promise<void>;
  /** Sends every phone away with 1012, so that it comes back elsewhere and resumes; accepts nobody any more. */
  drain(): void;
  /** Frees everything at once. What the store holds stays there. */
  dispose(): void;
}

export interface ConversationView {
  readonly id: string;
  readonly deviceId: string;
  readonly codec: CodecName;
  readonly heldFrames: number;
  readonly timeline: Timeline;
}

/** What the core must be given, and what it has defaults for. */
export type CoreOptions = Omit<Environment, 'limits' | 'turnTaking' | 'stats' | 'recordings'> &
  Partial<Pick<Environment, 'limits' | 'turnTaking' | 'stats'>>;

export function createServerCore(options: CoreOptions): ServerCore {
  const stats = options.stats ?? new ServerStats();
  return new Core({
    limits: DEFAULT_LIMITS,
    turnTaking: DEFAULT_TURN_TAKING,
    ...options,
    stats,
    recordings: new EncodedRecordings(options.codecs, stats),
  });
}

class Core implements ServerCore, Lobby {
  readonly #environment: Environment;
  readonly #connections = new Set<Connection>();
  readonly #byId = new Map<string, Conversation>();
  readonly #byDevice = new Map<string, Conversation>();
  readonly #limits: DeviceLimits;
  /** Conversations that are being taken over just now, by id; each resolves when that has succeeded or failed. */
  readonly #claims = new Map<string, Promise<void>>();
  #draining = false;
  #disposed = false;

  constructor(environment: Environment) {
    this.#environment = environment;
    this.#limits = new DeviceLimits(environment.clock, environment.limits);
  }

  get stats(): ServerStats {
    return this.#environment.stats;
  }

  get draining(): boolean {
    return this.#draining;
  }

  accept(socket: MessageSocket, peer: Peer): void {
    this.stats.connections++;
    const connection = new Connection(this.#environment, socket, peer, this);
    this.#connections.add(connection);
    if (this.#draining) connection.sendAway(CloseCode.serviceRestart, 'restarting');
  }

  uplinkCounters(): FrameCounters {
    const total = { ...this.stats.uplink };
    for (const { counters } of this.#byId.values()) {
      for (const key of Object.keys(total) as (keyof FrameCounters)[]) total[key] += counters[key];
    }
    return total;
  }

  admit(deviceId: string): Limited | undefined {
    // A phone that has a conversation comes back to it; whether it has one elsewhere is not known here.
    const begun = this.#byDevice.has(deviceId);
    const limited = (begun ? undefined : this.#limits.mayBegin(deviceId)) ?? this.#limits.connect(deviceId);
    if (limited !== undefined) return this.#limited(limited);
    this.#makeRoomFor(deviceId);
    return undefined;
  }

  #makeRoomFor(deviceId: string): void {
    const open = this.#connectionsOf(deviceId).map((connection) => ({ connection, silentMs: connection.silentMs }));
    const tooMany = open.length + 1 - this.#environment.limits.maxConnectionsPerDevice;
    if (tooMany <= 0) return;
    open.sort((a, b) => (a.silentMs === b.silentMs ? 0 : b.silentMs - a.silentMs));
    for (const { connection } of open.slice(0, tooMany)) connection.supersede();
  }

  revoke(deviceId: string): void {
    const connections = this.#connectionsOf(deviceId);
    const conversation = this.#byDevice.get(deviceId);
    if (connections.length === 0 && conversation === undefined) return;
    this.stats.devicesRevoked++;
    this.#environment.log.info('device.revoked', { deviceId, connections: connections.length });
    conversation?.end('refused', { tell: true, code: CloseCode.badKey });
    for (const connection of connections)
      connection.refuse('bad-key', 'the key of this device is not valid any more', CloseCode.badKey, false);
  }

  #connectionsOf(deviceId: string): Connection[] {
    return [...this.#connections].filter(({ peer }) => peer.deviceId === deviceId);
  }

  #limited(limited: Limited): Limited {
    count(this.stats.limited, limited.limit);
    return limited;
  }

  conversations(): readonly ConversationView[] {
    return [...this.#byId.values()];
  }

  conversation(id: string): ConversationView | undefined {
    return this.#byId.get(id);
  }

  async finishTurns(limitMs: number): Promise<void> {
    this.#draining = true;
    const over = Promise.all([...this.#byId.values()].map((conversation) => conversation.turnOver()));
    let limit: Timer | undefined;
    const late = new Promise<void>((resolve) => {
      limit = this.#environment.clock.after(limitMs, resolve);
    });
    await Promise.race([over, late]);
    limit?.cancel();
  }

  drain(): void {
    this.#draining = true;
    for (const connection of [...this.#connections]) connection.sendAway(CloseCode.serviceRestart, 'restarting');
  }

  dispose(): void {
    this.#draining = true;
    this.#disposed = true;
    for (const conversation of [...this.#byId.values()]) conversation.dispose();
    for (const connection of [...this.#connections]) connection.sendAway(CloseCode.goingAway, 'stopping');
  }

  hello(connection: Connection, hello: Hello): void {
    const { peer } = connection;
    if (hello.deviceId.toLowerCase() !== peer.deviceId) {
      return connection.refuse(
        'wrong-device',
        'hello names another device than the Device-Id header',
        CloseCode.wrongDevice,
        false,
      );
    }
    if (hello.resume !== undefined) return this.#resume(connection, hello.resume);
    const codec = negotiate(hello.codecs, this.#environment.codecs);
    if (codec === undefined) {
      return connection.refuse(
        'no-codec',
        `none of the offered codecs is spoken here; offer one of ${this.#environment.codecs.available.join(', ')}`,
        CloseCode.protocolError,
        false,
      );
    }
    this.#begin(connection, {
      codec,
      language: this.#environment.languageOf?.(peer.deviceId) ?? hello.language,
      maxQueueMs: Math.min(hello.maxQueueMs, this.#environment.limits.maxQueueMs),
    });
  }

  rawBegin(connection: Connection, codec: CodecName): void {
    const language = this.#environment.languageOf?.(connection.peer.deviceId) ?? 'en';
    this.#begin(connection, { codec, language, maxQueueMs: RAW_QUEUE_MS });
  }

  left(connection: Connection): void {
    this.#connections.delete(connection);
  }

  #begin(connection: Connection, agreed: Omit<Terms, 'id' | 'deviceId'>): void {
    const { codecs } = this.#environment;
    const pair = takePair(codecs, agreed.codec);
    if (pair !== undefined) return this.#beginWith(pair, connection, agreed);
    makePair(codecs, agreed.codec)
      .then((made) => this.#beginWith(made, connection, agreed))
      .catch((error: unknown) => this.#noCodec(connection, error));
  }

  #beginWith(codecs: CodecPair, connection: Connection, agreed: Omit<Terms, 'id' | 'deviceId'>): void {
    const { ids, random, store } = this.#environment;
    const { deviceId } = connection.peer;
    // It left while its codecs were made.
    if (!connection.waiting) return closePair(codecs);
    const limited = this.#limits.begin(deviceId);
    if (limited !== undefined) {
      closePair(codecs);
      return this.#refuseLimited(connection, this.#limited(limited));
    }
    this.#byDevice.get(deviceId)?.end('replaced', { tell: true, code: CloseCode.replaced });
    const terms: Terms = { id: ids.conversationId(), deviceId, ...agreed };
    const firstSequence = Math.floor(random() * 2 ** 16);
    const downlink = {
      ssrc: Math.floor(random() * 2 ** 32),
      firstSequence,
      firstTimestamp: Math.floor(random() * 2 ** 32),
      responses: [],
      flushing: [],
    };
    const beginning = { tokens: [ids.token()], downlink, micRxSeq: -1, history: [] };
    const conversation = this.#add({
      terms,
      codecs,
      ...beginning,
      firstFrame: firstSequence,
      frames: [],
      heard: [],
      store: (lost) => store.create({ ...terms, ...beginning }, lost),
    });
    conversation.begin(connection);
  }

  #resume(connection: Connection, request: ResumeRequest): void {
    const here = this.#byId.get(request.conversationId);
    if (here?.accepts(connection.peer.deviceId, request.token) === true) here.resume(connection, request);
    // What is held here may be out of date: another process has it, and its phone is back before we were told.
    else void this.#resumeFromStore(connection, request);
  }

  /** One claim of a conversation at a time: a second socket of the same phone finds here what the first one fetched. */
  async #resumeFromStore(connection: Connection, request: ResumeRequest): Promise<void> {
    const { conversationId } = request;
    const underWay = this.#claims.get(conversationId);
    if (underWay !== undefined) {
      await underWay;
      if (connection.waiting) this.#resume(connection, request);
      return;
    }
    const claim = this.#claim(connection, request).finally(() => this.#claims.delete(conversationId));
    this.#claims.set(conversationId, claim);
    await claim;
  }

  /**
   * Perhaps another process holds it, or did. All that may fail comes before the conversation is taken; what fails all
   * the same removes nothing, so that the phone comes back with the same token. Never rejects.
   */
  async #claim(connection: Connection, request: ResumeRequest): Promise<void> {
    const { store, codecs } = this.#environment;
    const { deviceId } = connection.peer;
    let pair: CodecPair | undefined;
    // Called at once, in case the conversation is claimed back before we have it.
    let conversation: Conversation | undefined;
    let lostAlready = false;
    const lost = (): void => {
      lostAlready = true;
      conversation?.lostToAnother();
    };
    try {
      const claimed = await store.claim(
        request.conversationId,
        async (record) => {
          if (!mayResume(this.#environment, record, deviceId, request.token)) return false;
          pair ??= await makePair(codecs, record.codec);
          return connection.waiting;
        },
        lost,
      );
      if (claimed === undefined && connection.waiting) return this.#refuseResume(connection);
      if (claimed === undefined) return;
      if (lostAlready || this.#disposed) return this.#refuseForNow(connection);
      this.#byId.get(request.conversationId)?.lostToAnother();
      conversation = this.#add({
        terms: claimed.record,
        codecs: pair!,
        ...claimed.record,
        ...claimed,
        store: () => claimed.log,
      });
      pair = undefined;
      conversation.takenOver(claimed.remainingMs, { heard: claimed.heard, utterances: claimed.record.utterances });
      if (connection.waiting) conversation.resume(connection, request);
    } catch (error) {
      this.#claimFailed(connection, error);
    } finally {
      closePair(pair);
    }
  }

  #claimFailed(connection: Connection, error: unknown): void {
    if (error instanceof CodecError) return this.#noCodec(connection, error);
    this.#environment.log.error('store.failed', { reason: error instanceof Error ? error.message : 'unknown' });
    this.#refuseForNow(connection);
  }

  #refuseForNow(connection: Connection): void {
    connection.refuse(
      'store-failed',
      'the conversation could not be found just now; come back in a moment',
      CloseCode.tryAgainLater,
      true,
    );
  }

  #refuseLimited(connection: Connection, { limit, waitMs }: Limited): void {
    connection.log.warn('call.refused', { limit, waitMs: Math.round(waitMs) });
    connection.refuse(
      'too-many-calls',
      limit === 'minutes' ? 'the minutes of this day are used up' : 'too many calls in a minute',
      CloseCode.tooMany,
      true,
      Math.round(Math.min(waitMs, LONGEST_RETRY_MS) * (1 + this.#environment.random())),
    );
  }

  /** One answer for unknown, over, wrong token and wrong device: it helps nobody to guess. */
  #refuseResume(connection: Connection): void {
    this.stats.resumeRefused++;
    connection.refuse(
      'conversation-expired',
      'there is no such conversation any more; begin a new one',
      CloseCode.conversationExpired,
      false,
    );
  }

  /** There is no memory for one more; the phone comes back in a moment. */
  #noCodec(connection: Connection, error: unknown): void {
    this.#environment.log.error('codec.missing', { reason: error instanceof Error ? error.message : 'unknown' });
    connection.refuse('busy', 'no codec is free just now; come back in a moment', CloseCode.tryAgainLater, true);
  }

  #add(origin: ConversationOrigin): Conversation {
    const { clock } = this.#environment;
    const sinceMs = clock.now();
    const conversation = new Conversation(this.#environment, origin, (over) => {
      this.#limits.talked(over.deviceId, clock.now() - sinceMs);
      this.#remove(over);
    });
    this.#byId.set(conversation.id, conversation);
    this.#byDevice.set(conversation.deviceId, conversation);
    return conversation;
  }

  #remove(conversation: Conversation): void {
    if (this.#byId.get(conversation.id) === conversation) this.#byId.delete(conversation.id);
    if (this.#byDevice.get(conversation.deviceId) === conversation) this.#byDevice.delete(conversation.deviceId);
  }
}

/** Half of the longest that a refused phone is asked to wait. */
const LONGEST_RETRY_MS = 30 * 60_000;
/** A raw device cannot be told to throw its queue away, so little is sent ahead. */
const RAW_QUEUE_MS = 400;
