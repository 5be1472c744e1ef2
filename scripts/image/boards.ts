import { boardNames, loadBoard } from '../../device/src/settings/board-profile.ts';
import type { BoardProfile } from '../../device/src/settings/board-profile.ts';

/** Of the Pi 5: Debian's kernel has no driver for the chip behind its header. */
const RP1 = 'pinctrl-rp1';

/** Why Debian's kernel does not do for a board; undefined: it does, and there can be an image. */
export function obstacleOf(profile: BoardProfile): string | undefined {
  if (!profile.architectures.includes('arm64') || profile.switch === undefined)
    return 'is no board that boots from a card';
  if (profile.switch.chip === RP1) return "has a header that Debian's own kernel does not know";
  return profile.boot.some((line) => line.startsWith('dtoverlay='))
    ? "needs an overlay that Debian's own kernel does not load"
    : undefined;
}

/** Boards that there can be an image for. */
export function imageBoards(): string[] {
  return boardNames().filter((name) => obstacleOf(loadBoard(name).profile) === undefined);
}

/** @throws {Error} with what to do instead */
export function boardForImage(name: string | undefined): BoardProfile {
  const choices = `choose --board ${imageBoards().join(', ')}`;
  if (name === undefined) throw new Error(`for which board? ${choices}`);
  if (!boardNames().includes(name)) throw new Error(`there is no board '${name}'; ${choices}`);
  const { profile } = loadBoard(name);
  const obstacle = obstacleOf(profile);
  if (obstacle === undefined) return profile;
  throw new Error(
    `${name} ${obstacle}: install the package (npm run package -- --arch arm64) on Raspberry Pi OS, as hardware/${name}/README.md says. For an image ${choices}`,
  );
}
