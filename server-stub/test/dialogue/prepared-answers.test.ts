import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FRAME_MS, FRAME_SAMPLES } from '../../../protocol/src/index.ts';
import type { Clock } from '../../../common/src/time/clock.ts';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import type { Pipeline, ReplyRequest, StageOptions, Transcript } from '../../src/pipeline/ports.ts';
import { DEFAULT_TURN_TAKING } from '../../src/dialogue/turn-taking.ts';
import { levelOf } from '../support/phone.ts';
import { scriptedPipeline, SILENCE, VOICE, world } from '../support/world.ts';

const WORD_MS = 300;
const PATIENCE_MS = DEFAULT_TURN_TAKING.patienceMs;

/** ms that the stages take. */
interface Delays {
  readonly partial: number;
  readonly final: number;
  readonly model: number;
  readonly voice: number;
}

/** What can be told of a request: whether it is over, and whether it was told to stop before that. */
interface Request {
  readonly history: ReplyRequest['history'];
  over: boolean;
  calledOff: boolean;
}

/** Services that take their time: a word for each 300 ms of voice, an answer that names what it answers, a sound that names the answer. */
class Services {
  readonly requests: Request[] = [];
  readonly spoken: Request[] = [];
  readonly #clock: Clock;
  readonly #delays: Delays;
  /** The final text corrects the guesses before it. */
  readonly #corrects: boolean;

  constructor(clock: Clock, delays: Delays, corrects: boolean) {
    this.#clock = clock;
    this.#delays = delays;
    this.#corrects = corrects;
  }

  pipeline(): Pipeline {
    const { pipeline } = scriptedPipeline();
    return {
      ...pipeline,
      // How long it took must not be heard.
      standby: { ...pipeline.standby, fillers: [] },
      speechToText: { transcribe: (audio) => this.#transcribe(audio) },
      languageModel: { reply: (request, options) => this.#reply(request, options) },
      textToSpeech: { speak: (text, options) => this.#speak(text, options) },
    };
  }

  get open(): number {
    return [...this.requests, ...this.spoken].filter(({ over }) => !over).length;
  }

  async *#transcribe(audio: AsyncIterable<Int16Array>): AsyncGenerator<Transcript> {
    let voicedMs = 0;
    let known = 0;
    const text = (end: string): string =>
      [...Array.from({ length: Math.ceil(voicedMs / WORD_MS) }, (_, word) => `word${word}`), end].join(' ').trim();
    for await (const chunk of audio) {
      if (chunk.length === 0) {
        await this.#take(this.#delays.partial);
        yield { text: text(''), final: false, ...(!this.#corrects && { settled: true as const }) };
      }
      if (Math.abs(chunk[0] ?? 0) < 1_000) continue;
      voicedMs += FRAME_MS;
      if (Math.ceil(voicedMs / WORD_MS) === known) continue;
      known = Math.ceil(voicedMs / WORD_MS);
      yield { text: text(''), final: false };
    }
    await this.#take(this.#delays.final);
    yield { text: text(this.#corrects ? 'corrected' : ''), final: true };
  }

  async *#reply({ history, occasion }: ReplyRequest, { signal }: StageOptions): AsyncGenerator<string> {
    const request = { history, over: false, calledOff: false };
    this.requests.push(request);
    try {
      await this.#take(this.#delays.model, signal);
      yield occasion === 'greeting' ? 'hello' : `you said ${history.at(-1)?.text} after ${history.length}`;
    } finally {
      request.over = true;
      request.calledOff = signal.aborted;
    }
  }

  async *#speak(
    text: AsyncIterable<string>,
    { signal }: StageOptions,
  ): AsyncGenerator<{ pcm: Int16Array; text: string }> {
    const request = { history: [], over: false, calledOff: false };
    this.spoken.push(request);
    try {
      for await (const words of text) {
        await this.#take(this.#delays.voice, signal);
        yield { pcm: new Int16Array(10 * FRAME_SAMPLES).fill(1 + (hash(words) % 900)), text: words };
      }
    } finally {
      request.over = true;
      request.calledOff = signal.aborted;
    }
  }

  #take(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(ms, resolve);
      signal?.addEventListener('abort', () => {
        timer.cancel();
        reject(new Error('called off'));
      });
    });
  }
}

/** A conversation: the turns are stretches of voice and, between them, of silence that is shorter than patience, ms. */
async function converse(turns: readonly (readonly number[])[], delays: Delays, corrects: boolean, prepareMs: number) {
  const clock = new VirtualClock();
  const services = new Services(clock, delays, corrects);
  const here = world({
    clock,
    core: { pipeline: services.pipeline(), turnTaking: { ...DEFAULT_TURN_TAKING, prepareMs } },
  });
  const phone = here.connect();
  phone.hello();
  const listen = async (): Promise<void> => {
    await here.speak(phone, SILENCE, ALL_SAID_MS / FRAME_MS);
    const { id, durationMs } = phone.last('response.end');
    phone.say({ type: 'playback', id, state: 'finished', playedMs: durationMs });
  };
  await listen();
  for (const stretches of turns) {
    for (const [index, ms] of stretches.entries())
      await here.speak(phone, index % 2 === 0 ? VOICE : SILENCE, ms / FRAME_MS);
    await listen();
  }
  const said = phone
    .all('transcript')
    .filter(({ final }) => final)
    .map(({ role, text }) => `${role}: ${text}`);
  const { answersPrepared, preparedUsed, preparedDropped } = here.core.stats;
  const waitedMs = phone.all('timing').map(({ firstFrameSentMs }) => firstFrameSentMs!);
  phone.say({ type: 'end', reason: 'hangup' });
  await here.pass(100);
  return {
    said,
    heard: phone.frames.map(({ packet }) => levelOf(packet)),
    services,
    waitedMs,
    counts: { begun: answersPrepared, used: preparedUsed, dropped: preparedDropped },
    pending: clock.pending,
  };
}

/** The slowest turn, and its answer of 200 ms. */
const ALL_SAID_MS = 4_000;

const frames = (least: number, most: number): fc.Arbitrary<number> =>
  fc.integer({ min: least / FRAME_MS, max: most / FRAME_MS }).map((count) => count * FRAME_MS);
const turn = fc
  .tuple(
    frames(300, 1_200),
    fc.array(fc.tuple(frames(40, PATIENCE_MS - 2 * FRAME_MS), frames(300, 900)), { maxLength: 4 }),
  )
  .map(([first, more]) => [first, ...more.flat()]);
const delays = fc.record({ partial: fc.nat(300), final: fc.nat(700), model: fc.nat(900), voice: fc.nat(600) });

describe('answers prepared in a pause', function () {
  this.timeout(60_000);

  it('change nothing of what is heard and remembered, only when; and leave nothing behind', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(turn, { minLength: 1, maxLength: 3 }),
        delays,
        fc.boolean(),
        async (turns, times, corrects) => {
          const prepared = await converse(turns, times, corrects, DEFAULT_TURN_TAKING.prepareMs);
          const plain = await converse(turns, times, corrects, 0);
          assert.deepEqual(prepared.said, plain.said);
          assert.deepEqual(prepared.heard, plain.heard);
          assert.ok(
            prepared.waitedMs.every((ms, index) => ms <= plain.waitedMs[index]! + FRAME_MS),
            `${prepared.waitedMs.join()} against ${plain.waitedMs.join()}`,
          );
          assert.equal(plain.counts.begun, 0);
          const { begun, used, dropped } = prepared.counts;
          assert.equal(used + dropped, begun);
          assert.equal(prepared.services.open, 0);
          assert.equal(prepared.pending, 0);
        },
      ),
      { numRuns: 25, seed: 5 },
    );
  });

  it('are called off, unheard, when the patient goes on', async () => {
    const { services, heard, said, counts } = await converse(
      [[600, 500, 600]],
      { partial: 0, final: 0, model: 600, voice: 100 },
      false,
      160,
    );
    const [, early, final] = services.requests;
    assert.equal(early?.calledOff, true);
    assert.equal(final?.calledOff, false);
    assert.equal(services.requests.length, 3);
    assert.deepEqual(counts, { begun: 2, used: 1, dropped: 1 });
    // The greeting's ten frames, and the one answer's.
    assert.equal(heard.length, 20);
    assert.deepEqual(said.slice(1), [
      'patient: word0 word1 word2 word3',
      'assistant: you said word0 word1 word2 word3 after 2',
    ]);
  });

  it('never stand twice in what the model is given', async () => {
    const { services } = await converse(
      [[600, 500, 600], [900], [600]],
      { partial: 50, final: 300, model: 300, voice: 100 },
      false,
      160,
    );
    const history = services.requests.at(-1)!.history.map(({ role }) => role);
    assert.deepEqual(history, ['assistant', 'patient', 'assistant', 'patient', 'assistant', 'patient']);
  });

  it('are no more than four in a turn, however often the patient pauses', async () => {
    const turns = [[600, ...Array.from({ length: 9 }, () => [300, 400]).flat()]];
    const { counts } = await converse(turns, { partial: 0, final: 0, model: 900, voice: 0 }, false, 160);
    assert.equal(counts.begun, 4);
  });

  it('save what the stages take in the pause', async () => {
    const times = { partial: 0, final: 500, model: 300, voice: 200 };
    const [[prepared], [plain]] = [
      (await converse([[900]], times, false, 160)).waitedMs,
      (await converse([[900]], times, false, 0)).waitedMs,
    ];
    assert.ok(prepared! <= PATIENCE_MS + 2 * FRAME_MS, `${prepared} ms`);
    assert.ok(plain! >= PATIENCE_MS + 1_000, `${plain} ms`);
  });
});

function hash(text: string): number {
  return [...text].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 100_003, 7);
}
