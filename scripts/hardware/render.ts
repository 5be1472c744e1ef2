import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'prettier';
import { parseBoardProfile } from '../../device/src/settings/board-profile.ts';
import type { BoardProfile } from '../../device/src/settings/board-profile.ts';
import { titleOf } from './data.ts';
import type { Build } from './data.ts';
import { drawing, wiringPage } from './wiring.ts';

/** Configuration that a kit brings along, as it is. */
const KIT_FILES = ['asound.conf', 'echo.pa'];

/** All files of one profile's folder, by name. @throws {SettingsError} when the data make no profile the phone accepts */
export async function renderProfile(build: Build): Promise<Map<string, string>> {
  const profile = composeProfile(build);
  const files = new Map([
    [
      'profile.json',
      await format(JSON.stringify(profile), { parser: 'json', printWidth: 120, objectWrap: 'collapse' }),
    ],
    ['README.md', wiringPage(build)],
    ['wiring.svg', drawing(build)],
    ['config.txt', `${profile.boot.join('\n')}\n`],
  ]);
  for (const name of KIT_FILES.filter((each) => existsSync(join(build.kitFolder, each))))
    files.set(name, readFileSync(join(build.kitFolder, name), 'utf8'));
  return files;
}

const OVERVIEW = /(<!-- profiles: .*-->\n)[^]*(<!-- end of profiles -->)/;

/** `hardware/README.md` with its table of profiles made anew: a row for each board, a column for each kit. */
export function renderOverview(page: string, builds: readonly Build[]): string {
  const kits = new Map(builds.map(({ kitName, kit }) => [kitName, kit]));
  const boards = new Map(builds.map(({ board }) => [board.title, builds.filter((build) => build.board === board)]));
  const rows = [
    ['board', ...[...kits.values()].map(({ title }) => `with ${title}`)],
    ['---', ...[...kits].map(() => '---')],
    ...[...boards].map(([title, ofBoard]) => [
      title,
      ...[...kits.keys()].map((kit) => linkTo(ofBoard.find(({ kitName }) => kitName === kit))),
    ]),
    ['any computer', '[virtual](profiles/virtual/README.md)', ...[...kits].slice(1).map(() => '')],
  ];
  return page.replace(OVERVIEW, `$1${rows.map((cells) => `| ${cells.join(' | ')} |\n`).join('')}$2`);
}

function linkTo(build: Build | undefined): string {
  return build === undefined ? '' : `[${build.name}](profiles/${build.name}/README.md)`;
}

/** What the daemon loads with `--board`. */
export function composeProfile(build: Build): BoardProfile {
  const { name, board, kit } = build;
  const profile = {
    name,
    title: titleOf(build),
    architectures: board.architectures,
    sound: { input: 'phone_in', output: 'phone_out', asoundConf: 'asound.conf', ...kit.sound },
    switch: { chip: board.gpioChip, ...kit.switch, groundPin: undefined },
    led: { chip: board.gpioChip, ...kit.led, groundPin: undefined },
    boot: kit.boot,
  };
  return parseBoardProfile(JSON.stringify(profile), `the profile ${name}`);
}
