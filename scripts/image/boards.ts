import { boardNames, loadBoard } from '../../device/src/settings/board-profile.ts';
import type { BoardProfile } from '../../device/src/settings/board-profile.ts';
import { debianObstacle, readBuilds } from '../hardware/data.ts';

/** Profiles that there can be an image for: those that Debian's own kernel will do for. */
export function imageBoards(): string[] {
  return readBuilds()
    .filter((build) => debianObstacle(build) === undefined)
    .map(({ name }) => name)
    .sort();
}

/** @throws {Error} with what to do instead */
export function boardForImage(name: string | undefined): BoardProfile {
  const choices = `choose --board ${imageBoards().join(', ')}`;
  if (name === undefined) throw new Error(`for which board? ${choices}`);
  if (!boardNames().includes(name)) throw new Error(`there is no board '${name}'; ${choices}`);
  const build = readBuilds().find((each) => each.name === name);
  if (build === undefined) throw new Error(`${name} is not a board that boots from a card; ${choices}`);
  const obstacle = debianObstacle(build);
  if (obstacle === undefined) return loadBoard(name).profile;
  throw new Error(
    `there can be no image for ${name}: ${obstacle}. Install the package (npm run package -- --arch arm64) on Raspberry Pi OS, as hardware/profiles/${name}/README.md says. For an image ${choices}`,
  );
}
