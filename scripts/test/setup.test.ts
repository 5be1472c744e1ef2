import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { isInstalled, missingParts, nodeFault, OPTIONAL_PARTS, ROOT, setUp } from '../setup.mjs';

const RANGE = '>=20.19.0 <25';

describe('setup', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'bestday-setup-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const write = (file: string, content: unknown): void => {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), typeof content === 'string' ? content : JSON.stringify(content));
  };
  const lock = (held: object | undefined, wanted: object): void => {
    write('package.json', { engines: { node: RANGE } });
    write('package-lock.json', { packages: { '': {}, ...wanted } });
    if (held !== undefined) write('node_modules/.package-lock.json', { packages: held });
  };

  const versions: [string, boolean][] = [
    ['18.20.0', false],
    ['20.18.9', false],
    ['20.19.0', true],
    ['22.0.0', true],
    ['24.99.0', true],
    ['25.0.0', false],
  ];
  for (const [version, fits] of versions) {
    it(`${fits ? 'takes' : 'refuses'} Node ${version}`, () => {
      const fault = nodeFault(version, RANGE);
      if (fits) assert.equal(fault, undefined);
      else
        assert.match(
          fault ?? '',
          new RegExp(`^Node 20\\.19 to 24 is needed; this is Node ${version.replaceAll('.', '\\.')}`),
        );
    });
  }

  it('understands the range that package.json gives', () => {
    const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { engines: { node: string } };
    assert.equal(engines.node, RANGE);
  });

  const installs: [string, object | undefined, object, boolean][] = [
    ['nothing is', undefined, { 'node_modules/a': { version: '1.0.0' } }, false],
    ['all is', { 'node_modules/a': { version: '1.0.0' } }, { 'node_modules/a': { version: '1.0.0' } }, true],
    [
      'another version is',
      { 'node_modules/a': { version: '1.0.0' } },
      { 'node_modules/a': { version: '1.0.1' } },
      false,
    ],
    ['one is missing', {}, { 'node_modules/a': { version: '1.0.0' } }, false],
    ['an optional one is missing', {}, { 'node_modules/a': { version: '1.0.0', optional: true } }, true],
    [
      'an optional one is of another version',
      { 'node_modules/a': { version: '1.0.0' } },
      { 'node_modules/a': { version: '2.0.0', optional: true } },
      false,
    ],
  ];
  for (const [what, held, wanted, installed] of installs) {
    it(`finds ${installed ? 'nothing' : 'something'} to install when ${what}`, () => {
      lock(held, wanted);
      assert.equal(isInstalled(root), installed);
    });
  }

  it('says what to do when the lock file is spoilt', () => {
    write('package-lock.json', '{');
    assert.throws(() => isInstalled(root), /check out the repository again/);
  });

  it('names the optional parts that were not built', () => {
    write('node_modules/koffi/package.json', {});
    write('node_modules/@koromix/koffi-linux-x64/linux_x64/koffi.node', '');
    write('node_modules/naudiodon/package.json', {});
    write('node_modules/naudiodon/build/Release/binding.o', '');
    write('node_modules/node-record-lpcm16/package.json', {});
    assert.deepEqual(
      missingParts(root).map(({ name }) => name),
      ['@discordjs/opus', 'naudiodon', 'speaker'],
    );
  });

  it('knows every optional part of package.json, and lets each run its install script', () => {
    const { optionalDependencies, allowScripts } = JSON.parse(
      readFileSync(join(ROOT, 'package.json'), 'utf8'),
    ) as Record<string, Record<string, unknown>>;
    const parts = OPTIONAL_PARTS.map(({ name }) => name).sort();
    assert.deepEqual(Object.keys(optionalDependencies ?? {}).sort(), parts);
    const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { hasInstallScript?: boolean }>;
    };
    const scripted = Object.keys(packages)
      .filter((path) => packages[path]?.hasInstallScript)
      .map((path) => path.split('node_modules/').at(-1) ?? '');
    // fsevents is macOS's own, and no part of a phone.
    assert.deepEqual(Object.keys(allowScripts ?? {}).sort(), scripted.filter((name) => name !== 'fsevents').sort());
  });

  it('leaves no package registry in the lock file', () => {
    assert.doesNotMatch(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'), /"resolved":|registry\./);
  });

  it('does nothing when nothing is missing', () => {
    lock({}, {});
    setUp(root);
    const state = join(root, 'node_modules/.bestday-setup.json');
    const { mtimeMs } = statSync(state);
    setUp(root);
    assert.equal(statSync(state).mtimeMs, mtimeMs);
    assert.deepEqual(JSON.parse(readFileSync(state, 'utf8')), {
      abi: process.versions.modules,
      platform: `${process.platform}-${process.arch}`,
      mended: null,
    });
  });

  it('mends native parts again when the mending has changed', () => {
    lock({}, {});
    setUp(root);
    write('scripts/mend-naudiodon.mjs', `import { writeFileSync } from 'node:fs'; writeFileSync('mended', '');`);
    setUp(root);
    assert.ok(existsSync(join(root, 'mended')));
    rmSync(join(root, 'mended'));
    setUp(root);
    assert.ok(!existsSync(join(root, 'mended')));
  });

  it('fails when mending fails', () => {
    lock({}, {});
    write('scripts/mend-naudiodon.mjs', 'process.exit(4);');
    assert.throws(() => setUp(root), /mend-naudiodon\.mjs' ended with 4/);
  });
});
