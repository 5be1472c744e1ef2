// @ts-check
/** What the tests on real parts need from the system, and how to get it. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** @type {ReadonlyArray<{packages: string[], present: () => boolean, without: string}>} */
const PARTS = [
  {
    packages: ['python3', 'make', 'g++'],
    present: () => ['python3', 'make', 'g++'].every(onPath),
    without: 'the native sound and codec parts cannot be built; their tests are skipped',
  },
  {
    packages: ['pulseaudio', 'pulseaudio-utils', 'libasound2-plugins'],
    present: () => onPath('pulseaudio') && onPath('pactl') && hasPulsePlugin(),
    without: 'the tests on the virtual sound card are skipped',
  },
  {
    packages: ['redis-server'],
    present: () => onPath('redis-server'),
    without: 'the tests of conversations that outlive a server process are skipped',
  },
  {
    packages: ['alsa-utils'],
    present: () => onPath('arecord') && onPath('aplay'),
    without: 'the tests of the command-line sound are skipped',
  },
  {
    packages: ['systemd-container'],
    present: () => onPath('systemd-nspawn') && onPath('systemd-analyze'),
    without: 'the tests under a real systemd are skipped',
  },
  {
    packages: ['mtools'],
    present: () => onPath('mcopy') && onPath('mformat'),
    without: 'the test that puts an identity on a card is skipped',
  },
];

/** Installs what is missing where that is allowed; says what will be skipped where it is not. */
export function provideSystemParts() {
  const missing = PARTS.filter(({ present }) => !present());
  if (missing.length === 0) return;
  if (process.getuid?.() === 0 && onPath('apt-get')) aptInstall(missing.flatMap(({ packages }) => packages));
  for (const { packages, without } of missing.filter(({ present }) => !present())) {
    console.error(
      `test: ${packages.join(', ')} missing: ${without}. To have it: sudo apt-get install -y ${packages.join(' ')}`,
    );
  }
}

/** @param {string[]} packages */
function aptInstall(packages) {
  console.error(`test: installing ${packages.join(', ')} …`);
  const options = {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    encoding: /** @type {const} */ ('utf8'),
  };
  spawnSync('apt-get', ['update', '-qq'], options);
  const { status, stderr } = spawnSync(
    'apt-get',
    ['install', '-y', '-qq', '--no-install-recommends', ...packages],
    options,
  );
  if (status !== 0) console.error(`test: apt-get could not: ${stderr.trim().split('\n').at(-1)}`);
}

/** @param {string} program */
function onPath(program) {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));
}

/** ALSA programs reach PulseAudio through a plug-in that lies in the architecture's library folder. */
function hasPulsePlugin() {
  return readdirSync('/usr/lib').some((folder) =>
    existsSync(join('/usr/lib', folder, 'alsa-lib/libasound_module_pcm_pulse.so')),
  );
}
