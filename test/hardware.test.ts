import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LAMP_PATTERNS } from '../device/src/panel/lamp-states.ts';
import { boardNames, loadBoard, parseBoardProfile } from '../device/src/settings/board-profile.ts';
import type { Board, BoardProfile } from '../device/src/settings/board-profile.ts';

import { debianObstacle, readBuilds } from '../scripts/hardware/data.ts';
import { renderOverview, renderProfile } from '../scripts/hardware/render.ts';

/** Pins of the 40-pin header, by BCM line: the same on every Raspberry Pi that has one. */
const HEADER: ReadonlyMap<number, number> = new Map([
  [2, 3],
  [3, 5],
  [4, 7],
  [14, 8],
  [15, 10],
  [17, 11],
  [18, 12],
  [27, 13],
  [22, 15],
  [23, 16],
  [24, 18],
  [10, 19],
  [9, 21],
  [25, 22],
  [11, 23],
  [8, 24],
  [7, 26],
  [0, 27],
  [1, 28],
  [5, 29],
  [6, 31],
  [12, 32],
  [13, 33],
  [19, 35],
  [16, 36],
  [26, 37],
  [20, 38],
  [21, 40],
]);
/** I²C and I²S: a HAT's. */
const OF_THE_HAT = [2, 3, 18, 19, 20, 21];

type Wire = NonNullable<BoardProfile['led']>;

function wires({ profile }: Board): Wire[] {
  return [profile.switch, profile.led].filter((wire) => wire !== undefined);
}

const textOf = (board: Board, file: string): string => readFileSync(join(board.folder, file), 'utf8');

describe('the hardware', () => {
  it('has the boards that are promised', () => {
    assert.deepEqual(boardNames(), [
      'pi-3b-plus-i2s',
      'pi-3b-plus-speakerphone',
      'pi-3b-plus-usb',
      'pi-4-i2s',
      'pi-4-speakerphone',
      'pi-4-usb',
      'pi-5-i2s',
      'pi-5-speakerphone',
      'pi-5-usb',
      'pi-zero-2w-i2s',
      'pi-zero-2w-usb',
      'virtual',
    ]);
  });

  it('stands in the overview, board by board', () => {
    const overview = readFileSync('hardware/README.md', 'utf8');
    for (const name of boardNames()) assert.ok(overview.includes(`[${name}](profiles/${name}/README.md)`), name);
  });

  it('has a light whose every pattern the field can read up', () => {
    const rows = readFileSync('hardware/README.md', 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('| ') && /ready|calling|in a call|coming back|needs help/.test(line));
    assert.equal(rows.length, Object.keys(LAMP_PATTERNS).length);
  });

  for (const name of boardNames()) {
    describe(name, () => {
      const board = loadBoard(name);
      const { profile } = board;

      it("carries its folder's name, and its page begins with its title", () => {
        assert.equal(profile.name, name);
        assert.ok(textOf(board, 'README.md').startsWith(`# ${profile.title}\n`));
        assert.ok(textOf(board, 'README.md').includes(`\`--board ${name}\` · ${profile.architectures.join(', ')}`));
      });

      it("names lines that lead to the pins it says, none twice, none of a HAT's", () => {
        for (const { line, pin } of wires(board)) {
          assert.equal(pin, HEADER.get(line) ?? null);
          assert.ok(!OF_THE_HAT.includes(line));
        }
        assert.equal(new Set(wires(board).map(({ chip, line }) => `${chip} ${line}`)).size, wires(board).length);
      });

      it('has a page and a drawing that name the same lines', () => {
        const rows = textOf(board, 'README.md')
          .split('\n')
          .filter((row) => /^\| (Hook switch|Push button|LED) /.test(row));
        assert.equal(rows.length, wires(board).length);
        for (const [index, { pin, line, activeLow }] of wires(board).entries()) {
          assert.match(
            rows[index]!,
            new RegExp(`^\\| [\\w ]+ \\| ${pin} \\| ${line} \\|.*active ${activeLow ? 'low' : 'high'}`),
          );
          assert.ok(textOf(board, 'wiring.svg').includes(`pin ${pin} · GPIO ${line}<`));
        }
        for (const { chip } of wires(board)) assert.ok(textOf(board, 'README.md').includes(`line of \`${chip}\``));
        assert.match(textOf(board, 'README.md'), /^## Parts\n- /m);
      });

      it('writes the boot lines it needs', () => {
        if (profile.boot.length === 0) assert.ok(!existsSync(join(board.folder, 'config.txt')));
        else assert.deepEqual(textOf(board, 'config.txt').trim().split('\n'), profile.boot);
        for (const line of profile.boot) assert.ok(textOf(board, 'README.md').includes(`\n${line}\n`), line);
      });

      it('has the sound configuration it names', function () {
        const { asoundConf, input, output, echoCancellation } = profile.sound;
        assert.equal(existsSync(join(board.folder, 'echo.pa')), echoCancellation !== undefined);
        if (echoCancellation !== undefined)
          assert.match(
            textOf(board, 'echo.pa'),
            /^load-module module-echo-cancel .*aec_method=webrtc aec_args="analog_gain_control=0 digital_gain_control=0"$/m,
          );
        assert.equal(existsSync(join(board.folder, 'asound.conf')), asoundConf !== undefined);
        if (asoundConf === undefined) return;
        const { error, stdout, stderr } = spawnSync('aplay', ['-L'], {
          encoding: 'utf8',
          env: { ...process.env, ALSA_CONFIG_PATH: join(board.folder, asoundConf) },
        });
        if (error !== undefined) {
          console.log(
            '        SKIPPED: aplay is missing, ALSA itself has not read this configuration; apt install alsa-utils',
          );
          this.skip();
        }
        const names = stdout.split('\n');
        assert.ok(names.includes(output!) && names.includes(input!), stderr);
      });
    });
  }
});

describe('what is rendered of boards and kits', () => {
  for (const build of readBuilds()) {
    it(`is up to date for ${build.name}: npm run hardware`, async () => {
      const folder = join('hardware/profiles', build.name);
      const rendered = await renderProfile(build);
      assert.deepEqual(readdirSync(folder).sort(), [...rendered.keys()].sort());
      for (const [name, content] of rendered) assert.equal(readFileSync(join(folder, name), 'utf8'), content, name);
    });
  }

  it('is up to date in the overview', () => {
    const page = readFileSync('hardware/README.md', 'utf8');
    assert.equal(renderOverview(page, readBuilds()), page);
  });
});

describe('a new board', () => {
  const BOARD = {
    title: 'Example Board 9',
    model: 'Example Board 9',
    architectures: ['arm64'],
    gpioChip: 'pinctrl-example',
    debianKernel: { obstacle: "Debian's own kernel does not start on it" },
    power: 'power supply 12 V',
    kits: ['usb', 'speakerphone'],
    notes: ['It stays cool.'],
  };
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bestday-hardware-'));
    cpSync('hardware/kits', join(folder, 'kits'), { recursive: true });
    mkdirSync(join(folder, 'boards'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is one file: it has a profile and a page with every kit', async () => {
    writeFileSync(join(folder, 'boards/example-9.json'), JSON.stringify(BOARD));
    const builds = readBuilds(folder);
    assert.deepEqual(
      builds.map(({ name }) => name),
      ['example-9-usb', 'example-9-speakerphone'],
    );
    const files = await renderProfile(builds[1]!);
    const profile = parseBoardProfile(files.get('profile.json')!, 'profile.json');
    assert.equal(profile.switch!.chip, 'pinctrl-example');
    assert.equal(profile.switch!.kind, 'button');
    assert.ok(files.has('echo.pa'));
    for (const words of [BOARD.power, BOARD.notes[0]!, BOARD.debianKernel.obstacle])
      assert.ok(files.get('README.md')!.includes(words), words);
    assert.equal(debianObstacle(builds[0]!), BOARD.debianKernel.obstacle);
  });

  const BAD: readonly (readonly [string, object, RegExp])[] = [
    ['without its chip', { gpioChip: undefined }, /example-9\.json: gpioChip/],
    ['with a word that nobody knows', { colour: 'green' }, /example-9\.json/],
    ['with a kit that there is not', { kits: ['drum'] }, /kits\/drum/],
  ];
  for (const [what, change, expected] of BAD)
    it(`${what} is refused`, () => {
      writeFileSync(join(folder, 'boards/example-9.json'), JSON.stringify({ ...BOARD, ...change }));
      assert.throws(() => readBuilds(folder), expected);
    });

  it('whose profile the phone would not accept is refused', async () => {
    writeFileSync(join(folder, 'boards/example-9.json'), JSON.stringify({ ...BOARD, architectures: ['mips'] }));
    await assert.rejects(renderProfile(readBuilds(folder)[0]!), /architectures/);
  });
});

describe('a board profile', () => {
  const good = JSON.parse(readFileSync('hardware/profiles/pi-4-usb/profile.json', 'utf8')) as Record<string, unknown>;
  const BAD: readonly (readonly [string, unknown, RegExp])[] = [
    ['that is no JSON', '{', /is no JSON/],
    ['without a name', { ...good, name: undefined }, /name/],
    [
      'with a line that is no number',
      { ...good, led: { chip: 'x', line: '24', pin: 18, activeLow: false } },
      /led\.line/,
    ],
    ['with a pin that no header has', { ...good, led: { chip: 'x', line: 24, pin: 41, activeLow: false } }, /led\.pin/],
    ['with a word that nobody knows', { ...good, lamp: {} }, /profile/],
    ['with a boot line that is more than one', { ...good, boot: ['dtparam=audio=off\nkernel=evil'] }, /boot/],
  ];
  for (const [what, value, expected] of BAD) {
    it(`${what} is refused by field`, () => {
      assert.throws(
        () => parseBoardProfile(typeof value === 'string' ? value : JSON.stringify(value), 'x/profile.json'),
        { fault: 'bad-file', message: expected },
      );
    });
  }

  it('that is not there is missed with those that are', () => {
    assert.throws(() => loadBoard('pi-9'), { fault: 'missing', message: /pi-4-usb/ });
  });

  it('may stand anywhere', () => assert.equal(loadBoard('./hardware/profiles/virtual').profile.name, 'virtual'));
});
