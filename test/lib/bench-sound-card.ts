import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../common/src/time/clock.ts';
import { FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE } from '../../protocol/src/index.ts';
import { ROOT } from '../../scripts/programs.ts';
import { median } from '../../bench/lib/result.ts';

const SCRIPT = join(ROOT, 'scripts/virtual-sound-card.sh');
const RAW = ['--raw', '--format=s16le', `--rate=${SAMPLE_RATE}`, '--channels=1', '--latency-msec=10'];

/** What is written before a player is connected would wait in its pipe for ever, and count as the card's delay. */
const CONNECT_MS = 1_000;

/** `spk` is what the phone's speaker plays into, `micfeed` what its microphone hears. */
export type Sink = 'spk' | 'micfeed';

/** The virtual sound card, and programs beside the phone that play into it and listen to it. */
export class SoundCard {
  readonly #folder: string;
  readonly #helpers: ChildProcess[] = [];

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Takes about three seconds. @throws {Error} saying which packages are missing */
  static start(): SoundCard {
    const folder = mkdtempSync(join(tmpdir(), 'bestday-bench-card-'));
    const { status, stderr } = spawnSync(SCRIPT, ['start', folder], {
      encoding: 'utf8',
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    if (status === 0) return new SoundCard(folder);
    rmSync(folder, { recursive: true });
    throw new Error(stderr.trim());
  }

  /** What a program needs to see this card. */
  get env(): NodeJS.ProcessEnv {
    const own = [...readFileSync(join(this.#folder, 'env.sh'), 'utf8').matchAll(/^export (\w+)=(.*)$/gm)].map(
      ([, name, value]) => [name, value],
    );
    return { ...process.env, ...(Object.fromEntries(own) as NodeJS.ProcessEnv) };
  }

  /** Plays what `next` gives, 20 ms every 20 ms. */
  play(sink: Sink, next: () => Int16Array): void {
    const player = this.#helper('pacat', ['-p', ...RAW, '-d', sink], ['pipe', 'ignore', 'ignore']);
    player.stdin!.on('error', () => {});
    let timer = systemClock.after(CONNECT_MS, () => {
      timer = systemClock.every(FRAME_MS, () => player.stdin!.write(Buffer.from(next().buffer)));
    });
    player.once('exit', () => timer.cancel());
  }

  /** Hears what is played into `sink`, by anybody. */
  listen(sink: Sink, heard: (samples: Int16Array) => void): void {
    const recorder = this.#helper('pacat', ['-r', ...RAW, '-d', `${sink}.monitor`], ['ignore', 'pipe', 'ignore']);
    let odd: Buffer = Buffer.alloc(0);
    recorder.stdout!.on('data', (chunk: Buffer) => {
      const bytes = Buffer.concat([odd, chunk]);
      odd = bytes.subarray(bytes.length & ~1);
      heard(new Int16Array(new Uint8Array(bytes).buffer, 0, bytes.length >> 1));
    });
  }

  /** Ends all players and listeners. */
  silence(): void {
    for (const helper of this.#helpers.splice(0)) helper.kill('SIGKILL');
  }

  stop(): void {
    this.silence();
    spawnSync(SCRIPT, ['stop', this.#folder], { stdio: 'ignore' });
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #helper(program: string, args: string[], stdio: ('pipe' | 'ignore')[]): ChildProcess {
    const helper = spawn(program, args, { stdio, env: this.env });
    this.#helpers.push(helper);
    return helper;
  }
}

/** 20 ms of silence, or with a 1 kHz mark from `fromSample` to its end. */
export function markFrame(fromSample?: number): Int16Array {
  return Int16Array.from({ length: FRAME_SAMPLES }, (_, index) =>
    fromSample === undefined || index < fromSample
      ? 0
      : Math.round(12_000 * Math.sin((2 * Math.PI * 1_000 * (index - fromSample)) / SAMPLE_RATE)),
  );
}

/** Tells when a mark begins in a stream of samples: loud after at least 100 ms of quiet. */
export class MarkDetector {
  readonly #found: () => void;
  #quietSamples = 0;

  constructor(found: () => void) {
    this.#found = found;
  }

  push(samples: Int16Array): void {
    for (const sample of samples) {
      if (Math.abs(sample) < LOUD) {
        this.#quietSamples++;
        continue;
      }
      if (this.#quietSamples >= QUIET_SAMPLES) this.#found();
      this.#quietSamples = 0;
    }
  }
}

/** From each mark that was sent to the next that is heard, if that is soon enough. */
export class Delays {
  readonly #latestMs: number;
  #delaysMs: number[] = [];
  #sentMs: number | undefined;

  constructor(latestMs: number) {
    this.#latestMs = latestMs;
  }

  sent(atMs: number): void {
    this.#sentMs = atMs;
  }

  /** A mark is heard now. @returns whether it was waited for here */
  heard(): boolean {
    const sentMs = this.#sentMs;
    this.#sentMs = undefined;
    const delayMs = sentMs === undefined ? Infinity : performance.now() - sentMs;
    if (delayMs > this.#latestMs) return false;
    this.#delaysMs.push(delayMs);
    return true;
  }

  /** What was measured while everything was still settling. */
  forget(): void {
    this.#delaysMs = [];
  }

  /** @throws {Error} when too few marks were heard for a figure */
  median(): number {
    if (this.#delaysMs.length < 3) throw new Error(`only ${this.#delaysMs.length} marks came through`);
    return median(this.#delaysMs);
  }
}

const LOUD = 3_000;
const QUIET_SAMPLES = SAMPLE_RATE / 10;
