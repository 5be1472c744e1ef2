import assert from 'node:assert/strict';
import { cleanJournal } from '../../src/diagnosis/log-lines.ts';
import { bundleText } from '../../src/diagnosis/support-bundle.ts';
import { redact } from '../../../common/src/system/redaction.ts';

const KEY = 'planted-key-7d1f0a9b3c5e';
const TOKEN = 'planted-token-55aa66bb77cc';
const WORDS = 'my daughter comes on Sunday';

const entry = (message: string, identifier = 'node'): string =>
  JSON.stringify({ MESSAGE: message, SYSLOG_IDENTIFIER: identifier, __REALTIME_TIMESTAMP: '1767225600000000' });

const JOURNAL = [
  entry(
    JSON.stringify({
      time: 't',
      level: 'info',
      event: 'talking',
      codec: 'opus',
      resumeToken: TOKEN,
      transcript: WORDS,
      text: WORDS,
    }),
  ),
  entry(`<6>${JSON.stringify({ time: 't', level: 'info', event: 'ended', reason: 'hangup' })}`),
  entry(JSON.stringify({ time: 't', level: 'warn', event: `key ${KEY}`, detail: `Bearer ${KEY}` })),
  entry(`Error: the patient said '${WORDS}' and the token was ${TOKEN}`),
  entry('    at Call.step (/usr/lib/bestday-phone/dist/bestday-phone.cjs:100:20)'),
  entry(`    at ${WORDS}`),
  entry(JSON.stringify({ audio: WORDS, token: TOKEN })),
  entry('bestday-phone.service: Watchdog timeout (limit 10s)!', 'systemd'),
  `${WORDS} ${TOKEN}`,
].join('\n');

describe('a support bundle', () => {
  before(() => redact(KEY));

  const text = (): string =>
    bundleText({
      time: '2026-01-01T00:00:00.000Z',
      version: '1',
      settings: `server  wss://x/${KEY}`,
      status: { phase: 'idle', note: KEY },
      system: [`board ${KEY}`],
      findings: [{ name: 'key and link', state: 'fail', detail: `refused ${KEY}`, todo: 'ask' }],
      journal: cleanJournal(JOURNAL),
    });

  for (const [what, secret] of [
    ['the key', KEY],
    ['a token', TOKEN],
    ['what was said', WORDS],
    ['part of what was said', 'daughter'],
  ] as const) {
    it(`never holds ${what}`, () => assert.ok(!text().includes(secret)));
  }

  it("holds what helps: events, systemd's words, stack frames, checks", () => {
    for (const wanted of [
      '"event":"ended"',
      '"codec":"opus"',
      'Watchdog timeout',
      'at Call.step',
      'fail    key and link',
      '"phase": "idle"',
    ]) {
      assert.ok(text().includes(wanted), wanted);
    }
  });

  it('says how much it left out', () => assert.match(text(), /\[\d+ characters that are no log line\]/));
});
