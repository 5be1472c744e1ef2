import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SpawnChild } from '../../src/audio/child-job.ts';
import { childCommand, spawnChild } from '../../src/audio/spawn-child.ts';

const SCRIPT = fileURLToPath(new URL('../../../scripts/virtual-sound-card.sh', import.meta.url));
/** The script's exit code for missing packages. */
const PACKAGES_MISSING = 3;
const RAW = ['--raw', '--format=s16le', '--rate=16000', '--channels=1', '--latency-msec=20'];

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
    const own = Object.fromEntries([...readFileSync(join(this.#folder, 'env.sh'), 'utf8').matchAll(/^export (\w+)=(.*)$/gm)].map(([, key, value]) => [key, value]));
    return { ...childCommand().env, ...own };
  }

  /** Children that see this card. @param more of the environment, over the card's */
  spawner(more: NodeJS.ProcessEnv = {}): SpawnChild {
    return (job, events) => spawnChild(job, events, { ...childCommand(), env: { ...this.env, ...more } });
  }

  /** Speaks into the microphone until the samples end. @returns a function that stops it */
  speak(samples: Int16Array): () => void {
    const player = this.#helper('pacat', ['-p', ...RAW, '-d', 'micfeed'], ['pipe', 'ignore', 'ignore']);
    player.stdin?.on('error', () => {});
    player.stdin?.end(Buffer.from(samples.buffer));
    return () => player.kill('SIGKILL');
  }

  /** Records the speaker. @returns a function that stops and gives what was heard */
  listen(): () => Int16Array {
    const recorder = this.#helper('pacat', ['-r', ...RAW, '-d', 'spk.monitor'], ['ignore', 'pipe', 'ignore']);
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

  /** The card is back. Blocks for about three seconds, in which nothing of this process runs. */
  restart(): void {
    const { status, stderr } = this.#run('start');
    if (status !== 0) throw new Error(`the virtual sound card did not come back: ${stderr}`);
  }

  /** As `restart`, but the caller's event loop goes on. */
  async restartInBackground(): Promise<void> {
    const script = spawn(SCRIPT, ['start', this.#folder], { stdio: 'ignore' });
    const status = await new Promise<number | null>((resolve) => script.once('exit', resolve));
    if (status !== 0) throw new Error('the virtual sound card did not come back');
  }

  stop(): void {
    for (const helper of this.#helpers) helper.kill('SIGKILL');
    this.#run('stop');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #run(command: 'start' | 'stop'): { status: number | null; stderr: string } {
    return spawnSync(SCRIPT, [command, this.#folder], { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
  }

  #serverPid(): number {
    return Number(readFileSync(join(this.#folder, 'pids'), 'utf8').split('\n')[0]);
  }

  #helper(program: string, args: string[], stdio: ('pipe' | 'ignore')[]): ChildProcess {
    const helper = spawn(program, args, { stdio, env: this.env });
    this.#helpers.add(helper);
    helper.once('exit', () => this.#helpers.delete(helper));
    return helper;
  }
}
