import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What the papers tell a reader to open or to run must be there. */
const PAPERS = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'bench/README.md',
  'server-stub/README.md',
  'hardware/README.md',
  'test/simulation/README.md',
];

/** First folders of a path that is named in running text, relative to the root. */
const ROOMS = 'protocol|common|device|server-stub|hardware|scripts|bench|systemd|test';
/** What a command writes, or stands for many names. */
const MADE_OR_PATTERN = /[*{}<>…]|[A-Z]{2,}(?!\.md|README)/;

for (const paper of PAPERS) {
  describe(`the paper ${paper}`, () => {
    const text = readFileSync(paper, 'utf8');

    it('links to files that exist, and to headings they have', () => {
      for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^https?:/.test(target!)) continue;
        const [file, heading] = target!.split('#');
        const path = file === '' ? paper : join(dirname(paper), file!);
        assert.ok(existsSync(path), target);
        if (heading !== undefined) assert.ok(headingsOf(path).includes(heading), target);
      }
    });

    it('names paths that exist', () => {
      const missing = [...text.matchAll(new RegExp(`(?<![\\w./-])(?:${ROOMS})/[\\w./*{}<>…-]*`, 'g'))]
        .map(([path]) => path.replace(/[.]$/, ''))
        .filter((path) => !MADE_OR_PATTERN.test(path) && !existsSync(path));
      assert.deepEqual(missing, []);
    });

    it('names commands that npm knows', () => {
      const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
      const unknown = [...text.matchAll(/npm run ([a-z][\w:-]*)/g)].filter(([, name]) => !(name! in scripts));
      assert.deepEqual(
        unknown.map(([named]) => named),
        [],
      );
    });

    it('names benchmarks that there are', () => {
      const unknown = [...text.matchAll(/npm run bench -- ([a-z][\w-]*)/g)].filter(
        ([, name]) => !existsSync(`bench/${name!}.ts`) && !existsSync(`bench/${name!}/main.ts`),
      );
      assert.deepEqual(
        unknown.map(([named]) => named),
        [],
      );
    });
  });
}

describe('CONTRIBUTING.md', () => {
  it('describes every command', () => {
    const text = readFileSync('CONTRIBUTING.md', 'utf8');
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
    const missing = Object.keys(scripts).filter(
      (name) => !text.includes(`| \`npm run ${name}\` |`) && !text.includes(`| \`npm ${name}\` |`),
    );
    assert.deepEqual(missing, []);
  });
});

describe('README.md', () => {
  it('is read in one sitting', () => assert.ok(readFileSync('README.md', 'utf8').split('\n').length <= 121));
});

/** As GitHub makes anchors of them. */
function headingsOf(path: string): string[] {
  return [...readFileSync(path, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
