import assert from 'node:assert/strict';
import {
  apiKeyKind,
  boardKind,
  deviceIdKind,
  deviceNameKind,
  wifiNameKind,
  wifiPasswordKind,
} from '../../src/settings/checks.ts';
import { serverUrl } from '../../src/settings/kinds.ts';
import type { Kind } from '../../src/settings/kinds.ts';

const ID = '11111111-2222-4333-8444-555555555555';
const SERVER = 'wss://api.example.com/v1/connect';

const ROWS: readonly (readonly [string, Kind<string>, readonly string[], readonly string[]])[] = [
  [
    'a server',
    serverUrl(),
    [SERVER, 'wss://10.0.0.7:8443', 'wss://[fe80::1]/a~b%20c', 'ws://localhost:1/x', 'wss://xn--bcher-kva.example/'],
    [
      `${SERVER}\nBESTDAY_BOARD=x`,
      `${SERVER}\t`,
      ` ${SERVER}`,
      `${SERVER}/$(id)`,
      `${SERVER}/\`id\``,
      `${SERVER}/'`,
      `${SERVER}/"`,
      `${SERVER}\\x`,
      `${SERVER}\u009b`,
      `${SERVER}\u2028`,
      'http://foo',
      'ws://foo',
      'wss://',
      'wss://user:secret@host/',
      '',
    ],
  ],
  ['a device id', deviceIdKind, [ID, ID.toUpperCase()], ['hello', `${ID}\n`, `${ID}\nx=1`, ` ${ID}`, `{${ID}}`, '']],
  [
    'a key',
    apiKeyKind,
    ['abcdefgh', 'x'.repeat(512)],
    ['', 'abc', 'x'.repeat(513), 'with blank', '\ufeffabcdefgh', 'a\0b\0c\0d\0e\0', 'clé-d-accès', 'abcdefgh\n'],
  ],
  ['a board', boardKind, ['pi-4-usb', 'virtual', '/opt/boards/mine'], ['pi4', '', 'pi-4-usb\n', '/x/$(id)', '/x\ny']],
  [
    'a sound device',
    deviceNameKind,
    ['default', 'plughw:CARD=phone,DEV=0', 'USB Audio: - (hw:1,0)', 'Réalis® [S/PDIF]', '麦克风'],
    ["file:'|id > x',raw", 'a|b', 'a"b', '{type hw}', '$x', 'a`b', 'a\\b', 'a<b', 'a\nb', 'a\u009bb', ''],
  ],
  [
    'a Wi-Fi name',
    wifiNameKind,
    ['home', ' home ', 'x'.repeat(32), 'ß'.repeat(16), 'Zuhause 🏠'],
    ['', 'x'.repeat(33), 'ß'.repeat(17), 'a\nb', 'a\n[wifi-security]', 'a\u009bb', 'a\u2028b', 'a\ufffd'],
  ],
  [
    'a Wi-Fi password',
    wifiPasswordKind,
    ['12345678', ' with blanks at its ends ', 'x'.repeat(63), 'aB'.repeat(32)],
    ['1234567', 'x'.repeat(64), 'schlüssel-lang', '12345678\n', 'a\tbcdefgh', 'aB'.repeat(33), ''],
  ],
];

describe('one set of checks', () => {
  for (const [what, kind, good, bad] of ROWS) {
    for (const value of good)
      it(`takes ${JSON.stringify(value.slice(0, 60))} as ${what}`, () => assert.ok(kind.holds(value)));
    for (const value of bad)
      it(`refuses ${JSON.stringify(value.slice(0, 60))} as ${what}`, () => assert.equal(kind.holds(value), false));
  }
});
