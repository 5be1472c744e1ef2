import assert from 'node:assert/strict';
import { seededRandom } from '../../common/src/time/random.ts';
import { FRAME_MS } from '../../protocol/src/index.ts';
import { SENTENCE_MS, sentenceOf, SENTENCES, Telephone, WORDS_PER_SENTENCE } from './telephone.ts';

const PER_CONVERSATION = 40;
/** `npm run test:interruption` makes 1,000. */
const INTERRUPTIONS = Number(process.env['BESTDAY_INTERRUPTIONS'] ?? 200);
const CONVERSATIONS = INTERRUPTIONS / PER_CONVERSATION;
const DELAYS_MS = [0, 20, 100, 200];
const ANSWER_MS = SENTENCES * SENTENCE_MS;

/** What a memory that ends at `heardMs` holds: each word has an equal share of its sentence's time. */
function wordsWithin(answer: number, heardMs: number): string {
  const words = Array.from({ length: SENTENCES }, (_, sentence) => sentenceOf(answer, sentence).split(' ')).flat();
  return words.slice(0, Math.floor((heardMs / SENTENCE_MS) * WORDS_PER_SENTENCE + 1e-6)).join(' ');
}

/** Asks, and waits until the answer has begun to be made. @returns what was heard of it meanwhile */
async function ask(telephone: Telephone, delayMs = 20): Promise<boolean[]> {
  await telephone.pass(600, true);
  return telephone.pass(840 + 2 * delayMs, false);
}

describe(`interruption, ${INTERRUPTIONS} times at random moments`, () => {
  for (let conversation = 0; conversation < CONVERSATIONS; conversation++) {
    const delayMs = DELAYS_MS[conversation % DELAYS_MS.length]!;
    it(`conversation ${conversation}, ${delayMs} ms each way: silence after the flush, and the memory ends where hearing ended`, async function () {
      this.timeout(60_000);
      const random = seededRandom(conversation);
      const telephone = new Telephone(conversation, delayMs);
      await telephone.pass(500, false);
      let lead = await ask(telephone, delayMs);
      for (let turn = 0; turn < PER_CONVERSATION; turn++) {
        const flushed = telephone.playback.length;
        const before = [
          ...lead,
          ...(await telephone.pass(FRAME_MS * Math.floor((random() * (ANSWER_MS - 500)) / FRAME_MS), false)),
        ];
        const answer = telephone.answers;
        const during = await telephone.pass(700 + 2 * delayMs, true);
        const after = await telephone.pass(800, false);
        lead = await telephone.pass(2 * delayMs + 40, false);
        const report = telephone.playback.slice(flushed).find(({ state }) => state === 'flushed');
        const heardMs = [...before, ...during].filter(Boolean).length * FRAME_MS;
        // The device fades the frame in which it is told; from the next one on nothing of it is heard.
        assert.ok(!after.slice(0, 30).some(Boolean), `turn ${turn}: the interrupted answer was heard after the flush`);
        assertSilenceFollows(telephone, during, delayMs);
        const finished = telephone.playback.slice(flushed).some(({ state }) => state === 'finished');
        if (report !== undefined)
          assert.ok(
            Math.abs(report.playedMs - heardMs) <= FRAME_MS,
            `turn ${turn}: ${report.playedMs} ms reported, ${heardMs} ms heard`,
          );
        assert.equal(
          remembered(telephone, answer),
          wordsWithin(answer, finished ? ANSWER_MS : (report?.playedMs ?? 0)),
          `turn ${turn}, ${heardMs} ms heard`,
        );
      }
      telephone.hangUp();
    });
  }
});

/** The assistant's words of `answer` in the latest request to the model. */
function remembered(telephone: Telephone, answer: number): string {
  const history = telephone.requests.at(-1)!.history.filter(({ role }) => role === 'assistant');
  return history.find(({ text }) => text.startsWith(`a${answer}s`))?.text ?? '';
}

/** From the server's decision to the last sound: one way of the link, and 100 ms at most. */
function assertSilenceFollows(telephone: Telephone, during: readonly boolean[], delayMs: number): void {
  const end = telephone.clock.now() - (800 + 2 * delayMs + 40);
  const decided = telephone.events.findLast(
    ({ event, atMs }) => event === 'dialogue.interrupted' && atMs > end - during.length * FRAME_MS,
  )?.atMs;
  const lastHeardMs = end - (during.length - 1 - during.lastIndexOf(true)) * FRAME_MS;
  if (decided !== undefined && during.includes(true))
    assert.ok(lastHeardMs <= decided + delayMs + 100, `heard for ${lastHeardMs - decided} ms after the decision`);
}

describe('a sound that interrupts nothing', () => {
  for (const [name, transcript, voiceMs] of [
    ['a cough', '', 300],
    ["'mm-hm'", 'mm-hm', 400],
  ] as const) {
    it(`${name} lets the answer go on`, async () => {
      const telephone = new Telephone(7, 20);
      await telephone.pass(500, false);
      await ask(telephone);
      await telephone.pass(500, false);
      telephone.transcript = transcript;
      const during = await telephone.pass(voiceMs, true);
      const after = await telephone.pass(2_000, false);
      assert.ok([...during, ...after].every(Boolean));
      assert.equal(
        telephone.playback.some(({ state }) => state === 'flushed'),
        false,
      );
      telephone.hangUp();
    });
  }

  it('a long cough stops the answer, which then goes on with the sentence it broke off', async () => {
    const telephone = new Telephone(8, 20);
    await telephone.pass(500, false);
    await ask(telephone);
    await telephone.pass(1_500, false);
    telephone.transcript = '';
    await telephone.pass(800, true);
    const after = await telephone.pass(8_000, false);
    const heardMs = after.filter(Boolean).length * FRAME_MS;
    // Its end is led out over one frame more.
    assert.ok(heardMs >= 2 * SENTENCE_MS && heardMs <= 2 * SENTENCE_MS + FRAME_MS, `${heardMs} ms`);
    telephone.transcript = 'what was that';
    await ask(telephone);
    const said = telephone.requests
      .at(-1)!
      .history.filter(({ role }) => role === 'assistant')
      .map(({ text }) => text);
    assert.equal(said.at(-1), [2, 3].map((sentence) => sentenceOf(1, sentence)).join(' '));
    telephone.hangUp();
  });
});
