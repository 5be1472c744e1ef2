import { randomUUID } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { systemClock } from '../../common/src/time/clock.ts';
import { systemRandom } from '../../common/src/time/random.ts';
import type { Clock } from '../../common/src/time/clock.ts';
import type { Random } from '../../common/src/time/random.ts';
import type { CodecName, EndReason } from '../../protocol/src/index.ts';
import type { AudioBackendName, AudioSettings } from './audio/ports.ts';
import { SoundHardware } from './audio/sound-hardware.ts';
import { loadCodecs } from '../../common/src/codec/codecs.ts';
import type { CodecFactory } from '../../common/src/codec/codecs.ts';
import { SystemNetworkWatch, watchAfterStart } from './connection/network-watch.ts';
import { transportTo } from './connection/transports.ts';
import type { WebSocketSettings } from './connection/websocket.ts';
import { openControls } from './controls/controls.ts';
import type { ControlKind, Controls } from './controls/controls.ts';
import { DEFAULT_VOLUME, VolumeStage } from './playout/volume.ts';
import { Call } from './conversation/call.ts';
import type { CallReport, Turn } from './conversation/report.ts';
import type { Phase } from './conversation/state.ts';
import { FrontPanel } from './panel/front-panel.ts';
import { PhoneMetrics } from './panel/phone-metrics.ts';
import { Phone } from './phone.ts';
import type { CallListeners } from './phone.ts';
import type { FrameCounters } from '../../common/src/concealment/frame-counters.ts';
import { loadPrompts, promptsAfterStart } from './playout/prompt-files.ts';
import { Service } from './panel/service.ts';
import type { Board } from './settings/board-profile.ts';
import type { FrameTrace } from '../../common/src/system/frame-trace.ts';
import { Health } from './panel/health.ts';
import type { Heartbeat } from './panel/health.ts';
import type { Log } from '../../common/src/system/log.ts';
import { tracedTransport, watchedSound, watchedTransport } from './panel/watched.ts';

/**
 * The composition root. It chooses an adapter for each port, by the name in the port's own table where there are
 * several (audio/backends.ts, controls/controls.ts, common/src/codec/codecs.ts), and wires both data paths:
 *
 *   uplink    microphone      audio/child, supervised by audio/process; or audio/{file,tone,null}.ts
 *             → receiver      phone.ts: nothing passes while it is down
 *             → encode, packet, hold         conversation/call.ts → uplink.ts
 *             → link          conversation/link.ts → connection/websocket.ts
 *
 *   downlink  link            connection/websocket.ts → conversation/link.ts
 *             → packet, jitter queue         conversation/call.ts → downlink.ts → playout/{live,response}-playout.ts
 *             → decode | recover | conceal | comfort noise    common/src/concealment/ladder.ts
 *             → prompts       playout/{announcements,prompts}.ts
 *             → receiver, volume             phone.ts, playout/volume.ts
 *             → speaker       audio/, as above
 *
 * The microphone pushes frames, the speaker pulls them. The parts start in this order and stop in reverse:
 *
 *   settings → log → codecs → controls → front panel → phone → service (control socket, metrics, systemd) → calls
 */
export class Daemon {
  /** Resolves with the last call's report when no call is up and none will follow by itself. */
  readonly finished: Promise<CallReport>;
  readonly #options: DaemonOptions;
  readonly #clock: Clock;
  readonly #controls: Controls;
  readonly #panel: FrontPanel;
  readonly #volume: VolumeStage;
  readonly #metrics = new PhoneMetrics();
  readonly #health: Health;
  readonly #soundHeart: Heartbeat;
  readonly #speakerHeart: Heartbeat;
  readonly #networkHeart: Heartbeat;
  readonly #switchHeart: Heartbeat;
  readonly #sound: SoundHardware;
  readonly #phone: Phone;
  readonly #finish: (report: CallReport) => void;
  readonly #fail: (error: Error) => void;
  #service: Service | undefined;
  #releaseKeyboard: (() => void) | undefined;

  /**
   * @throws {ConnectError} a server URL that is none
   * @throws {ControlError} a hook switch that cannot be opened. Missing codecs and prompts are no error: PCM and comfort noise serve
   */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const daemon = new Daemon(options, await loadCodecs(options.log));
    await daemon.#begin();
    return daemon;
  }

  private constructor(options: DaemonOptions, codecs: CodecFactory) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    const { log, controls = 'script', board } = options;
    this.#controls = openControls(controls, { clock: this.#clock, log, board, durationMs: options.durationMs });
    this.#volume = new VolumeStage(options.volume ?? DEFAULT_VOLUME);
    this.#panel = this.#newPanel(controls);
    this.#health = new Health(this.#clock);
    this.#soundHeart = this.#health.loop('sound', SOUND_STALL_MS);
    this.#speakerHeart = this.#health.loop('speaker', SOUND_STALL_MS);
    this.#networkHeart = this.#health.loop('network', NETWORK_STALL_MS);
    this.#switchHeart = this.#health.loop('switch', SWITCH_STALL_MS);
    this.#sound = this.#newSound();
    let finish!: (report: CallReport) => void;
    let fail!: (error: Error) => void;
    this.finished = new Promise((resolve, reject) => {
      finish = resolve;
      fail = reject;
    });
    this.finished.catch(() => {});
    this.#finish = finish;
    this.#fail = fail;
    this.#phone = this.#assemble(codecs);
  }

  /** Ends the call politely and closes the sound card. */
  async stop(reason: EndReason): Promise<void> {
    this.#releaseKeyboard?.();
    this.#sound.stop();
    await this.#phone.stop(reason);
    this.#panel.close();
    await this.#service?.close();
  }

  async #begin(): Promise<void> {
    const { log, controlSocket } = this.#options;
    this.#service = await Service.open({
      clock: this.#clock,
      log,
      health: this.#health,
      controlSocket,
      handle: (request) => this.#panel.handle(request),
      collect: () =>
        this.#metrics.collect(this.#panel.status(), this.counters, this.#health.stalled, this.#panel.checked),
    });
    this.#releaseKeyboard = this.#listenToKeys();
    this.#sound.start();
    this.#phone.start();
    this.#service.ready(`ready, ${this.#controls.hook.description}`);
  }

  #newPanel(kind: string): FrontPanel {
    const { log, board, firmware, saveVolume } = this.#options;
    return new FrontPanel({
      clock: this.#clock,
      log,
      version: firmware,
      board: board?.profile.name,
      kind,
      controls: this.#controls,
      volume: this.#volume,
      saveVolume: saveVolume ?? (() => {}),
      line: () => ({ lifted: this.#phone.lifted, sound: this.#phone.sound }),
    });
  }

  #newSound(): SoundHardware {
    const { log, audio, audioSettings, board } = this.#options;
    return new SoundHardware({
      clock: this.#clock,
      log,
      audio,
      settings: { ...audioSettings, inputEnded: () => this.#controls.script?.scriptEnded() },
      board: board?.profile.sound,
      resting: () => this.#phone.sound === undefined,
      onTrouble: (what) => this.#panel.trouble('sound', what),
      onStuck: (error) => this.#endForRestart(error),
    });
  }

  /** Ends with an error, politely if that is quick: the service manager starts the phone again. */
  #endForRestart(error: Error): void {
    const end = (): void => this.#fail(error);
    this.#clock.after(LAST_WORDS_MS, end);
    void this.stop('shutdown').then(end, end);
  }

  #listenToKeys(): (() => void) | undefined {
    return this.#controls.listen?.({
      toggle: () => this.#controls.manual?.toggle(),
      louder: () => this.#panel.turn(1),
      quieter: () => this.#panel.turn(-1),
      quit: () => process.kill(process.pid, 'SIGINT'),
    });
  }

  #assemble(codecs: CodecFactory): Phone {
    const { log, offHookMs } = this.#options;
    const standing = this.#controls.script === undefined;
    return new Phone({
      clock: this.#clock,
      log,
      hook: this.#controls.hook,
      networkWatch: watchAfterStart(this.#clock, new SystemNetworkWatch(this.#clock, log)),
      openAudio: watchedSound(this.#sound.open, this.#soundHeart, this.#speakerHeart),
      newCall: this.#callMaker(codecs),
      redials: standing,
      hangUpGraceMs: standing ? HANG_UP_GRACE_MS : 0,
      offHookMs: standing ? offHookMs : undefined,
      volume: this.#volume,
      onReport: (report) => this.#reported(report),
      onIdle: (report) => {
        if (!standing) this.#finish(report);
      },
      onLeftOffHook: (left) =>
        this.#panel.trouble('left-off-hook', left ? 'the receiver was left off the hook: put it back' : undefined),
      onHookBroken: (error) => {
        this.#panel.trouble('switch', error?.message);
        this.#switchHeart.expect(error !== undefined);
      },
      onAudioFailed: (error) => {
        this.#sound.failed(error);
        // A phone goes on trying; a single run is over.
        if (!standing) this.#fail(error);
      },
    });
  }

  #reported(ended: CallReport): void {
    const { microphone } = this.#sound;
    const report = microphone === undefined ? ended : { ...ended, microphone };
    this.#metrics.ended(report);
    this.#panel.ended(report);
    this.#options.watch?.({ type: 'ended', report });
    this.#writeReport(report);
  }

  #callMaker(codecs: CodecFactory): (listeners: CallListeners) => Call {
    const { log, watch, server, language, maxQueueMs, bitrate, frameTrace } = this.#options;
    const bootId = randomUUID();
    const transport = watchedTransport(
      tracedTransport(transportTo({ ...server, clientId: bootId }), frameTrace),
      this.#networkHeart,
    );
    const prompts = promptsAfterStart(this.#clock, () => loadPrompts(log, language));
    const codecPreference = preference(this.#options.codec, codecs.available);
    return (listeners) =>
      new Call({
        clock: this.#clock,
        random: this.#options.random ?? systemRandom,
        log,
        transport,
        codecs,
        prompts,
        codecPreference,
        bitrate,
        maxQueueMs,
        language,
        ...listeners,
        identity: { deviceId: server.deviceId, bootId, firmware: this.#options.firmware },
        outputDelayMs: () => this.#phone.outputDelayMs,
        ...(frameTrace && {
          onCaptured: (sequence) => frameTrace.note({ event: 'captured', sequence }),
          onRendered: (rung, state) => frameTrace.note({ event: 'rendered', rung, state }),
        }),
        onPhase: (phase) => this.#phaseChanged(phase),
        onTurn: (turn) => watch?.({ type: 'turn', turn }),
        onTranscript: (role, text, final) => watch?.({ type: 'transcript', role, text, final }),
        onPlayback: (event) => {
          this.#controls.script?.playback(event.state);
          watch?.({ type: 'playback', state: event.state, playedMs: event.playedMs });
        },
      });
  }

  /** An older call may still say good-bye while the next one dials: the lamp shows the newest. */
  #phaseChanged(phase: Phase): void {
    this.#options.watch?.({ type: 'phase', phase });
    this.#panel.phase(this.#phone.call?.phase ?? phase);
    this.#service?.status(this.#phone.call?.phase ?? phase);
  }

  /** Counters of the current call. */
  get counters(): Readonly<FrameCounters> | undefined {
    return this.#phone.call?.counters;
  }

  /** Written under another name and renamed: a reader never sees half a report. */
  #writeReport(report: CallReport): void {
    const file = this.#options.reportFile;
    if (file === undefined) return;
    try {
      writeFileSync(`${file}.part`, `${JSON.stringify(report, undefined, 2)}\n`);
      renameSync(`${file}.part`, file);
    } catch (error) {
      this.#options.log.error('report.unwritten', {
        file,
        reason: (error as NodeJS.ErrnoException).code ?? String(error),
      });
    }
  }
}

/** PCM is always the second choice; Opus is offered only where a binding is loaded. */
function preference(first: CodecName, available: readonly CodecName[]): readonly CodecName[] {
  return [first, ...available.filter((codec) => codec !== first)].filter((codec) => available.includes(codec));
}

/** A receiver that is back on its cradle for less than this was not hung up. */
const HANG_UP_GRACE_MS = 1_000;
/** A sound process that hangs is replaced after 300 ms, with silence in between; no frame for this long is a stall. */
const SOUND_STALL_MS = 5_000;
/** A link is closed after 6 s without a byte: one that is still open and silent after this long is a stall. */
const NETWORK_STALL_MS = 15_000;
/** A switch that cannot be read is opened again and again; past this, the restart of the phone is tried too. */
const SWITCH_STALL_MS = 30_000;
/** For the good-bye to the server. */
const LAST_WORDS_MS = 2_000;

/** For a program that watches (a demonstration, a test). What was said is in here and nowhere else. */
export type DaemonEvent =
  | { readonly type: 'phase'; readonly phase: Phase }
  | { readonly type: 'turn'; readonly turn: Turn }
  | {
      readonly type: 'transcript';
      readonly role: 'patient' | 'assistant';
      readonly text: string;
      readonly final: boolean;
    }
  | { readonly type: 'playback'; readonly state: 'started' | 'finished' | 'flushed'; readonly playedMs: number }
  | { readonly type: 'ended'; readonly report: CallReport };

export interface DaemonOptions {
  readonly log: Log;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly server: Omit<WebSocketSettings, 'clientId'>;
  readonly firmware: string;
  readonly audio: 'auto' | AudioBackendName;
  readonly audioSettings: Omit<AudioSettings, 'clock' | 'log' | 'inputEnded' | 'onOpen' | 'onStuck'>;
  readonly codec: CodecName;
  /** bit/s, for Opus on a clean link. */
  readonly bitrate: number;
  readonly language: string;
  readonly maxQueueMs: number;
  /** Hang up after this long. */
  readonly durationMs?: number | undefined;
  readonly reportFile?: string | undefined;
  /** Records every frame, for measurements. */
  readonly frameTrace?: FrameTrace | undefined;
  readonly watch?: ((event: DaemonEvent) => void) | undefined;
  /** `script` when absent: lifted at once, for one call. */
  readonly controls?: ControlKind | undefined;
  readonly board?: Board | undefined;
  /** 0 … 9 */
  readonly volume?: number | undefined;
  readonly saveVolume?: ((level: number) => void) | undefined;
  readonly offHookMs?: number | undefined;
  /** Undefined: no sockets. */
  readonly controlSocket?: string | undefined;
}
