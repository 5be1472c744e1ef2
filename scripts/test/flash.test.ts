import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BatchLog, readBatch } from '../flash-card/batch.ts';
import { drives } from '../flash-card/drives.ts';
import type { Machine } from '../flash-card/drives.ts';
import { checkedIdentity } from '../flash-card/identity-checks.ts';
import { identityFiles } from '../flash-card/identity.ts';
import { openCard, writeImage } from '../flash-card/write-image.ts';
import type { Card, FlashError } from '../flash-card/write-image.ts';

const MIB = 2 ** 20;
const ID = '11111111-2222-4333-8444-555555555555';
const KEY = 'key-of-a-phone-0123456789';

let folder: string;
const at = (name: string): string => join(folder, name);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bestday-flash-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** 16 MiB of noise with a partition table: one FAT partition from 1 MiB on, formatted where the tools are here. */
function makeImage(): string {
  const image = Buffer.alloc(16 * MIB);
  for (let index = 9 * MIB; index < image.length; index += 7) image[index] = index % 251;
  image[446 + 4] = 0x0c;
  image.writeUInt32LE(2_048, 446 + 8);
  image.writeUInt32LE(8 * 2_048, 446 + 12);
  image.writeUInt16BE(0x55aa, 510);
  writeFileSync(at('image.img'), image);
  return at('image.img');
}

function makeCard(bytes: number): string {
  writeFileSync(at('card'), Buffer.alloc(512, 7));
  truncateSync(at('card'), bytes);
  return at('card');
}

/** A card in memory that can be pulled out, lie about its size, or forget. */
class BadCard implements Card {
  readonly bytes = 32 * MIB;
  readonly memory = Buffer.alloc(32 * MIB);
  writes = 0;
  pulledAfter = Infinity;
  realBytes = Infinity;
  rotten: number | undefined;

  async write(data: Uint8Array, place: number): Promise<void> {
    if (++this.writes > this.pulledAfter) throw Object.assign(new Error('gone'), { code: 'ENXIO' });
    if (place < this.realBytes) this.memory.set(data, place);
  }

  async read(into: Uint8Array, place: number): Promise<number> {
    into.set(this.memory.subarray(place, place + into.length));
    if (this.rotten !== undefined && this.rotten >= place && this.rotten < place + into.length)
      into[this.rotten - place]! ^= 1;
    return into.length;
  }

  async settle(): Promise<void> {}
  async close(): Promise<void> {}
}

const faultOf = (card: Card): Promise<string> =>
  writeImage(makeImage(), card, () => {}).then(
    () => 'none',
    (error: FlashError) => error.fault,
  );

describe('writing a card', () => {
  it('writes every byte and reads it back', async () => {
    const card = await openCard(makeCard(20 * MIB));
    await writeImage(makeImage(), card, () => {});
    await card.close();
    assert.ok(
      readFileSync(at('card'))
        .subarray(0, 16 * MIB)
        .equals(readFileSync(at('image.img'))),
    );
  });

  it('refuses a card that is too small before anything is written', async () => {
    const card = await openCard(makeCard(15 * MIB));
    assert.equal(await faultOf(card), 'too-small');
    await card.close();
    assert.equal(readFileSync(at('card'))[0], 7);
  });

  for (const writes of [0, 1, 2, 3, 4]) {
    it(`says so when the card is pulled out after ${writes} writes, and leaves nothing that boots`, async () => {
      const card = new BadCard();
      card.pulledAfter = writes;
      assert.equal(await faultOf(card), 'write-failed');
      assert.notEqual(card.memory.readUInt16BE(510), 0x55aa);
    });
  }

  it('finds a bit that the card forgot', async () => {
    const card = new BadCard();
    card.rotten = 13 * MIB + 5;
    assert.equal(await faultOf(card), 'verify-failed');
  });

  it('finds a card that is smaller than it claims', async () => {
    const card = new BadCard();
    card.realBytes = 12 * MIB;
    assert.equal(await faultOf(card), 'verify-failed');
  });

  it('refuses what is no image', async () => {
    writeFileSync(at('image.xz'), Buffer.alloc(2 * MIB));
    await assert.rejects(
      writeImage(at('image.xz'), new BadCard(), () => {}),
      { fault: 'bad-image' },
    );
  });
});

describe('the drives that may be written to', () => {
  const machine = (sys: Record<string, string>, place: string, used: Machine['used'] = () => []): Machine => ({
    disks: () => ['sda', 'loop0', 'nvme0n1'],
    sys: (path) => sys[path],
    place: () => place,
    used,
  });
  const CARD = { 'sda/size': '62333952', 'sda/removable': '1' };
  const ROWS: readonly (readonly [string, Machine, RegExp | undefined])[] = [
    ['a card in a USB reader', machine(CARD, '/sys/devices/pci0/usb1/1-1/block/sda'), undefined],
    ['a built-in disk', machine({ ...CARD, 'sda/removable': '0' }, '/sys/devices/pci0/ata1/block/sda'), /built in/],
    [
      'the disk that the system runs from, even on USB',
      machine(CARD, '/sys/devices/usb1/sda', () => [{ device: '/dev/sda2', at: '/' }]),
      /runs from it/,
    ],
    [
      'a disk that is swapped to',
      machine(CARD, '/sys/devices/usb1/sda', () => [{ device: '/dev/sda3', at: '[SWAP]' }]),
      /runs from it/,
    ],
    [
      'a mounted card',
      machine(CARD, '/sys/devices/usb1/sda', () => [{ device: '/dev/sda1', at: '/media/x' }]),
      /mounted on \/media\/x/,
    ],
    ['an empty reader', machine({ ...CARD, 'sda/size': '0' }, '/sys/devices/usb1/sda'), /no card/],
    [
      "somebody's large disk",
      machine({ ...CARD, 'sda/size': '3907029168' }, '/sys/devices/usb1/sda'),
      /larger than any card/,
    ],
    ['a locked card', machine({ ...CARD, 'sda/ro': '1' }, '/sys/devices/usb1/sda'), /write-protected/],
  ];
  for (const [what, each, refused] of ROWS) {
    it(`${refused === undefined ? 'are' : 'are not'} ${what}`, () => {
      const [drive, ...more] = drives(each);
      assert.equal(more.length, 0);
      if (refused === undefined) assert.equal(drive!.refused, undefined);
      else assert.match(drive!.refused!, refused);
    });
  }
});

describe('a batch of cards', () => {
  const list = (...lines: string[]): string => {
    writeFileSync(at('a.key'), KEY);
    writeFileSync(at('phones.csv'), ['device_id,api_key_file,board', ...lines].join('\n'));
    return at('phones.csv');
  };
  const LETTERS = 'aaaaaaaa-2222-4333-8444-555555555555';

  it('goes on where it was broken off, whatever case an id is in', () => {
    const file = list(`${LETTERS},a.key,pi-4-usb`, `${ID},a.key,pi-5-usb`);
    const [first, second] = readBatch(file, checkedIdentity);
    new BatchLog(file).done({ ...first!, deviceId: LETTERS.toUpperCase() });
    assert.deepEqual(
      [first!, second!].map((row) => new BatchLog(file).isDone(row)),
      [true, false],
    );
  });

  for (const [what, line, expected] of [
    ['no UUID', 'x,a.key,pi-4-usb', /:3: the device id "x"/],
    ['no key', `${ID},b.key,pi-4-usb`, /:3: .*b\.key cannot be read: there is none/],
    ['a board that is none', `${ID},a.key,pi-9`, /:3: the board "pi-9"/],
    ['too much', `${ID},a.key,pi-4-usb,x`, /:3: three values/],
  ] as const) {
    it(`with ${what} in a line is refused before the first card`, () =>
      assert.throws(() => readBatch(list('', line), checkedIdentity), expected));
  }

  for (const [what, first, second] of [
    ['one case', ID, ID],
    ['two cases', LETTERS, LETTERS.toUpperCase()],
  ] as const)
    it(`with one phone twice is refused, in ${what}`, () =>
      assert.throws(
        () => readBatch(list(`${first},a.key,pi-4-usb`, `${second},a.key,pi-5-usb`), checkedIdentity),
        /:3: .* twice/,
      ));
});

describe('an identity', () => {
  const given = (over: object, key: string | Buffer = KEY, password: string | Buffer = 'secret word'): object => {
    writeFileSync(at('a.key'), key);
    writeFileSync(at('wifi'), password);
    const wifi = { ssid: 'home', passwordFile: at('wifi') };
    return checkedIdentity({ deviceId: ID, apiKeyFile: at('a.key'), board: 'pi-4-usb', wifi, ...over });
  };

  for (const [what, over, key, password] of [
    ['an id that is none', { deviceId: 'hello' }],
    ['an id with a line more', { deviceId: `${ID}\nx` }],
    ['a board there is not', { board: 'pi4' }],
    ["a board's path", { board: '/opt/board' }],
    ['a server that is not encrypted', { server: 'http://foo' }],
    ['a server on the phone itself', { server: 'ws://localhost:8443/' }],
    ['a server with a line more', { server: 'wss://foo/\nBESTDAY_BOARD=$(reboot)' }],
    ['a Wi-Fi name with a section', { wifi: { ssid: 'a\n[connection]', passwordFile: 'x' } }],
    ['a Wi-Fi name that is too long', { wifi: { ssid: 'ß'.repeat(17), passwordFile: 'x' } }],
    ['an empty key', {}, ''],
    ['a key of three characters', {}, 'abc'],
    ['a key in UTF-16', {}, Buffer.from(`\ufeff${KEY}`, 'utf16le')],
    ['a key of two lines', {}, `${KEY}\n${KEY}`],
    ['a file that is no key', {}, Buffer.alloc(5_000, 'x')],
    ['a password of seven characters', {}, KEY, '1234567'],
    ['a password with an umlaut', {}, KEY, 'schlüssel-lang'],
    ['a password of two lines', {}, KEY, 'secret word\nand more'],
  ] as const)
    it(`with ${what} is refused, and no secret is shown`, () =>
      assert.throws(
        () => given(over, key, password),
        ({ fault, message }: FlashError) => fault === 'bad-identity' && !message.includes(KEY),
      ));

  it('takes a key that an editor wrote with a byte order mark, and an id in either case', () => {
    const identity = given({ deviceId: ID.replace('1', 'A'), wifi: undefined }, `\ufeff${KEY}\r\n`);
    const deviceId = ID.replace('1', 'a');
    assert.deepEqual(identity, { deviceId, apiKey: KEY, board: 'pi-4-usb', server: undefined, wifi: undefined });
  });

  it('is files of the boot partition, the Wi-Fi among them', () => {
    const files = identityFiles({
      deviceId: ID,
      apiKey: KEY,
      board: 'pi-4-usb',
      wifi: { ssid: 'My home', password: 'p' },
    });
    assert.equal(files['phone.api-key'], `${KEY}\n`);
    assert.match(files['wifi.nmconnection']!, /^ssid=My home$/m);
    assert.match(files['default']!, /^BESTDAY_BOARD=pi-4-usb$/m);
  });

  for (const ssid of [' home', 'a;b', '65;66;', 'caf\u00e9', 'a\\b'])
    it(`keeps the Wi-Fi name ${JSON.stringify(ssid)} as its bytes`, () => {
      const wifi = { ssid, password: '12345678' };
      const file = identityFiles({ deviceId: ID, apiKey: KEY, board: 'pi-4-usb', wifi })['wifi.nmconnection']!;
      assert.match(file, new RegExp(`^ssid=${[...Buffer.from(ssid)].join(';')};$`, 'm'));
    });

  it('keeps the blanks of a Wi-Fi password', () => {
    const { wifi } = given({}, KEY, '  my secret \n') as { wifi: { ssid: string; password: string } };
    assert.equal(wifi.password, '  my secret ');
    const file = identityFiles({ deviceId: ID, apiKey: KEY, board: 'pi-4-usb', wifi })['wifi.nmconnection']!;
    assert.match(file, /^psk=\\s\\smy\\ssecret\\s$/m);
  });
});

describe('scripts/flash', function () {
  this.timeout(60_000);
  const OTHER = ID.replace('1', '2');
  const run = (...args: string[]) =>
    spawnSync(
      process.execPath,
      ['--import=tsx', 'scripts/flash.ts', '--image', at('image.img'), '--to', at('card'), ...args],
      { encoding: 'utf8', input: '' },
    );
  const mtool = (program: string, ...args: string[]) =>
    spawnSync(program, args, {
      encoding: 'utf8',
      input: 'pi-4-usb\n',
      env: { ...process.env, MTOOLS_SKIP_CHECK: '1' },
    });
  const onCard = (name: string): string => mtool('mtype', '-i', `${at('card')}@@${MIB}`, `::bestday/${name}`).stdout;

  beforeEach(function () {
    const formatted = mtool(
      'mformat',
      '-i',
      `${makeImage()}@@${MIB}`,
      '-T',
      String(8 * 2_048),
      '-h',
      '16',
      '-s',
      '63',
      '::',
    );
    if (spawnSync('mtype', ['--version']).error !== undefined) {
      console.log('      SKIPPED: mtools is missing; apt install mtools');
      this.skip();
    }
    assert.equal(formatted.status, 0, formatted.stderr);
    writeFileSync(at('a.key'), KEY, { mode: 0o600 });
    makeCard(20 * MIB);
  });

  const one = (id: string, board = 'pi-4-usb'): string[] => [
    '--device-id',
    id,
    '--api-key-file',
    at('a.key'),
    '--board',
    board,
  ];

  it('puts an identity on a card, and the key stands nowhere else', () => {
    const { status, stderr, stdout } = run(...one(ID), '--yes');
    assert.equal(status, 0, stderr);
    assert.ok(!`${stdout}${stderr}`.includes(KEY));
    assert.equal(onCard('phone.api-key'), `${KEY}\n`);
  });

  it("writes nothing for a board that is not the image's", () => {
    mtool('mcopy', '-i', `${at('image.img')}@@${MIB}`, '-', '::board.txt');
    const { status, stderr } = run(...one(ID, 'pi-3b-plus-usb'), '--yes');
    assert.equal(status, 1);
    assert.match(stderr, /is for pi-4-usb, not for pi-3b-plus-usb/);
    assert.equal(readFileSync(at('card'))[0], 7);
  });

  it('gives one card to one phone, in a batch that asks nothing', () => {
    writeFileSync(at('phones.csv'), `device_id,api_key_file,board\n${ID},a.key,pi-4-usb\n${OTHER},a.key,pi-4-usb\n`);
    const { status, stderr } = run('--batch', at('phones.csv'), '--yes');
    assert.equal(status, 1);
    assert.match(stderr, new RegExp(`is the card of ${ID}: put in another one`));
    assert.equal(onCard('phone.device-id'), `${ID}\n`);
    assert.equal(readFileSync(`${at('phones.csv')}.done`, 'utf8'), `${ID}\n`);
  });
});
