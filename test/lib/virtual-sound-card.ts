import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, loadavg, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SpawnChild } from '../../device/src/audio/process/job.ts';
import { childCommand, spawnChild } from '../../device/src/audio/process/spawn.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/virtual-sound-card.sh', import.meta.url));
/** The script's exit code for missing packages. */
const PACKAGES_MISSING = 3;
const RAW = ['--raw', '--format=s16le', '--rate=16000', '--channels=1', '--latency-msec=20'];

/** The card's own. */
const OWN_PROGRAMS: ReadonlySet<string> = new Set(['pulseaudio', 'pacat', 'sleep', 'pactl', 'virtual-sound-c', 'nice']);

/** A software sound card for one suite: speak into its microphone, listen to its speaker, take it away, freeze it. */
export class VirtualSoundCard {
  readonly #folder: string;
  readonly #helpers = new Set<ChildProcess>();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * For `before`: starts the card, or skips the suite and says aloud what to install.
   * Takes about three seconds.
   */
  static start(context: Mocha.Context): VirtualSoundCard {
    context.timeout(20_000);
    takePrecedence();
    const card = new VirtualSoundCard(mkdtempSync(join(tmpdir(), 'bestday-card-')));
    const { status, stderr } = card.#run('start');
    if (status === 0) return card;
    rmSync(card.#folder, { recursive: true });
    if (status !== PACKAGES_MISSING) throw new Error(`the virtual sound card did not start: ${stderr}`);
    console.log(`      SKIPPED: ${stderr.trim()}`);
    context.skip();
  }

  /** What a program needs to see this card. */
  get env(): NodeJS.ProcessEnv {
    const own = Object.fromEntries(
      [...readFileSync(join(this.#folder, 'env.sh'), 'utf8').matchAll(/^export (\w+)=(.*)$/gm)].map(
        ([, key, value]) => [key, value],
      ),
    );
    return { ...childCommand().env, ...own };
  }

  /** Children that see this card. @param more of the environment, over the card's @param args another program than the usual */
  spawner(more: NodeJS.ProcessEnv = {}, args = childCommand().args): SpawnChild {
    return (job, events) => spawnChild(job, events, { file: process.execPath, args, env: { ...this.env, ...more } });
  }

  /** Speaks into the microphone until the samples end. @returns a function that stops it */
  speak(samples: Int16Array): () => void {
    const player = this.#helper(['-p', ...RAW, '-d', 'micfeed'], ['pipe', 'ignore', 'ignore']);
    player.stdin?.on('error', () => {});
    player.stdin?.end(Buffer.from(samples.buffer));
    return () => player.kill('SIGKILL');
  }

  /** Records the speaker. @returns a function that stops and gives what was heard */
  listen(): () => Int16Array {
    const recorder = this.#helper(['-r', ...RAW, '-d', 'spk.monitor'], ['ignore', 'pipe', 'ignore']);
    const chunks: Buffer[] = [];
    recorder.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
    return () => {
      recorder.kill('SIGKILL');
      const bytes = Buffer.concat(chunks);
      return new Int16Array(new Uint8Array(bytes).buffer, 0, bytes.length >> 1);
    };
  }

  /** The sound server stands still, as under a hung driver. */
  freeze(): void {
    process.kill(this.#serverPid(), 'SIGSTOP');
  }

  thaw(): void {
    process.kill(this.#serverPid(), 'SIGCONT');
  }

  /** The card is gone, at once. */
  kill(): void {
    this.#run('stop');
  }

  /** The card is back, after about three seconds. */
  async restart(): Promise<void> {
    const script = spawn(SCRIPT, ['start', this.#folder], { stdio: 'ignore' });
    const status = await new Promise<number | null>((resolve) => script.once('exit', resolve));
    if (status !== 0) throw new Error('the virtual sound card did not come back');
  }

  /** Names of the programs that still use this card: sound processes and what they started. */
  soundProcesses(): string[] {
    return readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .flatMap((pid) => {
        try {
          const program = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
          const ours = readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`ALSA_CONFIG_PATH=${this.#folder}/`);
          return ours && !OWN_PROGRAMS.has(program) ? [program] : [];
        } catch {
          return []; // It ended while we looked.
        }
      });
  }

  stop(): void {
    for (const helper of this.#helpers) helper.kill('SIGKILL');
    this.#run('stop');
    rmSync(this.#folder, { recursive: true, force: true });
    setPriority(0);
  }

  #run(command: 'start' | 'stop'): { status: number | null; stderr: string } {
    return spawnSync(SCRIPT, [command, this.#folder], { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
  }

  #serverPid(): number {
    return Number(readFileSync(join(this.#folder, 'pids'), 'utf8').split('\n')[0]);
  }

  #helper(args: string[], stdio: ('pipe' | 'ignore')[]): ChildProcess {
    // Before other work where that is allowed; what the card's own helpers lose would look like our loss.
    const helper = spawn('nice', ['-n', '-11', 'pacat', ...args], { stdio, env: this.env });
    this.#helpers.add(helper);
    helper.once('exit', () => this.#helpers.delete(helper));
    return helper;
  }
}

/** Skips, and says so, where a package is not installed. */
export function needs(context: Mocha.Context, name: string): void {
  try {
    createRequire(import.meta.url).resolve(name);
  } catch {
    console.log(`      SKIPPED: ${name} is not installed; npm run setup says what it needs`);
    context.skip();
  }
}

/** With more than two programs per core waiting, the sound server itself is starved, and what it loses tells nothing of us. */
export function skipWhenTooBusy(context: Mocha.Context): void {
  const load = loadavg()[0]! / availableParallelism();
  if (load < 2) return;
  console.log(`      SKIPPED: the machine is too busy to tell (${load.toFixed(1)} programs per core)`);
  context.skip();
}

/** This process plays the daemon; on the phone the service manager sees to its priority. */
function takePrecedence(): void {
  try {
    setPriority(-11);
  } catch {
    // Not allowed: the tests are only as patient as the machine is idle.
  }
}
