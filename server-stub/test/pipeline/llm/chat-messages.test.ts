import assert from 'node:assert/strict';
import fc from 'fast-check';
import { VirtualClock } from '../../../../common/src/time/virtual-clock.ts';
import type { Occasion, Utterance } from '../../../src/pipeline/ports.ts';
import { chatMessages } from '../../../src/pipeline/llm/chat-messages.ts';

const OPTIONS = { language: 'de', clock: new VirtualClock() };

function messagesOf(history: readonly Utterance[], occasion: Occasion): { role: string; content: string }[] {
  return chatMessages('be kind', { history, occasion }, OPTIONS) as { role: string; content: string }[];
}

const utterance = fc.record({
  role: fc.constantFrom('patient' as const, 'assistant' as const),
  text: fc.oneof(fc.string({ minLength: 1 }), fc.constant('word '.repeat(1_000))),
});

describe('the messages for a language model', () => {
  it('are one system message, then user and assistant in turn, and a user at the end, whatever was said', () => {
    fc.assert(
      fc.property(
        fc.array(utterance, { maxLength: 60 }),
        fc.constantFrom('greeting' as const, 'answer' as const, 'silence' as const),
        (history, occasion) => {
          const [system, ...talk] = messagesOf(history, occasion);
          assert.equal(system!.role, 'system');
          assert.ok(talk.every(({ role }, at) => role === (at % 2 === 0 ? 'user' : 'assistant')));
          assert.equal(talk.at(-1)?.role, 'user');
          assert.ok(talk.every(({ content }) => content !== ''));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('are bounded however long the receiver is off the hook, and keep the newest and the first', () => {
    const history = Array.from({ length: 200 }, (_, at): Utterance => ({
      role: at % 2 === 0 ? 'assistant' : 'patient',
      text: `remark ${at} ${'and so on '.repeat(30)}`,
    }));
    const messages = messagesOf(history, 'answer');
    const text = messages.map(({ content }) => content).join('\n');
    assert.ok(text.length < 15_000, `${text.length} characters`);
    assert.match(text, /remark 0 /);
    assert.match(text, /remark 199 /);
    assert.match(text, /earlier remarks are left out/);
  });

  it('tell the language, the day and the time', () => {
    const [system] = messagesOf([], 'greeting');
    assert.match(system!.content, /^be kind\n\nSpeak German\. It is \w+day, /);
  });
});
