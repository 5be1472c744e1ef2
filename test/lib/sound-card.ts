import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../common/src/time/clock.ts';
import type { SpawnChild } from '../../device/src/audio/process/job.ts';
import { childCommand, spawnChild } from '../../device/src/audio/process/spawn.ts';
import { FRAME_MS, SAMPLE_RATE } from '../../protocol/src/index.ts';
import { ROOT } from '../../scripts/programs.ts';
import { CpuWait, pidsWith } from './cpu-wait.ts';

/** `spk` is what the phone's speaker plays into, `micfeed` what its microphone hears. */
export type Sink = 'spk' | 'micfeed';

/**
 * The virtual sound card, and programs beside the phone that play into it and record from it. It can be taken away and
 * frozen.
 */
export class SoundCard {
  readonly #folder: string;
  readonly #helpers = new Set<ChildProcess>();
  #hasPrecedence = false;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Takes about three seconds. @throws {Error} saying which packages are missing */
  static start(): SoundCard {
    const { card, error } = SoundCard.#start();
    if (card === undefined) throw new Error(error);
    return card;
  }

  /** For `before` of a suite: where packages are missing it skips the suite, and says what to install. */
  static startOrSkip(context: Mocha.Context): SoundCard {
    context.timeout(20_000);
    const { card, error, packagesMissing } = SoundCard.#start();
    if (card !== undefined) {
      card.#hasPrecedence = takePrecedence();
      return card;
    }
    if (!packagesMissing) throw new Error(`the virtual sound card did not start: ${error}`);
    console.log(`      SKIPPED: ${error}`);
    context.skip();
  }

  static #start(): { card?: SoundCard; error: string; packagesMissing: boolean } {
    const folder = mkdtempSync(join(tmpdir(), 'bestday-card-'));
    const { status, stderr } = runScript('start', folder);
    const outcome = { error: stderr.trim(), packagesMissing: status === PACKAGES_MISSING };
    if (status === 0) return { ...outcome, card: new SoundCard(folder) };
    rmSync(folder, { recursive: true });
    return outcome;
  }

  /** What a program needs to see this card. */
  get env(): NodeJS.ProcessEnv {
    return { ...process.env, ...this.#variables() };
  }

  /** Children that see this card. @param more of the environment, over the card's @param args another program than the usual */
  spawner(more: NodeJS.ProcessEnv = {}, args = childCommand().args): SpawnChild {
    const { file, env } = childCommand();
    const seeing = { ...env, ...this.#variables(), ...more };
    return (job, events) => spawnChild(job, events, { file, args, env: seeing });
  }

  /** Plays what `next` gives, 20 ms every 20 ms, until `silence`. */
  play(sink: Sink, next: () => Int16Array): void {
    const player = this.#pacat(['-p', '-d', sink, `--latency-msec=${LIVE_LATENCY_MS}`], ['pipe', 'ignore', 'ignore']);
    player.stdin!.on('error', () => {});
    let timer = systemClock.after(CONNECT_MS, () => {
      timer = systemClock.every(FRAME_MS, () => player.stdin!.write(Buffer.from(next().buffer)));
    });
    player.once('exit', () => timer.cancel());
  }

  /** Hands over what is played into `sink`, by anybody, until `silence`. */
  listen(sink: Sink, heard: (samples: Int16Array) => void): void {
    const recorder = this.#recorder(sink, LIVE_LATENCY_MS);
    let odd: Buffer = Buffer.alloc(0);
    recorder.stdout!.on('data', (chunk: Buffer) => {
      const bytes = Buffer.concat([odd, chunk]);
      odd = bytes.subarray(bytes.length & ~1);
      heard(samplesOf(bytes));
    });
  }

  /** Speaks into the microphone until the samples end. @returns a function that stops it */
  speak(samples: Int16Array): () => void {
    const player = this.#pacat(['-p', '-d', 'micfeed', `--latency-msec=${LATENCY_MS}`], ['pipe', 'ignore', 'ignore']);
    player.stdin!.on('error', () => {});
    player.stdin!.end(Buffer.from(samples.buffer));
    return () => player.kill('SIGKILL');
  }

  /** Records the speaker. @returns a function that stops and gives what was heard */
  record(): () => Int16Array {
    const recorder = this.#recorder('spk', LATENCY_MS);
    const chunks: Buffer[] = [];
    recorder.stdout!.on('data', (chunk: Buffer) => chunks.push(chunk));
    return () => {
      recorder.kill('SIGKILL');
      return samplesOf(Buffer.concat(chunks));
    };
  }

  /** Ends all players and recorders. */
  silence(): void {
    for (const helper of this.#helpers) helper.kill('SIGKILL');
    this.#helpers.clear();
  }

  /** The sound server stands still, as under a hung driver. */
  freeze(): void {
    process.kill(this.#serverPid(), 'SIGSTOP');
  }

  thaw(): void {
    process.kill(this.#serverPid(), 'SIGCONT');
  }

  /** Processes of the card itself. */
  pids(): number[] {
    return readFileSync(join(this.#folder, 'pids'), 'utf8').split('\n').filter(Boolean).map(Number);
  }

  /** The card is gone, at once. */
  kill(): void {
    runScript('stop', this.#folder);
  }

  /** The card is back, after about three seconds. */
  async restart(): Promise<void> {
    const script = spawn(SCRIPT, ['start', this.#folder], { stdio: 'ignore' });
    const status = await new Promise<number | null>((resolve) => script.once('exit', resolve));
    if (status !== 0) throw new Error('the virtual sound card did not come back');
  }

  /** Names of the programs that still use this card: sound processes and what they started. */
  soundProcesses(): string[] {
    return this.#users().flatMap((pid) => {
      try {
        const program = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
        return OWN_PROGRAMS.has(program) ? [] : [program];
      } catch {
        return []; // It ended while we looked.
      }
    });
  }

  /** Begins to count how long this process, the card and its users wait for a core. */
  cpuWait(): CpuWait {
    return new CpuWait(() => [process.pid, ...this.pids(), ...this.#users()]);
  }

  #users(): number[] {
    return pidsWith(`ALSA_CONFIG_PATH=${this.#folder}/`);
  }

  stop(): void {
    this.silence();
    this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
    if (this.#hasPrecedence) setPriority(0);
  }

  #variables(): Record<string, string> {
    const script = readFileSync(join(this.#folder, 'env.sh'), 'utf8');
    return Object.fromEntries([...script.matchAll(/^export (\w+)=(.*)$/gm)].map(([, name, value]) => [name!, value!]));
  }

  #serverPid(): number {
    return this.pids()[0]!;
  }

  #recorder(sink: Sink, latencyMs: number): ChildProcess {
    return this.#pacat(['-r', '-d', `${sink}.monitor`, `--latency-msec=${latencyMs}`], ['ignore', 'pipe', 'ignore']);
  }

  #pacat(args: readonly string[], stdio: ('pipe' | 'ignore')[]): ChildProcess {
    // Before other work where that is allowed; what the card's own helpers lose would look like our loss.
    const helper = spawn('nice', ['-n', '-11', 'pacat', ...RAW, ...args], { stdio, env: this.env });
    this.#helpers.add(helper);
    helper.once('exit', () => this.#helpers.delete(helper));
    return helper;
  }
}

function runScript(command: 'start' | 'stop', folder: string): { status: number | null; stderr: string } {
  return spawnSync(SCRIPT, [command, folder], { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
}

function samplesOf(bytes: Buffer): Int16Array {
  return new Int16Array(new Uint8Array(bytes).buffer, 0, bytes.length >> 1);
}

/** This process plays the daemon; on the phone the service manager sees to its priority. */
function takePrecedence(): boolean {
  try {
    setPriority(-11);
    return true;
  } catch {
    // Not allowed: the tests are only as patient as the machine is idle.
    return false;
  }
}

const SCRIPT = join(ROOT, 'scripts/virtual-sound-card.sh');
/** The script's exit code for missing packages. */
const PACKAGES_MISSING = 3;
const RAW = ['--raw', '--format=s16le', `--rate=${SAMPLE_RATE}`, '--channels=1'];
/** Of what is played and heard as it happens, where delay is looked at. */
const LIVE_LATENCY_MS = 10;
/** Of what must come through whole on a busy machine. */
const LATENCY_MS = 20;
/** What is written before a player is connected would wait in its pipe for ever, and count as the card's delay. */
const CONNECT_MS = 1_000;
/** The card's own. */
const OWN_PROGRAMS: ReadonlySet<string> = new Set(['pulseaudio', 'pacat', 'sleep', 'pactl', 'virtual-sound-c', 'nice']);
