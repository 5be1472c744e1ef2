import { spawn } from 'node:child_process';
import type { Clock, Timer } from '../../../common/src/time/clock.ts';
import type { Health } from './health.ts';
import type { Log } from '../../../common/src/system/log.ts';
import { LIBC, loadKoffi } from '../../../common/src/system/native-library.ts';

/** One datagram to systemd: `READY=1`, `STATUS=…`, `WATCHDOG=1` (sd_notify(3)). */
export type Notify = (state: string) => void;

/**
 * Node cannot send datagrams to a unix socket: this calls libc, else the program `systemd-notify` (the unit then needs
 * `NotifyAccess=all`).
 * @returns undefined where nobody listens
 */
export function systemdNotify(env: NodeJS.ProcessEnv): Notify | undefined {
  const socket = env['NOTIFY_SOCKET'];
  if (socket === undefined || !/^[/@]/.test(socket) || socket.length > MAX_PATH) return undefined;
  const koffi = loadKoffi();
  if (koffi === undefined)
    return (state) => {
      spawn('systemd-notify', [state], { stdio: 'ignore', env }).on('error', () => {});
    };
  const libc = koffi.load(LIBC);
  const sendto = libc.func(
    'long sendto(int fd, const void *data, size_t length, int flags, const void *address, unsigned int size)',
  );
  const descriptor = Number(
    libc.func('int socket(int domain, int type, int protocol)')(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0),
  );
  const address = unixAddress(socket);
  return (state) => {
    const data = Buffer.from(state, 'utf8');
    sendto(descriptor, data, data.length, MSG_NOSIGNAL, address, address.length);
  };
}

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;
/** `sun_path` holds 108 bytes. */
const MAX_PATH = 107;

/** `struct sockaddr_un`; a name that begins with `@` is abstract, its first byte zero (unix(7)). */
export function unixAddress(name: string): Buffer {
  const path = Buffer.from(name, 'utf8');
  if (name.startsWith('@')) path[0] = 0;
  const family = Buffer.alloc(2);
  family.writeUInt16LE(AF_UNIX);
  return Buffer.concat([family, path, name.startsWith('@') ? Buffer.alloc(0) : Buffer.alloc(1)]);
}

/** Reports the phone's status to systemd, and notifies its watchdog while the phone is healthy. */
export class ServiceNotifier {
  readonly #notify: Notify;
  readonly #health: Health;
  readonly #log: Log;
  readonly #feeding: Timer | undefined;
  #starving = false;

  /** @param watchdogMs `WATCHDOG_USEC` in ms; undefined: no watchdog */
  constructor(notify: Notify, clock: Clock, health: Health, log: Log, watchdogMs: number | undefined) {
    this.#notify = notify;
    this.#health = health;
    this.#log = log;
    // sd_watchdog_enabled(3) recommends half; a third leaves room for a slow board.
    this.#feeding = watchdogMs === undefined ? undefined : clock.every(watchdogMs / 3, () => this.#feed());
  }

  ready(): void {
    this.#notify('READY=1');
  }

  status(text: string): void {
    this.#notify(`STATUS=${text.replace(/[\r\n]+/g, ' ').slice(0, 200)}`);
  }

  /** Stops notifying the watchdog. */
  rest(): void {
    this.#feeding?.cancel();
  }

  stopping(): void {
    this.rest();
    this.#notify('STOPPING=1');
  }

  #feed(): void {
    const { stalled } = this.#health;
    if (stalled.length === 0) {
      this.#starving = false;
      this.#notify('WATCHDOG=1');
    } else if (!this.#starving) {
      this.#starving = true;
      this.#log.error('service.stalled', { loops: stalled.join(', ') });
      this.status(`stalled: ${stalled.join(', ')}`);
    }
  }
}

/** From the environment systemd gives; undefined when there is no watchdog, or it is another process's. */
export function watchdogMs(env: NodeJS.ProcessEnv, pid: number): number | undefined {
  const us = Number(env['WATCHDOG_USEC']);
  const owner = env['WATCHDOG_PID'];
  return Number.isFinite(us) && us > 0 && (owner === undefined || Number(owner) === pid) ? us / 1_000 : undefined;
}
