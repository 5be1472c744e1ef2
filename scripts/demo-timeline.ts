import { styleText } from 'node:util';
import type { DaemonEvent } from '../device/src/daemon.ts';
import type { FrameCounters } from '../common/src/concealment/frame-counters.ts';

export interface ScriptLine {
  readonly atMs: number;
  readonly untilMs: number;
  readonly text: string;
}

/** What `--events-fd` carries. */
export type WatchedEvent = (DaemonEvent | { readonly type: 'frames'; readonly frames?: FrameCounters }) & {
  readonly at: number;
};

const WORDS: Readonly<Record<string, string>> = {
  connecting: 'receiver lifted, dialling',
  handshaking: 'connected, shaking hands',
  talking: 'the line is open',
  reconnecting: 'the link broke, coming back',
  ending: 'saying good-bye',
  idle: 'receiver down',
};

/** Prints a conversation as lines a person can follow: who speaks, how fast the answers come, how the sound is doing. */
export class Timeline {
  readonly #out: NodeJS.WriteStream;
  readonly #script: ScriptLine[];
  readonly #scripted: boolean;
  readonly #latencies: number[] = [];
  #startAt: number | undefined;
  #frames: FrameCounters | undefined;
  #framesShownAt = 0;

  constructor(out: NodeJS.WriteStream, script: readonly ScriptLine[]) {
    this.#out = out;
    this.#script = [...script];
    this.#scripted = script.length > 0;
  }

  get turns(): number {
    return this.#latencies.length;
  }

  note(text: string): void {
    this.#line('gray', '', text);
  }

  show(event: WatchedEvent): void {
    this.#startAt ??= event.at;
    const atMs = event.at - this.#startAt;
    this.#callerUpTo(atMs);
    switch (event.type) {
      case 'phase':
        return this.#line('cyan', clock(atMs), `☎  ${WORDS[event.phase] ?? event.phase}`);
      case 'transcript':
        // The recorded caller's words are known; what a recogniser makes of them is the server's business.
        if (event.final && (event.role === 'assistant' || !this.#scripted))
          this.#speaks(atMs, event.role === 'assistant' ? 'Companion' : 'Caller', event.text);
        return;
      case 'turn':
        return this.#turn(atMs, event.turn.latencyMs, event.turn.stages ?? {});
      case 'frames':
        return this.#ladder(atMs, event.frames);
      case 'ended':
        this.#frames = event.report.frames;
        return;
      case 'playback':
        return;
    }
  }

  summary(): void {
    const sorted = this.#latencies.toSorted((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)];
    this.note('');
    this.note(
      median === undefined
        ? 'no turn was completed'
        : `${sorted.length} turns, answered in ${seconds(median)} (median), ${seconds(sorted.at(-1)!)} (slowest)`,
    );
    if (this.#frames) this.note(ladderText(this.#frames));
  }

  #callerUpTo(atMs: number): void {
    while (this.#script[0] !== undefined && this.#script[0].atMs <= atMs)
      this.#speaks(this.#script[0].atMs, 'Caller', this.#script.shift()!.text);
  }

  #speaks(atMs: number, who: 'Companion' | 'Caller', text: string): void {
    this.#line(who === 'Caller' ? 'yellow' : 'green', clock(atMs), `${who.padEnd(9)}  “${text}”`);
  }

  #turn(atMs: number, latencyMs: number, stages: Readonly<Record<string, number>>): void {
    this.#latencies.push(latencyMs);
    const parts = Object.entries(stages).map(([stage, ms]) => `${stage.replace(/Ms$/, '')} ${Math.round(ms)}`);
    this.#line(
      'gray',
      clock(atMs),
      `           answered ${seconds(latencyMs)} after the last word  (ms from there: ${parts.join(', ')})`,
    );
  }

  /** Every ten seconds, so that it does not drown the talk. */
  #ladder(atMs: number, frames: FrameCounters | undefined): void {
    if (frames === undefined) return;
    this.#frames = frames;
    if (atMs - this.#framesShownAt < 10_000) return;
    this.#framesShownAt = atMs;
    this.#line('gray', clock(atMs), `           ${ladderText(frames)}`);
  }

  #line(colour: 'gray' | 'cyan' | 'yellow' | 'green', time: string, text: string): void {
    const line = `${time.padStart(7)}  ${text}`;
    this.#out.write(`${this.#out.isTTY ? styleText(colour, line) : line}\n`);
  }
}

function clock(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function ladderText(frames: FrameCounters): string {
  return (
    `sound, in 20 ms frames: sent ${frames.sent}, received ${frames.received}, played ${frames.played}, recovered by FEC ${frames.recoveredByFec}, ` +
    `concealed ${frames.concealed}, comfort noise ${frames.comfortNoise}, shed ${frames.shed}`
  );
}
