// @ts-check
/**
 * An ESLint rule that holds the directions in which the rooms of the house may import one another. Each room
 * names all it may take; what is not named is refused, so a new direction is a decision, not an accident.
 */
import { isBuiltin } from 'node:module';
import { dirname, relative, resolve, sep } from 'node:path';

/**
 * @typedef {object} Room
 * @property {string} room the files it holds: a path, or the beginning of paths that ends in `/`
 * @property {string[]} may the same, of what its files may import; the room itself is always one of them
 * @property {boolean} [pure] true: no Node built-ins either, so that it runs in virtual time
 */

const BOTH = ['protocol/src/', 'common/src/'];
const CALL = [...BOTH, 'device/src/playout/', 'device/src/audio/ports.ts', 'device/src/connection/transport.ts'];
const TEST_SUPPORT = ['protocol/test/', 'test/lib/', 'scripts/'];

/** The first room that holds a file rules it. Files in no room (tests of the whole, benchmarks) are free. @type {readonly Room[]} */
export const ROOMS = [
  { room: 'protocol/src/', may: [], pure: true },
  { room: 'protocol/test/', may: ['protocol/src/', 'common/src/time/'] },
  { room: 'common/src/time/', may: [], pure: true },
  { room: 'common/src/link/', may: ['protocol/src/', 'common/src/time/'], pure: true },
  {
    room: 'common/src/concealment/',
    may: ['protocol/src/', 'common/src/audio/level.ts', 'common/src/codec/ports.ts', 'common/src/time/'],
    pure: true,
  },
  { room: 'common/src/', may: ['protocol/src/'] },
  { room: 'common/', may: ['protocol/src/', 'common/', ...TEST_SUPPORT] },
  // Reads the recordings; the rest of the room is handed them.
  { room: 'device/src/playout/prompt-files.ts', may: [...BOTH, 'device/src/playout/prompts.ts'] },
  { room: 'device/src/playout/', may: BOTH, pure: true },
  {
    room: 'device/src/conversation/',
    may: [...CALL, 'device/src/connection/dialler.ts', 'device/src/uplink.ts', 'device/src/downlink.ts'],
    pure: true,
  },
  { room: 'device/src/uplink.ts', may: [...CALL, 'device/src/shed-frames.ts'], pure: true },
  { room: 'device/src/shed-frames.ts', may: BOTH, pure: true },
  { room: 'device/src/downlink.ts', may: CALL, pure: true },
  {
    room: 'device/src/phone.ts',
    may: [
      ...CALL,
      'device/src/audio/speech-watch.ts',
      'device/src/conversation/',
      'device/src/connection/network-watch.ts',
      'device/src/controls/hook-switch.ts',
    ],
    pure: true,
  },
  { room: 'device/src/connection/', may: BOTH },
  { room: 'device/src/audio/', may: [...BOTH, 'device/src/settings/board-profile.ts'] },
  { room: 'device/src/controls/', may: [...BOTH, 'device/src/settings/board-profile.ts'] },
  { room: 'device/src/settings/', may: BOTH },
  {
    room: 'device/src/panel/',
    may: [...CALL, 'device/src/controls/', 'device/src/conversation/report.ts', 'device/src/conversation/state.ts'],
  },
  { room: 'device/src/', may: ['protocol/src/', 'common/src/'] },
  { room: 'device/', may: ['protocol/src/', 'common/', ...TEST_SUPPORT] },
  { room: 'server-stub/src/', may: BOTH },
  { room: 'server-stub/', may: ['protocol/src/', 'common/', ...TEST_SUPPORT] },
  {
    room: 'scripts/test/',
    may: ['scripts/', 'test/lib/', 'bench/', 'protocol/', 'common/', 'device/', 'server-stub/'],
  },
  { room: 'scripts/', may: ['protocol/src/', 'common/src/', 'device/src/', 'server-stub/src/'] },
  { room: 'test/', may: ['protocol/', 'common/', 'device/', 'server-stub/', 'scripts/'] },
];

/**
 * @param {string} file path from the repository's root, with `/`
 * @param {string[]} places
 */
function isIn(file, places) {
  return places.some((place) => (place.endsWith('/') ? file.startsWith(place) : file === place));
}

/**
 * @param {string} importer path from the root
 * @param {string} specifier as it stands in the import
 * @param {string} root
 * @returns {string | undefined} why it is refused
 */
export function refusal(importer, specifier, root) {
  const home = ROOMS.find(({ room }) => isIn(importer, [room]));
  if (home === undefined) return undefined;
  if (!specifier.startsWith('.')) {
    const reachesOut = home.pure === true && isBuiltin(specifier) && importer.includes('/src/');
    return reachesOut
      ? `${home.room} is pure: it runs in virtual time and reaches ${specifier} through a port only`
      : undefined;
  }
  const target = relative(root, resolve(root, dirname(importer), specifier))
    .split(sep)
    .join('/');
  if (isIn(target, [home.room, ...home.may])) return undefined;
  return `${home.room} may not import ${target}; it may import ${home.may.join(', ') || 'nothing of ours'}`;
}

/** @type {import('eslint').Rule.RuleModule} */
export const directions = {
  meta: {
    type: 'problem',
    docs: { description: 'hold the directions of imports between rooms' },
    schema: [],
    messages: { refused: '{{why}}' },
  },
  create(context) {
    const importer = relative(context.cwd, context.filename).split(sep).join('/');
    /** @param {any} node */
    const check = (node) => {
      const source = node.source ?? node.argument;
      if (typeof source?.value !== 'string') return;
      const why = refusal(importer, source.value, context.cwd);
      if (why !== undefined) context.report({ node: source, messageId: 'refused', data: { why } });
    };
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
      TSImportType: check,
    };
  },
};
