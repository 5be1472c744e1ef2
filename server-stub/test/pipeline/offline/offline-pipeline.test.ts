import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLog } from '../../../../common/src/system/log.ts';
import { dataPath } from '../../../../common/src/system/package-root.ts';
import { seededRandom } from '../../../../common/src/time/random.ts';
import { systemClock } from '../../../../common/src/time/clock.ts';
import { FRAME_MS, FRAME_SAMPLES } from '../../../../protocol/src/index.ts';
import { RecordedTextToSpeech } from '../../../src/pipeline/offline/recorded-tts.ts';
import { ClipError, loadClips } from '../../../src/pipeline/offline/clips.ts';
import type { RecordedClip } from '../../../src/pipeline/offline/clips.ts';
import { ScriptedLanguageModel } from '../../../src/pipeline/offline/scripted-llm.ts';
import { openPipeline } from '../../../src/pipeline/open-pipeline.ts';
import { readServiceSettings } from '../../../src/pipeline/service-settings.ts';
import type { Occasion, Pipeline, StageOptions, Utterance } from '../../../src/pipeline/ports.ts';
import { TurnTaking } from '../../../src/dialogue/turn-taking.ts';
import { readWav } from '../../../../common/src/audio/wav.ts';
import { temporaryFolder } from '../../support/live-server.ts';

const STAGE: StageOptions = { signal: new AbortController().signal, language: 'en', clock: systemClock, report() {} };
const VOICES = dataPath('server-stub/voices');

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

async function* once(text: string): AsyncGenerator<string> {
  yield text;
}

/** Recorded speech between two pauses in a quiet room. */
function inQuietRoom(pcm: Int16Array): Int16Array {
  const random = seededRandom(1);
  const pauseSamples = (2_000 / FRAME_MS) * FRAME_SAMPLES;
  const all = new Int16Array(pauseSamples + pcm.length + pauseSamples);
  for (let at = 0; at < all.length; at++) all[at] = Math.round((random() - 0.5) * 60);
  pcm.forEach((sample, at) => {
    all[pauseSamples + at]! += sample;
  });
  return all;
}

/** What turn-taking makes of it. */
function turnsIn(pipeline: Pipeline, pcm: Int16Array): string[] {
  const voiceActivity = pipeline.voiceActivity();
  const turns = new TurnTaking();
  const events: string[] = [];
  for (let at = 0; at + FRAME_SAMPLES <= pcm.length; at += FRAME_SAMPLES) {
    const event = turns.next(voiceActivity.isVoice(pcm.subarray(at, at + FRAME_SAMPLES)), 'silent');
    if (event !== undefined) events.push(event.type);
  }
  voiceActivity.close();
  return events;
}

describe('offline pipeline', () => {
  let pipeline: Pipeline;

  before(async () => {
    pipeline = await openPipeline({
      clock: systemClock,
      log: silentLog,
      voiceFolder: join(VOICES, 'companion'),
      settings: readServiceSettings({ stt: 'wordless' }, {}, undefined),
      keyOf: () => undefined,
      failed() {},
    });
  });

  for (const clip of ['hello', 'garden', 'music', 'weather', 'goodbye']) {
    it(`hears one turn in the recording '${clip}' in a quiet room`, async () => {
      const pcm = readWav(join(VOICES, `caller/caller-${clip}.wav`));
      assert.deepEqual(turnsIn(pipeline, inQuietRoom(pcm)), ['speech', 'end']);
    });
  }

  it('hears no speech in a loud fan', () => {
    const random = seededRandom(3);
    let low = 0;
    const fan = Int16Array.from({ length: 500 * FRAME_SAMPLES }, () => {
      low += ((random() - 0.5) * 6_000 - low) * 0.2;
      return Math.round(low);
    });
    assert.deepEqual(turnsIn(pipeline, fan), []);
  });

  it('tells how long somebody spoke, when it understands no words', async () => {
    async function* audio(): AsyncGenerator<Int16Array> {
      for (let index = 0; index < 105; index++) yield new Int16Array(FRAME_SAMPLES);
    }
    const transcripts = await all(pipeline.speechToText.transcribe(audio(), STAGE));
    assert.equal(transcripts.at(-1)!.final, true);
    assert.match(transcripts.at(-1)!.text, /^\(speech, 2\.1 s\)$/);
  });

  it('a voice activity detector can be closed twice, and asked afterwards', () => {
    const voiceActivity = pipeline.voiceActivity();
    voiceActivity.close();
    voiceActivity.close();
    assert.equal(voiceActivity.isVoice(new Int16Array(FRAME_SAMPLES)), false);
  });
});

describe('offline companion', () => {
  const clips: readonly Pick<RecordedClip, 'role' | 'text'>[] = [
    { role: 'greeting', text: 'Hello.' },
    ...['R0.', 'R1.', 'R2.'].map((text) => ({ role: 'reply', text }) as const),
    ...['Q0?', 'Q1?', 'Q2?', 'Q3?'].map((text) => ({ role: 'question', text }) as const),
  ];
  const companion = new ScriptedLanguageModel(clips);

  const say = async (occasion: Occasion, spoken: number): Promise<string> => {
    const history = Array.from({ length: spoken }, (): Utterance => ({ role: 'assistant', text: 'x' }));
    return (await all(companion.reply({ history, occasion }, STAGE))).join('');
  };

  it('greets', async () => assert.equal(await say('greeting', 0), 'Hello. '));
  it('agrees, then asks', async () => assert.equal(await say('answer', 1), 'R0. Q0? '));
  it('does not repeat itself soon', async () => {
    const said = await Promise.all([1, 2, 3, 4].map((spoken) => say('answer', spoken)));
    assert.equal(new Set(said).size, 4);
  });
  it('only asks when nothing was said', async () => assert.equal(await say('silence', 2), 'Q1? '));
});

describe('recorded text-to-speech', () => {
  const clip = (text: string, sample: number, role: RecordedClip['role'] = 'reply'): RecordedClip => ({
    text,
    role,
    pcm: Int16Array.of(sample),
  });
  const clips = [clip('Good. And you?', 1), clip('Good day.', 2), clip('Sorry.', 3, 'apology')];

  const rows: readonly {
    name: string;
    text: string;
    synthesiser?: true;
    samples: readonly number[];
    said: readonly string[];
  }[] = [
    { name: 'a recorded sentence', text: 'Good day.', samples: [2], said: ['Good day.'] },
    { name: 'a recording of two sentences', text: 'Good. And you?', samples: [1], said: ['Good. And you?'] },
    {
      name: 'recordings one after the other',
      text: 'Good. And you? Good day.',
      samples: [1, 2],
      said: ['Good. And you?', 'Good day.'],
    },
    {
      name: 'another sentence, with a synthesiser',
      text: 'New words. Good day.',
      synthesiser: true,
      samples: [9, 2],
      said: ['New words.', 'Good day.'],
    },
    {
      name: 'half a recording, with a synthesiser',
      text: 'Good. But you?',
      synthesiser: true,
      samples: [9, 9],
      said: ['Good.', 'But you?'],
    },
    { name: 'another sentence, without one: the last resort', text: 'New words.', samples: [3], said: ['Sorry.'] },
    { name: 'nothing', text: ' ', samples: [], said: [] },
  ];
  for (const { name, text, synthesiser, samples, said } of rows) {
    it(name, async () => {
      const textToSpeech = new RecordedTextToSpeech(
        clips,
        synthesiser === true ? () => Promise.resolve(Int16Array.of(9)) : undefined,
      );
      const spoken = await all(textToSpeech.speak(once(text), STAGE));
      assert.deepEqual(
        spoken.map(({ pcm }) => pcm[0]),
        samples,
      );
      assert.deepEqual(
        spoken.map((audio) => audio.text),
        said,
      );
    });
  }
});

describe('recorded clips', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('are all there, and each role the companion needs has some', async () => {
    const clips = await loadClips(join(VOICES, 'companion'));
    for (const role of ['greeting', 'reply', 'question', 'filler', 'apology'])
      assert.ok(
        clips.some((clip) => clip.role === role),
        role,
      );
    for (const { pcm } of clips) assert.ok(pcm.length > 8_000);
  });

  const entry = { id: 'a', file: 'a.wav', text: 'A.', role: 'reply' };
  const broken: readonly { name: string; list: string }[] = [
    { name: 'no JSON', list: '[' },
    { name: 'no list', list: '{}' },
    { name: 'an empty list', list: '[]' },
    { name: 'an unknown role', list: JSON.stringify([{ ...entry, role: 'song' }]) },
    { name: 'a file elsewhere', list: JSON.stringify([{ ...entry, file: '../a.wav' }]) },
    { name: 'a recording that is missing', list: JSON.stringify([{ ...entry, file: 'b.wav' }]) },
    { name: 'a recording that is none', list: JSON.stringify([entry]) },
  ];
  for (const { name, list } of broken) {
    it(`${name}: says what to do`, async () => {
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'clips.json'), list);
      await writeFile(join(folder, 'a.wav'), 'RIFF');
      await assert.rejects(
        loadClips(folder),
        (error) => error instanceof ClipError && /restore it/.test(error.message),
      );
    });
  }
});
