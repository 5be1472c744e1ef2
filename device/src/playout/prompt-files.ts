import { existsSync, readFileSync } from 'node:fs';
import { readWav } from '../../../common/src/audio/wav.ts';
import type { Log } from '../../../common/src/system/log.ts';
import { dataPath } from '../../../common/src/system/package-root.ts';
import type { Clock } from '../../../common/src/time/clock.ts';
import { PROMPT_KINDS } from './prompts.ts';
import type { PromptKind, PromptSource } from './prompts.ts';

/**
 * The phone's own words, from `device/prompts/LANGUAGE`. Another kind stands in for one that has no recording: an
 * unfitting word is better than none. What is missing is logged, and comfort noise serves.
 * @param language BCP 47; its primary subtag names the folder, `en` serves where there is none
 */
export function loadPrompts(log: Log, language: string): PromptSource {
  const folder = folderOf(language);
  const clips = new Map<PromptKind, Int16Array[]>();
  for (const { kind, file } of recordingsIn(folder, log)) {
    try {
      clips.set(kind, [...(clips.get(kind) ?? []), readWav(dataPath(folder, file))]);
    } catch (error) {
      log.warn('prompt.missing', { kind, file, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return inTurn(clips);
}

/** Reads the recordings `PROMPTS_AFTER_MS` from now, or when one is asked for: the first frame does not wait for it. */
export function promptsAfterStart(clock: Clock, load: () => PromptSource): PromptSource {
  let prompts: PromptSource | undefined;
  const loaded = (): PromptSource => (prompts ??= load());
  clock.after(PROMPTS_AFTER_MS, loaded);
  return { next: (kind) => loaded().next(kind) };
}

/** The first prompt is due a second and more after the start. */
const PROMPTS_AFTER_MS = 400;

interface Recording {
  readonly kind: PromptKind;
  readonly file: string;
}

const FALLBACK_LANGUAGE = 'en';

function folderOf(language: string): string {
  const primary = /^[a-z]{2,3}(?=-|$)/.exec(language.toLowerCase())?.[0] ?? FALLBACK_LANGUAGE;
  const [wanted, fallback] = [primary, FALLBACK_LANGUAGE].map((name) => `device/prompts/${name}`) as [string, string];
  return existsSync(dataPath(wanted, 'prompts.json')) ? wanted : fallback;
}

function recordingsIn(folder: string, log: Log): readonly Recording[] {
  try {
    const listed = JSON.parse(readFileSync(dataPath(folder, 'prompts.json'), 'utf8')) as Recording[];
    return listed.filter(({ kind }) => PROMPT_KINDS.includes(kind));
  } catch (error) {
    log.error('prompt.list-missing', { folder, reason: error instanceof Error ? error.message : String(error) });
    return [];
  }
}

/** Each kind's recordings one after the other; what stands in for a kind without any is the one said most often. */
function inTurn(clips: ReadonlyMap<PromptKind, readonly Int16Array[]>): PromptSource {
  const said = new Map<PromptKind, number>();
  return {
    next(kind) {
      const own = clips.get(kind) ?? clips.get('one-moment') ?? [...clips.values()][0];
      if (own === undefined) return undefined;
      const turn = said.get(kind) ?? 0;
      said.set(kind, turn + 1);
      return own[turn % own.length];
    },
  };
}
