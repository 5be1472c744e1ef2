import assert from 'node:assert/strict';
import { FAULTS } from '../fakes/fault.ts';
import type { Fault, FaultPlan } from '../fakes/fault.ts';
import { PatientRig, KEY } from './heard.ts';
import type { Stretch } from './heard.ts';

/** What the patient hears after each question, silence left out. */
interface Row {
  /** It happens to one request. */
  readonly once: string;
  /** It happens to every request from then on: one entry per question. */
  readonly always: readonly [string, string, string];
}

type Rows = Readonly<Record<Exclude<Fault, 'none'>, Row>>;

const ANSWER = 'the answer';
const FILLED = 'let me think, then the answer';
const SORRY = 'an apology';
const OFFLINE = 'the offline TTS';
const EVERY = (heard: string): Row['always'] => [heard, heard, heard];

/*
 * 'The answer, again': a sentence that broke off is begun again. A service that goes on failing is left alone after the third
 * failure: then the offline stage answers at once, and where only STT or the model is offline, the voice is the same.
 */
const STT: Rows = {
  slow: { once: FILLED, always: EVERY(FILLED) },
  stalled: { once: FILLED, always: ['let me think, again, then an apology', FILLED, ANSWER] },
  unauthorised: { once: ANSWER, always: EVERY(ANSWER) },
  refused: { once: ANSWER, always: EVERY(ANSWER) },
  'too-many': { once: ANSWER, always: [SORRY, ANSWER, ANSWER] },
  'too-many-for-long': { once: ANSWER, always: EVERY(ANSWER) },
  'server-error': { once: ANSWER, always: [SORRY, ANSWER, ANSWER] },
  cut: { once: ANSWER, always: [SORRY, ANSWER, ANSWER] },
  malformed: { once: ANSWER, always: [SORRY, ANSWER, ANSWER] },
};

/**
 * A prepared answer that fails is asked for again when it is waited for. That makes the third failure in the first
 * question already: the stand-in answers it, and nobody hears an apology.
 */
const LLM: Rows = {
  ...STT,
  stalled: { once: FILLED, always: ['let me think, again, then the answer', ANSWER, ANSWER] },
  'too-many': { once: ANSWER, always: EVERY(ANSWER) },
  'server-error': { once: ANSWER, always: EVERY(ANSWER) },
  cut: { once: ANSWER, always: EVERY(ANSWER) },
  malformed: { once: ANSWER, always: EVERY(ANSWER) },
};

const TTS: Rows = {
  slow: { once: FILLED, always: EVERY(FILLED) },
  stalled: {
    once: 'the answer, again',
    always: [
      'the answer, again, again, then an apology',
      'the answer, again, then the offline TTS, then the answer, again, then the offline TTS',
      OFFLINE,
    ],
  },
  unauthorised: { once: OFFLINE, always: EVERY(OFFLINE) },
  // The sentence that was refused, and no other.
  refused: { once: 'the offline TTS, then the answer', always: EVERY(OFFLINE) },
  'too-many': { once: ANSWER, always: EVERY(OFFLINE) },
  'too-many-for-long': { once: OFFLINE, always: EVERY(OFFLINE) },
  'server-error': { once: ANSWER, always: EVERY(OFFLINE) },
  cut: { once: ANSWER, always: ['the answer, then an apology', 'the answer, then the offline TTS', OFFLINE] },
  malformed: { once: ANSWER, always: EVERY(OFFLINE) },
};

interface Table {
  readonly vendor: 'elevenlabs' | 'openai';
  readonly service: string;
  readonly plan: (rig: PatientRig) => FaultPlan;
  readonly rows: Rows;
}

const TABLES: readonly Table[] = [
  {
    vendor: 'elevenlabs',
    service: 'ElevenLabs realtime speech-to-text',
    plan: ({ elevenLabs }) => elevenLabs.hearing,
    rows: STT,
  },
  {
    vendor: 'openai',
    service: "speech-to-text of OpenAI's form",
    plan: ({ openAi }) => openAi.hearing,
    // The recording is sent in the pause and again at its end: one that fails is made good by the other.
    rows: {
      ...STT,
      slow: { once: ANSWER, always: STT.slow.always },
      stalled: { once: ANSWER, always: STT.stalled.always },
    },
  },
  {
    vendor: 'elevenlabs',
    service: "a language model of OpenAI's form",
    plan: ({ openAi }) => openAi.answers,
    rows: LLM,
  },
  {
    vendor: 'elevenlabs',
    service: 'ElevenLabs text-to-speech',
    plan: ({ elevenLabs }) => elevenLabs.speech,
    rows: TTS,
  },
  {
    vendor: 'openai',
    service: "text-to-speech of OpenAI's form",
    plan: ({ openAi }) => openAi.speech,
    rows: {
      ...TTS,
      cut: {
        ...TTS.cut,
        always: [
          'the answer, then an apology',
          'the answer, then the offline TTS, then the answer, then the offline TTS',
          OFFLINE,
        ],
      },
    },
  },
];

for (const { vendor, service, plan, rows } of TABLES) {
  describe(`${service}, when it fails: the patient hears`, function () {
    this.timeout(30_000);
    for (const fault of FAULTS) {
      const { once, always } = rows[fault];
      it(`${fault} once: ${once}`, async () => {
        const rig = await PatientRig.start(vendor);
        try {
          plan(rig).next(fault);
          const heard = await rig.ask();
          assert.equal(wordsOf(heard), once, describeStretches(heard));
          neverLongSilent(heard);
          keepsSecrets(rig);
        } finally {
          await rig.stop();
        }
      });

      it(`${fault} always: ${always.join(' | ')}`, async () => {
        const rig = await PatientRig.start(vendor);
        try {
          plan(rig).always(fault);
          for (const [turn, expected] of always.entries()) {
            const heard = await rig.ask();
            assert.equal(
              wordsOf(heard),
              expected,
              `question ${turn + 1}: ${describeStretches(heard)}; ${rig.failures.join('; ')}`,
            );
            neverLongSilent(heard);
          }
          keepsSecrets(rig);
        } finally {
          await rig.stop();
        }
      });
    }
  });
}

function wordsOf(heard: readonly Stretch[]): string {
  const sounds = heard.map(({ what }) => what).filter((what) => what !== 'silence');
  return sounds
    .map((what, index) =>
      index === 0 ? IN_WORDS[what] : what === sounds[index - 1] ? ', again' : `, then ${IN_WORDS[what]}`,
    )
    .join('');
}

const IN_WORDS: Readonly<Record<string, string>> = {
  answer: ANSWER,
  filler: 'let me think',
  apology: SORRY,
  trouble: 'an apology for trouble that lasts',
  'stand-in': OFFLINE,
};

function describeStretches(heard: readonly Stretch[]): string {
  return heard.map(({ what, ms }) => `${what} ${ms}`).join(', ');
}

/** Something is heard within 2.6 s of the last word, and between two sounds nobody waits 4.2 s. */
function neverLongSilent(heard: readonly Stretch[]): void {
  const silences = heard.slice(0, -1).filter(({ what }) => what === 'silence');
  assert.ok(
    silences.every(({ ms }, index) => ms <= (index === 0 ? 2_600 : 4_200)),
    describeStretches(heard),
  );
}

function keepsSecrets({ log, failures }: PatientRig): void {
  assert.ok(!JSON.stringify([log, failures]).includes(KEY), 'a key stands in the log');
}
