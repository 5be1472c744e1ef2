import type { Log } from '../../../../common/src/system/log.ts';
import type { Pipeline, SpeechToText } from '../ports.ts';
import { loadVoiceActivity } from '../voice-activity.ts';
import { RecordedTextToSpeech } from './recorded-tts.ts';
import { loadClips } from './clips.ts';
import { ScriptedLanguageModel } from './scripted-llm.ts';
import { findEspeak } from './espeak-tts.ts';
import { WordlessSpeechToText } from './wordless-stt.ts';

/**
 * A pipeline that needs no key and no network.
 * @param voiceFolder recordings and their `clips.json`
 * @param recogniser where there is one; else it is heard that somebody spoke, but no words
 * @throws {ClipError}
 */
export async function openOfflinePipeline(voiceFolder: string, log: Log, recogniser?: SpeechToText): Promise<Pipeline> {
  const clips = await loadClips(voiceFolder);
  const espeak = await findEspeak();
  const recordings = new RecordedTextToSpeech(clips);
  log.info('pipeline.offline', {
    clips: clips.length,
    synthesiser: espeak === undefined ? 'none' : 'espeak-ng',
    recogniser: recogniser === undefined ? 'none' : 'pocketsphinx',
  });
  return {
    speechToText: recogniser ?? new WordlessSpeechToText(),
    languageModel: new ScriptedLanguageModel(clips, espeak !== undefined),
    textToSpeech: new RecordedTextToSpeech(clips, espeak),
    standby: {
      textToSpeech: recordings,
      fillers: clips.filter(({ role }) => role === 'filler').map(({ text }) => text),
      apologies: clips.filter(({ role }) => role === 'apology').map(({ text }) => text),
    },
    voiceActivity: await loadVoiceActivity(),
  };
}
