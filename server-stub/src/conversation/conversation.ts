import type { ExtendedSequence } from '../../../protocol/src/index.ts';
import type { CodecPair } from '../media/codecs.ts';
import { LossTuner } from '../../../common/src/codec/tuning.ts';
import type { FrameCounters } from '../../../common/src/concealment/frame-counters.ts';
import type { Log } from '../../../common/src/system/log.ts';
import { CloseCode, FRAME_MS, ProtocolError } from '../../../protocol/src/index.ts';
import type { Timer } from '../../../common/src/time/clock.ts';
import type {
  AudioPacket,
  CodecName,
  DeviceMessage,
  EndReason,
  Hello,
  ResumeRequest,
  ServerMessage,
} from '../../../protocol/src/index.ts';
import type { Connection, Guest } from './connection.ts';
import { Dialogue } from '../dialogue/dialogue.ts';
import { Downlink } from '../media/downlink.ts';
import type { Environment } from './environment.ts';
import { count } from '../system/stats.ts';
import type {
  ClaimedConversation,
  ConversationLog,
  ConversationRecord,
  DownlinkRecord,
} from '../store/conversation-store.ts';
import { Timeline } from './timeline.ts';
import { Uplink } from '../media/uplink.ts';
import { VoiceEncoder } from '../media/voice-encoder.ts';

/**
 * One conversation, from `hello` to its end, over as many sockets as it takes. It owns both directions and the
 * dialogue; while no socket is there the dialogue goes on, and after `resumeWindowMs` without one it ends.
 */
export class Conversation implements Guest {
  readonly id: string;
  readonly deviceId: string;
  readonly #environment: Environment;
  readonly #log: Log;
  readonly #terms: Terms;
  readonly #store: ConversationLog;
  readonly #encoder: VoiceEncoder;
  readonly #uplink: Uplink;
  readonly #downlink: Downlink;
  readonly #dialogue: Dialogue;
  readonly #tuner = new LossTuner();
  readonly timeline: Timeline;
  readonly #ended: (conversation: Conversation) => void;
  #tokens: readonly string[];
  #connection: Connection | undefined;
  #tick: Timer | undefined;
  #expiry: Timer | undefined;
  #expiresAtMs = 0;
  /** Claimed from another process: what its microphone sent there and nobody understood, until the phone is here. */
  #claimed: Pick<ConversationOrigin, 'heard' | 'utterances'> | undefined;
  #over = false;

  constructor(environment: Environment, origin: ConversationOrigin, ended: (conversation: Conversation) => void) {
    const { terms } = origin;
    this.id = terms.id;
    this.deviceId = terms.deviceId;
    this.#environment = environment;
    this.#terms = terms;
    this.#ended = ended;
    this.#log = environment.log.child({ conversationId: terms.id, deviceId: terms.deviceId });
    this.#tokens = origin.tokens;
    this.timeline = new Timeline(environment.clock);
    this.#encoder = new VoiceEncoder(origin.codecs.encoder, environment.recordings, environment.stats);
    this.#store = origin.store(() => this.lostToAnother());
    this.#downlink = this.#openDownlink(origin);
    this.#uplink = this.#openUplink(origin);
    this.#dialogue = this.#openDialogue(origin);
    environment.stats.conversations++;
    environment.stats.conversationsStarted++;
  }

  get counters(): Readonly<FrameCounters> {
    return this.#uplink.counters;
  }

  get codec(): CodecName {
    return this.#terms.codec;
  }

  /** Frames made and not acknowledged. */
  get heldFrames(): number {
    return this.#downlink.heldFrames;
  }

  /** Resolves when the patient does not speak and nothing is being made for them to hear. */
  turnOver(): Promise<void> {
    return this.#dialogue.turnOver();
  }

  /** The first socket of a new conversation. */
  begin(connection: Connection): void {
    const { clock, limits } = this.#environment;
    this.#enter(connection);
    connection.message({
      type: 'ready',
      conversationId: this.id,
      resumeToken: this.#tokens[0]!,
      resumeWindowMs: limits.resumeWindowMs,
      codec: this.#terms.codec,
      pingMs: limits.pingMs,
      maxQueueMs: this.#terms.maxQueueMs,
      serverTime: new Date(clock.wallTime()).toISOString(),
    });
    this.#log.info('conversation.begun', { codec: this.#terms.codec, framing: connection.framing.name });
    this.#downlink.attach(connection);
    this.#dialogue.greet();
    this.#save();
  }

  /** Is this the conversation's own device, with a token that is still good? */
  accepts(deviceId: string, token: string): boolean {
    return mayResume(this.#environment, { deviceId: this.deviceId, tokens: this.#tokens }, deviceId, token);
  }

  /**
   * Another socket of the same phone; the newest wins. The presented token stays good until the phone has shown that
   * it got the fresh one: `resumed` may be lost with a socket that breaks again at once.
   */
  resume(connection: Connection, request: ResumeRequest): void {
    const { ids, stats, limits, clock } = this.#environment;
    if (this.#connection !== undefined) stats.takenOver++;
    const remainingMs =
      this.#expiry === undefined ? limits.resumeWindowMs : Math.max(0, this.#expiresAtMs - clock.now());
    this.#replaceConnection();
    const fresh = ids.token();
    this.#tokens = [fresh, request.token];
    this.#enter(connection);
    this.#uplink.resume(request.firstTxSeq);
    try {
      this.#downlink.resume(connection, request.rxSeq, request.playedTs, (nextSeq) => {
        connection.message({
          type: 'resumed',
          conversationId: this.id,
          resumeToken: fresh,
          rxSeq: this.#uplink.rxSeq,
          nextSeq,
          remainingMs,
        });
      });
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return connection.fault(error);
    }
    stats.resumed++;
    this.#log.info('conversation.resumed', { remainingMs });
    // Not sooner: until then nobody knew where the frames' numbers go on.
    if (this.#claimed !== undefined) this.#takeUp(this.#claimed);
    this.#claimed = undefined;
    this.#save();
  }

  message(message: Exclude<DeviceMessage, Hello>): void {
    this.#confirmToken();
    switch (message.type) {
      case 'ack':
        this.#tune(message.lossRate);
        return this.#downlink.acknowledge(message.rxSeq, message.playedTs);
      case 'playback':
        return this.#dialogue.played(message.id, message.state, message.playedMs);
      case 'interrupt':
        return this.#dialogue.interrupted(message.id, message.playedMs);
      case 'discarded':
        return this.#uplink.discarded(message.fromSeq, message.toSeq);
      case 'end':
        return this.end(message.reason, { tell: false, code: CloseCode.done });
    }
  }

  packet(packet: AudioPacket): void {
    this.#confirmToken();
    this.#uplink.receive(packet);
  }

  lost(connection: Connection, code: number): void {
    if (connection !== this.#connection) return;
    this.#leave();
    if (code === CloseCode.protocolError) return this.end('protocol-error', { tell: false, code });
    if (code === CloseCode.done) return this.end('hangup', { tell: false, code });
    // Bare frames carry no numbers to go on from.
    if (!connection.framing.control) return this.end('expired', { tell: false, code });
    this.#awaitPhone();
  }

  broken(connection: Connection): void {
    if (connection === this.#connection) this.end('protocol-error', { tell: true, code: CloseCode.protocolError });
  }

  /** Ends for good, on both ends, and frees everything. */
  end(reason: EndReason, farewell: { readonly tell: boolean; readonly code: number }): void {
    if (this.#over) return;
    const connection = this.#connection;
    this.#store.remove();
    this.dispose(reason);
    count(this.#environment.stats.ends, reason);
    this.#log.info('conversation.ended', { reason, ...this.#uplink.counters });
    if (farewell.tell) connection?.message({ type: 'end', reason });
    connection?.close(farewell.code, reason);
  }

  /** The process stops: frees everything here, and leaves what the store holds to another process. */
  dispose(reason: EndReason | 'elsewhere' = 'elsewhere'): void {
    if (this.#over) return;
    this.#over = true;
    this.timeline.add({ type: 'end', reason });
    this.#leave();
    this.#expiry?.cancel();
    this.#dialogue.close();
    this.#downlink.close();
    this.#uplink.close();
    this.#encoder.close();
    this.#environment.stats.conversations--;
    addCounters(this.#environment.stats.uplink, this.#uplink.counters);
    this.#environment.stats.concealmentFailures += this.#uplink.concealmentFailures;
    this.#ended(this);
  }

  /** Claimed from another process, with what is left of its window. */
  takenOver(remainingMs: number, claimed: Pick<ConversationOrigin, 'heard' | 'utterances'>): void {
    this.#claimed = claimed;
    this.#awaitPhone(Math.min(remainingMs, this.#environment.limits.resumeWindowMs));
  }

  #takeUp({ heard, utterances = [] }: Pick<ConversationOrigin, 'heard' | 'utterances'>): void {
    this.#dialogue.hearAgain(utterances, () => this.#uplink.hearAgain(heard));
    this.#dialogue.takeUp();
  }

  #awaitPhone(windowMs = this.#environment.limits.resumeWindowMs): void {
    const { clock } = this.#environment;
    this.#expiresAtMs = clock.now() + windowMs;
    this.#expiry = clock.after(windowMs, () =>
      this.end('expired', { tell: false, code: CloseCode.conversationExpired }),
    );
    this.#log.info('conversation.waiting', { windowMs });
    this.#save();
  }

  #enter(connection: Connection): void {
    const { clock, limits } = this.#environment;
    this.#expiry?.cancel();
    this.#expiry = undefined;
    this.#connection = connection;
    connection.admit(this);
    this.#tick = connection.framing.control
      ? clock.every(limits.ackMs, () => this.#acknowledge())
      : clock.every(RAW_TICK_MS, () => this.#downlink.assumeHeard());
  }

  #leave(): void {
    this.#tick?.cancel();
    this.#tick = undefined;
    this.#connection = undefined;
    this.#downlink.detach();
  }

  #replaceConnection(): void {
    const older = this.#connection;
    this.#leave();
    older?.close(CloseCode.replaced, 'a newer connection took over');
  }

  /** Saved before it is sent: the phone forgets what is acknowledged. */
  #acknowledge(): void {
    const { clock, limits } = this.#environment;
    this.#save();
    this.#tell({ type: 'ack', rxSeq: this.#uplink.rxSeq, lossRate: this.#uplink.takeLossRate() });
    if (clock.now() - this.#dialogue.lastSpeechMs > limits.idleMs)
      this.end('idle', { tell: true, code: CloseCode.idle });
  }

  #tune(lossRate: number | undefined): void {
    const tuning = lossRate === undefined ? undefined : this.#tuner.report(lossRate);
    if (tuning !== undefined) this.#encoder.tune(tuning);
  }

  #confirmToken(): void {
    if (this.#tokens.length === 1) return;
    this.#tokens = this.#tokens.slice(0, 1);
    this.#save();
  }

  #tell(message: ServerMessage): void {
    this.#connection?.message(message);
  }

  #save(): void {
    if (this.#over) return;
    // Until its phone is here, what it said is kept as it was claimed.
    if (this.#claimed === undefined) this.#store.understood(this.#dialogue.neededFrom(this.#uplink.rxSeq));
    const { resumeWindowMs, ackMs } = this.#environment.limits;
    // The window counts from the loss: when this process dies, the last save may be as old as the time between two.
    const leftMs =
      this.#expiry === undefined
        ? resumeWindowMs + ackMs
        : Math.max(0, this.#expiresAtMs - this.#environment.clock.now());
    this.#store.save(this.#record(), leftMs);
  }

  #record(): ConversationRecord {
    return {
      ...this.#terms,
      tokens: this.#tokens,
      downlink: this.#downlink.record(),
      micRxSeq: this.#uplink.rxSeq,
      utterances: this.#claimed?.utterances ?? [...this.#dialogue.unread],
      history: this.#dialogue.history(),
    };
  }

  /** The phone reached another process, which has everything: nothing to say, only to let go. */
  lostToAnother(): void {
    const connection = this.#connection;
    this.dispose();
    connection?.close(CloseCode.replaced, 'a newer connection took over');
  }

  #openDownlink(origin: ConversationOrigin): Downlink {
    const { clock, limits, stats } = this.#environment;
    const { codec, maxQueueMs } = this.#terms;
    const { downlink: record, firstFrame, frames } = origin;
    return new Downlink({
      clock,
      codec,
      maxQueueMs,
      maxHeldMs: Math.max(limits.maxHeldMs, maxQueueMs + FRAME_MS),
      record,
      firstFrame,
      frames,
      log: this.#store,
      stats,
      changed: () => this.#save(),
    });
  }

  #openUplink(origin: ConversationOrigin): Uplink {
    return new Uplink({
      decoder: origin.codecs.decoder,
      rxSeq: origin.micRxSeq,
      heard: (frame) => this.#store.heard(frame),
      hear: (pcm, sequence) => this.#dialogue.hear(pcm, sequence),
      quiet: (sequence) => this.#dialogue.quiet(sequence),
      listening: () => this.#dialogue.listening,
      undecodable: () => this.#undecodable(),
    });
  }

  #undecodable(): void {
    this.#environment.stats.framesUndecodable++;
    this.#connection?.fault(new ProtocolError('bad-message', 'the audio of a frame could not be decoded'));
  }

  #openDialogue(origin: ConversationOrigin): Dialogue {
    const { clock, ids, stats, pipeline, turnTaking, patienceOf } = this.#environment;
    const patienceMs = patienceOf?.(this.deviceId) ?? turnTaking.patienceMs;
    return new Dialogue({
      clock,
      ids,
      stats,
      pipeline,
      log: this.#log,
      turnTaking: { ...turnTaking, patienceMs },
      downlink: this.#downlink,
      encoder: this.#encoder,
      language: this.#terms.language,
      history: origin.history,
      tell: (message) => this.#tell(message),
      timed: (responseId, times) => this.timeline.add({ type: 'turn', responseId, times }),
      interrupted: (responseId, playedMs) => this.timeline.add({ type: 'interruption', responseId, playedMs }),
    });
  }
}

function addCounters(total: FrameCounters, part: Readonly<FrameCounters>): void {
  for (const key of Object.keys(total) as (keyof FrameCounters)[]) total[key] += part[key];
}

const RAW_TICK_MS = 100;

/** What was agreed at the start and never changes. */
export interface Terms {
  readonly id: string;
  readonly deviceId: string;
  readonly codec: CodecName;
  readonly maxQueueMs: number;
  readonly language: string;
}

/** A conversation's beginning: new, or taken over from another process. */
export interface ConversationOrigin
  extends
    Pick<ConversationRecord, 'tokens' | 'micRxSeq' | 'history'>,
    Pick<ClaimedConversation, 'firstFrame' | 'frames' | 'heard'> {
  readonly terms: Terms;
  readonly utterances?: readonly ExtendedSequence[] | undefined;
  /** The conversation closes them. */
  readonly codecs: CodecPair;
  readonly downlink: DownlinkRecord;
  readonly store: (lost: () => void) => ConversationLog;
}

/** Both tokens are always compared, whether or not the first one fits. */
export function mayResume(
  environment: Environment,
  held: { deviceId: string; tokens: readonly string[] },
  deviceId: string,
  token: string,
): boolean {
  const matches = held.tokens.map((secret) => environment.ids.matches(token, secret));
  return matches.includes(true) && held.deviceId === deviceId;
}
