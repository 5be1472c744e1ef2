import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { Clock, Timer } from '../../../common/src/time/clock.ts';
import type { Log } from '../../../common/src/system/log.ts';

/** Tells when the phone got an address or a route back: worth an attempt before the schedule's next. */
export interface NetworkWatch {
  start(up: () => void): void;
  stop(): void;
}

/** Several kernel messages tell of one event: an address, then routes. */
const SETTLE_MS = 50;
const POLL_MS = 1_000;
const WATCH_AFTER_MS = 400;
const INTERFACES = '/sys/class/net';

/**
 * Listens to the kernel through `ip monitor` (iproute2 speaks netlink for us: Node cannot). Where that is not to be
 * had, compares the list of interfaces every second: where it is not installed, and as a hardened service, because `ip`
 * first gives up its capabilities with a system call (capset) that such a service may not make, and ends.
 */
export class SystemNetworkWatch implements NetworkWatch {
  readonly #clock: Clock;
  readonly #log: Log;
  #child: ChildProcess | undefined;
  #settle: Timer | undefined;
  #poll: Timer | undefined;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  start(up: () => void): void {
    const child = spawn('ip', ['-o', 'monitor', 'address', 'route', 'link'], { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#child = child;
    child.stdout.setEncoding('utf8').on('data', (lines: string) => {
      if (lines.split('\n').some(tellsOfReturn)) this.#soon(up);
    });
    const fallBack = (why: string): void => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#log.info('network.watch', { source: 'poll', why });
      this.#pollInterfaces(up);
    };
    child.on('error', (error) => fallBack((error as NodeJS.ErrnoException).code ?? error.name));
    child.on('exit', (code) => fallBack(`ip monitor ended with ${code}`));
  }

  stop(): void {
    const child = this.#child;
    this.#child = undefined;
    child?.kill('SIGKILL');
    this.#settle?.cancel();
    this.#poll?.cancel();
  }

  #soon(up: () => void): void {
    this.#settle?.cancel();
    this.#settle = this.#clock.after(SETTLE_MS, up);
  }

  #pollInterfaces(up: () => void): void {
    let before = addresses();
    this.#poll = this.#clock.every(POLL_MS, () => {
      const now = addresses();
      if ([...now].some((address) => !before.has(address))) this.#soon(up);
      before = now;
    });
  }
}

/** Starts `watch` a little later: the first frame does not wait for its process, and the first retry is a second away. */
export function watchAfterStart(clock: Clock, watch: NetworkWatch): NetworkWatch {
  let begin: Timer | undefined;
  return {
    start(up) {
      begin = clock.after(WATCH_AFTER_MS, () => watch.start(up));
    },
    stop() {
      begin?.cancel();
      watch.stop();
    },
  };
}

/** A line of `ip -o monitor` for something that came, not something that went. */
export function tellsOfReturn(line: string): boolean {
  if (line === '' || /^Deleted /.test(line) || /\blo\b|\b(?:tentative|dadfailed)\b/.test(line)) return false;
  return /\binet6? (?!fe80)/.test(line) || /^default /.test(line) || /<[^>]*\bLOWER_UP\b[^>]*>/.test(line);
}

/** What there is to talk through: addresses, and interfaces whose cable or radio carries. */
function addresses(): Set<string> {
  return new Set([...ownAddresses(), ...carriers()]);
}

function carriers(): string[] {
  try {
    return readdirSync(INTERFACES)
      .filter((name) => name !== 'lo' && readFileSync(`${INTERFACES}/${name}/operstate`, 'latin1').trim() === 'up')
      .map((name) => `${name} up`);
  } catch {
    // No sysfs, or one that went while we looked: the addresses tell, a little later.
    return [];
  }
}

function ownAddresses(): string[] {
  const list = Object.entries(networkInterfaces()).flatMap(([name, entries]) =>
    (entries ?? []).map((entry) => ({ name, entry })),
  );
  return list.filter(({ entry }) => !entry.internal).map(({ name, entry }) => `${name} ${entry.address}`);
}
