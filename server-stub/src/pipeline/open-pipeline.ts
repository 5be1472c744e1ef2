import type { Clock } from '../../../common/src/time/clock.ts';
import type { Log } from '../../../common/src/system/log.ts';
import { LLM_VENDORS } from './llm/vendors.ts';
import { loadOfflineParts } from './offline/offline-parts.ts';
import type { Pipeline, StageName } from './ports.ts';
import { CircuitBreaker } from './resilience/circuit-breaker.ts';
import { HEDGING, NO_HEDGING, ResponseTimes } from './resilience/hedging.ts';
import { ResilientLanguageModel } from './resilience/resilient-llm.ts';
import { ResilientSpeechToText } from './resilience/resilient-stt.ts';
import { ResilientTextToSpeech } from './resilience/resilient-tts.ts';
import type { Resilience } from './resilience/retry.ts';
import type { ServiceSettings } from './service-settings.ts';
import { STT_VENDORS } from './stt/vendors.ts';
import { TTS_VENDORS } from './tts/vendors.ts';
import type { VendorParts, VendorTable } from './vendor.ts';
import { loadVoiceActivity } from './voice-activity.ts';

/**
 * The pipeline that the settings ask for: a row of each stage's table. A service is made resilient, with the offline stage
 * as its fallback; recordings fill and apologise whatever serves.
 * @throws {ServerError} @throws {ClipError}
 */
export async function openPipeline(options: PipelineOptions): Promise<Pipeline> {
  const { clock, log, settings, keyOf } = options;
  const { standby, ...offline } = await loadOfflineParts(options.voiceFolder, log);
  const parts: VendorParts = { clock, log, keyOf, ...offline };
  const stt = await openStage(STT_VENDORS, settings.stt, settings, parts);
  const llm = await openStage(LLM_VENDORS, settings.llm, settings, parts);
  const tts = await openStage(TTS_VENDORS, settings.tts, settings, parts);
  log.info('pipeline', { stt: settings.stt, llm: settings.llm, tts: settings.tts });
  const resilient = resilienceOf(options);
  // A model whose input was not transcribed, or whose answer another voice would say, is not asked.
  const useOfflineModel = (): boolean => resilient.stt.breaker.open || resilient.tts.breaker.open;
  const inUse = Object.entries({ stt, llm, tts }).filter(([, { service }]) => service !== undefined);
  const breakers = inUse.map(([stage]) => resilient[stage as keyof typeof resilient].breaker);
  return {
    servicesDown: () => breakers.length > 0 && breakers.every((breaker) => breaker.resting),
    speechToText: stt.service ? new ResilientSpeechToText(stt.service, stt.local, resilient.stt) : stt.local,
    languageModel: llm.service
      ? new ResilientLanguageModel(llm.service, llm.local, resilient.llm, useOfflineModel)
      : llm.local,
    textToSpeech: tts.service ? new ResilientTextToSpeech(tts.service, tts.local, resilient.tts) : tts.local,
    standby,
    voiceActivity: await loadVoiceActivity(),
  };
}

export interface PipelineOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Recordings and their `clips.json`. */
  readonly voiceFolder: string;
  readonly settings: ServiceSettings;
  readonly keyOf: (name: string) => string | undefined;
  /** Told of every request to a service that failed. */
  readonly failed: (stage: StageName, error: unknown) => void;
}

/** @returns the local stage that serves, or the service and the local stage that is its fallback */
async function openStage<Local, Service>(
  table: VendorTable<Local, Service>,
  chosen: string,
  settings: ServiceSettings,
  parts: VendorParts,
): Promise<{ readonly local: Local; readonly service?: Service }> {
  const [fallback] = table;
  const row = table.find(({ name }) => name === chosen) ?? fallback;
  if (row.kind === 'local') return { local: await row.open(parts) };
  return { local: await fallback.open(parts), service: await row.open(parts, settings) };
}

function resilienceOf({ clock, settings, failed }: PipelineOptions): Record<'stt' | 'llm' | 'tts', Resilience> {
  const of = (stage: StageName, hedging = NO_HEDGING): Resilience => ({
    clock,
    stage,
    failed,
    breaker: new CircuitBreaker(clock),
    responseTimes: new ResponseTimes(clock, settings.race === 'never' ? NO_HEDGING : hedging),
  });
  return {
    stt: of('speech-to-text'),
    llm: of('language-model', HEDGING.languageModel),
    tts: of('text-to-speech', HEDGING.textToSpeech),
  };
}
