import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { boardNames, loadBoard } from '../device/src/settings/board-profile.ts';
import { identityFiles } from '../scripts/flash-card/identity.ts';
import { baseState, maxBaseDays } from '../scripts/image/base.ts';
import { boardForImage, imageBoards } from '../scripts/image/boards.ts';
import { cmdlineTxt, configTxt } from '../scripts/image/boot-partition.ts';
import { createImage, writeExt4 } from '../scripts/image/file-systems.ts';
import { needSpace, obstacles } from '../scripts/image/host.ts';
import { IMAGE_BYTES, masterBootRecord, partition, PARTITIONS } from '../scripts/image/layout.ts';
import { mirrorOf } from '../scripts/image/mirror.ts';
import { defaults, imageSbom, MASKED } from '../scripts/image/root.ts';

const MIB = 2 ** 20;
const EPOCH = 1_767_225_600;
const FILES = 'scripts/image/root';
const has = (program: string): boolean =>
  spawnSync('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin command -v ${program}`]).status === 0;

let folder: string;
const at = (...path: string[]): string => join(folder, ...path);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bestday-image-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(path: string, content: string, mode = 0o644): void {
  mkdirSync(resolve(at(path), '..'), { recursive: true });
  writeFileSync(at(path), content, { mode });
}

describe('an image', () => {
  it("is for the boards that Debian's kernel knows", () => {
    assert.deepEqual(imageBoards(), [
      'pi-3b-plus-speakerphone',
      'pi-3b-plus-usb',
      'pi-4-speakerphone',
      'pi-4-usb',
      'pi-zero-2w-usb',
    ]);
  });

  for (const name of boardNames().filter((each) => !imageBoards().includes(each) && each !== 'virtual')) {
    it(`is refused for ${name}, with what to do instead`, () => {
      assert.throws(
        () => boardForImage(name),
        new RegExp(`^Error: .*${name}: .*package.*on Raspberry Pi OS.*hardware/profiles/${name}/README\\.md`),
      );
    });
  }

  for (const name of ['virtual', 'pi-9', undefined]) {
    it(`is refused for ${name}, with the boards there are`, () =>
      assert.throws(() => boardForImage(name), /choose --board .*pi-4-usb/));
  }

  it('says everything that is missing at once, and how to get it', () => {
    const bare = { uid: 1_000, machine: 'x64', has: () => false };
    assert.deepEqual(obstacles(bare, false), [
      'only root can make files that belong to others: sudo npm run image -- …',
      'mtools, e2fsprogs, dpkg, tar, mmdebstrap, qemu-user-static are missing: apt install mtools e2fsprogs dpkg tar mmdebstrap qemu-user-static',
    ]);
    assert.deepEqual(obstacles({ uid: 0, machine: 'arm64', has: (program) => program !== 'mmdebstrap' }, true), []);
  });

  it('is made from a Debian that is not too old', () => {
    const DAY_MS = 86_400_000;
    assert.equal(baseState(at('base.tar'), 0, 14), 'missing');
    put('base.tar', '');
    const madeMs = statSync(at('base.tar')).mtimeMs;
    assert.equal(baseState(at('base.tar'), madeMs + 13.9 * DAY_MS, 14), 'good');
    assert.equal(baseState(at('base.tar'), madeMs + 14.1 * DAY_MS, 14), 'too old');
    assert.deepEqual([maxBaseDays({}), maxBaseDays({ BESTDAY_BASE_DAYS: '3' })], [14, 3]);
    assert.throws(() => maxBaseDays({ BESTDAY_BASE_DAYS: 'soon' }), /number of days/);
  });

  it('is not begun on a full disk', () =>
    assert.throws(() => needSpace(folder, 1e18), /GB left, 1000000000\.0 are needed/));

  it('takes Debian from where this machine does', () => {
    put(
      'sources.list.d/debian.sources',
      'Types: deb\nURIs: http://mirror.example.org/debian-security\nURIs: http://mirror.example.org/debian/\n',
    );
    put('sources.list.d/else.list', 'deb [arch=amd64] https://packages.example.org/debian stable main\n');
    assert.equal(mirrorOf(folder), 'http://mirror.example.org/debian');
    assert.equal(mirrorOf(at('none')), undefined);
  });
});

describe('the card', () => {
  it('holds boot, two roots of one size and data, in this order, without a gap or an overlap', () => {
    assert.deepEqual(
      PARTITIONS.map(({ name }) => name),
      ['boot', 'root A', 'root B', 'data'],
    );
    for (const [index, { start, bytes }] of PARTITIONS.entries()) {
      assert.equal(start % (4 * MIB), 0);
      assert.equal(start, index === 0 ? 4 * MIB : PARTITIONS[index - 1]!.start + PARTITIONS[index - 1]!.bytes);
      assert.ok(bytes > 0);
    }
    assert.equal(partition('root A').bytes, partition('root B').bytes);
    assert.equal(partition('data').start + partition('data').bytes, IMAGE_BYTES);
  });

  it('has a table that others read as it was meant', function () {
    if (!has('sfdisk')) this.skip();
    writeFileSync(at('card'), masterBootRecord());
    createImage(at('card'));
    const { stdout } = spawnSync('sfdisk', ['--json', at('card')], {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` },
    });
    const { partitiontable: table } = JSON.parse(stdout) as {
      partitiontable: { label: string; id: string; partitions: { start: number; size: number; type: string }[] };
    };
    assert.equal(table.label, 'dos');
    assert.deepEqual(
      table.partitions.map(({ start, size, type }) => [start * 512, size * 512, type]),
      PARTITIONS.map(({ start, bytes, type }) => [start, bytes, type.toString(16)]),
    );
    assert.ok(
      cmdlineTxt({ profile: loadBoard('pi-4-usb').profile, console: false, country: undefined }).startsWith(
        `root=PARTUUID=${table.id.slice(2)}-02 ro `,
      ),
    );
  });

  it('has file systems that are the same twice, byte for byte, and hold what they should', function () {
    this.timeout(20_000);
    if (!has('mke2fs') || !has('debugfs')) this.skip();
    put('root/etc/file with blanks', 'x'.repeat(5_000));
    put('root/usr/bin/program', '#!/bin/sh\n', 0o755);
    symlinkSync('bin', at('root/usr/link'));
    spawnSync('find', [at('root'), '-exec', 'touch', '-h', `--date=@${EPOCH}`, '{}', '+']);
    const place = { ...partition('data'), start: MIB, bytes: 8 * MIB };
    const make = (name: string): Buffer => {
      writeFileSync(at(name), Buffer.alloc(9 * MIB));
      writeExt4(at(name), place, at('root'), EPOCH, []);
      return readFileSync(at(name));
    };
    const first = make('first');
    // Another second, in which everything is read and something is changed.
    spawnSync('sh', ['-c', 'sleep 1; chmod 755 "$1/usr/bin/program"; cp -r "$1" "$1-copy"', 'sh', at('root')]);
    assert.ok(make('second').equals(first));
    writeFileSync(at('alone'), first.subarray(MIB));
    assert.equal(
      spawnSync('e2fsck', ['-f', '-n', at('alone')], {
        env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` },
      }).status,
      0,
    );
  });
});

describe("the boot partition's settings", () => {
  for (const name of imageBoards()) {
    const options = { profile: loadBoard(name).profile, console: false, country: undefined };

    it(`boot ${name} with its own lines`, () => {
      const lines = configTxt(options).split('\n');
      const all = lines.indexOf('[all]');
      for (const line of options.profile.boot) assert.ok(lines.indexOf(line) > all, line);
      for (const line of ['arm_64bit=1', 'upstream_kernel=1', 'kernel=vmlinuz', 'initramfs initrd.img followkernel'])
        assert.ok(lines.includes(line), line);
    });
  }

  it('end in no shell, and have no console unless one is asked for', () => {
    const profile = loadBoard('pi-4-usb').profile;
    const [field, bench] = [false, true].map((console) => cmdlineTxt({ profile, console, country: 'DE' }));
    assert.match(field!, /(^| )panic=10( |$)/);
    assert.doesNotMatch(field!, /console=/);
    assert.match(bench!, /console=ttyS1,115200/);
    assert.match(field!, /cfg80211\.ieee80211_regdom=DE/);
  });
});

describe('the read-only root', () => {
  it('knows its board', () => {
    const written = /DEFAULTS\n(.*?)\nDEFAULTS/s.exec(readFileSync('scripts/package/postinst', 'utf8'))![1]!;
    assert.match(defaults(written, 'pi-4-usb'), /^BESTDAY_BOARD=pi-4-usb\nBESTDAY_CONTROLS=gpio\nBESTDAY_SERVER=wss:/m);
  });

  it("names Debian's packages in its bill of materials, beside the phone's own parts", () => {
    const own = {
      metadata: { component: { version: '9.9.9' } },
      components: [{ name: 'ws', version: '8.0.0', purl: 'pkg:npm/ws@8.0.0', licenses: [{ license: { id: 'MIT' } }] }],
    };
    const listed = 'alsa-utils\t1.2.8-1\tarm64\nbestday-phone\t9.9.9\tarm64\nlibc6\t2:2.41+x\tarm64\n';
    const { components } = JSON.parse(imageSbom(own, listed)) as { components: { purl: string; licenses?: unknown }[] };
    assert.deepEqual(
      components.map(({ purl }) => purl),
      [
        'pkg:deb/debian/alsa-utils@1.2.8-1?arch=arm64',
        'pkg:deb/debian/libc6@2%3A2.41%2Bx?arch=arm64',
        'pkg:npm/ws@8.0.0',
      ],
    );
    assert.deepEqual(components[2]!.licenses, [{ license: { id: 'MIT' } }]);
  });

  it('masks nothing that the phone needs', () => {
    const wanted =
      /^(bestday-|NetworkManager\.service|dbus|systemd-(udevd|journald|timesyncd|tmpfiles-setup|random-seed|remount-fs)\b)/;
    assert.deepEqual(
      MASKED.filter((unit) => wanted.test(unit)),
      [],
    );
    assert.equal(new Set(MASKED).size, MASKED.length);
  });

  it('has units that systemd understands, word for word', function () {
    this.timeout(20_000);
    if (!has('systemd-analyze')) this.skip();
    const units = ['data', 'support', 'support-card'].map((name) =>
      join(FILES, `usr/lib/systemd/system/bestday-phone-${name}.service`),
    );
    const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...units], {
      encoding: 'utf8',
      env: { ...process.env, SYSTEMD_LOG_LEVEL: 'warning' },
    });
    assert.deepEqual(
      stderr.split('\n').filter((line) => line.includes('bestday') && !/is not executable: No such file/.test(line)),
      [],
    );
  });

  it('mounts nothing that may be broken by itself', () => {
    const mounts = readFileSync(join(FILES, 'etc/fstab'), 'utf8')
      .split('\n')
      .filter((line) => /^[^#\s]/.test(line))
      .map((line) => line.split(/\s+/));
    assert.deepEqual(
      mounts.map(([what, where]) => [what, where]),
      [
        ['/dev/root', '/'],
        ['tmpfs', '/var'],
      ],
    );
    assert.match(mounts[0]![3]!, /(^|,)ro(,|$)/);
  });

  it('keeps in /data what provisioning writes', () => {
    const written = [...readFileSync('scripts/package/provision.sh', 'utf8').matchAll(/ (\/etc\/\S+) 0\d{3}$/gm)].map(
      ([, path]) => path!,
    );
    const laidOver = [
      ...readFileSync(join(FILES, 'usr/lib/bestday-phone/image/data'), 'utf8').matchAll(
        /^ {2}lay_over \S+ \d+ (\S+)$/gm,
      ),
    ].map(([, path]) => path!);
    assert.equal(written.length, 4);
    for (const path of written)
      assert.ok(path === '/etc/default/bestday-phone' || laidOver.some((place) => path.startsWith(`${place}/`)), path);
  });
});

describe('the data partition', function () {
  this.timeout(20_000);

  /**
   * Starts on a card whose tools answer so, each as often as it is asked; the last answer stays.
   * @returns what they were asked, and how it ended
   */
  function start(
    answers: Readonly<Record<string, readonly number[]>>,
    files: Readonly<Record<string, string>> = {},
  ): { asked: string[]; state: string[]; said: string } {
    put('root/usr/lib/bestday-phone/image/default', 'BESTDAY_BOARD=pi-4-usb\n');
    for (const path of ['data', 'boot/firmware']) mkdirSync(at('root', path), { recursive: true });
    for (const [path, content] of Object.entries(files)) put(`root/${path}`, content);
    const tools = {
      findmnt: [0],
      lsblk: [0],
      mount: [0],
      umount: [0],
      e2fsck: [0],
      'mkfs.ext4': [0],
      sfdisk: [0],
      partx: [0],
      'systemd-growfs': [0],
      ...answers,
    };
    for (const [name, statuses] of Object.entries(tools)) {
      const output = { findmnt: 'echo /dev/mmcblk0p2', lsblk: 'echo mmcblk0' }[name] ?? ':';
      put(
        `bin/${name}`,
        `#!/bin/sh\necho "${name} $*" >> ${at('asked')}\n${output}\nset -- ${statuses.join(' ')}\nn=$(grep -c '^${name} ' ${at('asked')})\n[ $n -gt $# ] && n=$#\nshift $((n - 1))\nexit $1\n`,
        0o755,
      );
    }
    put('bin/timeout', '#!/bin/sh\nshift\nexec "$@"\n', 0o755);
    const { status, stdout } = spawnSync('sh', [join(FILES, 'usr/lib/bestday-phone/image/data'), at('root')], {
      encoding: 'utf8',
      env: { PATH: `${at('bin')}:${process.env['PATH']}` },
    });
    assert.equal(status, 0, 'a phone always starts');
    const asked = readFileSync(at('asked'), 'utf8').replaceAll(at('root'), '').trim().split('\n');
    return { asked, state: readdirSync(at('root/run/bestday-phone-image')), said: stdout };
  }
  const starting = (asked: readonly string[], word: string): string[] => asked.filter((line) => line.startsWith(word));
  const afterBoot = (status: number, ...more: number[]): number[] => [0, status, ...more];

  it('is checked, mounted and laid over what the root only reads', () => {
    const { asked, state } = start({});
    assert.deepEqual(state, []);
    assert.deepEqual(starting(asked, 'e2fsck'), ['e2fsck -p /dev/mmcblk0p4']);
    assert.match(starting(asked, 'mount -t ext4')[0]!, /noexec,commit=30,errors=remount-ro \/dev\/mmcblk0p4 \/data$/);
    assert.deepEqual(
      starting(asked, 'mount --bind').map((line) => line.split(' ')[3]),
      [
        '/etc/credstore',
        '/etc/NetworkManager/system-connections',
        '/var/lib/private',
        '/var/lib/systemd',
        '/var/lib/NetworkManager',
      ],
    );
    assert.equal(readFileSync(at('root/data/etc/bestday-phone'), 'utf8'), 'BESTDAY_BOARD=pi-4-usb\n');
    assert.equal(statSync(at('root/data/etc/credstore')).mode & 0o777, 0o700);
  });

  it('keeps what is on it', () => {
    start(
      {},
      {
        'data/etc/bestday-phone': 'BESTDAY_BOARD=virtual\n',
        'data/lib/private/bestday-phone/settings.json': '{}',
        'data/lib/private/bestday-phone/settings.json.tmp-1': '{',
      },
    );
    assert.equal(readFileSync(at('root/data/etc/bestday-phone'), 'utf8'), 'BESTDAY_BOARD=virtual\n');
    assert.deepEqual(readdirSync(at('root/data/lib/private/bestday-phone')), ['settings.json']);
  });

  it('is mended where that goes', () => {
    const { asked, state } = start({ e2fsck: [4, 1] });
    assert.deepEqual(starting(asked, 'e2fsck'), ['e2fsck -p /dev/mmcblk0p4', 'e2fsck -y /dev/mmcblk0p4']);
    assert.deepEqual([state, starting(asked, 'mkfs')], [[], []]);
  });

  for (const [what, answers] of [
    ['cannot be mended', { e2fsck: [8] }],
    ['cannot be mounted', { mount: afterBoot(32, 0) }],
  ] as const) {
    it(`is made anew when it ${what}, and says so`, () => {
      const { asked, state, said } = start(answers);
      assert.deepEqual(state, ['data-made-anew']);
      assert.equal(starting(asked, 'mkfs.ext4').length, 1);
      assert.match(said, /^<2>data: .*needs its identity again/m);
    });
  }

  for (const [what, answers] of [
    ['cannot be made', { e2fsck: [8], 'mkfs.ext4': [1] }],
    ['cannot be mounted even then', { mount: afterBoot(32, 32, 0) }],
  ] as const) {
    it(`is memory when it ${what}, and the phone starts all the same`, () => {
      const { asked, state, said } = start(answers);
      assert.deepEqual(state.sort(), ['data-in-memory', 'data-made-anew']);
      assert.equal(starting(asked, 'mount -t tmpfs').length, 1);
      assert.deepEqual(starting(asked, 'systemd-growfs'), []);
      assert.match(said, /Change the card/);
    });
  }

  for (const [room, grown] of [
    [8_192, false],
    [8_193, true],
  ] as const) {
    it(`${grown ? 'grows to' : 'stays at'} the end of the card with ${room} sectors behind it`, () => {
      const blocks = 'sys/class/block';
      const { asked } = start(
        {},
        {
          [`${blocks}/mmcblk0p4/start`]: '1000\n',
          [`${blocks}/mmcblk0p4/size`]: '2000\n',
          [`${blocks}/mmcblk0/size`]: `${3_000 + room}\n`,
        },
      );
      assert.equal(starting(asked, 'sfdisk').length, grown ? 1 : 0);
      assert.deepEqual(starting(asked, 'partx'), grown ? ['partx --update --nr 4 /dev/mmcblk0'] : []);
    });
  }

  for (const waits of [true, false]) {
    it(`leaves the boot partition ${waits ? 'writable while an identity waits there' : 'read-only'}`, () => {
      const { asked } = start({}, waits ? { 'boot/firmware/bestday/phone.api-key': 'x' } : {});
      assert.match(starting(asked, 'mount -t vfat')[0]!, /-o ro,/);
      assert.deepEqual(starting(asked, 'mount -o'), waits ? ['mount -o remount,rw /boot/firmware'] : []);
    });
  }
});

describe('provisioning', function () {
  this.timeout(60_000);
  const IDENTITY = identityFiles({
    deviceId: '11111111-2222-4333-8444-555555555555',
    apiKey: 'key-of-a-phone-0123456789',
    board: 'pi-4-usb',
    wifi: { ssid: 'home', password: 'secret word' },
  });
  const PLACES: Readonly<Record<string, string>> = {
    'phone.device-id': 'etc/credstore/phone.device-id',
    'phone.api-key': 'etc/credstore/phone.api-key',
    'wifi.nmconnection': 'etc/NetworkManager/system-connections/bestday.nmconnection',
    default: 'data/etc/bestday-phone',
  };
  const SOURCE = 'root/boot/firmware/bestday';
  let real: string;

  /** A phone with an identity on its boot partition, and with the image's link. */
  function phone(): void {
    for (const [name, content] of Object.entries(IDENTITY)) put(`${SOURCE}/${name}`, content);
    put('root/data/etc/bestday-phone', 'BESTDAY_BOARD=virtual\n');
    mkdirSync(at('root/etc/default'), { recursive: true });
    symlinkSync(at('root/data/etc/bestday-phone'), at('root/etc/default/bestday-phone'));
    mkdirSync(at('root/etc/credstore'), { recursive: true });
  }

  /** Runs it; the power fails within the command of that number: 0 for never. @returns true when it did */
  function provision(cutAt = 0): boolean {
    rmSync(at('count'), { force: true });
    // A group of its own: what is killed is the script and all that it started.
    const path = cutAt === 0 ? real : `${at('bin')}:${real}`;
    return (
      spawnSync('setsid', ['--wait', 'sh', 'scripts/package/provision.sh', at('root')], {
        env: { PATH: path, CUT: String(cutAt), REAL: real },
      }).status !== 0
    );
  }

  /** Programs that count themselves, and of which one is struck in the middle of its work. */
  function fragilePrograms(): void {
    const half =
      'for to; do :; done; case $name in install) head -c 3 "$3" > "$to" ;; shred) echo noise > "$to" ;; rm) find "$to" -type f -name "[p-w]*" -delete ;; esac';
    for (const name of ['install', 'sync', 'mv', 'shred', 'rm', 'mkdir']) {
      put(
        `bin/${name}`,
        `#!/bin/sh\nPATH=$REAL\nname=${name}\nn=0\nread n 2>/dev/null < ${at('count')}\necho $((n += 1)) > ${at('count')}\nif [ $n -eq $CUT ]; then ${half}; kill -9 0; fi\nexec ${name} "$@"\n`,
        0o755,
      );
    }
  }

  const found = (): (string | undefined)[] =>
    Object.values(PLACES).map((path) =>
      existsSync(at('root', path)) ? readFileSync(at('root', path), 'utf8') : undefined,
    );
  const wanted = Object.keys(PLACES).map((name) => IDENTITY[name]);

  before(function () {
    real = process.env['PATH']!;
    if (!has('setsid') || !has('shred')) this.skip();
  });

  it('takes the identity to where it is read, for root alone, and leaves none of it behind', () => {
    phone();
    assert.equal(provision(), false);
    assert.deepEqual(found(), wanted);
    assert.equal(existsSync(at(SOURCE)), false);
    assert.deepEqual(readdirSync(at('root/etc/credstore')).sort(), ['phone.api-key', 'phone.device-id']);
    for (const name of ['phone.api-key', 'wifi.nmconnection'])
      assert.equal(statSync(at('root', PLACES[name]!)).mode & 0o777, 0o600);
  });

  it('survives a power cut within every one of its steps', () => {
    fragilePrograms();
    for (let step = 1; ; step += 1) {
      rmSync(at('root'), { recursive: true, force: true });
      phone();
      const wasCut = provision(step);
      // Nothing half: each is there as it was, or as it will be.
      for (const [index, content] of found().entries())
        assert.ok([undefined, 'BESTDAY_BOARD=virtual\n', wanted[index]].includes(content), `step ${step}: ${content}`);
      assert.equal(provision(), false, `step ${step}`);
      assert.deepEqual(found(), wanted, `step ${step}`);
      assert.equal(existsSync(at(SOURCE)), false, `step ${step}`);
      if (!wasCut) {
        assert.ok(step > 20, `only ${step} steps`);
        break;
      }
    }
  });

  it('keeps the identity on the boot partition while /data is only memory', () => {
    phone();
    put('root/run/bestday-phone-image/data-in-memory', '');
    assert.equal(provision(), false);
    assert.deepEqual(found(), wanted);
    assert.deepEqual(readdirSync(at(SOURCE)).sort(), Object.keys(IDENTITY).sort());
  });
});
