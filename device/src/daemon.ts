import { randomUUID } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { systemClock, systemRandom } from '../../protocol/src/index.ts';
import type { Clock, CodecName, EndReason, Random } from '../../protocol/src/index.ts';
import { openAudio } from './audio/backends.ts';
import type { AudioBackendName, AudioSettings } from './audio/ports.ts';
import { loadCodecs } from './codec/codecs.ts';
import type { CodecFactory } from './codec/codecs.ts';
import { SystemNetworkWatch } from './connection/network-watch.ts';
import { WebSocketTransport } from './connection/websocket.ts';
import type { WebSocketSettings } from './connection/websocket.ts';
import { ScriptedHook } from './controls/scripted-hook.ts';
import { Call } from './conversation/call.ts';
import type { CallReport, Turn } from './conversation/report.ts';
import type { Phase } from './conversation/state.ts';
import { Phone } from './phone.ts';
import type { FrameCounters } from './playout/counters.ts';
import { loadPrompts } from './prompt-files.ts';
import type { Log } from './system/log.ts';

/**
 * The composition root: the only file that names adapters. Starts the parts in order, stops them in reverse.
 *
 *   settings → log → codecs, prompts → transport, network watch → phone(hook switch, sound card, calls)
 */
export class Daemon {
  /** Resolves with the last call's report when no call is up and none will follow by itself. */
  readonly finished: Promise<CallReport>;
  readonly #options: DaemonOptions;
  readonly #clock: Clock;
  readonly #hook: ScriptedHook;
  readonly #phone: Phone;
  readonly #finish: (report: CallReport) => void;
  readonly #fail: (error: Error) => void;

  /** @throws {ConnectError} a server URL that is none; codecs and prompts that are missing only make it poorer */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const daemon = new Daemon(options, await loadCodecs(options.log));
    daemon.#phone.start();
    return daemon;
  }

  private constructor(options: DaemonOptions, codecs: CodecFactory) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#hook = new ScriptedHook(this.#clock, options.durationMs);
    let finish!: (report: CallReport) => void;
    let fail!: (error: Error) => void;
    this.finished = new Promise((resolve, reject) => { finish = resolve; fail = reject; });
    this.finished.catch(() => {});
    this.#finish = finish;
    this.#fail = fail;
    this.#phone = this.#assemble(codecs);
  }

  /** Ends the call politely and lets go of the sound card. */
  async stop(reason: EndReason): Promise<void> {
    await this.#phone.stop(reason);
  }

  #assemble(codecs: CodecFactory): Phone {
    const { log, watch } = this.#options;
    return new Phone({
      clock: this.#clock,
      log: log.child({ part: 'phone' }),
      hook: this.#hook,
      networkWatch: new SystemNetworkWatch(this.#clock, log.child({ part: 'network' })),
      openAudio: (sink) => openAudio(this.#options.audio, sink, this.#audioSettings()),
      newCall: this.#callMaker(codecs),
      redials: false,
      onReport: (report) => { watch?.({ type: 'ended', report }); this.#writeReport(report); },
      onIdle: (report) => this.#finish(report),
      onAudioFailed: (error) => { log.error('audio-failed', { reason: error.message }); this.#fail(error); },
    });
  }

  #callMaker(codecs: CodecFactory): (onEnded: (report: CallReport) => void) => Call {
    const { log, watch, server, language, maxQueueMs, bitrate } = this.#options;
    const bootId = randomUUID();
    const transport = new WebSocketTransport({ ...server, clientId: bootId });
    const prompts = loadPrompts(log);
    const codecPreference = preference(this.#options.codec, codecs.available);
    return (onEnded) => new Call({
      clock: this.#clock,
      random: this.#options.random ?? systemRandom,
      log: log.child({ part: 'call' }),
      transport, codecs, prompts, codecPreference, bitrate, maxQueueMs, language, onEnded,
      identity: { deviceId: server.deviceId, bootId, firmware: this.#options.firmware },
      outputDelayMs: () => this.#phone.outputDelayMs,
      onPhase: (phase) => watch?.({ type: 'phase', phase }),
      onTurn: (turn) => watch?.({ type: 'turn', turn }),
      onTranscript: (role, text, final) => watch?.({ type: 'transcript', role, text, final }),
      onPlayback: (event) => { this.#hook.playback(event.state); watch?.({ type: 'playback', state: event.state, playedMs: event.playedMs }); },
    });
  }

  /** The counters of the call that is up. */
  get counters(): Readonly<FrameCounters> | undefined {
    return this.#phone.call?.counters;
  }

  #audioSettings(): AudioSettings {
    return { ...this.#options.audioSettings, clock: this.#clock, log: this.#options.log.child({ part: 'audio' }), inputEnded: () => this.#hook.scriptEnded() };
  }

  /** Whole or not at all: a reader never sees half a report. */
  #writeReport(report: CallReport): void {
    const file = this.#options.reportFile;
    if (file === undefined) return;
    try {
      writeFileSync(`${file}.part`, `${JSON.stringify(report, undefined, 2)}\n`);
      renameSync(`${file}.part`, file);
    } catch (error) {
      this.#options.log.error('report-unwritten', { file, reason: (error as NodeJS.ErrnoException).code ?? String(error) });
    }
  }
}

/** PCM is always the second choice, Opus only where a binding serves it. */
function preference(first: CodecName, available: readonly CodecName[]): readonly CodecName[] {
  return [first, ...available.filter((codec) => codec !== first)].filter((codec) => available.includes(codec));
}

/** What happened, for a program that watches (a demonstration, a test). Words travel here and nowhere else. */
export type DaemonEvent =
  | { readonly type: 'phase'; readonly phase: Phase }
  | { readonly type: 'turn'; readonly turn: Turn }
  | { readonly type: 'transcript'; readonly role: 'patient' | 'assistant'; readonly text: string; readonly final: boolean }
  | { readonly type: 'playback'; readonly state: 'started' | 'finished' | 'flushed'; readonly playedMs: number }
  | { readonly type: 'ended'; readonly report: CallReport };

export interface DaemonOptions {
  readonly log: Log;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly server: Omit<WebSocketSettings, 'clientId'>;
  readonly firmware: string;
  readonly audio: 'auto' | AudioBackendName;
  readonly audioSettings: Omit<AudioSettings, 'clock' | 'log' | 'inputEnded'>;
  readonly codec: CodecName;
  /** bit/s, for Opus on a clean link. */
  readonly bitrate: number;
  readonly language: string;
  readonly maxQueueMs: number;
  /** Hang up after this long. */
  readonly durationMs?: number | undefined;
  readonly reportFile?: string | undefined;
  readonly watch?: ((event: DaemonEvent) => void) | undefined;
}
