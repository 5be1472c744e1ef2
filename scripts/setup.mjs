#!/usr/bin/env node
// @ts-check
/**
 * Sets up what a checkout is missing, and says nothing when nothing is. Every npm script runs it first, so it may
 * use Node's built-ins only and must be quick when there is nothing to do.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = resolve(fileURLToPath(import.meta.url), '../..');

/** What setup did last; inside node_modules, so that it goes when they go. */
const STATE_FILE = 'node_modules/.bestday-setup.json';
const MEND_SCRIPT = 'scripts/mend-naudiodon.mjs';
const COMPILER = ['python3', 'make', 'g++'];

/**
 * Parts the phone does without when they cannot be built or found.
 * @type {ReadonlyArray<{name: string, built: string, instead: string, apt: string[]}>}
 *   `built`: folder under node_modules that holds its native code, or its package when it has none
 */
export const OPTIONAL_PARTS = [
  {
    name: '@discordjs/opus',
    built: '@discordjs/opus/prebuild',
    instead: 'libopus-wasm encodes, at about twice the CPU',
    apt: COMPILER,
  },
  {
    name: 'naudiodon',
    built: 'naudiodon/build/Release',
    instead: 'sound goes through arecord and aplay',
    apt: [...COMPILER, 'libportaudio2', 'alsa-utils'],
  },
  { name: 'speaker', built: 'speaker/build/Release', instead: 'aplay plays', apt: [...COMPILER, 'libasound2-dev'] },
  {
    name: 'koffi',
    built: '@koromix',
    instead: 'GPIO and systemd are reached through their command-line tools',
    apt: ['gpiod', 'systemd'],
  },
  {
    name: 'node-record-lpcm16',
    built: 'node-record-lpcm16',
    instead: 'arecord is started directly',
    apt: ['alsa-utils'],
  },
];

/**
 * @param {string} version of Node, `20.19.0`
 * @param {string} range of package.json's `engines.node`, `>=20.19.0 <25`
 * @returns {string | undefined} what is wrong with it, for a person
 */
export function nodeFault(version, range) {
  const [, major = 0, minor = 0, below = 0] = (/>=(\d+)\.(\d+)\.\d+ <(\d+)/.exec(range) ?? []).map(Number);
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map(Number);
  if (ownMajor < below && (ownMajor > major || (ownMajor === major && ownMinor >= minor))) return undefined;
  return `Node ${major}.${minor} to ${below - 1} is needed; this is Node ${version} (${process.execPath}). Install another one, or put it first in PATH.`;
}

/**
 * True when node_modules holds what package-lock.json asks for. Optional packages that could not be built are
 * no fault: npm removes them, and trying again at each start would cost half a minute.
 * @param {string} root
 */
export function isInstalled(root) {
  const wanted = readJson(join(root, 'package-lock.json'))?.packages;
  const held = readJson(join(root, 'node_modules/.package-lock.json'))?.packages;
  if (wanted === undefined)
    throw new Error(`${join(root, 'package-lock.json')} is missing or no JSON: check out the repository again`);
  if (held === undefined) return false;
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === '') return true;
    return held[path] === undefined ? optional === true : held[path].version === version;
  });
}

/**
 * @param {string} root
 * @returns the optional parts that are not there
 */
export function missingParts(root) {
  return OPTIONAL_PARTS.filter(({ name, built }) => !isBuilt(join(root, 'node_modules'), name, built));
}

/**
 * @param {string} modules
 * @param {string} name
 * @param {string} built
 */
function isBuilt(modules, name, built) {
  if (!existsSync(join(modules, name, 'package.json')) || !existsSync(join(modules, built))) return false;
  return (
    name === built ||
    readdirSync(join(modules, built), { recursive: true }).some((file) => String(file).endsWith('.node'))
  );
}

/**
 * @param {string} [root]
 * @throws {Error} whose text says what to do
 */
export function setUp(root = ROOT) {
  const fault = nodeFault(process.versions.node, readJson(join(root, 'package.json')).engines.node);
  if (fault !== undefined) throw new Error(fault);
  const now = {
    abi: process.versions.modules,
    platform: `${process.platform}-${process.arch}`,
    mended: digest(join(root, MEND_SCRIPT)),
  };
  const before = readJson(join(root, STATE_FILE));
  // Native parts are bound to the Node and the machine that they were built for.
  const sameMachine = before === undefined || (before.abi === now.abi && before.platform === now.platform);
  const installing = !sameMachine || !isInstalled(root);
  if (installing) install(root);
  if (now.mended !== null && (installing || before?.mended !== now.mended)) run(root, process.execPath, [MEND_SCRIPT]);
  if (JSON.stringify(now) !== JSON.stringify(before)) writeFileSync(join(root, STATE_FILE), JSON.stringify(now));
  if (installing) reportMissing(root);
}

/** @param {string} root */
function install(root) {
  console.error('setup: installing the packages of package-lock.json (half a minute; native parts are compiled) …');
  const npm = process.env['npm_execpath'];
  const arguments_ = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  if (npm !== undefined && /npm-cli\.[cm]?js$/.test(npm)) run(root, process.execPath, [npm, ...arguments_]);
  else run(root, 'npm', arguments_);
}

/** @param {string} root */
function reportMissing(root) {
  for (const { name, instead, apt } of missingParts(root)) {
    console.error(
      `setup: optional ${name} is not here; ${instead}. To have it: sudo apt-get install -y ${apt.join(' ')} && npm ci`,
    );
  }
}

/**
 * @param {string} root
 * @param {string} command
 * @param {string[]} arguments_
 */
function run(root, command, arguments_) {
  // Our standard output belongs to the command that setup was run for.
  const { status, error } = spawnSync(command, arguments_, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status === 0) return;
  const why = error === undefined ? `ended with ${status}` : error.message;
  throw new Error(`'${[command, ...arguments_].join(' ')}' ${why}; its messages are above`);
}

/**
 * @param {string} file
 * @returns {any}
 */
function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** @param {string} file */
function digest(file) {
  return existsSync(file) ? createHash('sha256').update(readFileSync(file)).digest('hex') : null;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    setUp();
  } catch (error) {
    console.error(`setup: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
}
