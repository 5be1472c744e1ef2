import { ACK_INTERVAL_MS, HANDSHAKE_TIMEOUT_MS, ProtocolError } from '../../../protocol/src/index.ts';
import type { Clock } from '../../../common/src/time/clock.ts';
import type { Random } from '../../../common/src/time/random.ts';
import type { CodecFactory } from '../../../common/src/codec/codecs.ts';
import type {
  AudioPacket,
  CodecName,
  DeviceMessage,
  EndReason,
  ExtendedSequence,
  Ready,
  Resumed,
  ServerMessage,
} from '../../../protocol/src/index.ts';
import { CLEAN_LINK } from '../../../common/src/codec/tuning.ts';
import { Dialler } from '../connection/dialler.ts';
import type { ConnectError, OpenLink, Transport } from '../connection/transport.ts';
import { Downlink, type DownlinkOptions, type RenderFault } from '../downlink.ts';
import { newFrameCounters } from '../../../common/src/concealment/frame-counters.ts';
import type { Situation } from '../playout/announcements.ts';
import type { PromptKind, PromptSource } from '../playout/prompts.ts';
import type { PlaybackEvent } from '../playout/response-playout.ts';
import { errorFields, type Log } from '../../../common/src/system/log.ts';
import { Uplink } from '../uplink.ts';
import { Handshake } from './handshake.ts';
import type { HandshakeOptions } from './handshake.ts';
import { Link } from './link.ts';
import { CallMachine } from './machine.ts';
import { NamedTimers } from './named-timers.ts';
import { Numbering } from './numbering.ts';
import { CallLog } from './report.ts';
import type { CallReport, Turn } from './report.ts';
import type { CallEffect, Phase } from './state.ts';

/**
 * One conversation, from dialling to idle: feeds events to the state machine and carries its effects out
 * on the transport, the uplink and the downlink. Sound is not opened here: `capture` and `render` are handed
 * frames by whoever holds the sound card.
 */
export class Call {
  readonly #options: CallOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #report: CallLog;
  readonly #counters = newFrameCounters();
  readonly #dialler: Dialler;
  readonly #handshake: Handshake;
  readonly #downlink: Downlink;
  readonly #numbering = new Numbering();
  /** Control messages that could not be sent while the link was down; bounded. */
  readonly #outbox: DeviceMessage[] = [];
  #uplink: Uplink;
  #codec: CodecName;
  readonly #machine: CallMachine;
  #notBeforeMs = 0;
  #link: Link | undefined;
  #renderFaultLogged = false;
  readonly #timers: NamedTimers<'handshake' | 'ack' | 'close' | 'probe'>;

  constructor(options: CallOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#report = new CallLog(options.clock);
    this.#timers = new NamedTimers(options.clock);
    this.#codec = options.codecPreference[0]!;
    this.#uplink = this.#newUplink(this.#codec);
    this.#dialler = this.#newDialler();
    this.#handshake = new Handshake(options);
    this.#machine = new CallMachine({
      log: options.log,
      perform: (effect) => this.#perform(effect),
      onPhase: options.onPhase,
      finished: () => this.#finish(),
    });
    this.#downlink = new Downlink({
      decoderFor: (codec) => options.codecs.decoder(codec),
      random: options.random,
      counters: this.#counters,
      prompts: options.prompts,
      attended: options.attended,
      maxQueueMs: options.maxQueueMs,
      onPlayback: (event) => this.#onPlayback(event),
      onFault: (error, what) => this.#onRenderFault(error, what),
      ...(options.onRendered && { onRung: options.onRendered }),
    });
  }

  /** The server asked not to be called before this moment, on our clock; also by another call. */
  get notBeforeMs(): number {
    return this.#notBeforeMs;
  }

  get phase(): Phase {
    return this.#machine.phase;
  }

  /** Live numbers, for metrics and a person watching. */
  get counters(): Readonly<ReturnType<typeof newFrameCounters>> {
    return this.#counters;
  }

  /** @param situation what the person is told until the call is up */
  lift(situation: Situation = 'connecting'): void {
    this.#report.begin();
    this.#downlink.situation(situation);
    this.#machine.dispatch({ type: 'lift' });
  }

  /** Before `lift`: what the person is told meanwhile. */
  wait(situation: Situation): void {
    this.#downlink.situation(situation);
  }

  /** A prompt is being spoken. */
  get announcing(): boolean {
    return this.#downlink.announcing;
  }

  /** Speaks a prompt to its end. @returns how long that takes, ms */
  say(prompt: PromptKind): number {
    return this.#downlink.announce(prompt);
  }

  hangup(reason: EndReason): void {
    this.#machine.dispatch({ type: 'hangup', reason });
  }

  /** For a call that was never dialled: lets go of its codec. */
  discard(): void {
    this.#uplink.close();
    this.#downlink.close();
  }

  /** An interface, an address or a route came: worth an attempt at once, or a look whether the link still lives. */
  networkUp(): void {
    this.#machine.dispatch({ type: 'network-up', silentMs: this.#link?.silentMs ?? 0 });
  }

  /** One microphone frame. What is said while we are still dialling is kept too. */
  capture(pcm: Int16Array): void {
    if (this.#machine.phase !== 'ending' && this.#machine.phase !== 'idle') this.#uplink.capture(pcm);
  }

  /** The speaker's next frame. */
  render(into: Int16Array): void {
    this.#downlink.render(into, this.#clock.now());
  }

  /** A defect of ours. Logged once, and with what was done about it; counted in the report each time. */
  #onRenderFault(error: unknown, what: RenderFault): void {
    this.#report.fault('render');
    if (!this.#renderFaultLogged || what !== 'noise')
      this.#log.error('call.render-fault', { what, ...errorFields(error) });
    this.#renderFaultLogged = true;
    // Nobody is left with noise: the call ends, and the next one begins with everything new.
    if (what === 'given-up') this.#machine.dispatch({ type: 'protocol-error' });
  }

  // ---- effects of the state machine

  #perform(effect: CallEffect): void {
    switch (effect.type) {
      case 'attempt':
        return this.#connect(effect.urgent);
      case 'probe':
        return this.#probe();
      case 'open-window':
        return this.#dialler.openWindow(effect.notBeforeMs);
      case 'postpone':
        return this.#dialler.postpone(effect.notBeforeMs);
      case 'close-window':
        return this.#closeWindow();
      case 'hello':
        return this.#hello(effect.resume);
      case 'begin':
        return this.#begin(effect.resumed);
      case 'outage':
        return this.#outage();
      case 'drop-link':
        return this.#dropLink();
      case 'wind-up':
        return this.#windUp(effect);
    }
  }

  // ---- dialling

  #newDialler(): Dialler {
    const { clock, random, transport } = this.#options;
    return new Dialler({
      clock,
      random,
      transport,
      opened: (link) => this.#opened(link),
      failed: (error) => this.#attemptFailed(error),
      retryDue: () => this.#machine.dispatch({ type: 'retry-due' }),
      windowOver: () => this.#machine.dispatch({ type: 'window-over' }),
    });
  }

  #connect(urgent: boolean): void {
    if (this.#dialler.attempt(urgent)) this.#report.attempted();
  }

  #probe(): void {
    const link = this.#link;
    link?.ping();
    this.#timers.after('probe', PROBE_MS, () => {
      if (link === this.#link && link!.silentMs >= PROBE_MS - TIMER_SLACK_MS)
        this.#machine.dispatch({ type: 'probe-failed' });
    });
  }

  #attemptFailed(error: ConnectError): void {
    this.#log.warn('call.attempt-failed', {
      fault: error.fault,
      reason: error.message,
      retryAfterMs: error.retryAfterMs,
    });
    this.#askedToWait(error.retryAfterMs);
    this.#machine.dispatch({
      type: 'attempt-failed',
      refused: error.fault === 'refused',
      retryAfterMs: error.retryAfterMs,
    });
  }

  #askedToWait(retryAfterMs: number | undefined): void {
    if (retryAfterMs !== undefined) this.#notBeforeMs = this.#clock.now() + retryAfterMs;
  }

  #opened(open: OpenLink): void {
    this.#link?.drop();
    this.#link = new Link(open, {
      clock: this.#clock,
      codec: () => this.#codec,
      message: (message) => this.#onMessage(message),
      packet: (packet) => this.#onPacket(packet),
      unknownMessage: () => this.#report.unknownMessage(),
      fault: (error, fatal) => this.#onFault(error, fatal),
      dead: () => this.#machine.dispatch({ type: 'dead' }),
      closed: (code, retryAfterMs) => this.#onClosed(code, retryAfterMs),
    });
    this.#machine.dispatch({ type: 'opened', framing: open.framing });
  }

  #closeWindow(): void {
    this.#dialler.close();
    this.#timers.cancel('handshake');
  }

  // ---- handshake

  #hello(resume: boolean): void {
    this.#timers.after('handshake', HANDSHAKE_TIMEOUT_MS, () => this.#machine.dispatch({ type: 'handshake-timeout' }));
    this.#link?.send(this.#handshake.hello(resume ? this.#places() : undefined));
  }

  #places(): { rxSeq: number; playedTs: number; firstTxSeq: number } {
    const { rxSeq, playedTs } = this.#downlink.ack();
    return { rxSeq, playedTs, firstTxSeq: this.#uplink.firstHeld };
  }

  #onReady(message: Ready): void {
    if (this.#machine.phase !== 'handshaking') return this.#unexpected(message.type);
    this.#handshake.ready(message);
    if (message.codec !== this.#codec) {
      this.#uplink.close();
      this.#codec = message.codec;
      this.#uplink = this.#newUplink(message.codec);
    }
    this.#link?.setPingInterval(message.pingMs);
    this.#machine.dispatch({ type: 'ready' });
  }

  #onResumed(message: Resumed): void {
    if (this.#machine.phase !== 'handshaking') return this.#unexpected(message.type);
    this.#handshake.resumed(message);
    this.#numbering.goOnFrom(message.nextSeq);
    this.#machine.dispatch({ type: 'resumed' });
    this.#uplink.link(this.#link!, message.rxSeq);
  }

  #begin(resumed: boolean): void {
    const link = this.#link!;
    if (!link.framing.control) this.#handshake.forget();
    this.#report.conversationId = this.#handshake.conversationId ?? 'raw';
    this.#report.codec = this.#codec;
    const outageMs = this.#report.back(resumed);
    this.#log.info(resumed ? 'call.resumed' : 'call.talking', {
      conversationId: this.#report.conversationId,
      codec: this.#codec,
      framing: link.framing.name,
      outageMs,
    });
    if (resumed) {
      this.#downlink.situation(undefined);
      for (const message of this.#outbox.splice(0)) link.send(message);
    } else {
      this.#numbering.restart();
      this.#outbox.length = 0;
      this.#downlink.start(this.#codec, !link.framing.control);
      this.#downlink.situation(undefined);
      this.#uplink.link(link, -1);
    }
    if (link.framing.control)
      this.#timers.every('ack', ACK_INTERVAL_MS, () => link.send({ type: 'ack', ...this.#downlink.ack() }));
  }

  // ---- talking

  #onMessage(message: ServerMessage): void {
    if (this.#machine.phase === 'ending') return;
    switch (message.type) {
      case 'ready':
        return this.#onReady(message);
      case 'resumed':
        return this.#onResumed(message);
      case 'ack':
        return this.#uplink.acknowledge(message.rxSeq, message.lossRate);
      case 'response.start':
        return this.#downlink.responseStart(message.id, message.firstSeq);
      case 'response.end':
        return this.#downlink.responseEnd(message.id, message.lastSeq);
      case 'flush':
        return this.#downlink.flush(message.id);
      case 'timing':
        return this.#onTiming(message);
      case 'transcript':
        return this.#options.onTranscript?.(message.role, message.text, message.final);
      case 'end':
        return this.#machine.dispatch({ type: 'server-end', reason: message.reason });
      case 'error':
        return this.#log.warn('call.server-error', { code: message.code, retryable: message.retryable });
    }
  }

  #onPacket(packet: AudioPacket): void {
    if (this.#machine.phase === 'ending') return;
    if (this.#machine.phase !== 'talking')
      throw new ProtocolError('binary-before-ready', 'audio before the handshake was done');
    const { sequence, timestamp } = this.#numbering.place(packet);
    this.#downlink.receive(sequence, timestamp, packet.marker, packet.payload, this.#clock.now());
  }

  #onTiming(message: Extract<ServerMessage, { type: 'timing' }>): void {
    const { type: _type, id, speechEndSeq, ...stages } = message;
    const defined = Object.fromEntries(Object.entries(stages).filter(([, value]) => value !== undefined));
    this.#turnDone(this.#report.timing(id, this.#uplink.capturedAtMs(speechEndSeq), defined as Record<string, number>));
  }

  #onPlayback(event: PlaybackEvent): void {
    this.#deliver({ type: 'playback', ...event });
    this.#options.onPlayback?.(event);
    if (event.state === 'started') {
      this.#turnDone(this.#report.firstAudio(event.id, this.#clock.now() + this.#options.outputDelayMs()));
    }
  }

  #turnDone(turn: Turn | undefined): void {
    if (turn === undefined) return;
    this.#log.info('call.turn', { latencyMs: turn.latencyMs, ...turn.stages });
    this.#options.onTurn?.(turn);
  }

  #onFault(error: ProtocolError, fatal: boolean): void {
    this.#report.fault(error.fault);
    this.#log.warn('call.bad-input', { fault: error.fault, detail: error.message, fatal });
    if (fatal) this.#machine.dispatch({ type: 'protocol-error' });
  }

  #unexpected(what: string): void {
    throw new ProtocolError('unexpected-message', `${what} was not expected in phase ${this.#machine.phase}`);
  }

  // ---- losing and ending

  #onClosed(code: number, retryAfterMs: number | undefined): void {
    this.#log.info('call.closed', { code, retryAfterMs });
    this.#unlink();
    this.#askedToWait(retryAfterMs);
    this.#machine.dispatch({ type: 'closed', code, retryAfterMs });
    if (this.#machine.phase === 'ending') this.#maybeFinished();
  }

  #outage(): void {
    this.#report.lost();
    this.#downlink.situation('cut-off');
  }

  #dropLink(): void {
    const link = this.#link;
    this.#unlink();
    link?.drop();
  }

  #unlink(): void {
    this.#link = undefined;
    this.#uplink.unlink();
    this.#timers.cancel('ack', 'handshake', 'probe');
  }

  /** Says good-bye to the server, and does not wait for it long. */
  #windUp({ reason, closeCode }: Extract<CallEffect, { type: 'wind-up' }>): void {
    this.#timers.cancel('ack');
    this.#uplink.unlink();
    this.#link?.send({ type: 'end', reason });
    this.#link?.close(closeCode, reason);
    if (this.#link)
      this.#timers.after('close', CLOSE_TIMEOUT_MS, () => {
        this.#dropLink();
        this.#maybeFinished();
      });
    this.#maybeFinished();
  }

  #maybeFinished(): void {
    if (this.#link === undefined) this.#machine.dispatch({ type: 'finished' });
  }

  #finish(): void {
    this.#timers.cancelAll();
    this.#uplink.close();
    this.#downlink.close();
    const report = this.#report.finish(
      this.#machine.state.endReason ?? 'hangup',
      this.#counters,
      this.#downlink.statistics(),
    );
    this.#log.info('call.ended', {
      conversationId: report.conversationId,
      reason: report.endReason,
      durationMs: report.durationMs,
    });
    this.#options.onEnded(report);
  }

  // ---- small parts

  #newUplink(codec: CodecName): Uplink {
    const { random, bitrate } = this.#options;
    return new Uplink({
      clock: this.#clock,
      encoder: this.#options.codecs.encoder(codec, { ...CLEAN_LINK, bitrate }),
      bitrate,
      counters: this.#counters,
      ssrc: Math.floor(random() * 2 ** 32),
      firstSequence: Math.floor(random() * 2 ** 15),
      firstTimestamp: Math.floor(random() * 2 ** 32),
      onShed: (fromSeq, toSeq) => this.#deliver({ type: 'discarded', fromSeq, toSeq, reason: 'stale' }),
      onCaptured: this.#options.onCaptured,
    });
  }

  #deliver(message: DeviceMessage): void {
    if (this.#link && this.#machine.phase === 'talking') this.#link.send(message);
    else if (this.#outbox.length < MAX_OUTBOX) this.#outbox.push(message);
  }
}

const CLOSE_TIMEOUT_MS = 1_000;
/** A link that lives answers a ping, or acknowledges, within this. */
const PROBE_MS = 1_500;
const TIMER_SLACK_MS = 1;
const MAX_OUTBOX = 64;

/** All that a call is made of, and whom it tells. */
export interface CallOptions extends HandshakeOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly transport: Transport;
  readonly codecs: CodecFactory;
  readonly prompts: PromptSource;
  /** Whether somebody may be listening to prompts; always, when absent. */
  readonly attended?: (() => boolean) | undefined;
  readonly bitrate: number;
  /** From `render` to the ear, ms. */
  readonly outputDelayMs: () => number;
  readonly onEnded: (report: CallReport) => void;
  readonly onPhase?: (phase: Phase) => void;
  readonly onTurn?: (turn: Turn) => void;
  readonly onPlayback?: (event: PlaybackEvent) => void;
  /** For measurements: each microphone frame, and what each frame for the speaker was made of. */
  readonly onCaptured?: ((sequence: ExtendedSequence) => void) | undefined;
  readonly onRendered?: DownlinkOptions['onRung'];
  /** What was said, for a person watching a demonstration; never logged. */
  readonly onTranscript?: (role: 'patient' | 'assistant', text: string, final: boolean) => void;
}
