import { join } from 'node:path';
import type { Board } from '../settings/board-profile.ts';
import type { Settings } from '../settings/settings.ts';

/** Which devices to open: settings rule, the board's profile comes next, the system's default last. */
export function soundOf(settings: Settings, board: Board | undefined): { inputDevice?: string; outputDevice?: string } {
  const sound = board?.profile.sound;
  // The sound process inherits it, and with it every name that the board's ALSA configuration defines.
  if (board !== undefined && sound?.asoundConf !== undefined)
    process.env['ALSA_CONFIG_PATH'] ??= join(board.folder, sound.asoundConf);
  const input = settings.inputDevice ?? sound?.input;
  const output = settings.outputDevice ?? sound?.output;
  return { ...(input !== undefined && { inputDevice: input }), ...(output !== undefined && { outputDevice: output }) };
}
