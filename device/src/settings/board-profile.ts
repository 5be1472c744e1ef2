import { readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import * as z from 'zod/mini';
import { dataPath } from '../../../common/src/system/package-root.ts';
import { SettingsError } from '../../../common/src/system/settings-error.ts';
import { readNamedFile } from '../../../common/src/system/private-file.ts';

/** Where the profiles are, a folder each, and the file that describes one. `npm run hardware` renders them. */
const FOLDER = 'hardware/profiles';
const FILE = 'profile.json';

const words = z.string().check(z.minLength(1), z.maxLength(200));
/** Of the 40-pin header. */
const pin = z.int().check(z.minimum(1), z.maximum(40));
const wire = {
  /** The chip's label, as `gpiodetect` shows it. */
  chip: z.string().check(z.regex(/^[\w.:@-]{1,31}$/)),
  line: z.int().check(z.minimum(0), z.maximum(511)),
  /** Pin of the header that the wire goes to; null on a board without one. */
  pin: z.nullable(pin),
  activeLow: z.boolean(),
};

export const BoardProfile = z.strictObject({
  name: z.string().check(z.regex(/^[a-z0-9][a-z0-9-]{0,39}$/)),
  title: words,
  architectures: z.array(z.enum(['arm64', 'armhf', 'amd64'])).check(z.minLength(1)),
  sound: z.strictObject({
    /** Part of the device's name, or an ALSA name that `asoundConf` defines. Absent: the system's default. */
    input: z.optional(words),
    output: z.optional(words),
    /** What the card itself can do, Hz. */
    rates: z.array(z.int().check(z.minimum(8_000), z.maximum(192_000))).check(z.minLength(1)),
    /** ALSA configuration in the board's folder, which replaces the system's. */
    asoundConf: z.optional(z.literal('asound.conf')),
    /** Card and controls that are set once at boot, so that nothing the card remembers can silence the phone. */
    mixer: z.optional(
      z.strictObject({ card: words, controls: z.array(z.strictObject({ name: words, value: words })) }),
    ),
    /** A speakerphone hears itself. The sound server's canceller takes that away; the file is its configuration. */
    echoCancellation: z.optional(
      z.strictObject({ method: z.literal('webrtc'), server: z.literal('pulseaudio'), config: z.literal('echo.pa') }),
    ),
  }),
  /** How a call is begun: a handset on its cradle (active: it is up) or one push button (active: pressed). */
  switch: z.optional(
    z.strictObject({ kind: z.enum(['cradle', 'button']), ...wire, bias: z.enum(['pull-up', 'pull-down', 'off']) }),
  ),
  led: z.optional(z.strictObject(wire)),
  /** Lines for the boot partition's config.txt. */
  boot: z.array(z.string().check(z.regex(/^(dtoverlay|dtparam)=[\w.,=-]+$/))),
});
export type BoardProfile = z.infer<typeof BoardProfile>;

export interface Board {
  readonly profile: BoardProfile;
  /** Its folder, absolute. */
  readonly folder: string;
}

/**
 * @param board a name under `hardware/profiles/`, or the path of a profile or of its folder (anything with a `/`)
 * @throws {SettingsError} missing, unreadable, bad-file
 */
export function loadBoard(board: string): Board {
  const path = board.includes('/') ? resolve(board) : dataPath(FOLDER, board);
  const file = path.endsWith('.json') ? path : join(path, FILE);
  const content = readNamedFile(file, 'board')?.content;
  if (content === undefined)
    throw new SettingsError(
      'missing',
      'board',
      `there is no board profile ${file}; there are ${boardNames().join(', ')}`,
    );
  return { profile: parseBoardProfile(content, file), folder: dirname(file) };
}

/** @throws {SettingsError} bad-file; its text names the first field that is wrong */
export function parseBoardProfile(content: string, file: string): BoardProfile {
  let json: unknown;
  try {
    json = JSON.parse(content);
  } catch (cause) {
    throw new SettingsError('bad-file', 'board', `${file} is no JSON: ${(cause as Error).message}`, { cause });
  }
  const parsed = BoardProfile.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new SettingsError(
    'bad-file',
    'board',
    `${file}: ${issue!.path.join('.') || 'the profile'}: ${issue!.message}`,
    { cause: parsed.error },
  );
}

/** The boards that come with the phone. */
export function boardNames(): string[] {
  return readdirSync(dataPath(FOLDER), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

/** Which devices to open: settings rule, the board's profile comes next, the system's default last. */
export function soundOf(
  settings: { readonly inputDevice?: string | undefined; readonly outputDevice?: string | undefined },
  board: Board | undefined,
): { inputDevice?: string; outputDevice?: string } {
  const sound = board?.profile.sound;
  // The sound process inherits it, and with it every name that the board's ALSA configuration defines.
  if (board !== undefined && sound?.asoundConf !== undefined)
    process.env['ALSA_CONFIG_PATH'] ??= join(board.folder, sound.asoundConf);
  const input = settings.inputDevice ?? sound?.input;
  const output = settings.outputDevice ?? sound?.output;
  return { ...(input !== undefined && { inputDevice: input }), ...(output !== undefined && { outputDevice: output }) };
}
