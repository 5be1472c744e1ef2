import type { Clock } from '../../../common/src/time/clock.ts';
import type { Log } from '../../../common/src/system/log.ts';
import { readNamedFile } from '../../../common/src/system/private-file.ts';
import { ServerError } from '../system/errors.ts';
import { openOfflinePipeline } from './offline/offline-pipeline.ts';
import { findPocketsphinx } from './offline/pocketsphinx-stt.ts';
import { WordlessSpeechToText } from './offline/wordless-stt.ts';
import type { LanguageModel, Pipeline, SentenceTextToSpeech, SpeechToText, StageName } from './ports.ts';
import type { ServiceSettings } from './service-settings.ts';
import { CircuitBreaker } from './resilience/circuit-breaker.ts';
import { HEDGING, NO_HEDGING, ResponseTimes } from './resilience/hedging.ts';
import type { Resilience } from './resilience/retry.ts';
import { ResilientSpeechToText } from './resilience/resilient-stt.ts';
import { ResilientLanguageModel } from './resilience/resilient-llm.ts';
import { ResilientTextToSpeech } from './resilience/resilient-tts.ts';
import type { KeyName } from './service-keys.ts';
import { openElevenLabs, openOpenAi } from './vendors/clients.ts';
import { ElevenLabsSpeechToText } from './stt/elevenlabs-stt.ts';
import { ElevenLabsTextToSpeech } from './tts/elevenlabs-tts.ts';
import { OpenAiSpeechToText } from './stt/openai-stt.ts';
import { DEFAULT_PROMPT, OpenAiLanguageModel } from './llm/openai-llm.ts';
import { OpenAiTextToSpeech } from './tts/openai-tts.ts';

export interface PipelineOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Recordings and their `clips.json`. */
  readonly voiceFolder: string;
  readonly settings: ServiceSettings;
  readonly keyOf: (name: KeyName) => string | undefined;
  /** Told of every request to a service that failed. */
  readonly failed: (stage: StageName, error: unknown) => void;
}

/**
 * The pipeline that the settings ask for. Whatever serves a stage, the offline pipeline stands behind it: its recordings
 * fill and apologise, and it takes a stage over while the service of that stage is broken.
 * @throws {ServerError} @throws {ClipError}
 */
export async function openPipeline(options: PipelineOptions): Promise<Pipeline> {
  const { clock, settings, log, failed } = options;
  const recogniser =
    settings.stt === 'wordless' ? undefined : await findPocketsphinx(clock, new WordlessSpeechToText());
  const offline = await openOfflinePipeline(options.voiceFolder, log, recogniser);
  const breakers = { stt: new CircuitBreaker(clock), llm: new CircuitBreaker(clock), tts: new CircuitBreaker(clock) };
  const resilience = <S extends keyof typeof breakers>(key: S, stage: StageName, race = NO_HEDGING): Resilience => ({
    clock,
    failed,
    stage,
    breaker: breakers[key],
    responseTimes: new ResponseTimes(clock, settings.race === 'never' ? NO_HEDGING : race),
  });
  const ears = await openEars(options);
  const model = await openModel(options);
  const voice = await openVoice(options);
  log.info('pipeline', { stt: settings.stt, llm: settings.llm, tts: settings.tts });
  // Nobody was heard, or the voice would be another's: then the offline companion, whose every word is recorded, is better company.
  const deaf = (): boolean => breakers.stt.open || breakers.tts.open;
  return {
    ...offline,
    ...(ears && {
      speechToText: new ResilientSpeechToText(ears, offline.speechToText, resilience('stt', 'speech-to-text')),
    }),
    ...(model && {
      languageModel: new ResilientLanguageModel(
        model,
        offline.languageModel,
        resilience('llm', 'language-model', HEDGING.languageModel),
        deaf,
      ),
    }),
    ...(voice && {
      textToSpeech: new ResilientTextToSpeech(
        voice,
        offline.textToSpeech,
        resilience('tts', 'text-to-speech', HEDGING.textToSpeech),
      ),
    }),
  };
}

async function openEars({ settings, keyOf }: PipelineOptions): Promise<SpeechToText | undefined> {
  if (settings.stt === 'elevenlabs')
    return new ElevenLabsSpeechToText(await openElevenLabs(settings.elevenlabsUrl, keyOf('elevenlabs')), {
      modelId: settings.elevenlabsSttModel,
    });
  if (settings.stt === 'openai')
    return new OpenAiSpeechToText(await openOpenAi(settings.sttUrl, keyOf('stt')), settings.sttModel);
  return undefined;
}

async function openModel({ settings, keyOf }: PipelineOptions): Promise<LanguageModel | undefined> {
  if (settings.llm === 'offline') return undefined;
  const prompt = settings.llmPromptFile === undefined ? DEFAULT_PROMPT : readPrompt(settings.llmPromptFile);
  return new OpenAiLanguageModel(await openOpenAi(settings.llmUrl, keyOf('llm')), {
    model: settings.llmModel,
    prompt,
    maxTokens: MAX_TOKENS,
  });
}

async function openVoice({ settings, keyOf }: PipelineOptions): Promise<SentenceTextToSpeech | undefined> {
  if (settings.tts === 'elevenlabs') {
    return new ElevenLabsTextToSpeech(await openElevenLabs(settings.elevenlabsUrl, keyOf('elevenlabs')), {
      voiceId: settings.elevenlabsVoice,
      modelId: settings.elevenlabsTtsModel,
    });
  }
  if (settings.tts === 'openai')
    return new OpenAiTextToSpeech(await openOpenAi(settings.ttsUrl, keyOf('tts')), {
      model: settings.ttsModel,
      voice: settings.ttsVoice,
    });
  return undefined;
}

/** Half a minute of speech. */
const MAX_TOKENS = 150;

function readPrompt(path: string): string {
  const prompt = readNamedFile(path, 'llmPromptFile')?.content.trim();
  if (prompt === undefined || prompt === '')
    throw new ServerError('bad-file', `--llm-prompt-file: ${path} is missing or empty`);
  return prompt;
}
