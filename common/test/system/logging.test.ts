import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { Writable } from 'node:stream';
import fc from 'fast-check';
import { VirtualClock } from '../../src/time/virtual-clock.ts';
import { errorFields } from '../../src/system/log.ts';
import { createLog } from '../../src/system/logging.ts';
import type { LogSettings } from '../../src/system/logging.ts';
import { redact } from '../../src/system/redaction.ts';

class Screen extends Writable {
  readonly isTTY: boolean;
  text = '';

  constructor(isTTY = false) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
  }

  override _write(chunk: string, _encoding: string, done: () => void): void {
    this.text += chunk;
    done();
  }

  get lines(): string[] {
    return this.text.split('\n').slice(0, -1);
  }
}

function openLog(settings: LogSettings & { stream: Screen }) {
  return createLog({ clock: new VirtualClock(), env: {}, ...settings });
}

describe('logging', () => {
  it('writes one JSON object a line, its own names first', async () => {
    const stream = new Screen();
    const log = openLog({ stream });
    log.info('call.ready', { codec: 'opus', frames: 2 });
    await log.close();
    const [line = ''] = stream.lines;
    assert.deepEqual(Object.keys(JSON.parse(line)), ['time', 'level', 'event', 'codec', 'frames']);
    assert.match(line, /"level":"info","event":"call.ready","codec":"opus","frames":2}$/);
  });

  it('lets no field replace the time, the level or the event', async () => {
    const stream = new Screen();
    const log = openLog({ stream });
    log.warn('true', { event: 'forged', level: 'debug' });
    await log.close();
    const { event, level } = JSON.parse(stream.text) as { event: string; level: string };
    assert.deepEqual([event, level], ['true', 'warn']);
  });

  it('holds lines until winston is loaded and keeps their order', async () => {
    const stream = new Screen();
    const log = openLog({ stream });
    log.info('first');
    log.info('second');
    assert.equal(stream.text, '');
    await log.open();
    log.info('third');
    await log.close();
    assert.deepEqual(
      stream.lines.map((line) => (JSON.parse(line) as { event: string }).event),
      ['first', 'second', 'third'],
    );
  });

  const levels = [
    ['error', 1],
    ['warn', 2],
    ['info', 3],
    ['debug', 4],
  ] as const;
  for (const [level, expected] of levels) {
    it(`writes ${expected} of four levels at '${level}'`, async () => {
      const stream = new Screen();
      const log = openLog({ stream, level });
      for (const write of ['error', 'warn', 'info', 'debug'] as const) log[write]('x');
      await log.close();
      assert.equal(stream.lines.length, expected);
    });
  }

  it('gives every line of a child its fields', async () => {
    const stream = new Screen();
    const log = openLog({ stream });
    log.child({ call: 'c1' }).child({ turn: 2 }).info('turn.ended', { turn: 3 });
    await log.close();
    assert.match(stream.text, /"call":"c1","turn":3/);
  });

  it('is readable on a terminal', async () => {
    const stream = new Screen(true);
    const log = openLog({ stream });
    log.info('audio.opened', { backend: 'alsa', device: 'USB Audio' });
    await log.close();
    const plain = stream.text.replace(/\u001b\[\d+m/g, '');
    assert.notEqual(plain, stream.text);
    assert.match(plain, /^\d\d:\d\d:\d\d\.\d{3} info {2}audio\.opened backend=alsa device="USB Audio"\n$/);
  });

  it('is plain on a terminal whose user wants it so', async () => {
    const stream = new Screen(true);
    const log = openLog({ stream, env: { NO_COLOR: '1' } });
    log.info('audio.opened');
    await log.close();
    assert.ok(!stream.text.includes('\u001b'));
  });

  it("tells the journal a line's priority", async () => {
    const stream = new Screen();
    const log = openLog({ stream, env: { JOURNAL_STREAM: '8:1' } });
    log.error('gone');
    await log.close();
    assert.match(stream.text, /^<3>\{/);
  });

  for (const format of ['json', 'text'] as const) {
    it(`makes one line of any event and fields (${format})`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.string({ unit: 'binary' }),
          fc.dictionary(fc.string(), fc.string({ unit: 'binary' })),
          async (event, fields) => {
            const stream = new Screen();
            const log = openLog({ stream, format });
            log.info(event, fields);
            await log.close();
            assert.equal(stream.lines.length, 1);
            assert.ok(!stream.text.includes('\u001b'));
          },
        ),
        { numRuns: 100 },
      );
    });

    it(`holds no secret in any line (${format})`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.stringMatching(/^[A-Za-z0-9+/="\\-]{16,40}$/), fc.string(), async (secret, around) => {
          redact(secret);
          const stream = new Screen();
          const log = openLog({ stream, format });
          log
            .child({ [`x${secret}`]: 1 })
            .error(`${around}${secret}`, {
              ...errorFields(new Error(`${secret}${around}`, { cause: new Error(secret) })),
              note: secret,
            });
          await log.close();
          assert.ok(!stream.text.includes(secret) && !stream.text.includes(JSON.stringify(secret).slice(1, -1)));
        }),
        { numRuns: 50 },
      );
    });
  }

  const exits = [
    ['before winston is loaded', ''],
    ['after winston is loaded', 'await log.open();'],
  ] as const;
  for (const [when, opening] of exits) {
    it(`loses no line when the process exits ${when}`, () => {
      const script = `import { createLog } from './common/src/system/logging.ts'; const log = createLog({ env: {} }); ${opening} log.info('last words'); process.exit(3);`;
      const { status, stderr } = spawnSync(process.execPath, ['--import=tsx', '--input-type=module', '-e', script], {
        encoding: 'utf8',
      });
      assert.equal(status, 3);
      assert.match(stderr, /"event":"last words"\}\n$/);
    });
  }

  it('keeps the process running when nobody reads its log any more', async () => {
    const stream = new Screen();
    const log = openLog({ stream });
    await log.open();
    stream.destroy(new Error('EPIPE'));
    await new Promise(setImmediate);
    assert.doesNotThrow(() => log.info('to nobody'));
  });
});

describe('errorFields', () => {
  it('says what, why and where, on one line', () => {
    const error = Object.assign(new TypeError('bad', { cause: new Error('deep') }), { fault: 'garbage' });
    const { error: message, errorName, fault, cause, stack } = errorFields(error);
    assert.deepEqual([message, errorName, fault, cause], ['bad', 'TypeError', 'garbage', 'deep']);
    assert.match(String(stack), /^at .*logging\.test\.ts/);
    assert.doesNotMatch(String(stack), /\n/);
  });

  it('takes whatever was thrown', () => {
    assert.deepEqual(
      [errorFields('plain'), errorFields(undefined)],
      [{ error: 'plain' }, { error: 'a thrown undefined' }],
    );
  });
});
