import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createLog } from '../../../common/src/system/logging.ts';
import { startServer } from '../../../server-stub/src/server.ts';
import type {
  LanguageModel,
  Pipeline,
  SpokenAudio,
  StageOptions,
  TextToSpeech,
} from '../../../server-stub/src/pipeline/ports.ts';
import { storeChoice } from '../../../server-stub/src/store/store-option.ts';
import { recitation } from './recitation.ts';

/**
 * The reference server in a process of its own, with a companion that hears nothing and greets with one long
 * recitation. Prints the server's usual line, and `made N` whenever N frames have been made and handed on.
 */
const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    port: { type: 'string', default: '0' },
    host: { type: 'string', default: '127.0.0.1' },
    tls: { type: 'boolean', default: false },
    store: { type: 'string' },
    seconds: { type: 'string', default: '3' },
    /** Times as fast as it is spoken; 0: as fast as it can. */
    pace: { type: 'string', default: '0' },
  },
});

const CHUNK_FRAMES = 5;
const CHUNK_SAMPLES = CHUNK_FRAMES * 320;
const CHUNK_MS = CHUNK_FRAMES * 20;

const voice: TextToSpeech = {
  async *speak(text, { signal }: StageOptions): AsyncGenerator<SpokenAudio> {
    for await (const _words of text);
    const pcm = recitation(Number(values.seconds));
    const pace = Number(values.pace);
    for (let at = 0; at < pcm.length && !signal.aborted; at += CHUNK_SAMPLES) {
      yield { pcm: pcm.subarray(at, at + CHUNK_SAMPLES), ...(at === 0 && { text: 'A recitation.' }) };
      // What was made has been handed to the sockets, to the phone's and to the store's, when the loop has come round.
      await new Promise(setImmediate);
      await new Promise(setImmediate);
      process.stdout.write(`made ${Math.min(at + CHUNK_SAMPLES, pcm.length) / 320}\n`);
      if (pace > 0) await sleep(CHUNK_MS / pace);
    }
  },
};

/** It greets, and says nothing else, however long it is asked. */
const model: LanguageModel = {
  async *reply({ occasion }, { signal }: StageOptions): AsyncGenerator<string> {
    if (occasion !== 'greeting')
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('called off'))));
    yield 'A recitation.';
  },
};

const pipeline: Pipeline = {
  speechToText: {
    async *transcribe() {
      yield { text: '', final: true };
    },
  },
  languageModel: model,
  textToSpeech: voice,
  standby: { textToSpeech: voice, fillers: [], apologies: [], greetings: [] },
  voiceActivity: () => ({ isVoice: () => false, close: () => {} }),
};

const log = createLog({ level: 'info', format: 'json' });
const server = await startServer({
  port: Number(values.port),
  host: values.host,
  tls: values.tls ? 'own' : 'none',
  dataFolder: values.data!,
  log,
  pipeline,
  store: values.store === undefined ? undefined : storeChoice(values.store, undefined, {}),
});
process.stdout.write(`listening on ${server.url}${server.caFile === undefined ? '' : `, CA ${server.caFile}`}\n`);
process.once(
  'SIGTERM',
  () =>
    void server
      .close()
      .then(() => log.close())
      .then(() => process.exit(0)),
);
