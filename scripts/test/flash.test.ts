import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BatchLog, readBatch } from '../flash-card/batch.ts';
import { drives } from '../flash-card/drives.ts';
import type { Machine } from '../flash-card/drives.ts';
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

  it('goes on where it was broken off', () => {
    const file = list(`${ID},a.key,pi-4-usb`, `${ID.replace('1', '2')},a.key,pi-5-usb`);
    const [first, second] = readBatch(file);
    new BatchLog(file).done(first!);
    assert.deepEqual(
      [first!, second!].map((row) => new BatchLog(file).isDone(row)),
      [true, false],
    );
  });

  for (const [what, line, expected] of [
    ['no UUID', 'x,a.key,pi-4-usb', /:2: device_id/],
    ['no key', `${ID},b.key,pi-4-usb`, /:2: there is no b\.key/],
    ['a board that is none', `${ID},a.key,pi-9`, /:2: there is no board/],
    ['too much', `${ID},a.key,pi-4-usb,x`, /:2: three values/],
  ] as const) {
    it(`with ${what} in a line is refused before the first card`, () =>
      assert.throws(() => readBatch(list(line)), expected));
  }

  it('with one phone twice is refused', () =>
    assert.throws(() => readBatch(list(`${ID},a.key,pi-4-usb`, `${ID},a.key,pi-5-usb`)), /twice/));
});

describe('an identity', () => {
  it('is files of the boot partition, the Wi-Fi among them', () => {
    const files = identityFiles({
      deviceId: ID,
      apiKey: KEY,
      board: 'pi-4-usb',
      wifi: { ssid: ' a\\b', password: 'p w' },
    });
    assert.equal(files['phone.api-key'], `${KEY}\n`);
    assert.match(files['wifi.nmconnection']!, /^ssid=\\sa\\\\b$/m);
    assert.match(files['default']!, /^BESTDAY_BOARD=pi-4-usb$/m);
  });

  it('is put on a card by the command, and the key stands nowhere else', function () {
    this.timeout(30_000);
    const image = makeImage();
    const formatted = spawnSync(
      'mformat',
      ['-i', `${image}@@${MIB}`, '-T', String(8 * 2_048), '-h', '16', '-s', '63', '::'],
      { encoding: 'utf8', env: { ...process.env, MTOOLS_SKIP_CHECK: '1' } },
    );
    if (formatted.error !== undefined) {
      console.log('      SKIPPED: mtools is missing; apt install mtools');
      this.skip();
    }
    assert.equal(formatted.status, 0, formatted.stderr);
    writeFileSync(at('a.key'), KEY, { mode: 0o600 });
    const card = makeCard(20 * MIB);
    const { status, stderr, stdout } = spawnSync(
      process.execPath,
      [
        '--import=tsx',
        'scripts/flash.ts',
        '--image',
        image,
        '--to',
        card,
        '--device-id',
        ID,
        '--api-key-file',
        at('a.key'),
        '--board',
        'pi-4-usb',
        '--yes',
      ],
      { encoding: 'utf8' },
    );
    assert.equal(status, 0, stderr);
    assert.ok(!`${stdout}${stderr}`.includes(KEY));
    const read = spawnSync('mtype', ['-i', `${card}@@${MIB}`, '::bestday/phone.api-key'], {
      encoding: 'utf8',
      env: { ...process.env, MTOOLS_SKIP_CHECK: '1' },
    });
    assert.equal(read.stdout, `${KEY}\n`);
    assert.ok(existsSync(card));
  });
});
