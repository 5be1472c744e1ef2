import assert from 'node:assert/strict';
import { join } from 'node:path';
import { framesOf } from '../../../../common/src/audio/framer.ts';
import { readWav } from '../../../../common/src/audio/wav.ts';
import { dataPath } from '../../../../common/src/system/package-root.ts';
import { systemClock } from '../../../../common/src/time/clock.ts';
import { findPocketsphinx } from '../../../src/pipeline/offline/pocketsphinx-stt.ts';
import type { SpeechToText, StageOptions } from '../../../src/pipeline/ports.ts';

const STAGE: StageOptions = { signal: new AbortController().signal, language: 'en', clock: systemClock, report() {} };
const wordless: SpeechToText = {
  async *transcribe() {
    yield { text: 'no words', final: true };
  },
};

describe('pocketsphinx', function () {
  this.timeout(60_000);
  let speechToText: SpeechToText;

  before(async function () {
    const found = await findPocketsphinx(systemClock, wordless);
    if (found === undefined) {
      console.log('    skipped: pocketsphinx is not installed (apt-get install -y pocketsphinx pocketsphinx-en-us)');
      this.skip();
    }
    speechToText = found;
  });

  async function heard(options: StageOptions): Promise<string> {
    const pcm = readWav(join(dataPath('server-stub/voices'), 'caller/caller-music.wav'));
    async function* spoken(): AsyncGenerator<Int16Array> {
      yield* framesOf(pcm);
      // The turn's end comes when the patient has been silent for a while; the recogniser uses the time.
      await new Promise((resolve) => setTimeout(resolve, 3_000));
    }
    let text = '';
    for await (const transcript of speechToText.transcribe(spoken(), options)) text = transcript.text;
    return text;
  }

  it('understands a recorded caller, or lets the conversation go on without words when the machine is too slow', async () => {
    assert.match(await heard(STAGE), /dancing|no words/);
  });

  it('leaves other languages to others', async () => {
    assert.equal(await heard({ ...STAGE, language: 'de' }), 'no words');
  });
});
