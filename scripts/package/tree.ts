import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { bundledInputs } from '../build.mjs';
import { NOTICES_FILE, noticesText, npmPart, npmParts, SBOM_FILE, sbomText } from '../notices.mjs';
import { ROOT } from '../programs.ts';
import type { Parts } from './parts.ts';

const HOME = 'usr/lib/bestday-phone';
/** In the order in which they come at a boot. */
export const UNITS = [
  'bestday-phone-provision.service',
  'bestday-phone.service',
  'bestday-phone.target',
  'bestday-phone-sound.service',
  'bestday-phone-self-test.service',
  'bestday-phone-self-test.timer',
];

/** Bundles that the phone loads; the server's stay behind. */
const BUNDLES = ['bestday-phone.cjs', 'audio-child.cjs', 'lazy/conf.cjs', 'lazy/winston.cjs', 'lazy/libopus.wasm'];

/** Lays out all that the package installs. @param folder is emptied first */
export function layOut(folder: string, parts: Parts): void {
  rmSync(folder, { recursive: true, force: true });
  const to = (...path: string[]): string => join(folder, ...path);
  program(to, parts);
  natives(to, parts);
  integration(to);
  documents(to, parts);
  thirdParties(to, parts);
  settleModes(folder);
}

type To = (...path: string[]) => string;

function program(to: To, { node }: Parts): void {
  for (const bundle of BUNDLES)
    put(to(HOME, 'dist', bundle), readFileSync(join(ROOT, 'dist', bundle)), bundle.startsWith('lazy/') ? 0o644 : 0o755);
  const { name, version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    name: string;
    version: string;
  };
  put(to(HOME, 'package.json'), `${JSON.stringify({ name, version, type: 'module' })}\n`);
  copy(join(ROOT, 'device/prompts'), to(HOME, 'device/prompts'));
  copy(join(ROOT, 'hardware/profiles'), to(HOME, 'hardware/profiles'));
  put(to(HOME, 'bin/provision'), readFileSync(join(ROOT, 'scripts/package/provision.sh')), 0o755);
  put(to(HOME, 'bin/sound-server'), readFileSync(join(ROOT, 'systemd/sound-server.sh')), 0o755);
  // One path for the units, whoever brings Node.
  put(to(HOME, 'bin/node'), node === undefined ? '#!/bin/sh\nexec /usr/bin/node "$@"\n' : readFileSync(node), 0o755);
}

/** Its sources and its other platforms stay behind. */
const KOFFI_FILES = ['package.json', 'LICENSE.txt', 'index.cjs', 'src/koffi/index.cjs', 'src/koffi/src/static.cjs'];

/** What cannot be bundled. Sound goes through arecord and aplay, which need no native part. */
function natives(to: To, { koffi, koffiPlatform, opus }: Parts): void {
  const modules = to(HOME, 'node_modules');
  for (const file of KOFFI_FILES) copy(join(koffi, file), join(modules, 'koffi', file));
  const { name, folder } = koffiPlatform;
  for (const file of readdirSync(folder).filter((each) => !each.startsWith('musl')))
    copy(join(folder, file), join(modules, name, file));
  if (opus === undefined) return;
  const home = join(modules, '@discordjs/opus');
  for (const file of ['package.json', 'LICENSE'])
    copy(join(ROOT, 'node_modules/@discordjs/opus', file), join(home, file));
  put(join(home, opus.folder, 'opus.node'), readFileSync(opus.file));
}

function integration(to: To): void {
  const systemd = (name: string): Buffer => readFileSync(join(ROOT, 'systemd', name));
  for (const unit of UNITS) put(to('usr/lib/systemd/system', unit), systemd(unit));
  put(to('usr/lib/udev/rules.d/60-bestday-phone.rules'), systemd('60-bestday-phone.rules'));
  put(to('usr/lib/sysusers.d/bestday-phone.conf'), systemd('bestday-phone.sysusers'));
  put(to('usr/lib/tmpfiles.d/bestday-phone.conf'), systemd('bestday-phone.tmpfiles'));
  put(to('usr/lib/systemd/journald.conf.d/60-bestday-phone.conf'), systemd('journald.conf'));
  put(to('usr/bin/bestday-phone'), readFileSync(join(ROOT, 'scripts/package/bestday-phone.sh')), 0o755);
}

function documents(to: To, { nodeLicence }: Parts): void {
  const docs = (name: string): string => to('usr/share/doc/bestday-phone', name);
  put(docs('copyright'), readFileSync(join(ROOT, 'scripts/package/copyright')));
  put(docs('README.md'), readFileSync(join(ROOT, 'hardware/README.md')));
  if (nodeLicence !== undefined) put(docs('LICENSE.node.gz'), packed(readFileSync(nodeLicence)));
  put(to('usr/share/man/man1/bestday-phone.1.gz'), packed(readFileSync(join(ROOT, 'scripts/package/bestday-phone.1'))));
}

/** In the program's own folder: an image leaves usr/share/doc out. */
function thirdParties(to: To, { node, nodeLicence, koffi, koffiPlatform, opus }: Parts): void {
  const opusFolder = join(ROOT, 'node_modules/@discordjs/opus');
  const parts = [
    ...npmParts(bundledInputs(BUNDLES.map((bundle) => `dist/${bundle}`))),
    npmPart(koffi),
    // Of koffi, and under its licence.
    npmPart(koffiPlatform.folder, [join(koffi, 'LICENSE.txt')]),
    ...(opus === undefined ? [] : [npmPart(opusFolder, [join(opusFolder, 'deps/opus/COPYING')])]),
    ...(node === undefined || nodeLicence === undefined ? [] : [npmPart(dirname(nodeLicence))]),
  ];
  const { version } = JSON.parse(readFileSync(to(HOME, 'package.json'), 'utf8')) as { version: string };
  put(to(HOME, NOTICES_FILE), noticesText(parts));
  put(to(HOME, SBOM_FILE), sbomText({ name: 'bestday-phone', version }, parts));
}

/** Without a name or a time in it. */
function packed(content: Buffer): Buffer {
  return gzipSync(content, { level: 9 });
}

function put(file: string, content: string | Buffer, mode = 0o644): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  chmodSync(file, mode);
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true });
}

/** Whatever umask and archives said: what is run may be run (a library is loaded), everything may be read, nothing is written but by root. */
function settleModes(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const status = statSync(path);
    chmodSync(path, status.isDirectory() || ((status.mode & 0o100) !== 0 && !name.endsWith('.node')) ? 0o755 : 0o644);
    if (status.isDirectory()) settleModes(path);
  }
  chmodSync(folder, 0o755);
}
