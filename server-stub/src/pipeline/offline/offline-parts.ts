import type { Log } from '../../../../common/src/system/log.ts';
import type { Standby } from '../ports.ts';
import { loadClips } from './clips.ts';
import type { RecordedClip } from './clips.ts';
import { findEspeak } from './espeak-tts.ts';
import { RecordedTextToSpeech } from './recorded-tts.ts';
import type { Synthesiser } from './recorded-tts.ts';

/** What the offline stages share: they need no key and no network. */
export interface OfflineParts {
  readonly clips: readonly RecordedClip[];
  readonly synthesiser: Synthesiser | undefined;
  readonly standby: Standby;
}

/**
 * @param voiceFolder recordings and their `clips.json`
 * @throws {ClipError}
 */
export async function loadOfflineParts(voiceFolder: string, log: Log): Promise<OfflineParts> {
  const clips = await loadClips(voiceFolder);
  const synthesiser = await findEspeak();
  const textsOf = (wanted: RecordedClip['role']): string[] =>
    clips.filter(({ role }) => role === wanted).map(({ text }) => text);
  log.info('pipeline.offline', { clips: clips.length, synthesiser: synthesiser === undefined ? 'none' : 'espeak-ng' });
  return {
    clips,
    synthesiser,
    standby: {
      textToSpeech: new RecordedTextToSpeech(clips),
      fillers: textsOf('filler'),
      apologies: textsOf('apology'),
      greetings: textsOf('greeting'),
    },
  };
}
