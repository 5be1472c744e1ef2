import { storeOf } from '../store/stores.ts';
import type { StoreChoice } from '../store/conversation-store.ts';
import type { Destination } from '../system/plaintext.ts';
import { LLM_VENDORS } from './llm/vendors.ts';
import type { ServiceSettings } from './service-settings.ts';
import { SERVICE_SETTINGS } from './service-settings.ts';
import { STT_VENDORS } from './stt/vendors.ts';
import { TTS_VENDORS } from './tts/vendors.ts';

/** Every host that keys or patients' words would be sent to: of the vendors in use, and of the store. */
export function destinations(settings: ServiceSettings, store: StoreChoice | undefined): readonly Destination[] {
  const inUse = [
    STT_VENDORS.find(({ name }) => name === settings.stt),
    LLM_VENDORS.find(({ name }) => name === settings.llm),
    TTS_VENDORS.find(({ name }) => name === settings.tts),
  ];
  const urls = inUse
    .flatMap((row) => Object.entries(row?.settings ?? {}))
    .filter(([, { placeholder }]) => placeholder === 'URL');
  const stored = store && storeOf(store.url)?.destination?.(store.url);
  return [...new Set(urls.map(([name]) => name))].map((name) => vendor(name, settings)).concat(stored ?? []);
}

function vendor(name: string, settings: ServiceSettings): Destination {
  const { hostname, protocol } = new URL(settings[name]!);
  return {
    option: SERVICE_SETTINGS[name]!.flag,
    host: hostname.replace(/^\[|\]$/g, ''),
    encrypted: protocol === 'https:',
  };
}
