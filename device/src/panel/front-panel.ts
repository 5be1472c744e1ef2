import type { Clock, Timer } from '../../../common/src/time/clock.ts';
import type { CheckedFinding, ControlAnswer, ControlRequest, PhoneStatus } from './control-protocol.ts';
import type { Controls } from '../controls/controls.ts';
import { LAMP_PATTERNS, lampStateOf } from './lamp-states.ts';
import type { LampState } from './lamp-states.ts';
import type { VolumeStage } from '../playout/volume.ts';
import type { CallReport } from '../conversation/report.ts';
import type { Phase } from '../conversation/state.ts';
import type { Log } from '../../../common/src/system/log.ts';

/** Several steps of the volume are written to the card once. ms */
const SAVE_AFTER_MS = 5_000;
/** Names of checks; there are about a dozen. */
const MAX_KEPT = 32;

/** @property atMs Unix time of the last check; undefined: none yet */
export interface Checked {
  readonly atMs: number | undefined;
  readonly findings: readonly CheckedFinding[];
}

/** What can be wrong with a phone that still runs. */
export type Trouble = 'sound' | 'server' | 'switch' | 'left-off-hook' | 'self-test' | 'settings';

/**
 * What the phone shows and what can be set on it, from any side: the lamp, the volume, the answers on the control
 * socket, and the list of troubles.
 */
export class FrontPanel {
  readonly #options: FrontPanelOptions;
  readonly #startMs: number;
  readonly #troubles = new Map<Trouble, string>();
  readonly #findings = new Map<string, CheckedFinding>();
  #checkedAtMs: number | undefined;
  #phase: Phase = 'idle';
  #calls = 0;
  #lastCall: PhoneStatus['lastCall'] = null;
  #save: Timer | undefined;

  constructor(options: FrontPanelOptions) {
    this.#options = options;
    this.#startMs = options.clock.now();
    this.#show();
  }

  phase(phase: Phase): void {
    this.#phase = phase;
    if (phase === 'talking') for (const mended of ['server', 'left-off-hook'] as const) this.trouble(mended, undefined);
    this.#show();
  }

  ended(report: CallReport): void {
    this.#calls++;
    this.#lastCall = { endReason: report.endReason, durationMs: Math.round(report.durationMs) };
    if (report.endReason === 'refused')
      this.trouble('server', 'the server refused this phone: check its API key and device id');
    if (report.endReason === 'unreachable')
      this.trouble('server', 'the server could not be reached: check the network');
  }

  /** @param what is wrong, for a person; undefined once it is mended */
  trouble(kind: Trouble, what: string | undefined): void {
    if (what === this.#troubles.get(kind)) return;
    if (what === undefined) this.#troubles.delete(kind);
    else this.#troubles.set(kind, what);
    this.#options.log.info('panel.trouble', { kind, what: what ?? 'mended' });
    this.#show();
  }

  turn(by: 1 | -1): number {
    return this.#setVolume(this.#options.volume.level + by);
  }

  handle(request: ControlRequest): ControlAnswer {
    switch (request.command) {
      case 'status':
        return { ok: true, status: this.status() };
      case 'lift':
      case 'hangup':
        return this.#operate(request.command);
      case 'volume':
        return { ok: true, volume: this.#volumeTo(request.level) };
      case 'checked':
        this.#check(request.findings);
        return { ok: true };
    }
  }

  /** What the last checks of each name found. */
  get checked(): Checked {
    return { atMs: this.#checkedAtMs, findings: [...this.#findings.values()] };
  }

  status(): PhoneStatus {
    const { version, board, kind, clock, volume, line } = this.#options;
    const { lifted, sound } = line();
    return {
      version,
      board: board ?? null,
      controls: kind,
      phase: this.#phase,
      led: this.#lampState,
      lifted,
      sound: sound ?? null,
      volume: volume.level,
      needsHelp: [...this.#troubles.values()],
      upSeconds: Math.round((clock.now() - this.#startMs) / 1_000),
      calls: this.#calls,
      lastCall: this.#lastCall,
    };
  }

  close(): void {
    if (this.#save !== undefined) this.#write();
    this.#options.controls.lamp?.close();
  }

  get #lampState(): LampState {
    return lampStateOf(this.#phase, this.#troubles.size > 0);
  }

  /** A check that was skipped, because it would be heard, keeps its earlier finding. */
  #check(findings: readonly CheckedFinding[]): void {
    for (const finding of findings) {
      const known = this.#findings.has(finding.name);
      if (known ? finding.state !== 'skipped' : this.#findings.size < MAX_KEPT)
        this.#findings.set(finding.name, finding);
    }
    this.#checkedAtMs = this.#options.clock.wallTime();
    const failed = findings.filter(({ state }) => state === 'fail').map(({ name, detail }) => `${name}: ${detail}`);
    this.trouble('self-test', failed.length === 0 ? undefined : failed.join('; '));
  }

  #show(): void {
    this.#options.controls.lamp?.play(LAMP_PATTERNS[this.#lampState]);
  }

  #operate(command: 'lift' | 'hangup'): ControlAnswer {
    const { manual, hook } = this.#options.controls;
    if (manual === undefined)
      return {
        ok: false,
        error: `the ${hook.description} lifts this phone; start it with --controls socket to do it from here`,
      };
    if (command === 'lift') manual.lift();
    else manual.hangUp();
    return { ok: true };
  }

  #volumeTo(level: number | 'up' | 'down' | undefined): number {
    if (level === undefined) return this.#options.volume.level;
    return typeof level === 'number' ? this.#setVolume(level) : this.turn(level === 'up' ? 1 : -1);
  }

  #setVolume(level: number): number {
    const { volume, clock } = this.#options;
    volume.level = level;
    this.#save?.cancel();
    this.#save = clock.after(SAVE_AFTER_MS, () => this.#write());
    return volume.level;
  }

  #write(): void {
    this.#save?.cancel();
    this.#save = undefined;
    this.#options.saveVolume(this.#options.volume.level);
  }
}

export interface FrontPanelOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  readonly board: string | undefined;
  readonly kind: string;
  readonly controls: Controls;
  readonly volume: VolumeStage;
  readonly saveVolume: (level: number) => void;
  readonly line: () => { readonly lifted: boolean; readonly sound: string | undefined };
}
