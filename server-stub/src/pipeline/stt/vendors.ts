import type { SpeechToText } from '../ports.ts';
import { file, name, url } from '../setting.ts';
import { local, service } from '../vendor.ts';
import type { VendorTable } from '../vendor.ts';
import { ELEVENLABS_SETTINGS, openElevenLabs } from '../vendors/elevenlabs.ts';
import { openOpenAi } from '../vendors/openai.ts';

export const STT_VENDORS: VendorTable<SpeechToText, SpeechToText> = [
  local({
    name: 'offline',
    about: 'pocketsphinx where it is installed, else wordless',
    async open({ clock, log }) {
      const { WordlessSpeechToText } = await import('../offline/wordless-stt.ts');
      const { findPocketsphinx } = await import('../offline/pocketsphinx-stt.ts');
      const wordless = new WordlessSpeechToText();
      const found = await findPocketsphinx(clock, wordless);
      log.info('pipeline.stt-offline', { recogniser: found === undefined ? 'none' : 'pocketsphinx' });
      return found ?? wordless;
    },
  }),
  local({
    name: 'wordless',
    about: 'only that somebody spoke, and for how long',
    async open() {
      const { WordlessSpeechToText } = await import('../offline/wordless-stt.ts');
      return new WordlessSpeechToText();
    },
  }),
  service({
    name: 'elevenlabs',
    about: 'ElevenLabs realtime',
    settings: { ...ELEVENLABS_SETTINGS, elevenlabsSttModel: name('scribe_v2_realtime', 'speech-to-text model') },
    async open({ keyOf }, { elevenlabsUrl, elevenlabsSttModel }) {
      const { ElevenLabsSpeechToText } = await import('./elevenlabs-stt.ts');
      const client = await openElevenLabs(elevenlabsUrl, keyOf('elevenlabs'));
      return new ElevenLabsSpeechToText(client, { modelId: elevenlabsSttModel });
    },
  }),
  service({
    name: 'openai',
    about: "any server of OpenAI's form",
    settings: {
      sttUrl: url('http://127.0.0.1:8000/v1', 'speech-to-text server'),
      sttModel: name('whisper-1', 'its model'),
      sttKeyFile: file('file with its key, mode 0600'),
    },
    async open({ keyOf }, { sttUrl, sttModel }) {
      const { OpenAiSpeechToText } = await import('./openai-stt.ts');
      return new OpenAiSpeechToText(await openOpenAi(sttUrl, keyOf('stt')), sttModel);
    },
  }),
];
