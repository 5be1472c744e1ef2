import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { build } from '../build.mjs';
import { ROOT } from '../setup.mjs';

const PROGRAMS = ['dist/bestday-phone.cjs', 'dist/bestday-server.cjs'];
const run = (...command: string[]) => spawnSync(process.execPath, command, { cwd: ROOT, encoding: 'utf8' });

describe('build', () => {
  before(async function () {
    // From nothing, on a busy machine.
    this.timeout(120_000);
    await build();
  });

  for (const program of PROGRAMS) {
    it(`makes ${program} a program of one file`, () => {
      const path = join(ROOT, program);
      assert.match(readFileSync(path, 'utf8').slice(0, 40), /^#!\/usr\/bin\/env node\n(?!#!)/);
      assert.equal(statSync(path).mode & 0o111, 0o111);
      const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
      assert.equal(run(program, '--version').stdout.trim(), version);
    });
  }

  it('keeps what is seldom needed out of the programs, and finds it when it is', () => {
    assert.ok(!readFileSync(join(ROOT, 'dist/bestday-phone.cjs'), 'utf8').includes('node_modules/ajv/'));
    const { conf, winston } = {
      conf: run('-p', 'typeof require("./dist/lazy/conf.cjs")'),
      winston: run('-p', 'typeof require("./dist/lazy/winston.cjs").createLogger'),
    };
    assert.deepEqual([conf.stdout.trim(), winston.stdout.trim()], ['function', 'function']);
  });

  it('writes programs that V8 holds in one byte a character, and WebAssembly beside them', () => {
    for (const program of PROGRAMS) {
      const source = readFileSync(join(ROOT, program), 'latin1');
      assert.equal(/[^\0-\x7f]/.test(source), false, program);
      assert.ok(!source.includes("binaryDecode('"), program);
    }
    assert.deepEqual([...readFileSync(join(ROOT, 'dist/lazy/libopus.wasm')).subarray(0, 4)], [...Buffer.from('\0asm')]);
  });

  it('keeps a licence text and a line of the bill of materials for every package in a bundle', () => {
    // From the comments that esbuild leaves in a bundle, and not from what the build noted of it.
    const bundles = readdirSync(join(ROOT, 'dist'), { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.cjs'),
    );
    const bundled = new Set(
      bundles.flatMap((file) =>
        [
          ...readFileSync(join(ROOT, 'dist', file), 'utf8').matchAll(
            /^\s*\/\/ .*node_modules\/((?:@[^/]+\/)?[^/]+)\//gm,
          ),
        ].map(([, name]) => name!),
      ),
    );
    assert.ok(bundled.size > 20, String(bundled.size));
    const notices = readFileSync(join(ROOT, 'dist/THIRD-PARTY-NOTICES.txt'), 'utf8');
    const sbom = JSON.parse(readFileSync(join(ROOT, 'dist/sbom.cdx.json'), 'utf8')) as {
      bomFormat: string;
      components: { name: string; version: string; purl: string; licenses: unknown[] }[];
    };
    assert.equal(sbom.bomFormat, 'CycloneDX');
    for (const name of bundled) {
      const component = sbom.components.find((each) => each.name === name);
      assert.ok(component !== undefined && component.licenses.length > 0, name);
      assert.ok(notices.includes(`\n${name} ${component.version} (`), name);
    }
    assert.match(notices, /Xiph\.Org|Jean-Marc Valin/);
  });

  it('makes a program again when its WebAssembly is gone', async () => {
    rmSync(join(ROOT, 'dist/lazy/libopus.wasm'));
    await build();
    assert.ok(existsSync(join(ROOT, 'dist/lazy/libopus.wasm')));
  });

  it('does nothing when no input has changed', async () => {
    const before = PROGRAMS.map((program) => statSync(join(ROOT, program)).mtimeMs);
    await build();
    assert.deepEqual(
      PROGRAMS.map((program) => statSync(join(ROOT, program)).mtimeMs),
      before,
    );
  });
});
