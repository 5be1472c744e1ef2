import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ROOT } from '../programs.ts';
import { architectureNamed } from './architecture.ts';
import type { Architecture } from './architecture.ts';
import { CACHE, lockedPart, npmFolder, run } from './npm-parts.ts';

const NAME = '@discordjs/opus';
/** N-API is the same from Node to Node; the number only stands in the folder's name. */
const NAPI = '3';

/**
 * The native Opus binding, cross-built with Debian's compilers from the sources of the installed package.
 * @returns the file, or why there is none: the phone then encodes with WebAssembly, at about twice the CPU
 */
export function opusBinding(architecture: Architecture): { readonly file: string } | { readonly missing: string } {
  const { gnu, name } = architecture;
  if (spawnSync(`${gnu}-g++`, ['--version']).status !== 0)
    return { missing: `${gnu}-g++ is not installed (apt install g++-${gnu.replace('x86_64', 'x86-64')})` };
  const file = join(CACHE, `opus-${lockedPart(NAME).version}-${name}.node`);
  if (!existsSync(file)) build(architecture, file);
  return { file };
}

/** Where `@discordjs/opus` and our own loader look for it. */
export function bindingFolder(cpu: string, abi: string): string {
  return `prebuild/node-v${abi}-napi-v${NAPI}-linux-${cpu}-glibc-2.36`;
}

function build(architecture: Architecture, file: string): void {
  const { gnu, node } = architecture;
  const work = join(CACHE, `opus-build-${architecture.name}`);
  rmSync(work, { recursive: true, force: true });
  cpSync(join(ROOT, 'node_modules', NAME), work, {
    recursive: true,
    filter: (path) => !/\/(prebuild|build|build-tmp[^/]*)$/.test(path),
  });
  cpSync(join(ROOT, 'node_modules/node-addon-api'), join(work, 'node_modules/node-addon-api'), { recursive: true });
  // Headers are the same for every machine; the paths that a compiler writes into its output are cut off.
  const headers = npmFolder(architecture.runtime ?? architectureNamed('arm64').runtime!);
  const flags = `-ffile-prefix-map=${work}=opus`;
  run(
    process.execPath,
    [
      nodeGyp(),
      'rebuild',
      `--arch=${node}`,
      `--nodedir=${headers}`,
      '--module_name=opus',
      `--module_path=${work}/out`,
      '--napi_version=9',
      `--napi_build_version=${NAPI}`,
      '-j',
      '2',
    ],
    {
      cwd: work,
      env: {
        ...process.env,
        CC: `${gnu}-gcc`,
        CXX: `${gnu}-g++`,
        AR: `${gnu}-ar`,
        LINK: `${gnu}-g++`,
        CFLAGS: flags,
        CXXFLAGS: flags,
        LDFLAGS: '-Wl,--build-id=none',
      },
    },
  );
  run(`${gnu}-strip`, ['--strip-unneeded', join(work, 'out/opus.node')]);
  mkdirSync(dirname(file), { recursive: true });
  renameSync(join(work, 'out/opus.node'), file);
  rmSync(work, { recursive: true });
}

/** npm brings its own. */
function nodeGyp(): string {
  const npm = process.env['npm_execpath'] ?? run('sh', ['-c', 'readlink -f "$(command -v npm)"']).trim();
  return createRequire(npm).resolve('node-gyp/bin/node-gyp.js');
}
