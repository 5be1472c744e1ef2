import assert from 'node:assert/strict';
import { FRAME_MS } from '../../../protocol/src/index.ts';
import { DEFAULT_TURN_TAKING, TurnTaking } from '../../src/dialogue/turn-taking.ts';
import type { AssistantState, TurnTakingSettings } from '../../src/dialogue/turn-taking.ts';

/** The assistant's state is the row's unless the stretch names its own. */
type Stretch = readonly ['voice' | 'quiet', number, AssistantState?];

/** What happens in `stretches` of ms, as `event@ms`; the ms are when it was decided. */
function decide(
  stretches: readonly Stretch[],
  heard: AssistantState,
  settings: Partial<TurnTakingSettings> = {},
): string[] {
  const turns = new TurnTaking({ ...DEFAULT_TURN_TAKING, ...settings });
  const events: string[] = [];
  let nowMs = 0;
  for (const [kind, ms, assistant = heard] of stretches) {
    for (let at = 0; at < ms; at += FRAME_MS) {
      nowMs += FRAME_MS;
      const event = turns.next(kind === 'voice', assistant);
      if (event !== undefined) events.push(`${event.type}@${nowMs} began ${nowMs - event.agoFrames * FRAME_MS}`);
    }
  }
  return events;
}

const rows: readonly {
  name: string;
  stretches: readonly Stretch[];
  heard?: true;
  settings?: Partial<TurnTakingSettings>;
  events: readonly string[];
}[] = [
  { name: 'nothing is said', stretches: [['quiet', 5_000]], events: [] },
  {
    name: 'a click is no speech',
    stretches: [
      ['quiet', 500],
      ['voice', 100],
      ['quiet', 2_000],
    ],
    events: [],
  },
  {
    name: 'speech begins after 120 ms of voice',
    stretches: [
      ['quiet', 500],
      ['voice', 500],
    ],
    events: ['speech@620 began 520'],
  },
  {
    name: 'a turn ends after 800 ms of silence',
    stretches: [
      ['voice', 1_000],
      ['quiet', 2_000],
    ],
    events: ['speech@120 began 20', 'end@1800 began 1000'],
  },
  {
    name: 'a pause in mid-sentence ends nothing',
    stretches: [
      ['voice', 1_000],
      ['quiet', 780],
      ['voice', 500],
      ['quiet', 1_000],
    ],
    events: ['speech@120 began 20', 'end@3080 began 2280'],
  },
  {
    name: 'a patient listener waits as long as told',
    stretches: [
      ['voice', 1_000],
      ['quiet', 1_900],
      ['voice', 500],
    ],
    settings: { patienceMs: 2_000 },
    events: ['speech@120 began 20'],
  },
  {
    name: 'a television is answered after 30 s',
    stretches: [['voice', 31_000]],
    events: ['speech@120 began 20', 'end@30020 began 30020', 'speech@30140 began 30040'],
  },
  {
    name: 'a cough does not interrupt',
    heard: true,
    stretches: [
      ['quiet', 1_000],
      ['voice', 300],
      ['quiet', 2_000],
    ],
    events: ['backchannel@1540 began 1300'],
  },
  {
    name: "'mm-hm' does not interrupt",
    heard: true,
    stretches: [
      ['voice', 200],
      ['quiet', 100],
      ['voice', 300],
      ['quiet', 2_000],
    ],
    events: ['backchannel@840 began 600'],
  },
  {
    name: 'sustained speech interrupts',
    heard: true,
    stretches: [
      ['quiet', 1_000],
      ['voice', 2_000],
    ],
    events: ['barge-in@1600 began 1020'],
  },
  {
    name: 'so does speech with short stops in it',
    heard: true,
    stretches: [
      ['quiet', 1_000],
      ['voice', 250],
      ['quiet', 100],
      ['voice', 250],
      ['quiet', 100],
      ['voice', 250],
    ],
    events: ['barge-in@1800 began 1020'],
  },
  {
    name: 'coughs far apart do not add up',
    heard: true,
    stretches: [
      ['voice', 300],
      ['quiet', 1_500],
      ['voice', 300],
      ['quiet', 1_500],
      ['voice', 300],
    ],
    events: ['backchannel@540 began 300', 'backchannel@2340 began 2100'],
  },
  {
    name: "a quick 'yes' over the assistant's last words is a reply",
    stretches: [
      ['quiet', 1_000, 'speaking'],
      ['quiet', 300, 'ending'],
      ['voice', 300, 'ending'],
      ['quiet', 300, 'ending'],
      ['quiet', 2_000],
    ],
    events: ['reply@1840 began 1320', 'end@2400 began 1600'],
  },
  {
    name: 'so is one that began just before them, when nothing follows',
    stretches: [
      ['voice', 300, 'speaking'],
      ['quiet', 200, 'speaking'],
      ['quiet', 2_000],
    ],
    events: ['reply@540 began 20', 'end@1100 began 300'],
  },
  {
    name: 'speech that outlasts the assistant begins where it began over it',
    stretches: [
      ['quiet', 500, 'speaking'],
      ['voice', 500, 'ending'],
      ['voice', 100],
    ],
    events: ['speech@1020 began 520'],
  },
];

describe('turn-taking', () => {
  for (const { name, stretches, heard = false, settings, events } of rows) {
    it(name, () => assert.deepEqual(decide(stretches, heard ? 'speaking' : 'silent', settings), events));
  }
});
