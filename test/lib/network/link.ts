import { spawnSync } from 'node:child_process';
import { inside, openNamespaces } from './namespaces.ts';
import type { Namespaces } from './namespaces.ts';

/**
 * A cable between two network namespaces, for programs that shall lose one another. It can be pulled out, which the
 * phone's interface reports, or swallow every packet, which nobody reports.
 */
export class NetworkLink {
  static readonly serverAddress = '10.78.0.2';
  readonly #namespaces: Namespaces;

  constructor() {
    this.#namespaces = openNamespaces('cubic');
    const { phone, server } = this.#namespaces;
    this.#ip('link', 'add', DEVICE, 'netns', phone, 'type', 'veth', 'peer', 'name', DEVICE, 'netns', server);
    for (const [namespace, address] of [
      [phone, '10.78.0.1'],
      [server, NetworkLink.serverAddress],
    ] as const) {
      this.#ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', DEVICE);
      for (const device of ['lo', DEVICE]) this.#ip('-n', namespace, 'link', 'set', device, 'up');
    }
  }

  /** Words before a command that run it at this end. */
  get phoneEnd(): readonly string[] {
    return inside(this.#namespaces.phone);
  }

  get serverEnd(): readonly string[] {
    return inside(this.#namespaces.server);
  }

  pullOut(): void {
    this.#ip('-n', this.#namespaces.phone, 'link', 'set', DEVICE, 'down');
  }

  plugIn(): void {
    this.#ip('-n', this.#namespaces.phone, 'link', 'set', DEVICE, 'up');
  }

  /** From now on every packet of either direction is dropped. */
  swallow(): void {
    this.#nft(
      'add table inet cable; add chain inet cable in { type filter hook input priority 0; }; add chain inet cable out { type filter hook output priority 0; }; ' +
        `add rule inet cable in iifname ${DEVICE} drop; add rule inet cable out oifname ${DEVICE} drop`,
    );
  }

  letThrough(): void {
    this.#nft('delete table inet cable');
  }

  close(): void {
    this.#namespaces.close();
  }

  #nft(rules: string): void {
    run([...this.serverEnd, 'nft', rules]);
  }

  #ip(...args: string[]): void {
    run(['ip', ...args]);
  }
}

const DEVICE = 'cable';

/** @returns what is missing for `NetworkLink.swallow`; undefined when nothing */
export function missingForFirewall(): string | undefined {
  return spawnSync('nft', ['--version'], { stdio: 'ignore' }).error === undefined
    ? undefined
    : 'nft is missing: apt-get install -y nftables';
}

function run([command, ...args]: readonly string[]): void {
  const { status, stderr } = spawnSync(command!, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr.trim()}`);
}
