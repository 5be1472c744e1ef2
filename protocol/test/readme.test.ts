import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as limits from '../src/limits.ts';
import {
  afterClose,
  CloseCode,
  CONNECT_PATH,
  EndReason,
  FROM_DEVICE,
  FROM_SERVER,
  ProtocolError,
  SUBPROTOCOL,
} from '../src/index.ts';
import type { ProtocolFault } from '../src/index.ts';
import { bytes, VALID_PACKETS } from './fixtures.ts';

const page = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

describe('the protocol page', () => {
  it('lists every limit with its value', () => {
    const { SUBPROTOCOL: _s, CONNECT_PATH: _c, REFUSAL_HEADER: _r, ...numbers } = limits;
    const code = Object.entries(numbers).map(([name, value]) => [name, [value].flat().join(', ')]);
    const table = rowsOf('## Limits').map(([name, value]) => [unquoted(name!), value]);
    assert.deepEqual(table.sort(), code.sort());
  });

  it('lists every close code with what the device does after it', () => {
    const code = Object.entries(CloseCode).map(([name, number]) => [String(number), name, afterClose(number)]);
    const table = rowsOf('## Close codes').map(([number, name, after]) => [number, unquoted(name!), unquoted(after!)]);
    assert.deepEqual(table.sort(), code.sort());
  });

  it('lists every reason to end', () => {
    assert.deepEqual(
      rowsOf('| `end.reason` |')
        .map(([reason]) => unquoted(reason!))
        .sort(),
      [...EndReason.options].sort(),
    );
  });

  it('lists every fault, and whether it closes at its first occurrence', () => {
    const code = (Object.keys(FAULTS) as ProtocolFault[]).map((fault) => [
      fault,
      new ProtocolError(fault, '').dangerous ? 'at once' : 'when repeated',
    ]);
    const table = rowsOf('## Bad input').map(([fault, , closes]) => [unquoted(fault!), closes]);
    assert.deepEqual(table.sort(), code.sort());
  });

  it('lists every message of each direction, with its fields, and marks the optional ones', () => {
    const code = [...messagesOf('device', FROM_DEVICE), ...messagesOf('server', FROM_SERVER)];
    assert.deepEqual([...new Set(messagesOfTable())].sort(), [...new Set(code)].sort());
  });

  it('connects where the code does', () => {
    assert.ok(page.includes(`GET ${CONNECT_PATH}`));
    assert.ok(page.includes(`| \`Sec-WebSocket-Protocol\` | \`${SUBPROTOCOL}\` |`));
    assert.ok(page.includes(`\`${limits.REFUSAL_HEADER}\``));
  });

  it('shows packets that are in the fixtures', () => {
    const shown = [...page.matchAll(/^(80 (?:[0-9a-f]{2} )+)/gm)].map(([, hex]) => bytes(hex!).toString('hex'));
    assert.equal(shown.length, 3);
    for (const hex of shown)
      assert.ok(
        VALID_PACKETS.some((fixture) => fixture.hex.replaceAll(' ', '').startsWith(hex)),
        hex,
      );
  });
});

/** The type checker refuses this list when it is not complete. */
const FAULTS: Readonly<Record<ProtocolFault, true>> = {
  oversized: true,
  'not-json': true,
  'bad-message': true,
  'truncated-packet': true,
  'bad-rtp-header': true,
  'bad-payload-type': true,
  'bad-payload-length': true,
  'binary-before-ready': true,
  'sequence-jump': true,
  'unexpected-message': true,
  'handshake-timeout': true,
};

/** Cells of the first table after `start`, without its head. */
function rowsOf(start: string): string[][] {
  const from = page.indexOf(start);
  assert.ok(from >= 0, `no ${start}`);
  const lines = page.slice(from).split('\n');
  const table = lines.slice(lines.findIndex((line) => line.startsWith('|')));
  const end = table.findIndex((line) => !line.startsWith('|'));
  return table.slice(2, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function unquoted(cell: string): string {
  return cell.replaceAll('`', '');
}

interface ObjectShape {
  readonly shape: Readonly<Record<string, { readonly def: { readonly type: string; readonly innerType?: unknown } }>>;
}

/** As `device hello resume?`, and for an object inside `device hello resume.token`. */
function messagesOf(from: string, schemas: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(schemas).flatMap(([type, schema]) =>
    fieldsOf(schema as ObjectShape).map((field) => `${from} ${type} ${field}`),
  );
}

function fieldsOf(schema: ObjectShape): string[] {
  return Object.entries(schema.shape)
    .filter(([name]) => name !== 'type')
    .flatMap(([name, { def }]) => {
      const inner = def.innerType as ObjectShape | undefined;
      const fields = inner?.shape === undefined ? [] : fieldsOf(inner).map((field) => `${name}.${field}`);
      return [def.type === 'optional' ? `${name}?` : name, ...fields];
    });
}

function messagesOfTable(): string[] {
  let senders: string[] = [];
  let type = '';
  return rowsOf('| from | type |').flatMap(([from, named, field]) => {
    if (from !== '') senders = from === 'both' ? ['device', 'server'] : [from!];
    if (named !== '') type = unquoted(named!);
    return senders.map((sender) => `${sender} ${type} ${unquoted(field!)}`);
  });
}
