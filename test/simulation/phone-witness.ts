import type { CallReport } from '../../device/src/conversation/report.ts';
import type { Phase } from '../../device/src/conversation/state.ts';
import type { DeviceMessage, ServerMessage } from '../../protocol/src/index.ts';
import { RTP_HEADER_BYTES } from '../../protocol/src/index.ts';
import type { SimulationContext } from './context.ts';
import { judgeCallEnd, newCallRecord, reasonOfCode } from './judge-endings.ts';
import type { CallRecord } from './judge-endings.ts';
import { MicrophoneJudge } from './judge-microphone.ts';
import { PlayoutJudge } from './judge-playout.ts';
import { ScheduleJudge } from './judge-schedule.ts';
import { SilenceJudge } from './judge-silence.ts';
import type { Conversation } from './ledger.ts';
import type { Attempt, NetworkWitness } from './network.ts';
import type { PhoneSite } from './phone-site.ts';
import { StampKind, unpackStamp } from './stamp.ts';
import type { Stamp } from './stamp.ts';
import type { Side, Wire } from './wire.ts';

/** Sees everything that goes on around one phone, and asks the judges. Changes nothing. */
export class PhoneWitness implements NetworkWitness {
  readonly records: CallRecord[] = [];
  calls = 0;
  readonly #context: SimulationContext;
  readonly #site: PhoneSite;
  readonly #playout: PlayoutJudge;
  readonly #silence: SilenceJudge;
  #schedule: ScheduleJudge;
  #microphone: MicrophoneJudge;
  #call: CallRecord | undefined;
  /** What each connection was for. */
  readonly #purposes = new WeakMap<Wire, { call: CallRecord | undefined; conversation: Conversation | undefined }>();
  #liftedMs = 0;

  constructor(context: SimulationContext, site: PhoneSite) {
    this.#context = context;
    this.#site = site;
    this.#playout = new PlayoutJudge(context.ledger, context.verdict);
    this.#silence = new SilenceJudge(context.verdict);
    this.#schedule = new ScheduleJudge(context.verdict, this.#now);
    this.#microphone = new MicrophoneJudge(context.verdict, this.#now);
  }

  get phase(): Phase {
    return this.#schedule.current;
  }

  /** Of the call under way. */
  get conversation(): Conversation | undefined {
    const id = this.#call?.conversationId;
    return id === undefined ? undefined : this.#context.ledger.conversations.get(id);
  }

  /** How long the present phase has lasted. */
  get phaseMs(): number {
    return this.#now() - this.#schedule.sinceMs;
  }

  // ---- the phone itself

  newCall(): void {
    this.calls++;
  }

  booted(): void {
    this.#schedule = new ScheduleJudge(this.#context.verdict, this.#now);
    this.#microphone = new MicrophoneJudge(this.#context.verdict, this.#now);
  }

  poweredOff(): void {
    this.#call = undefined;
    this.#playout.ended();
    this.#schedule = new ScheduleJudge(this.#context.verdict, this.#now);
  }

  hungUp(): void {
    if (this.#call?.endingAtMs === undefined && this.#call !== undefined) this.#call.hungUpAtMs = this.#now();
  }

  networkUp(): void {
    this.#schedule.networkUp();
  }

  networkUpDone(): void {
    this.#schedule.networkUpDone();
  }

  phaseChanged(phase: Phase): void {
    this.#context.trace.note(phase);
    if (phase === 'connecting' && this.#schedule.current === 'idle') {
      this.#call = newCallRecord();
      this.records.push(this.#call);
      this.#liftedMs = this.#context.clock.now();
    }
    if (phase === 'ending' && this.#call !== undefined) {
      this.#call.endingAtMs = this.#now();
      this.#call.windowSinceMs = this.#schedule.windowSinceMs;
    }
    this.#schedule.phase(phase);
  }

  reported(report: CallReport): void {
    const call = this.#call!;
    call.endReason = report.endReason;
    judgeCallEnd(call, this.#context.verdict);
    if ((report.conversationId ?? undefined) !== call.conversationId) {
      this.#context.verdict.fail(3, 'wrong-report', `the report names conversation ${report.conversationId}, the call was in ${call.conversationId ?? 'none'}`);
    }
    this.#call = undefined;
    this.#playout.ended();
  }

  // ---- sound

  captured(): number {
    return this.#microphone.captured();
  }

  rendered(frame: Int16Array, stamp: Stamp | undefined): void {
    this.#silence.rendered(frame);
    const voice = stamp?.kind === StampKind.response ? stamp : undefined;
    if (voice !== undefined) this.#context.trace.number(voice.source * 1_000 + voice.index);
    this.#playout.rendered(voice);
  }

  /** The server's ear was given one of this phone's frames. */
  heardByServer(index: number, afterCrash: boolean): void {
    this.#microphone.heard(index, afterCrash);
  }

  // ---- the network

  attempted(attempt: Attempt): void {
    this.#context.trace.number(attempt.startedMs);
    this.#purposes.set(attempt.wire, { call: this.#call, conversation: undefined });
    this.#schedule.attempted(() => attempt.outcome === 'pending');
    this.#expectSuccess(attempt);
  }

  failed(_attempt: Attempt, fault: string, retryAfterMs: number | undefined): void {
    if (fault === 'refused' && this.#call !== undefined) this.#call.forbiddenAtMs = this.#now();
    if (retryAfterMs !== undefined) this.#schedule.postponed(retryAfterMs);
  }

  sent(wire: Wire, from: Side, data: string | Uint8Array): void {
    if (typeof data === 'string') return from === 'device' ? this.#deviceSays(wire, parse(data)) : this.#serverSays(wire, parse(data));
    if (from === 'server') return;
    const stamp = unpackStamp(data.subarray(RTP_HEADER_BYTES));
    if (stamp !== undefined) this.#microphone.sent(stamp.index, (data[2]! << 8) | data[3]!);
    this.#microphone.buffered(wire.device.bufferedBytes);
  }

  arrived(wire: Wire, at: Side, data: string | Uint8Array): void {
    if (typeof data === 'string') {
      this.#context.trace.note(data);
      if (at === 'device') this.#deviceHears(parse(data));
      else this.#serverHears(wire, parse(data));
    } else if (at === 'device' && this.phase === 'talking') {
      const stamp = unpackStamp(data.subarray(RTP_HEADER_BYTES));
      if (stamp !== undefined) this.#playout.arrived(stamp);
    }
  }

  closed(wire: Wire, at: Side, code: number): void {
    this.#context.trace.number(code);
    if (at === 'device' && (this.phase === 'talking' || this.phase === 'handshaking')) this.#word(wire, reasonOfCode(code));
  }

  #deviceSays(wire: Wire, message: DeviceMessage): void {
    const call = this.#purposes.get(wire)?.call;
    if (message.type === 'end' && call !== undefined) call.ownWord = { arrived: false, reason: message.reason };
  }

  #serverSays(wire: Wire, message: ServerMessage): void {
    const purpose = this.#purposes.get(wire)!;
    const { ledger, verdict } = this.#context;
    if (message.type === 'ready' || message.type === 'resumed') {
      purpose.conversation = ledger.conversations.get(message.conversationId);
      purpose.conversation!.tokens.push(message.resumeToken);
      if (message.type === 'ready') this.#microphone.listens();
    } else if (message.type === 'response.start') {
      const { made, placeOf, sources } = purpose.conversation!;
      sources.set(message.id, made[placeOf.get(message.firstSeq)!]!.source);
    } else if (message.type === 'error' && message.code === 'conversation-expired') {
      const conversation = this.conversation;
      const wanted = purpose.call === this.#call && this.phase === 'handshaking' && wire.device.open && wire === this.#site.network.newest;
      if (wanted && conversation !== undefined && this.#context.host.holds(conversation)) {
        verdict.fail(3, 'resume-refused', `the server refused to resume ${conversation.id}, which it still holds`);
      }
    }
  }

  #deviceHears(message: ServerMessage): void {
    if (message.type === 'ready' && this.phase === 'handshaking' && this.#call !== undefined) {
      this.#call.conversationId = message.conversationId;
      this.#playout.began(message.conversationId);
    }
    if (message.type === 'flush' && this.phase === 'talking') this.#playout.flushArrived(message.id);
    if (message.type === 'end' && (this.phase === 'talking' || this.phase === 'handshaking')) {
      this.#call!.serverWord = { reason: message.reason, atMs: this.#now() };
    }
  }

  #serverHears(wire: Wire, message: DeviceMessage): void {
    const purpose = this.#purposes.get(wire)!;
    if (message.type === 'discarded') this.#microphone.discarded(message.fromSeq, message.toSeq);
    if (message.type === 'hello' && message.resume === undefined) this.#context.server.freshHello(message.deviceId);
    if (message.type !== 'end') return;
    if (purpose.conversation !== undefined) this.#context.server.toldToEnd(purpose.conversation.id);
    if (purpose.call?.ownWord !== undefined && purpose.conversation?.end === undefined) purpose.call.ownWord.arrived = true;
  }

  #word(wire: Wire, reason: ReturnType<typeof reasonOfCode>): void {
    const call = this.#purposes.get(wire)?.call;
    if (reason !== undefined && call !== undefined && call === this.#call) call.serverWord = { reason, atMs: this.#now() };
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
    const call = this.#call;
    clock.after(hopsMs + 2 * latencyMs + jitterMs + 2 * script.world.storeDelayMs + 50, () => {
      const trying = this.phase === 'connecting' || this.phase === 'reconnecting' || this.phase === 'handshaking';
      if (attempt.outcome === 'cancelled' || weather.changes !== changes || this.#call !== call || !trying || host.admission().type !== 'accept') return;
      verdict.fail(3, 'attempt-in-vain', `an attempt in calm weather left the phone ${this.phase}`);
    });
  }

  // ---- now and then

  /** Once a second: what can only be seen by its absence. */
  audit(): void {
    const { verdict } = this.#context;
    this.#schedule.audit();
    const word = this.#call?.serverWord;
    if (word !== undefined && this.#call?.endingAtMs === undefined) {
      this.#call!.serverWord = undefined;
      verdict.fail(3, 'end-ignored', `the server ended the conversation (${word.reason}), and the phone goes on`);
    }
    const { card, lifted, powered } = this.#site;
    const onCall = this.#call !== undefined && this.#call.endingAtMs === undefined;
    if (!lifted || !powered || !onCall) return;
    const openByMs = this.#liftedMs + this.#context.script.world.cardOpenMs;
    this.#silence.undriven(this.#context.clock.now() - Math.max(card.lastTickMs, openByMs));
  }

  /** Calm for a minute, with the receiver up: all must be well. */
  atRest(): void {
    const { verdict, clock, script } = this.#context;
    const last = this.records.at(-1);
    if (last === undefined || !this.#site.lifted || GONE_FOR_GOOD.has(last.endReason)) return;
    if (this.phase !== 'talking') return verdict.fail(3, 'not-back', `after a minute of calm the phone is ${this.phase}`);
    if (this.phaseMs < 50_000) return;
    this.#playout.atRest(clock.now() - 45_000);
    this.#microphone.atRest(500 + 3 * (this.#site.network.path.latencyMs + this.#site.network.path.jitterMs) + script.world.storeDelayMs);
  }

  readonly #now = (): number => this.#site.clock.now();
}

/** After these the phone does not dial again while the receiver is up, or not within a minute. */
const GONE_FOR_GOOD: ReadonlySet<CallReport['endReason'] | undefined> = new Set(['replaced', 'server', 'idle', 'refused', 'protocol-error'] as const);

/** SYN, TLS and the upgrade, each there and back, then `hello` and its answer. */
const HOPS = 6;

function parse<T>(data: string): T {
  return JSON.parse(data) as T;
}
