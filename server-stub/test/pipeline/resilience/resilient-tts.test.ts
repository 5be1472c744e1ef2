import assert from 'node:assert/strict';
import { VirtualClock } from '../../../../common/src/time/virtual-clock.ts';
import { StageError } from '../../../src/pipeline/ports.ts';
import type { SentenceTextToSpeech, StageOptions, TextToSpeech } from '../../../src/pipeline/ports.ts';
import { CircuitBreaker } from '../../../src/pipeline/resilience/circuit-breaker.ts';
import { NO_HEDGING, ResponseTimes } from '../../../src/pipeline/resilience/hedging.ts';
import { ResilientTextToSpeech } from '../../../src/pipeline/resilience/resilient-tts.ts';

const SOUND = new Int16Array(3_200).fill(1_000);

class Rig {
  readonly clock = new VirtualClock();
  readonly breaker = new CircuitBreaker(this.clock);
  readonly said: string[] = [];
  readonly abort = new AbortController();
  service: SentenceTextToSpeech['say'] = async function* () {
    yield SOUND;
  };
  readonly #fallback: TextToSpeech = {
    async *speak(text) {
      for await (const words of text) yield { pcm: SOUND, text: `offline: ${words}` };
    },
  };

  async speak(pieces: AsyncIterable<string>): Promise<void> {
    const options: StageOptions = { signal: this.abort.signal, language: 'en', clock: this.clock, report() {} };
    const speech = new ResilientTextToSpeech(
      { say: (sentence, before, more) => this.service(sentence, before, more) },
      this.#fallback,
      {
        clock: this.clock,
        stage: 'text-to-speech',
        breaker: this.breaker,
        responseTimes: new ResponseTimes(this.clock, NO_HEDGING),
        failed() {},
      },
    );
    for await (const { text } of speech.speak(pieces, options)) if (text !== undefined) this.said.push(text);
  }

  /** Open, and rested: the next request is the probe. */
  tripped(): this {
    for (let failure = 0; failure < 3; failure++)
      this.breaker.enter()?.failed(new StageError('text-to-speech', 'broken', true));
    this.clock.advance(30_000);
    return this;
  }
}

async function* text(...pieces: string[]): AsyncGenerator<string> {
  yield* pieces;
}

describe('text-to-speech that may fail', () => {
  it('gives a probe back when the model that writes the text fails behind it', async () => {
    const rig = new Rig().tripped();
    async function* broken(): AsyncGenerator<string> {
      yield 'One. Two. ';
      throw new StageError('language-model', 'gone', true);
    }
    rig.service = async function* () {
      await new Promise(() => {});
      yield SOUND;
    };
    const spoken = rig.speak(broken());
    await new Promise((resolve) => setImmediate(resolve));
    rig.clock.advance(10_000);
    await Promise.race([spoken.catch(() => {}), new Promise((resolve) => setTimeout(resolve, 200))]);
    rig.abort.abort();
    rig.clock.advance(90_000);
    assert.notEqual(rig.breaker.enter(), undefined);
  });

  it('says the rest of an answer in which one sentence has no words', async () => {
    const rig = new Rig();
    rig.service = async function* (sentence) {
      if (/\p{L}/u.test(sentence)) yield SOUND;
    };
    await rig.speak(text('How nice. 😊 ! ', 'Tell me more.'));
    assert.deepEqual(rig.said, ['How nice.', 'Tell me more.']);
  });

  it('says a sentence that the service refuses with the fallback, and the others with the service', async () => {
    const rig = new Rig();
    rig.service = async function* (sentence) {
      if (sentence === 'Two.') throw new StageError('text-to-speech', 'not this one', false, { scope: 'request' });
      yield SOUND;
    };
    await rig.speak(text('One. Two. Three.'));
    assert.deepEqual(rig.said, ['One.', 'offline: Two.', 'Three.']);
    assert.equal(rig.breaker.open, false);
  });
});
