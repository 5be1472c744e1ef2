import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';

export interface Drive {
  /** `sdb`, `mmcblk0` */
  readonly name: string;
  readonly bytes: number;
  readonly model: string;
  /** Undefined: it may be written to. */
  readonly refused: string | undefined;
}

/** What the kernel tells of disks and mounts, as a port: a test has machines of its own. */
export interface Machine {
  /** Names under /sys/block. */
  disks(): readonly string[];
  /** A file under /sys/block, trimmed; undefined where there is none. */
  sys(path: string): string | undefined;
  /** Where a disk hangs: the real path of /sys/block/NAME. */
  place(name: string): string;
  /** Devices that are mounted or swapped to, `/dev/…`, with the place. */
  used(): readonly { readonly device: string; readonly at: string }[];
}

/** More than a card: a disk that somebody keeps things on. */
const LARGEST_BYTES = 256e9;
const SYSTEM = /^\/(boot(\/.*)?|usr|var|home|etc)?$/;

/** Every disk of this machine, each with why it is not written to. Only what is plugged in and out may be. */
export function drives(machine: Machine): Drive[] {
  return machine
    .disks()
    .filter((name) => /^(sd[a-z]+|mmcblk\d+)$/.test(name))
    .map((name) => {
      const bytes = Number(machine.sys(`${name}/size`) ?? 0) * 512;
      return {
        name,
        bytes,
        model: machine.sys(`${name}/device/model`) ?? machine.sys(`${name}/device/name`) ?? 'card',
        refused: refusal(machine, name, bytes),
      };
    });
}

function refusal(machine: Machine, name: string, bytes: number): string | undefined {
  const uses = machine
    .used()
    .filter(({ device }) => device.replace(/^\/dev\//, '').replace(/(?<=\d)p\d+$|(?<=^sd[a-z]+)\d+$/, '') === name);
  if (uses.some(({ at }) => SYSTEM.test(at) || at === '[SWAP]')) return 'this machine runs from it';
  const removable = machine.sys(`${name}/removable`) === '1' || /\/usb\d|\/mmc_host\//.test(machine.place(name));
  if (!removable) return 'it is built in';
  if (bytes === 0) return 'no card is in it';
  if (bytes > LARGEST_BYTES) return "larger than any card: somebody's disk";
  if (machine.sys(`${name}/ro`) === '1') return 'write-protected';
  return uses.length > 0 ? `mounted on ${uses[0]!.at}: unmount it first` : undefined;
}

export const thisMachine: Machine = {
  disks: () => readdirSync('/sys/block'),
  sys(path) {
    try {
      return readFileSync(join('/sys/block', path), 'utf8').trim();
    } catch {
      return undefined;
    }
  },
  place: (name) => realpathSync(join('/sys/block', name)),
  used() {
    const mounts = lines('/proc/self/mounts').map(([device = '', at = '']) => ({ device, at }));
    const swaps = lines('/proc/swaps').map(([device = '']) => ({ device, at: '[SWAP]' }));
    return [...mounts, ...swaps].filter(({ device }) => device.startsWith('/dev/'));
  },
};

function lines(file: string): string[][] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.split(/\s+/));
}
