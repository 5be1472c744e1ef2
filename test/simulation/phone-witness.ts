import type { DeviceMessage, ServerMessage } from '../../protocol/src/index.ts';
import { RTP_HEADER_BYTES } from '../../protocol/src/index.ts';
import { CallWitness } from './call-witness.ts';
import type { SimulationContext } from './context.ts';
import { MicrophoneJudge } from './judge-microphone.ts';
import { PlayoutJudge } from './judge-playout.ts';
import { SilenceJudge, WordsJudge } from './judge-silence.ts';
import type { Conversation } from './ledger.ts';
import type { Attempt, NetworkWitness, SimulatedNetwork } from './network.ts';
import type { EndClock } from './end-clock.ts';
import type { SoundCard } from './sound-card.ts';
import { StampKind, unpackStamp } from './stamp.ts';
import type { Stamp } from './stamp.ts';
import type { Side, Wire } from './wire.ts';

/** What a witness looks at of a household. */
export interface WitnessedSite {
  readonly lifted: boolean;
  readonly powered: boolean;
  readonly resting: boolean;
  readonly clock: EndClock;
  readonly card: SoundCard;
  readonly network: SimulatedNetwork;
}

/** Sees everything that goes on around one phone, and asks the judges. Changes nothing. */
export class PhoneWitness implements NetworkWitness {
  readonly calls: CallWitness[] = [];
  heardFrames = 0;
  spokenFrames = 0;
  readonly #context: SimulationContext;
  readonly #site: WitnessedSite;
  readonly #playout: PlayoutJudge;
  readonly #silence: SilenceJudge;
  readonly #words: WordsJudge;
  #microphone: MicrophoneJudge;
  /** The newest: the only one that dials and is heard; an older one may still be saying good-bye. */
  #call: CallWitness | undefined;
  #endsAtMs: number | undefined;
  /** What each connection was for. */
  readonly #purposes = new WeakMap<Wire, Purpose>();

  constructor(context: SimulationContext, site: WitnessedSite) {
    this.#context = context;
    this.#site = site;
    this.#playout = new PlayoutJudge(context.ledger, context.verdict, context.script.world.maxQueueMs);
    this.#silence = new SilenceJudge(context.verdict);
    this.#words = new WordsJudge(context.verdict);
    this.#microphone = new MicrophoneJudge(context.verdict, this.#now);
  }

  get call(): CallWitness | undefined {
    return this.#call;
  }

  /** Of the call under way. */
  get conversation(): Conversation | undefined {
    const id = this.#call?.record.conversationId;
    return id === undefined ? undefined : this.#context.ledger.conversations.get(id);
  }

  // ---- the phone itself

  newCall(): CallWitness {
    const call = new CallWitness(this.#context, this.#now);
    this.calls.push(call);
    this.#call = call;
    // A lost call may be followed by the next while the receiver is thought to have slipped.
    call.mustEndAt(this.#endsAtMs);
    this.#playout.ended();
    return call;
  }

  booted(): void {
    this.#microphone = new MicrophoneJudge(this.#context.verdict, this.#now);
  }

  poweredOff(): void {
    this.#call = undefined;
    this.calls.length = 0;
    this.#playout.ended();
  }

  /** The receiver was put down; the call may go on a little, in case it was a mistake. */
  hungUp(): void {
    this.#endsAtMs = this.#now() + this.#context.script.world.hangUpGraceMs;
    this.#call?.mustEndAt(this.#endsAtMs);
  }

  lifted(): void {
    this.#endsAtMs = undefined;
    this.#call?.mustEndAt(undefined);
  }

  networkUp(): void {
    this.#call?.schedule.networkUp();
  }

  networkUpDone(): void {
    this.#call?.schedule.networkUpDone();
  }

  // ---- sound

  captured(): number {
    return this.#microphone.captured();
  }

  rendered(frame: Int16Array, stamp: Stamp | undefined): void {
    if (this.#site.lifted) this.#silence.rendered(frame);
    const words = stamp?.kind === StampKind.prompt || stamp?.kind === StampKind.response;
    this.#words.rendered(words, this.#site.lifted && !this.#site.resting && this.#call?.phase !== 'talking');
    const voice = stamp?.kind === StampKind.response ? stamp : undefined;
    if (voice !== undefined) this.heardFrames++;
    if (voice !== undefined) this.#context.trace.number(voice.source * 1_000 + voice.index);
    this.#playout.rendered(voice);
  }

  /** The server's ear was given one of this phone's frames. */
  heardByServer(index: number, again: boolean): void {
    this.spokenFrames++;
    this.#microphone.heard(index, again);
  }

  // ---- the network

  attempted(attempt: Attempt): void {
    this.#context.trace.number(attempt.startedMs);
    this.#purposes.set(attempt.wire, { call: this.#call, conversation: undefined, interruptions: [] });
    this.#call!.schedule.attempted(() => attempt.outcome === 'pending');
    this.#expectSuccess(attempt);
  }

  failed(_attempt: Attempt, fault: string, retryAfterMs: number | undefined): void {
    if (fault === 'refused') this.#call?.forbidden();
    if (retryAfterMs !== undefined) this.#call?.schedule.postponed(retryAfterMs);
  }

  sent(wire: Wire, from: Side, data: string | Uint8Array): void {
    if (typeof data === 'string')
      return from === 'device' ? this.#deviceSays(wire, parse(data)) : this.#serverSays(wire, parse(data));
    if (from === 'server') return;
    const stamp = unpackStamp(data.subarray(RTP_HEADER_BYTES));
    if (stamp?.kind === StampKind.private)
      this.#context.verdict.fail(
        4,
        'heard-on-hook',
        'a microphone frame was sent that was taken while the receiver lay on its hook',
      );
    else if (stamp !== undefined) this.#microphone.sent(stamp.index, (data[2]! << 8) | data[3]!);
    this.#microphone.buffered(wire.device.bufferedBytes);
  }

  arrived(wire: Wire, at: Side, data: string | Uint8Array): void {
    if (at === 'server') this.#confirmToken(this.#purposes.get(wire));
    if (typeof data === 'string') {
      this.#context.trace.note(data);
      if (at === 'device') this.#deviceHears(wire, parse(data));
      else this.#serverHears(wire, parse(data));
    } else if (at === 'device' && this.#isCurrent(wire) && this.#call?.phase === 'talking') {
      const stamp = unpackStamp(data.subarray(RTP_HEADER_BYTES));
      if (stamp !== undefined) this.#playout.arrived(stamp);
    }
  }

  closed(wire: Wire, at: Side, code: number): void {
    this.#context.trace.number(code);
    if (at === 'device') this.#purposes.get(wire)?.call?.closed(code);
  }

  #isCurrent(wire: Wire): boolean {
    return this.#purposes.get(wire)?.call === this.#call;
  }

  #deviceSays(wire: Wire, message: DeviceMessage): void {
    const record = this.#purposes.get(wire)?.call?.record;
    if (message.type === 'end' && record !== undefined) record.ownWord = { arrived: false, reason: message.reason };
  }

  #serverSays(wire: Wire, message: ServerMessage): void {
    const purpose = this.#purposes.get(wire)!;
    switch (message.type) {
      case 'ready':
      case 'resumed': {
        purpose.conversation = this.#context.ledger.conversations.get(message.conversationId);
        purpose.tokens = purpose.conversation!.tokens.push(message.resumeToken);
        return message.type === 'ready' ? this.#microphone.listens() : this.#microphone.resumes(message.rxSeq);
      }
      case 'response.start': {
        const { made, placeOf, sources } = purpose.conversation!;
        // A process that died may have announced a response of which no frame was kept.
        const first = made[placeOf.get(message.firstSeq) ?? -1];
        return first && void sources.set(message.id, first.source);
      }
      // Everything in order: whoever hears this has heard of every interruption before it.
      case 'ack':
        return void purpose.interruptions.push(purpose.conversation!.interruptedBefore);
      case 'error':
        return message.code === 'conversation-expired' ? this.#judgeRefusal(wire) : undefined;
      default:
        return undefined;
    }
  }

  #judgeRefusal(wire: Wire): void {
    const { host, verdict } = this.#context;
    const { conversation } = this;
    const wanted =
      this.#isCurrent(wire) &&
      this.#call?.phase === 'handshaking' &&
      wire.device.open &&
      wire === this.#site.network.newest;
    if (!wanted || conversation === undefined || !host.holds(conversation)) return;
    verdict.fail(3, 'resume-refused', `the server refused to resume ${conversation.id}, which it still holds`);
  }

  /** Whoever speaks on a connection has been told its token. */
  #confirmToken({ conversation, tokens }: Partial<Purpose> = {}): void {
    if (conversation !== undefined) conversation.confirmedTokens = Math.max(conversation.confirmedTokens, tokens ?? 0);
  }

  #deviceHears(wire: Wire, message: ServerMessage): void {
    const { call, interruptions } = this.#purposes.get(wire)!;
    if (call === undefined) return;
    const place = message.type === 'ack' ? interruptions.shift() : undefined;
    if (place !== undefined && call === this.#call && call.phase === 'talking') this.#playout.interruptionPassed(place);
    if (message.type === 'end') call.told(message.reason);
    if (message.type === 'ready' && call.phase === 'handshaking') {
      call.record.conversationId = message.conversationId;
      if (call === this.#call) this.#playout.began(message.conversationId);
    }
    if (message.type === 'flush' && call === this.#call && call.phase === 'talking')
      this.#playout.flushArrived(message.id);
  }

  #serverHears(wire: Wire, message: DeviceMessage): void {
    const { call, conversation } = this.#purposes.get(wire)!;
    if (message.type === 'discarded') this.#microphone.discarded(message.fromSeq, message.toSeq);
    if (message.type === 'hello' && message.resume === undefined) this.#context.server.freshHello(message.deviceId);
    if (message.type !== 'end' || conversation === undefined) return;
    this.#context.server.toldToEnd(conversation.id);
    if (call?.record.ownWord !== undefined && conversation.end === undefined) call.record.ownWord.arrived = true;
  }

  /** In calm weather an attempt gets through: then `talking` follows within a few round trips. */
  #expectSuccess(attempt: Attempt): void {
    const { weather, clock, host, script, verdict } = this.#context;
    const { network } = this.#site;
    const { latencyMs, jitterMs, bytesPerSecond } = network.path;
    const hopsMs = (latencyMs + jitterMs + 20) * HOPS + 6_000_000 / bytesPerSecond;
    // The first attempt of all is given up for the second after a second.
    if (hopsMs > 900 || !network.calm || host.admission().type !== 'accept') return;
    const { changes } = weather;
    const call = this.#call!;
    clock.after(hopsMs + 2 * latencyMs + jitterMs + 2 * script.world.storeDelayMs + 50, () => {
      const trying = call.on && call.phase !== 'talking';
      if (
        attempt.outcome === 'cancelled' ||
        weather.changes !== changes ||
        this.#call !== call ||
        !trying ||
        host.admission().type !== 'accept'
      )
        return;
      verdict.fail(3, 'attempt-in-vain', `an attempt in calm weather left the phone ${call.phase}`);
    });
  }

  // ---- now and then

  /** Once a second: what can only be seen by its absence. */
  audit(): void {
    for (const call of this.calls) call.audit();
    const { card, lifted, powered } = this.#site;
    const call = this.#call;
    if (!lifted || !powered || call?.on !== true) return;
    const openByMs = call.begunMs + this.#context.script.world.cardOpenMs;
    this.#silence.undriven(this.#context.clock.now() - Math.max(card.lastTickMs, openByMs));
  }

  /** Calm for a minute, with the receiver up: all must be well. */
  atRest(): void {
    const { verdict, clock, script } = this.#context;
    const call = this.#call;
    const lastReason = this.calls.findLast(({ record }) => record.endReason !== undefined)?.record.endReason;
    if (call === undefined || !this.#site.lifted || (lastReason !== undefined && GONE_FOR_GOOD.has(lastReason))) return;
    if (call.phase !== 'talking')
      return verdict.fail(3, 'not-back', `after a minute of calm the phone is ${call.phase}`);
    if (call.phaseMs < 50_000) return;
    this.#playout.atRest(clock.now() - 45_000);
    const { latencyMs, jitterMs } = this.#site.network.path;
    this.#microphone.atRest(500 + 3 * (latencyMs + jitterMs) + script.world.storeDelayMs);
  }

  readonly #now = (): number => this.#site.clock.now();
}

/** What a connection is for. */
interface Purpose {
  readonly call: CallWitness | undefined;
  conversation: Conversation | undefined;
  /** How many tokens the conversation had with the one given out on it. */
  tokens?: number;
  /** For each `ack` of the server under way: where its last interruption was when it was sent. */
  readonly interruptions: number[];
}

/** After these the phone does not dial again while the receiver is up, or not within a minute. */
const GONE_FOR_GOOD: ReadonlySet<string> = new Set(['replaced', 'server', 'idle', 'refused', 'protocol-error']);

/** SYN, TLS and the upgrade, there and back each. */
const HOPS = 6;

function parse<T>(data: string): T {
  return JSON.parse(data) as T;
}
