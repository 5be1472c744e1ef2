#!/usr/bin/env node
// @ts-check
/**
 * naudiodon as published bundles PortAudio for x86-64 (and 32-bit ARM) only; on arm64 it cannot be linked, and npm takes
 * the optional package away again. Here it is brought back, given the system's PortAudio, and built. Does nothing where
 * naudiodon loads or bundles the right library, and never fails: without PortAudio the phone uses arecord and aplay.
 */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const LIBRARY = 'libportaudio.so.2';
const ADVICE = 'sudo apt-get install -y libportaudio2 build-essential python3 && node scripts/mend-naudiodon.mjs';

/** `e_machine` of the ELF header, by Node's name of the architecture. @type {Readonly<Record<string, number>>} */
const ELF_MACHINES = { ia32: 3, arm: 40, x64: 62, arm64: 183, riscv64: 243 };

/**
 * @param {string} root the project's folder
 * @returns {string | undefined} what was done or could not be, for a person; nothing when nothing was to do
 */
export function mendNaudiodon(root) {
  if (process.platform !== 'linux' || process.arch === 'arm') return undefined;
  const folder = join(root, 'node_modules/naudiodon');
  if (bundlesOwnMachine(folder) && existsSync(join(folder, 'build/Release/naudiodon.node'))) return undefined;
  // What is bundled is right there: if npm could not build it, that had other reasons, and setup names them.
  if (process.arch === 'x64' && (!existsSync(folder) || bundlesOwnMachine(folder))) return undefined;
  const library = findLibrary();
  if (library === undefined) return `without PortAudio: ${LIBRARY} is not installed; ${ADVICE}`;
  const fault = (existsSync(folder) ? undefined : bringBack(root)) ?? build(root, folder, library);
  return fault === undefined ? `naudiodon now uses ${library}` : `without PortAudio: ${fault}; ${ADVICE}`;
}

/** @param {string} folder naudiodon's */
function bundlesOwnMachine(folder) {
  return elfMachine(join(folder, 'portaudio/bin', LIBRARY)) === ELF_MACHINES[process.arch];
}

/** @param {string} file */
function elfMachine(file) {
  if (!existsSync(file)) return undefined;
  const header = Buffer.alloc(20);
  const handle = openSync(file, 'r');
  readSync(handle, header, 0, header.length, 0);
  closeSync(handle);
  return header.toString('latin1', 1, 4) === 'ELF' ? header.readUInt16LE(18) : undefined;
}

/** Debian keeps the libraries of each architecture in a folder of their own. */
function findLibrary() {
  const folders = [
    '/usr/lib',
    '/usr/lib64',
    ...readdirSync('/usr/lib')
      .filter((name) => name.includes('-linux-'))
      .map((name) => join('/usr/lib', name)),
  ];
  return folders.map((folder) => join(folder, LIBRARY)).find((file) => elfMachine(file) === ELF_MACHINES[process.arch]);
}

/**
 * Its dependencies come along inside it, so that one folder is all that is put into node_modules.
 * @param {string} root
 * @returns {string | undefined} what went wrong
 */
function bringBack(root) {
  const version = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages['node_modules/naudiodon']
    ?.version;
  if (version === undefined) return 'package-lock.json does not name naudiodon';
  const folder = mkdtempSync(join(root, 'node_modules/.mend-'));
  try {
    const fault = npm(folder, [
      'install',
      '--prefix',
      folder,
      '--ignore-scripts',
      '--install-strategy=nested',
      '--no-save',
      `naudiodon@${version}`,
    ]);
    if (fault === undefined) renameSync(join(folder, 'node_modules/naudiodon'), join(root, 'node_modules/naudiodon'));
    return fault;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * @param {string} root
 * @param {string} folder naudiodon's
 * @param {string} library
 * @returns {string | undefined} what went wrong
 */
function build(root, folder, library) {
  const bundled = join(folder, 'portaudio/bin', LIBRARY);
  rmSync(bundled, { force: true });
  copyFileSync(library, bundled);
  const fault = npm(root, ['rebuild', '--foreground-scripts', 'naudiodon', 'segfault-handler']);
  if (fault !== undefined) return fault;
  // Elsewhere: segfault-handler makes a file where it is loaded.
  const { status, stderr } = spawnSync(process.execPath, ['-e', `require(${JSON.stringify(folder)})`], {
    cwd: tmpdir(),
    encoding: 'utf8',
  });
  return status === 0 ? undefined : `it was built but does not load (${lastLine(stderr)})`;
}

/**
 * @param {string} folder
 * @param {string[]} arguments_
 * @returns {string | undefined} what went wrong
 */
function npm(folder, arguments_) {
  const cli = process.env['npm_execpath'];
  const [command, before] =
    cli !== undefined && /npm-cli\.[cm]?js$/.test(cli) ? [process.execPath, [cli]] : ['npm', []];
  const { status, error, stderr } = spawnSync(
    command,
    [...before, ...arguments_, '--no-audit', '--no-fund', '--loglevel=error'],
    { cwd: folder, encoding: 'utf8' },
  );
  if (status === 0) return undefined;
  return `npm ${arguments_[0]} failed (${error?.message ?? lastLine(stderr)})`;
}

/** @param {string} text */
function lastLine(text) {
  const lines = text.trim().split('\n');
  return lines.find((line) => /error/i.test(line))?.trim() ?? lines.at(-1)?.trim() ?? '';
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const said = mendNaudiodon(resolve(fileURLToPath(import.meta.url), '../..'));
  if (said !== undefined) console.error(`mend-naudiodon: ${said}`);
}
