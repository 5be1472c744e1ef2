import type { SentenceTextToSpeech, TextToSpeech } from '../ports.ts';
import { file, name, url } from '../setting.ts';
import { local, service } from '../vendor.ts';
import type { VendorTable } from '../vendor.ts';
import { ELEVENLABS_SETTINGS, openElevenLabs } from '../vendors/elevenlabs.ts';
import { openOpenAi } from '../vendors/openai.ts';

export const TTS_VENDORS: VendorTable<TextToSpeech, SentenceTextToSpeech> = [
  local({
    name: 'offline',
    about: 'recordings, and espeak-ng where it is installed',
    async open({ clips, synthesiser }) {
      const { RecordedTextToSpeech } = await import('../offline/recorded-tts.ts');
      return new RecordedTextToSpeech(clips, synthesiser);
    },
  }),
  service({
    name: 'elevenlabs',
    about: 'ElevenLabs',
    settings: {
      ...ELEVENLABS_SETTINGS,
      elevenlabsVoice: name('21m00Tcm4TlvDq8ikWAM', 'id of the voice'),
      elevenlabsTtsModel: name('eleven_flash_v2_5', 'text-to-speech model'),
    },
    async open({ keyOf }, { elevenlabsUrl, elevenlabsVoice, elevenlabsTtsModel }) {
      const { ElevenLabsTextToSpeech } = await import('./elevenlabs-tts.ts');
      const client = await openElevenLabs(elevenlabsUrl, keyOf('elevenlabs'));
      return new ElevenLabsTextToSpeech(client, { voiceId: elevenlabsVoice, modelId: elevenlabsTtsModel });
    },
  }),
  service({
    name: 'openai',
    about: "any server of OpenAI's form",
    settings: {
      ttsUrl: url('http://127.0.0.1:8880/v1', 'text-to-speech server'),
      ttsModel: name('tts-1', 'its model'),
      ttsVoice: name('alloy', 'its voice'),
      ttsKeyFile: file('file with its key, mode 0600'),
    },
    async open({ keyOf }, { ttsUrl, ttsModel, ttsVoice }) {
      const { OpenAiTextToSpeech } = await import('./openai-tts.ts');
      return new OpenAiTextToSpeech(await openOpenAi(ttsUrl, keyOf('tts')), { model: ttsModel, voice: ttsVoice });
    },
  }),
];
