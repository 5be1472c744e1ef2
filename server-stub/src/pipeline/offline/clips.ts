import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { parseSpeechWav } from '../../../../common/src/audio/wav.ts';

const Clip = z.object({
  id: z.string(),
  file: z.string().check(z.regex(/^[\w-]+\.wav$/)),
  text: z.string().check(z.minLength(1)),
  role: z.enum(['greeting', 'reply', 'question', 'farewell', 'filler', 'apology']),
});
const Clips = z.array(Clip).check(z.minLength(1));

export type ClipRole = z.infer<typeof Clip>['role'];

/** A recorded sentence. */
export interface RecordedClip {
  readonly text: string;
  readonly role: ClipRole;
  /** 16 kHz mono. */
  readonly pcm: Int16Array;
}

export class ClipError extends Error {
  override readonly name = 'ClipError';
}

/**
 * @param folder holds `clips.json` and the recordings it names
 * @throws {ClipError}
 */
export async function loadClips(folder: string): Promise<RecordedClip[]> {
  const listed = Clips.safeParse(await readList(join(folder, 'clips.json')));
  if (!listed.success)
    throw new ClipError(
      `${join(folder, 'clips.json')} is no list of {id, file, text, role}; restore it from the repository`,
    );
  return Promise.all(
    listed.data.map(async ({ file, text, role }) => ({ text, role, pcm: await readClip(join(folder, file)) })),
  );
}

async function readList(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new ClipError(`${file} cannot be read; restore it from the repository`, { cause: error });
  }
}

async function readClip(file: string): Promise<Int16Array> {
  try {
    return parseSpeechWav(await readFile(file));
  } catch (error) {
    throw new ClipError(`${file} cannot be read as a 16 kHz mono recording; restore it from the repository`, {
      cause: error,
    });
  }
}
