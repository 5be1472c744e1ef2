import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/programs.ts';
import { COMMANDS } from '../commands.ts';

const BENCH = join(ROOT, 'bench');
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };

describe('the commands of bench', () => {
  it('are all listed', () => {
    const files = readdirSync(BENCH, { withFileTypes: true });
    const alone = files
      .filter((file) => file.isFile() && !['main.ts', 'commands.ts'].includes(file.name) && file.name.endsWith('.ts'))
      .map(({ name }) => name.slice(0, -'.ts'.length));
    const folders = files.filter((file) => existsSync(join(BENCH, file.name, 'main.ts'))).map(({ name }) => name);
    assert.deepEqual(
      COMMANDS.filter(({ ownCommand }) => ownCommand)
        .map(({ name }) => name)
        .toSorted(),
      folders.toSorted(),
    );
    assert.deepEqual(
      COMMANDS.filter(({ ownCommand }) => !ownCommand)
        .map(({ name }) => name)
        .toSorted(),
      alone.toSorted(),
    );
  });

  for (const { name } of COMMANDS.filter(({ ownCommand }) => ownCommand))
    it(`${name} is a command of npm run too`, () =>
      assert.match(scripts[name] ?? '', new RegExp(`bench/${name}/main\\.ts`)));
});

describe('commands of npm run', () => {
  for (const [name, script] of Object.entries(scripts)) {
    const files = script.split(' ').filter((word) => /^[\w./-]+\.(?:ts|mjs)$/.test(word));
    it(`${name} names files that exist`, () =>
      assert.deepEqual(
        files.filter((file) => !existsSync(join(ROOT, file))),
        [],
      ));
  }
});
