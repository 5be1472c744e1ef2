import assert from 'node:assert/strict';
import { VirtualClock } from '../../../../common/src/time/virtual-clock.ts';
import { StageError } from '../../../src/pipeline/ports.ts';
import type { SpeechToText, Transcript } from '../../../src/pipeline/ports.ts';
import { CircuitBreaker } from '../../../src/pipeline/resilience/circuit-breaker.ts';
import { NO_HEDGING, ResponseTimes } from '../../../src/pipeline/resilience/hedging.ts';
import { ResilientSpeechToText } from '../../../src/pipeline/resilience/resilient-stt.ts';

/** What is understood of one frame when the service says `text`, or refuses. */
async function understood(text: string | undefined, fallback = ''): Promise<string | undefined> {
  const clock = new VirtualClock();
  const saying = (said: string | undefined): SpeechToText => ({
    async *transcribe(): AsyncGenerator<Transcript> {
      if (said === undefined) throw new StageError('speech-to-text', 'refused', false, { scope: 'request' });
      yield { text: said, final: true };
    },
  });
  const stt = new ResilientSpeechToText(saying(text), saying(fallback), {
    clock,
    stage: 'speech-to-text',
    breaker: new CircuitBreaker(clock),
    responseTimes: new ResponseTimes(clock, NO_HEDGING),
    failed() {},
  });
  async function* audio(): AsyncGenerator<Int16Array> {
    yield new Int16Array(320);
  }
  let last: string | undefined;
  const options = { signal: new AbortController().signal, language: 'en', clock, report() {} };
  for await (const transcript of stt.transcribe(audio(), options)) last = transcript.text;
  return last;
}

describe('speech-to-text that may fail', () => {
  it('hears no words in what a recogniser invents on noise', async () => {
    assert.equal(await understood('Thank you for watching!'), '');
    assert.equal(await understood('A fine day.'), 'A fine day.');
  });

  it("keeps the offline stage's note of speech without words: the companion answers it", async () => {
    assert.equal(await understood(undefined, '(speech, 1.0 s)'), '(speech, 1.0 s)');
  });
});
