import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { createLog } from '../../src/system/logging.ts';
import { plainText } from '../../src/system/plain-text.ts';

/** U+009B31m is red to many terminals; U+202E turns what follows it; U+2028 ends a line for some readers. */
const DANGEROUS = '\u001b[31m\u009b31m\u0007\u0085\u2028\u2029\u202e\u2066\u200f\ufeff\u{e0041}\ud800';
const FORBIDDEN = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

describe('plain text', () => {
  it('holds no control character, whatever went in', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !FORBIDDEN.test(plainText(text))));
    assert.equal(plainText('\u009b31m'), '\\u009b31m');
  });

  it('keeps words of any script, line feeds and tabs', () => {
    for (const text of ['Grüße an Zoë, 你好 🏠', 'one\n\ttwo']) assert.equal(plainText(text), text);
  });

  it('is the same JSON', () => {
    const value = { name: DANGEROUS.slice(0, -1) };
    assert.deepEqual(JSON.parse(plainText(JSON.stringify(value))), value);
  });

  it('is all that a command says', () => {
    const script = `import { complain, say } from './common/src/system/terminal.ts'; say(process.argv[1]); complain(process.argv[1]);`;
    const given = DANGEROUS.slice(0, -1);
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--import=tsx', '--input-type=module', '-e', script, '--', given],
      { encoding: 'utf8' },
    );
    assert.equal(stdout, plainText(given));
    assert.equal(stderr, plainText(given));
    assert.doesNotMatch(stdout, FORBIDDEN);
  });

  for (const format of ['json', 'text'] as const)
    it(`is all that a log writes, as ${format}`, async () => {
      let written = '';
      const { Writable } = await import('node:stream');
      const stream = new Writable({
        write(chunk: Buffer, _encoding, done) {
          written += chunk.toString('utf8');
          done();
        },
      });
      const log = createLog({ format, stream, env: {} });
      log.info(`event${DANGEROUS}`, { reason: DANGEROUS, [`name${DANGEROUS}`]: 1 });
      await log.close();
      assert.equal(written.trimEnd().includes('\n'), false);
      assert.doesNotMatch(written.trimEnd(), FORBIDDEN);
    });
});
