import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../programs.ts';
import type { Architecture } from './architecture.ts';
import { lockedPart, npmFolder } from './npm-parts.ts';
import { bindingFolder, opusBinding } from './opus-binding.ts';

/** What a package is put together from, beside the project's own files. */
export interface Parts {
  /** The program; undefined: Debian's /usr/bin/node. */
  readonly node: string | undefined;
  readonly nodeLicence: string | undefined;
  /** Folder of the package. */
  readonly koffi: string;
  readonly koffiPlatform: { readonly name: string; readonly folder: string };
  /** The native binding, and the folder of `@discordjs/opus` in which it is looked for. */
  readonly opus: { readonly file: string; readonly folder: string } | undefined;
  /** What could not be had, for a person. */
  readonly missing: readonly string[];
}

/** From npm's registry, by their pinned bytes, for any architecture. */
export function pinnedParts(architecture: Architecture): Parts {
  const runtime = architecture.runtime && npmFolder(architecture.runtime);
  const opus = opusBinding(architecture);
  return {
    node: runtime && join(runtime, 'bin/node'),
    nodeLicence: runtime && join(runtime, 'LICENSE'),
    koffi: npmFolder(lockedPart('koffi')),
    koffiPlatform: { name: architecture.koffi, folder: npmFolder(lockedPart(architecture.koffi)) },
    opus: 'file' in opus ? { file: opus.file, folder: bindingFolder(architecture.node, architecture.abi) } : undefined,
    missing:
      'missing' in opus
        ? [`native Opus: ${opus.missing}; the phone encodes with WebAssembly, at about twice the CPU`]
        : [],
  };
}

/** From this checkout, for this machine: for tests, which fetch nothing. @returns undefined where koffi has no build */
export function installedParts(): Parts | undefined {
  const name = `@koromix/koffi-linux-${process.arch}`;
  const modules = join(ROOT, 'node_modules');
  if (!existsSync(join(modules, name))) return undefined;
  const folder = bindingFolder(process.arch, process.versions.modules);
  const file = join(modules, '@discordjs/opus', folder, 'opus.node');
  return {
    node: process.execPath,
    nodeLicence: undefined,
    koffi: join(modules, 'koffi'),
    koffiPlatform: { name, folder: join(modules, name) },
    opus: existsSync(file) ? { file, folder } : undefined,
    missing: [],
  };
}
