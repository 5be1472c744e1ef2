import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const SRC = fileURLToPath(new URL('../../src/', import.meta.url));
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** As the daemon ships: one CommonJS file, which has no `import.meta`. */
describe('codecs in one bundled file', () => {
  let folder: string;

  before(() => {
    // Inside the project, so that the native package is found from there as it is from dist/.
    folder = mkdtempSync(join(ROOT, 'node_modules/.bundle-test-'));
  });

  after(() => rmSync(folder, { recursive: true }));

  it('find the native part at run time and hold WebAssembly in the file', async () => {
    const outfile = join(folder, 'codecs.cjs');
    await build({
      stdin: {
        resolveDir: SRC,
        contents: `
          import { loadCodecs } from './codec/codecs.ts';
          import { silentLog } from './system/log.ts';
          loadCodecs(silentLog).then((codecs) => {
            const packet = codecs.encoder('opus').encode(new Int16Array(320));
            console.log(codecs.describe(), codecs.decoder('opus').decode(packet).length);
          });`,
      },
      bundle: true,
      platform: 'node',
      format: 'cjs',
      outfile,
      define: { 'import.meta.url': 'bundleUrl' },
      banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
    });
    const said = execFileSync(process.execPath, [outfile], { encoding: 'utf8', cwd: folder });
    assert.match(said, /^encode @discordjs\/opus, decode libopus-wasm \(libopus 1\.\S+\) 320\n$/);
  });
});
