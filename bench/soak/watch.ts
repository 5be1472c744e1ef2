import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { FrameCounters } from '../../common/src/concealment/frame-counters.ts';
import type { EventLoopDelay } from '../../common/src/system/event-loop.ts';
import type { WatchedEvent } from '../../scripts/demo-timeline.ts';
import type { RunningServer } from '../../scripts/programs.ts';

/** One second of both programs. */
export interface Sample {
  readonly atSeconds: number;
  readonly phoneMb: number;
  readonly serverMb: number;
  readonly phoneLoop: EventLoopDelay;
  readonly serverLoop: EventLoopDelay;
  /** Since the call began. */
  readonly frames: FrameCounters;
}

/** Follows one conversation from outside: samples every second, and notes whatever should not have happened. */
export class Watch {
  readonly samples: Sample[] = [];
  readonly breaks: string[] = [];
  readonly latenciesMs: { readonly atSeconds: number; readonly ms: number }[] = [];
  readonly #server: RunningServer;
  readonly #phone: ChildProcess;
  readonly #startMs = performance.now();
  #talkingSince: number | undefined;
  #lastAnswerSeconds = 0;
  #ending = false;

  constructor(server: RunningServer, phone: ChildProcess) {
    this.#server = server;
    this.#phone = phone;
    createInterface({ input: phone.stdio[3] as Readable }).on('line', (line) =>
      this.#event(JSON.parse(line) as SoakEvent),
    );
    server.process.once('exit', (code) => {
      if (!this.#ending) this.#broke(`the server ended with ${code}`);
    });
    phone.once('exit', (code) => {
      if (!this.#ending) this.#broke(`the phone ended with ${code}`);
    });
  }

  get atSeconds(): number {
    return (performance.now() - this.#startMs) / 1_000;
  }

  /** The call is about to be ended: what ends now ends as it should. */
  expectEnd(): void {
    this.#ending = true;
    const silentSeconds = this.atSeconds - this.#lastAnswerSeconds;
    if (silentSeconds > LONGEST_SILENCE_S) this.#broke(`nothing was answered for ${Math.round(silentSeconds)} s`);
  }

  #event(event: SoakEvent): void {
    if (event.type === 'phase') return this.#phase(event.phase);
    if (event.type === 'frames') return void this.#sample(event);
    if (event.type !== 'turn') return;
    const silentSeconds = this.atSeconds - this.#lastAnswerSeconds;
    if (silentSeconds > LONGEST_SILENCE_S) this.#broke(`nothing was answered for ${Math.round(silentSeconds)} s`);
    this.#lastAnswerSeconds = this.atSeconds;
    this.latenciesMs.push({ atSeconds: this.atSeconds, ms: event.turn.latencyMs });
  }

  #phase(phase: string): void {
    if (phase === 'talking') this.#talkingSince ??= this.atSeconds;
    else if (this.#talkingSince !== undefined && !this.#ending) this.#broke(`the phone went from talking to ${phase}`);
  }

  async #sample({ frames, eventLoop }: FramesEvent): Promise<void> {
    if (frames === undefined || eventLoop === undefined || this.#ending) return;
    const atSeconds = this.atSeconds;
    try {
      const metrics = await this.#metrics();
      this.samples.push({
        atSeconds,
        frames: { ...frames },
        phoneLoop: eventLoop,
        phoneMb: residentMb(this.#phone.pid!),
        serverMb: residentMb(this.#server.process.pid!),
        serverLoop: { p50Ms: lagOf(metrics, 'p50'), p99Ms: lagOf(metrics, 'p99'), maxMs: lagOf(metrics, 'max') },
      });
    } catch (error) {
      if (!this.#ending)
        this.#broke(`the programs could not be looked at: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async #metrics(): Promise<string> {
    return (await fetch(this.#server.metricsUrl)).text();
  }

  #broke(what: string): void {
    const line = `${Math.round(this.atSeconds)} s: ${what}`;
    this.breaks.push(line);
    process.stderr.write(`BREAK ${line}\n`);
  }
}

type FramesEvent = Extract<WatchedEvent, { type: 'frames' }> & { readonly eventLoop?: EventLoopDelay };
type SoakEvent = Exclude<WatchedEvent, { type: 'frames' }> | FramesEvent;

/** The recorded caller speaks every 13 s or so. */
const LONGEST_SILENCE_S = 60;
const KB_PER_MB = 1_024;

function residentMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / KB_PER_MB;
}

/** prom-client measures from one timer of 10 ms to the next, so on time is 10 ms. */
const LAG_RESOLUTION_MS = 10;

function lagOf(page: string, which: string): number {
  return Math.max(0, 1_000 * metricOf(page, `nodejs_eventloop_lag_${which}_seconds`) - LAG_RESOLUTION_MS);
}

/** Of a metric without labels in Prometheus's text format. */
function metricOf(page: string, name: string): number {
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(page)?.[1]);
}
