import assert from 'node:assert/strict';
import { systemClock } from '../../../../common/src/time/clock.ts';
import { ScriptedLanguageModel } from '../../../src/pipeline/offline/scripted-llm.ts';
import type { StageOptions, Utterance } from '../../../src/pipeline/ports.ts';

const STAGE: StageOptions = { signal: new AbortController().signal, language: 'en', clock: systemClock, report() {} };
const CLIPS = [
  { role: 'greeting', text: 'Hello.' },
  { role: 'reply', text: 'That sounds lovely.' },
  { role: 'question', text: 'How was your day?' },
  { role: 'question', text: 'What do you like in the garden?' },
] as const;
const hello: Utterance = { role: 'assistant', text: 'Hello.' };
const says = (text: string): Utterance => ({ role: 'patient', text });

async function answer(history: readonly Utterance[], saysNames = true): Promise<string> {
  let text = '';
  for await (const piece of new ScriptedLanguageModel(CLIPS, saysNames).reply({ history, occasion: 'answer' }, STAGE))
    text += piece;
  return text.trim();
}

describe('the offline companion, where words are understood', () => {
  const rows: readonly (readonly [string, readonly Utterance[], string])[] = [
    [
      'asks about what was spoken of',
      [hello, says('i was in the garden today')],
      'That sounds lovely. What do you like in the garden?',
    ],
    [
      'asks nothing twice',
      [
        hello,
        says('the garden'),
        { role: 'assistant', text: 'That sounds lovely. What do you like in the garden?' },
        says('the garden again'),
      ],
      'That sounds lovely. What do you like in the garden?',
    ],
    [
      'calls the patient by their name',
      [hello, says('my name is mary')],
      'Thank you, Mary. That sounds lovely. How was your day?',
    ],
    ['takes no other word for a name', [hello, says('i am tired')], 'That sounds lovely. How was your day?'],
    ['goes on without words', [hello, says('(speech, 2.0 s)')], 'That sounds lovely. How was your day?'],
  ];
  for (const [name, history, expected] of rows) it(name, async () => assert.equal(await answer(history), expected));

  it('says no name where nothing but recordings can be spoken', async () => {
    assert.equal(await answer([hello, says('my name is mary')], false), 'That sounds lovely. How was your day?');
  });

  it('remembers the name later on', async () => {
    const history = [hello, says('call me tom'), hello, says('yes'), hello, says('well'), hello, says('rain')];
    assert.match(await answer(history), /^Thank you, Tom\./);
  });
});
