import type { PromptKind, PromptSource } from './prompts.ts';
import { readWav } from '../../../common/src/audio/wav.ts';
import type { Log } from '../../../common/src/system/log.ts';
import { dataPath } from '../../../common/src/system/package-root.ts';

const KINDS: readonly PromptKind[] = ['connecting', 'one-moment', 'goodbye', 'needs-help'];

/** The phone's own words, from `device/prompts`. A clip that is missing is said in the log, and comfort noise serves. */
export function loadPrompts(log: Log): PromptSource {
  const clips = new Map<PromptKind, Int16Array>();
  for (const kind of KINDS) {
    try {
      clips.set(kind, readWav(dataPath('device/prompts', `${kind}.wav`)));
    } catch (error) {
      log.warn('prompt-missing', { kind, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return { next: (kind) => clips.get(kind) };
}
