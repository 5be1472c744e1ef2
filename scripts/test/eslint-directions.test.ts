import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { ESLint } from 'eslint';

const ROOT = resolve(import.meta.dirname, '../..');

/** Which rules refuse this text, were it that file. Types are not needed for these rules, and cost seconds. */
async function refusals(file: string, text: string): Promise<(string | null)[]> {
  const eslint = new ESLint({
    cwd: ROOT,
    overrideConfig: { languageOptions: { parserOptions: { projectService: false, project: null } } },
    ruleFilter: ({ ruleId }) => !ruleId.startsWith('@typescript-eslint/'),
  });
  const [result] = await eslint.lintText(text, { filePath: resolve(ROOT, file) });
  return result?.messages.map(({ ruleId }) => ruleId) ?? [];
}

const DIRECTIONS = 'bestday/directions';

describe('lint rules', () => {
  const forbidden: [string, string, string][] = [
    ['the device from the server', 'device/src/daemon.ts', `import { x } from '../../server-stub/src/session.ts';`],
    ['types too', 'device/src/daemon.ts', `import type { X } from '../../server-stub/src/session.ts';`],
    ['re-exports too', 'device/src/daemon.ts', `export * from '../../server-stub/src/session.ts';`],
    [
      'dynamic imports too',
      'device/src/daemon.ts',
      `export const x = () => import('../../server-stub/src/session.ts');`,
    ],
    ['import types too', 'device/src/daemon.ts', `export type X = import('../../server-stub/src/session.ts').X;`],
    [
      "the device's tests from the server",
      'device/test/daemon.test.ts',
      `import { x } from '../../server-stub/src/session.ts';`,
    ],
    [
      "the server from the device's sound",
      'server-stub/src/session.ts',
      `import { x } from '../../device/src/audio/ports.ts';`,
    ],
    [
      "the server from the device's conversation",
      'server-stub/src/session.ts',
      `import { x } from '../../device/src/conversation/state.ts';`,
    ],
    ['the protocol from the device', 'protocol/src/packet.ts', `import { x } from '../../common/src/system/log.ts';`],
    ['the protocol from Node', 'protocol/src/packet.ts', `import { x } from 'node:net';`],
    ['playout from files', 'common/src/concealment/ladder.ts', `import { readFileSync } from 'node:fs';`],
    [
      'playout from a built-in without its prefix',
      'common/src/concealment/ladder.ts',
      `import { readFileSync } from 'fs';`,
    ],
    [
      'playout from the conversation',
      'common/src/concealment/ladder.ts',
      `import { x } from '../conversation/state.ts';`,
    ],
    [
      'the conversation from the socket',
      'device/src/conversation/call.ts',
      `import { x } from '../connection/websocket.ts';`,
    ],
    [
      'the conversation from a sound card',
      'device/src/conversation/call.ts',
      `import { x } from '../audio/backends.ts';`,
    ],
    ['the uplink from the settings', 'device/src/uplink.ts', `import { x } from './system/settings.ts';`],
    [
      'the codec from the sound',
      'common/src/codec/codecs.ts',
      `import { x } from '../../../device/src/audio/ports.ts';`,
    ],
    ['tests from benchmarks', 'test/resume/resume.test.ts', `import { x } from '../../bench/lib/result.ts';`],
    ['scripts from benchmarks', 'scripts/demo.ts', `import { x } from '../bench/lib/result.ts';`],
    ['scripts from tests', 'scripts/demo.ts', `import { x } from '../test/lib/sound.ts';`],
  ];
  for (const [what, file, text] of forbidden) {
    it(`keep ${what}`, async () => assert.deepEqual(await refusals(file, text), [DIRECTIONS]));
  }

  const allowed: [string, string, string][] = [
    ['the server take the codec', 'server-stub/src/session.ts', `export * from '../../common/src/codec/ports.ts';`],
    [
      'playout take the protocol',
      'common/src/concealment/ladder.ts',
      `export * from '../../../protocol/src/index.ts';`,
    ],
    ['the composition root name adapters', 'device/src/daemon.ts', `export * from './connection/websocket.ts';`],
    ['tests of the core use Node', 'protocol/test/packet.test.ts', `export * from 'node:fs';`],
    [
      'tests of the whole take both ends',
      'test/call.test.ts',
      `export * from '../device/src/daemon.ts'; export * from '../server-stub/src/session.ts';`,
    ],
  ];
  for (const [what, file, text] of allowed) {
    it(`let ${what}`, async () => assert.deepEqual(await refusals(file, text), []));
  }

  const impure: [string, string, string, string][] = [
    ['Date.now', 'common/src/concealment/ladder.ts', 'export const x = Date.now();', 'no-restricted-properties'],
    ['Math.random', 'device/src/connection/backoff.ts', 'export const x = Math.random();', 'no-restricted-properties'],
    ['new Date()', 'server-stub/src/session.ts', 'export const x = new Date();', 'no-restricted-syntax'],
    ['setTimeout', 'common/src/link/liveness.ts', 'setTimeout(String, 1);', 'no-restricted-globals'],
    ['performance', 'device/src/uplink.ts', 'export const x = performance.now();', 'no-restricted-globals'],
  ];
  for (const [what, file, text, rule] of impure) {
    it(`keep ${what} out of the core`, async () => assert.deepEqual(await refusals(file, text), [rule]));
  }

  it('let the clock read the clock', async () => {
    assert.deepEqual(await refusals('common/src/time/clock.ts', 'setTimeout(String, Date.now());'), []);
  });

  const house: [string, string, string][] = [
    ['a default export', 'export default 1;', 'no-restricted-syntax'],
    ['a private keyword', 'export class X { private y = 1; }', 'no-restricted-syntax'],
    ['console', 'console.log(1);', 'no-console'],
    ['a file of 451 lines', 'export {};\n'.repeat(451), 'max-lines'],
    ['a function of 61 lines', `export function x(): void {\n${'  String();\n'.repeat(60)}}`, 'max-lines-per-function'],
  ];
  for (const [what, text, rule] of house) {
    it(`refuse ${what}`, async () => assert.ok((await refusals('device/src/audio/x.ts', text)).includes(rule)));
  }
});
