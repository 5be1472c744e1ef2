import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { Bench } from '../lib/real-server.ts';

const WITHOUT = fileURLToPath(new URL('without.cjs', import.meta.url));

/** Every native part is optional: without it the phone still talks, and says what took over. */
describe('a phone without one of its native parts', function () {
  this.timeout(20_000);
  const bench = new Bench();
  before(() => bench.start());
  after(() => bench.stop());

  const rows = [
    { without: '@discordjs/opus', says: /libopus-wasm/, field: 'serving', event: 'codec.serving' },
    { without: 'naudiodon', says: /naudiodon/, field: undefined, event: undefined },
    {
      without: 'speaker,node-record-lpcm16',
      says: /arecord|aplay|alsa|node-record-lpcm16/,
      field: undefined,
      event: undefined,
    },
    { without: 'koffi', says: /./, field: undefined, event: undefined },
    {
      without: '@discordjs/opus,naudiodon,speaker,node-record-lpcm16,koffi',
      says: /libopus-wasm/,
      field: 'serving',
      event: 'codec.serving',
    },
  ];
  for (const { without, says, field, event } of rows) {
    it(without, async () => {
      const env = {
        ...process.env,
        NODE_OPTIONS: `--require ${WITHOUT}`,
        BESTDAY_TEST_WITHOUT: without,
        ALSA_CONFIG_PATH: '/dev/null',
        PULSE_SERVER: 'none',
      };
      const phone = bench.phone(['--audio', 'auto', '--duration', '3'], { env });
      assert.equal(await phone.exit, 0, phone.stderr);
      assert.equal(phone.report().endReason, 'duration');
      assert.ok(phone.report().frames.sent > 50, phone.stderr);
      const text = field === undefined ? phone.stderr : String(phone.log.find((line) => line.event === event)?.[field]);
      assert.match(text, says);
    });
  }
});
