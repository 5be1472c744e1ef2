import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { HARDWARE, readBuilds } from './hardware/data.ts';
import { renderOverview, renderProfile } from './hardware/render.ts';

/** `npm run hardware`: writes the profile and the wiring page of every board with every kit that fits it. */

const builds = readBuilds();
const overview = join(HARDWARE, 'README.md');
const files = new Map([[overview, renderOverview(readFileSync(overview, 'utf8'), builds)]]);
for (const build of builds)
  for (const [name, content] of await renderProfile(build))
    files.set(join(HARDWARE, 'profiles', build.name, name), content);

const stale = [...files].filter(([file, content]) => !existsSync(file) || readFileSync(file, 'utf8') !== content);
for (const [file, content] of stale) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  console.log(`written: ${file}`);
}
console.log(
  `${builds.length} profiles: ${stale.length === 0 ? 'every file is up to date' : `${stale.length} files written`}`,
);
