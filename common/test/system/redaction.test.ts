import assert from 'node:assert/strict';
import fc from 'fast-check';
import { cleanFields, cleanText, redact } from '../../src/system/redaction.ts';
import type { LogFields } from '../../src/system/log.ts';

const secretValue = fc.stringMatching(/^[\x21-\x7e]{12,40}$/);

describe('redaction', () => {
  it('leaves no registered secret in any text, however often and wherever it stands', () => {
    fc.assert(
      fc.property(secretValue, fc.array(fc.string(), { minLength: 1, maxLength: 5 }), (secret, parts) => {
        redact(secret);
        assert.ok(!cleanText(parts.join(secret) + secret).includes(secret));
      }),
      { numRuns: 50 },
    );
  });

  it('leaves no registered secret in any field, name, number or error', () => {
    fc.assert(
      fc.property(secretValue, fc.string(), fc.string(), (secret, before, after) => {
        redact(secret);
        const clean = cleanFields({ message: before + secret + after, [secret]: true, stack: new Error(secret).stack });
        assert.ok(
          !Object.entries(clean)
            .flat()
            .some((part) => String(part).includes(secret)),
        );
      }),
      { numRuns: 50 },
    );
  });

  it('knows a secret in a URL and in quoted JSON', () => {
    redact('a/b"c+d\\e=');
    assert.equal(cleanText(`?q=${encodeURIComponent('a/b"c+d\\e=')}`), '?q=[redacted]');
    assert.equal(cleanText(JSON.stringify({ k: 'a/b"c+d\\e=' })), '{"k":"[redacted]"}');
  });

  it('leaves no piece of a longer secret that contains a shorter one', () => {
    redact('inner-secret');
    redact('outer-inner-secret-outer');
    assert.equal(cleanText('<outer-inner-secret-outer>'), '<[redacted]>');
  });

  it('redacts a number that is a secret', () => {
    redact('2718281828459');
    assert.deepEqual(cleanFields({ n: 2718281828459, m: 2 }), { n: '[redacted]', m: 2 });
  });

  const dropped = [
    'key',
    'apiKey',
    'api_key',
    'API-KEY',
    'resumeToken',
    'token',
    'Authorization',
    'password',
    'setCookie',
    'text',
    'finalText',
    'transcript',
    'audio',
    'pcm',
    'payload',
  ];
  for (const name of dropped) {
    it(`drops whatever stands under '${name}'`, () => {
      assert.deepEqual(cleanFields({ [name]: 'anything' }), { [name]: '[dropped]' });
    });
  }

  const kept: [string, LogFields][] = [
    ['the path of a key', { apiKeyFile: '/etc/key' }],
    ['a length', { textLength: 5, samples: 320 }],
    ['a name that only begins like a secret', { tokenCount: 2, audioBackend: 'alsa', keyboard: 'usb' }],
    ['null', { closeCode: null }],
  ];
  for (const [what, fields] of kept) {
    it(`keeps ${what}`, () => {
      assert.deepEqual(cleanFields(fields), fields);
    });
  }

  it('leaves out what is undefined', () => {
    assert.deepEqual(cleanFields({ a: undefined, b: 1 }), { b: 1 });
  });

  it('prints the size of a buffer that went round the types, never its bytes', () => {
    const smuggled = {
      frame: Buffer.from('sound'),
      pcm16: new Int16Array(320),
      object: { secret: 1 },
    } as unknown as LogFields;
    assert.deepEqual(cleanFields(smuggled), { frame: '[5 bytes]', pcm16: '[640 bytes]', object: '[object]' });
  });

  it('bounds a line', () => {
    const long = cleanText('x'.repeat(100_000));
    assert.ok(long.length < 4_100);
    assert.match(long, /… \(100000 characters\)$/);
  });
});
