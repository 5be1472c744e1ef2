import assert from 'node:assert/strict';
import type { Fault, FaultPlan } from '../../vendors/fault.ts';
import { HearingRig, KEY } from './heard.ts';
import type { Stretch } from './heard.ts';

/** What the patient hears after each question, silence left out. */
interface Row {
  readonly fault: Fault;
  /** It happens to one request. */
  readonly once: string;
  /** It happens to every request from then on: one entry per question. */
  readonly always: readonly [string, string, string];
}

interface Table {
  readonly vendor: 'elevenlabs' | 'openai';
  readonly service: string;
  readonly plan: (rig: HearingRig) => FaultPlan;
  readonly rows: readonly Row[];
}

/*
 * 'answer' is the service's own; 'stand-in' the offline voice in its place. A sentence that breaks off is begun again.
 * A service that goes on failing is left alone after the third failure, and the stand-in answers at once.
 */
const TABLES: readonly Table[] = [
  {
    vendor: 'elevenlabs', service: 'ElevenLabs realtime speech-to-text', plan: ({ elevenLabs }) => elevenLabs.hearing,
    rows: [
      { fault: 'slow', once: 'filler answer', always: ['filler answer', 'filler answer', 'filler answer'] },
      { fault: 'stalled', once: 'filler answer', always: ['filler filler apology', 'filler answer', 'answer'] },
      { fault: 'unauthorised', once: 'answer', always: ['answer', 'answer', 'answer'] },
      { fault: 'too-many', once: 'answer', always: ['apology', 'answer', 'answer'] },
      { fault: 'too-many-for-long', once: 'answer', always: ['answer', 'answer', 'answer'] },
      { fault: 'server-error', once: 'answer', always: ['apology', 'answer', 'answer'] },
      { fault: 'cut', once: 'answer', always: ['apology', 'answer', 'answer'] },
      { fault: 'malformed', once: 'answer', always: ['apology', 'answer', 'answer'] },
    ],
  },
  {
    vendor: 'openai', service: 'speech-to-text of OpenAI\'s form', plan: ({ openAi }) => openAi.hearing,
    rows: [
      { fault: 'slow', once: 'answer', always: ['filler answer', 'filler answer', 'filler answer'] },
      { fault: 'stalled', once: 'answer', always: ['filler filler apology', 'filler answer', 'answer'] },
      { fault: 'unauthorised', once: 'answer', always: ['answer', 'answer', 'answer'] },
      { fault: 'too-many', once: 'answer', always: ['apology', 'answer', 'answer'] },
      { fault: 'too-many-for-long', once: 'answer', always: ['answer', 'answer', 'answer'] },
      { fault: 'server-error', once: 'answer', always: ['apology', 'answer', 'answer'] },
      { fault: 'cut', once: 'answer', always: ['apology', 'answer', 'answer'] },
      { fault: 'malformed', once: 'answer', always: ['apology', 'answer', 'answer'] },
    ],
  },
  {
    vendor: 'elevenlabs', service: 'a language model of OpenAI\'s form', plan: ({ openAi }) => openAi.answers,
    rows: [
      { fault: 'slow', once: 'filler answer', always: ['filler answer', 'filler answer', 'filler answer'] },
      { fault: 'stalled', once: 'filler answer', always: ['filler apology', 'filler answer', 'answer'] },
      { fault: 'unauthorised', once: 'answer', always: ['answer', 'answer', 'answer'] },
      { fault: 'too-many', once: 'answer', always: ['apology', 'answer', 'answer'] },
      { fault: 'too-many-for-long', once: 'answer', always: ['answer', 'answer', 'answer'] },
      { fault: 'server-error', once: 'answer', always: ['apology', 'answer', 'answer'] },
      { fault: 'cut', once: 'answer', always: ['apology', 'answer', 'answer'] },
      { fault: 'malformed', once: 'answer', always: ['apology', 'answer', 'answer'] },
    ],
  },
  {
    vendor: 'elevenlabs', service: 'ElevenLabs text-to-speech', plan: ({ elevenLabs }) => elevenLabs.speech,
    rows: [
      { fault: 'slow', once: 'filler answer', always: ['filler answer', 'filler answer', 'filler answer'] },
      { fault: 'stalled', once: 'answer answer', always: ['answer answer answer apology', 'answer answer stand-in answer answer stand-in', 'stand-in'] },
      { fault: 'unauthorised', once: 'stand-in', always: ['stand-in', 'stand-in', 'stand-in'] },
      { fault: 'too-many', once: 'answer', always: ['apology', 'stand-in', 'stand-in'] },
      { fault: 'too-many-for-long', once: 'stand-in', always: ['stand-in', 'stand-in', 'stand-in'] },
      { fault: 'server-error', once: 'answer', always: ['apology', 'stand-in', 'stand-in'] },
      { fault: 'cut', once: 'answer', always: ['answer apology', 'answer stand-in', 'stand-in'] },
      { fault: 'malformed', once: 'answer', always: ['apology', 'stand-in', 'stand-in'] },
    ],
  },
  {
    vendor: 'openai', service: 'text-to-speech of OpenAI\'s form', plan: ({ openAi }) => openAi.speech,
    rows: [
      { fault: 'slow', once: 'filler answer', always: ['filler answer', 'filler answer', 'filler answer'] },
      { fault: 'stalled', once: 'answer answer', always: ['answer answer answer apology', 'answer answer stand-in answer answer stand-in', 'stand-in'] },
      { fault: 'unauthorised', once: 'stand-in', always: ['stand-in', 'stand-in', 'stand-in'] },
      { fault: 'too-many', once: 'answer', always: ['apology', 'stand-in', 'stand-in'] },
      { fault: 'too-many-for-long', once: 'stand-in', always: ['stand-in', 'stand-in', 'stand-in'] },
      { fault: 'server-error', once: 'answer', always: ['apology', 'stand-in', 'stand-in'] },
      { fault: 'cut', once: 'answer', always: ['answer apology', 'answer stand-in answer stand-in', 'stand-in'] },
      { fault: 'malformed', once: 'answer', always: ['apology', 'stand-in', 'stand-in'] },
    ],
  },
];

for (const { vendor, service, plan, rows } of TABLES) {
  describe(`${service}, when it fails: the patient hears`, function () {
    this.timeout(30_000);
    for (const { fault, once, always } of rows) {
      it(`${fault} once: ${once}`, async () => {
        const rig = await HearingRig.start(vendor);
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
        const rig = await HearingRig.start(vendor);
        try {
          plan(rig).always(fault);
          for (const [turn, expected] of always.entries()) {
            const heard = await rig.ask();
            assert.equal(wordsOf(heard), expected, `question ${turn + 1}: ${describeStretches(heard)}; ${rig.failures.join('; ')}`);
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
  return heard.map(({ what }) => what).filter((what) => what !== 'silence').join(' ');
}

function describeStretches(heard: readonly Stretch[]): string {
  return heard.map(({ what, ms }) => `${what} ${ms}`).join(', ');
}

/** Something is heard within 2.6 s of the last word, and between two sounds nobody waits 4.2 s. */
function neverLongSilent(heard: readonly Stretch[]): void {
  const silences = heard.slice(0, -1).filter(({ what }) => what === 'silence');
  assert.ok(silences.every(({ ms }, index) => ms <= (index === 0 ? 2_600 : 4_200)), describeStretches(heard));
}

function keepsSecrets({ log, failures }: HearingRig): void {
  assert.ok(!JSON.stringify([log, failures]).includes(KEY), 'a key stands in the log');
}
