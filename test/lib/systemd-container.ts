import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installedParts } from '../../scripts/package/parts.ts';
import { layOut, UNITS } from '../../scripts/package/tree.ts';

const BOOT_LIMIT_MS = 20_000;
const HOME = 'usr/lib/bestday-phone';
const UNIT_FOLDER = 'usr/lib/systemd/system';

export interface ContainerOptions {
  /** By absolute path in the container. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
  readonly credentials?: Readonly<Record<string, string>>;
  /** True: without the phone. */
  readonly bare?: boolean;
}

/**
 * A real systemd, booted from this machine's own files with everything it writes kept in memory, and the phone
 * in it as the package lays it out. No network, no sound, no GPIO, no cgroup controllers.
 */
export class SystemdContainer {
  readonly #folder: string;
  readonly #root: string;
  readonly #nspawn: ChildProcess;
  readonly #target: string;
  #leader = 0;

  /** Why this machine cannot; undefined: it can. */
  static obstacle(): string | undefined {
    if (process.getuid?.() !== 0) return 'only root can boot a container';
    if (spawnSync('systemd-nspawn', ['--version']).status !== 0)
      return 'systemd-nspawn is missing: apt install systemd-container';
    if (!existsSync('/usr/lib/systemd/systemd')) return 'systemd is not installed here: apt install systemd';
    if (installedParts() === undefined) return 'koffi has no build for this machine';
    const folder = mkdtempSync(join(tmpdir(), 'bestday-mount-'));
    const mounted = spawnSync('mount', ['--bind', '/', folder]).status === 0;
    if (mounted) spawnSync('umount', [folder]);
    // Never recursively: what is mounted here is this machine.
    rmdirSync(folder);
    return mounted ? undefined : 'this machine may not mount';
  }

  static async boot(options: ContainerOptions): Promise<SystemdContainer> {
    const container = new SystemdContainer(options);
    try {
      await container.#await();
    } catch (error) {
      container.stop();
      throw error;
    }
    return container;
  }

  private constructor({ files = {}, credentials = {}, bare = false }: ContainerOptions) {
    this.#target = bare ? 'basic.target' : 'bestday-phone.target';
    this.#folder = mkdtempSync(join(tmpdir(), 'bestday-nspawn-'));
    this.#root = join(this.#folder, 'root');
    mkdirSync(this.#root);
    // nspawn boots no `/`; the same files under another name it does.
    spawnSync('mount', ['--bind', '/', this.#root]);
    const binds = [
      ...(bare ? [] : this.#installation()),
      ...Object.entries(files).map(([path, content]) => `${this.#write('files', path, content)}:${path}`),
    ];
    const secrets = Object.entries(credentials).map(
      ([name, content]) => `--load-credential=${name}:${this.#write('credentials', name, content)}`,
    );
    this.#nspawn = spawn(
      'systemd-nspawn',
      [
        '-D',
        this.#root,
        '-M',
        `bestday-${process.pid}`,
        '--volatile=overlay',
        '--register=no',
        '--keep-unit',
        '--link-journal=no',
        '--private-network',
        '--quiet',
        ...binds.map((bind) => `--bind-ro=${bind}`),
        ...secrets,
        '-b',
        `systemd.unit=${this.#target}`,
        'systemd.mask=systemd-networkd.service',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1' } },
    );
  }

  /** @returns standard output, trimmed */
  run(...command: string[]): string {
    const { stdout, stderr, status } = spawnSync('nsenter', ['-t', String(this.#leader), '-a', ...command], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    if (status !== 0) throw new Error(`${command.join(' ')}: ${status} ${stderr}${stdout}`);
    return stdout.trim();
  }

  /** A property of the phone's unit. */
  show(property: string, unit = 'bestday-phone.service'): string {
    return this.run('systemctl', 'show', unit, '--value', '-p', property);
  }

  /** Polls: what is awaited is another system's own time. @returns how long it took, ms */
  async until(what: string, holds: () => boolean, limitMs: number): Promise<number> {
    const startMs = performance.now();
    for (;;) {
      if (holds()) return performance.now() - startMs;
      if (performance.now() - startMs > limitMs)
        throw new Error(
          `${what}: not within ${limitMs} ms\n${this.run('journalctl', '--no-pager', '-n', '30', '-u', 'bestday-phone.service')}`,
        );
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    }
  }

  stop(): void {
    this.#nspawn.kill('SIGKILL');
    if (this.#leader > 0) {
      try {
        process.kill(this.#leader, 'SIGKILL');
      } catch {
        // Gone with its container.
      }
    }
    // Lazily: the last process may still be on its way out. Only an empty folder is ever removed where a mount was.
    spawnSync('umount', ['--lazy', this.#root]);
    for (const own of ['stage', 'files', 'credentials'])
      rmSync(join(this.#folder, own), { recursive: true, force: true });
    rmdirSync(this.#root);
    // nspawn's lock.
    rmSync(join(this.#folder, '.#root.lck'), { force: true });
    rmdirSync(this.#folder);
  }

  async #await(): Promise<void> {
    let said = '';
    this.#nspawn.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const startMs = performance.now();
    while (!this.#isUp()) {
      if (this.#nspawn.exitCode !== null || performance.now() - startMs > BOOT_LIMIT_MS)
        throw new Error(`the container did not boot: ${said}`);
      await new Promise((resolve) => {
        setTimeout(resolve, 100);
      });
    }
  }

  #isUp(): boolean {
    const { pid } = this.#nspawn;
    if (pid === undefined || !existsSync(`/proc/${pid}`)) return false;
    this.#leader = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);
    if (!(this.#leader > 0)) return false;
    const { stdout } = spawnSync(
      'nsenter',
      ['-t', String(this.#leader), '-a', 'systemctl', 'show', '--value', '-p', 'ActiveState', this.#target],
      { encoding: 'utf8', timeout: 5_000 },
    );
    return stdout.trim() === 'active';
  }

  /** The package's files, each where it belongs. */
  #installation(): string[] {
    const stage = join(this.#folder, 'stage');
    layOut(stage, installedParts()!);
    return [
      `${join(stage, HOME)}:/${HOME}`,
      `${join(stage, 'usr/bin/bestday-phone')}:/usr/bin/bestday-phone`,
      `${join(stage, 'usr/lib/sysusers.d/bestday-phone.conf')}:/etc/sysusers.d/bestday-phone.conf`,
      ...UNITS.map((unit) => `${join(stage, UNIT_FOLDER, unit)}:/etc/systemd/system/${unit}`),
    ];
  }

  #write(kind: string, path: string, content: string | Buffer): string {
    const file = join(this.#folder, kind, path.replaceAll('/', '_'));
    mkdirSync(join(this.#folder, kind), { recursive: true });
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  }
}
