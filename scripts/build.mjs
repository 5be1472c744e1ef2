#!/usr/bin/env node
// @ts-check
/**
 * Bundles each program into one file of dist/: such a daemon starts in half the time of a tree of modules, and is
 * what the phone's package holds. Does nothing when no input has changed. `--check` type-checks the sources as well.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NOTICES_FILE, noticesText, npmParts, SBOM_FILE, sbomText } from './notices.mjs';

const ROOT = resolve(fileURLToPath(import.meta.url), '../..');
const STATE_FILE = join(ROOT, 'dist/.build.json');
const WASM_FILE = 'dist/lazy/libopus.wasm';

/** @typedef {{entry: string, outfile: string}} Program */
/** @typedef {Record<string, string>} Stamps of a bundle's inputs, by path */
/** @typedef {Record<string, Stamps>} State by bundle */
/** @type {readonly Program[]} */
const PROGRAMS = [
  { entry: 'device/src/main.ts', outfile: 'dist/bestday-phone.cjs' },
  { entry: 'device/src/audio/child/main.ts', outfile: 'dist/audio-child.cjs' },
  { entry: 'server-stub/src/main.ts', outfile: 'dist/bestday-server.cjs' },
];

/**
 * Libraries that the programs `import()` after their start, if at all: in files of their own they cost neither
 * time nor memory until then (a third of the phone's file). By name: the CommonJS module that stands for them.
 * @type {Readonly<Record<string, string>>}
 */
const LAZY_LIBRARIES = {
  '@elevenlabs/elevenlabs-js': `module.exports = require('@elevenlabs/elevenlabs-js');`,
  '@redis/client': `module.exports = require('@redis/client');`,
  conf: `module.exports = require('conf').default;`,
  openai: `module.exports = require('openai');`,
  // What the log uses, and no more: winston's own index also loads its files, its HTTP and its colours (3 MB).
  winston: `
    exports.createLogger = require('winston/lib/winston/create-logger');
    exports.format = { printf: require('logform/printf') };
    exports.transports = { Stream: require('winston/lib/winston/transports/stream') };`,
};

/** Native or optional: looked up in node_modules when the program runs, and done without when absent. */
const EXTERNAL = [
  '@discordjs/opus',
  'naudiodon',
  'node-record-lpcm16',
  'speaker',
  'koffi',
  'bufferutil',
  'utf-8-validate',
];

/** Files that shape every bundle without being imported by one. */
const COMMON_INPUTS = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'scripts/build.mjs',
  'scripts/notices.mjs',
];

export async function build() {
  const before = readState();
  /** @type {State} */
  const after = {};
  /**
   * @param {string} outfile
   * @param {() => import('esbuild').BuildOptions} options
   */
  const make = async (outfile, options) => {
    const stamps = before[outfile];
    after[outfile] = isFresh(outfile, stamps) ? stamps : await bundle(outfile, options());
  };
  for (const { entry, outfile } of PROGRAMS) {
    if (existsSync(join(ROOT, entry))) await make(outfile, () => programOptions(entry));
    else console.error(`build: ${outfile} skipped: there is no ${entry}`);
  }
  for (const [name, contents] of Object.entries(LAZY_LIBRARIES)) {
    await make(`dist/lazy/${name}.cjs`, () => ({
      stdin: { contents, resolveDir: ROOT, sourcefile: `${name}.cjs` },
      plugins: [nodeStreams],
    }));
  }
  if (JSON.stringify(after) !== JSON.stringify(before)) replaceFile(STATE_FILE, JSON.stringify(after));
  const parts = npmParts(bundledInputs());
  keepFile(join(ROOT, 'dist', NOTICES_FILE), Buffer.from(noticesText(parts)));
  keepFile(
    join(ROOT, 'dist', SBOM_FILE),
    Buffer.from(sbomText({ name: 'best-day-phone', version: readVersion() }, parts)),
  );
}

/**
 * @param {readonly string[]} [bundles] by their paths, such as dist/bestday-phone.cjs; all when absent
 * @returns {Set<string>} what esbuild read to make them, at the last build
 */
export function bundledInputs(bundles) {
  const state = readState();
  return new Set((bundles ?? Object.keys(state)).flatMap((bundle) => Object.keys(state[bundle] ?? {})));
}

/**
 * @param {string} outfile
 * @param {Stamps | undefined} stamps
 * @returns {stamps is Stamps} whether nothing has changed since they were taken
 */
function isFresh(outfile, stamps) {
  if (stamps === undefined || !existsSync(join(ROOT, outfile))) return false;
  return Object.entries(stamps).every(([file, stamp]) => stampOf(file) === stamp);
}

/**
 * @param {string} entry
 * @returns {import('esbuild').BuildOptions}
 */
function programOptions(entry) {
  return {
    entryPoints: [entry],
    external: EXTERNAL,
    plugins: [lazyLibraries, wasmAsFile],
    banner: { js: banner(entry) },
    define: { 'import.meta.url': 'importMetaUrl', BESTDAY_VERSION: JSON.stringify(readVersion()) },
    sourcemap: 'linked',
    sourcesContent: false,
    // `import()` becomes `require()`: it loads the same CommonJS, sooner, and finds all its names.
    supported: { 'dynamic-import': false },
  };
}

/** @type {import('esbuild').Plugin} */
const lazyLibraries = {
  name: 'lazy-libraries',
  setup({ onResolve }) {
    const names = new RegExp(`^(${Object.keys(LAZY_LIBRARIES).join('|')})$`);
    onResolve({ filter: names }, ({ kind, path }) =>
      kind === 'dynamic-import' ? { path: `./lazy/${path}.cjs`, external: true } : undefined,
    );
  },
};

const WASM_SOURCE = /libopus\.generated\.mjs$/;

/**
 * libopus-wasm holds its WebAssembly as one string literal of 320 KB. As a file beside the bundle it is neither
 * scanned at each start nor kept twice. Should another version write it otherwise, it stays where it is.
 * @type {import('esbuild').Plugin}
 */
const wasmAsFile = {
  name: 'wasm-as-file',
  setup({ onLoad }) {
    onLoad({ filter: WASM_SOURCE }, ({ path }) => {
      const source = readFileSync(path, 'utf8');
      const call = /binaryDecode\('(?:[^'\\]|\\.|\n)*'\)/.exec(source)?.[0];
      const decoder = /function binaryDecode\(bin\)\{.*?return o\}/.exec(source)?.[0];
      if (call === undefined || decoder === undefined) return undefined;
      keepFile(join(ROOT, WASM_FILE), new Function(`${decoder} return ${call};`)());
      const reading = `require('node:fs').readFileSync(require('node:path').join(__dirname, 'lazy/libopus.wasm'))`;
      return { contents: source.replace(call, () => reading), loader: 'js' };
    });
  },
};

/**
 * `readable-stream` is a copy of Node's own streams, for other platforms.
 * @type {import('esbuild').Plugin}
 */
const nodeStreams = {
  name: 'node-streams',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^readable-stream(\/lib\/_stream_writable\.js)?$/ }, ({ path }) => ({
      path,
      namespace: 'node-streams',
    }));
    onLoad({ filter: /.*/, namespace: 'node-streams' }, ({ path }) => ({
      contents: `module.exports = require('node:stream')${path.endsWith('writable.js') ? '.Writable' : ''};`,
    }));
  },
};

/**
 * V8 keeps a source with a single character outside Latin-1, be it in a comment, in two bytes a character. What
 * esbuild leaves of them stands in comments, where an escape is as good.
 * @param {string} text
 */
function asAscii(text) {
  return text.replace(/[^\0-\x7f]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/**
 * @param {string} outfile
 * @param {import('esbuild').BuildOptions} options
 * @returns {Promise<Stamps>} of all that went into it
 */
async function bundle(outfile, options) {
  const esbuild = await import('esbuild');
  const startedMs = performance.now();
  const result = await esbuild.build({
    ...options,
    absWorkingDir: ROOT,
    outfile,
    write: false,
    metafile: true,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    // Names stay whole: a stack trace from the field must be readable without the map.
    minify: false,
    legalComments: 'none',
    define: { ...options.define, 'process.env.NODE_ENV': '"production"' },
    logLevel: 'warning',
  });
  for (const { path, contents, text } of result.outputFiles ?? [])
    replaceFile(path, path.endsWith('.cjs') ? asAscii(text) : contents);
  if (options.entryPoints !== undefined) chmodSync(join(ROOT, outfile), 0o755);
  const size = Math.round(statSync(join(ROOT, outfile)).size / 1024);
  console.error(`build: ${outfile} (${size} KiB, ${Math.round(performance.now() - startedMs)} ms)`);
  const inputs = Object.keys(result.metafile?.inputs ?? {}).filter((file) => existsSync(join(ROOT, file)));
  // Not its input, but without it the bundle is not whole.
  if (inputs.some((file) => WASM_SOURCE.test(file))) inputs.push(WASM_FILE);
  return Object.fromEntries([...COMMON_INPUTS, ...inputs].map((file) => [file, stampOf(file)]));
}

/**
 * A shebang where the entry has none of its own, and a stand-in for `import.meta.url`, which CommonJS lacks.
 * @param {string} entry
 */
function banner(entry) {
  const shebang = readFileSync(join(ROOT, entry), 'utf8').startsWith('#!') ? '' : '#!/usr/bin/env node\n';
  return `${shebang}const importMetaUrl = require('node:url').pathToFileURL(__filename).href;`;
}

/** @returns {string} */
function readVersion() {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version;
}

/**
 * @param {string} file
 * @returns {string} changes whenever the file does
 */
function stampOf(file) {
  const status = statSync(join(ROOT, file), { throwIfNoEntry: false });
  return status === undefined ? 'gone' : `${status.mtimeMs}:${status.size}`;
}

/** @returns {State} */
function readState() {
  try {
    return JSON.parse(readFileSync(STATE_FILE, 'utf8'));
  } catch {
    return {};
  }
}

/**
 * Whole or not at all: a program that starts meanwhile never reads half a file.
 * @param {string} file
 * @param {string | Uint8Array} contents
 */
function replaceFile(file, contents) {
  mkdirSync(resolve(file, '..'), { recursive: true });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, contents);
  renameSync(draft, file);
}

/**
 * `replaceFile`, but a file that is the same keeps its date: two bundles share it.
 * @param {string} file
 * @param {Uint8Array} contents
 */
function keepFile(file, contents) {
  if (!existsSync(file) || !readFileSync(file).equals(contents)) replaceFile(file, contents);
}

/** @returns {boolean} true when the types hold */
export function typeCheck() {
  const { status } = spawnSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '--noEmit'], {
    cwd: ROOT,
    stdio: ['ignore', 2, 2],
  });
  return status === 0;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    await build();
    if (process.argv.includes('--check') && !typeCheck()) process.exitCode = 1;
  } catch (error) {
    // esbuild has already printed what it found.
    console.error(`build: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
}
