import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs';

/**
 * Two network namespaces of Linux, for programs that shall meet over a network of our making. Each carries the name
 * of the process that made it (`bestday-PID-STARTTIME-…`), so what a killed run left behind is told from what another
 * run still uses.
 */
export interface Namespaces {
  readonly phone: string;
  readonly server: string;
  /** In force inside both. */
  readonly congestionControl: string;
  /** Ends the programs inside and removes both; safe to call again. */
  close(): void;
}

export type CongestionControl = 'cubic' | 'bbr' | 'reno';

const PROGRAMS = [
  { program: 'ip', debian: 'iproute2' },
  { program: 'python3', debian: 'python3' },
];
const NAME = /^bestday-(\d+)-(\d+)-(?:phone|server)$/;

/** @returns what this machine lacks for namespaces and the emulator, and how to get it; undefined when nothing */
export function missingForNetwork(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces need Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root: run this with sudo';
  const absent = PROGRAMS.filter(({ program }) => spawnSync(program, ['-V'], { stdio: 'ignore' }).error !== undefined);
  if (absent.length > 0)
    return `programs are missing: apt-get install -y ${absent.map(({ debian }) => debian).join(' ')}`;
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
  } catch {
    return '/dev/net/tun is missing: `modprobe tun`, or start the container with --device /dev/net/tun --cap-add NET_ADMIN --cap-add SYS_ADMIN';
  }
  return undefined;
}

/** @throws {Error} saying what the system refused */
export function openNamespaces(congestionControl: CongestionControl): Namespaces {
  removeLeftovers();
  const [phone, server] = ['phone', 'server'].map(
    (end) => `bestday-${process.pid}-${startTimeOf(process.pid)}-${end}`,
  ) as [string, string];
  const close = (): void => [phone, server].forEach(remove);
  try {
    for (const name of [phone, server]) ip('netns', 'add', name);
    const [inForce] = [phone, server].map((name) => useCongestionControl(name, congestionControl));
    return { phone, server, congestionControl: inForce!, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** The words before a command that make it run inside. */
export function inside(namespace: string): readonly string[] {
  return ['ip', 'netns', 'exec', namespace];
}

/** Removes the namespaces of processes that are no more, and ends what still runs in them. @returns their names */
export function removeLeftovers(): string[] {
  const dead = existing().filter((name) => {
    const [, pid, startTime] = NAME.exec(name) ?? [];
    return pid !== undefined && startTimeOf(Number(pid)) !== startTime;
  });
  dead.forEach(remove);
  return dead;
}

function existing(): string[] {
  return ip('netns', 'list')
    .split('\n')
    .map((line) => line.split(' ')[0]!)
    .filter(Boolean);
}

function remove(name: string): void {
  if (!existing().includes(name)) return;
  for (const pid of ip('netns', 'pids', name).split('\n').filter(Boolean)) endProcess(Number(pid));
  ip('netns', 'delete', name);
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself in between.
  }
}

/** In clock ticks since boot: with the id it names a process for good, where an id alone is given out again. */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name, in brackets, and may hold anything; the start time is the 22nd.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

/**
 * A namespace may use only what the machine allows, so it is allowed for the moment of the setting. Runs that begin at
 * once may take it from each other, hence again. @returns what is in force
 */
function useCongestionControl(name: string, wanted: CongestionControl): string {
  for (let attempt = 0; attempt < 10; attempt++) {
    const allowed = readFileSync(ALLOWED, 'utf8').trim();
    if (!allowed.split(' ').includes(wanted)) allow(`${allowed} ${wanted}`);
    const { status } = spawnSync('ip', ['netns', 'exec', name, 'sh', '-c', `echo ${wanted} > ${CURRENT}`], {
      stdio: 'ignore',
    });
    if (!allowed.split(' ').includes(wanted)) allow(allowed);
    if (status === 0) break;
  }
  return ip('netns', 'exec', name, 'cat', CURRENT).trim();
}

function allow(list: string): void {
  try {
    writeFileSync(ALLOWED, list);
  } catch {
    // Read-only in many containers; the report says what was in force.
  }
}

const ALLOWED = '/proc/sys/net/ipv4/tcp_allowed_congestion_control';
const CURRENT = '/proc/sys/net/ipv4/tcp_congestion_control';

function ip(...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' });
  if (error) throw new Error('`ip` does not run: apt-get install -y iproute2', { cause: error });
  if (status !== 0)
    throw new Error(`\`ip ${args.join(' ')}\` failed: ${stderr.trim()}; are CAP_NET_ADMIN and CAP_SYS_ADMIN there?`);
  return stdout;
}
