import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { AudioError } from '../ports.ts';
import { firstLine } from './backend.ts';

const LIST_LIMIT_MS = 2000;

/** Those that convert rates and channels come first: few cards do 16 kHz mono by themselves. */
const PREFERRED = ['plughw:', 'sysdefault:', 'default:'];

export type AlsaProgram = 'arecord' | 'aplay';

/** The names that `-D` takes. @throws {AudioError} not-installed, open-failed */
export async function listAlsaNames(program: AlsaProgram): Promise<string[]> {
  try {
    const { stdout } = await promisify(execFile)(program, ['-L'], { timeout: LIST_LIMIT_MS });
    return parseAlsaNames(stdout);
  } catch (cause) {
    throw programError(program, cause);
  }
}

/** A name stands at the start of its line, its description is indented. */
export function parseAlsaNames(listing: string): string[] {
  return listing
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => /^\S/.test(line));
}

/**
 * @returns what `-D` shall be; a name that is not in the list is passed on, because ALSA knows more than it lists
 * @throws {AudioError} when the list cannot be had, or the name is more than a name
 */
export async function chooseAlsaName(program: AlsaProgram, part: string | undefined): Promise<string | undefined> {
  if (part === undefined) return undefined;
  return pickAlsaName(await listAlsaNames(program), part);
}

export function pickAlsaName(names: readonly string[], part: string): string {
  if (names.includes(part)) return part;
  const matching = names.filter((name) => name.toLowerCase().includes(part.toLowerCase()));
  for (const prefix of PREFERRED) {
    const found = matching.find((name) => name.startsWith(prefix));
    if (found !== undefined) return found;
  }
  const name = matching[0] ?? part;
  if (!UNLISTED.test(name) && !names.includes(name))
    throw new AudioError(
      'no-device',
      `there is no sound device '${name}', and ALSA is handed no definition of one: \`bestday-phone devices\` lists those there are`,
    );
  return name;
}

/**
 * A word that a configuration defines, or a card by its usual names. To ALSA a name is a program: `file:` writes files
 * and `file:'|…'` starts commands, `tee:`, `shm:` and others open what they are told.
 */
const UNLISTED =
  /^([A-Za-z][\w-]*|(hw|plughw|plug|default|sysdefault|dmix|dsnoop|front|hdmi|iec958|usbstream):[\w=,.-]+)$/;

/** Why a program of alsa-utils could not be run. */
export function programError(program: AlsaProgram, cause: unknown): AudioError {
  return (cause as NodeJS.ErrnoException).code === 'ENOENT'
    ? new AudioError('not-installed', `${program} is missing; apt install alsa-utils`, { cause })
    : new AudioError('open-failed', `${program}: ${firstLine(cause)}`, { cause });
}
