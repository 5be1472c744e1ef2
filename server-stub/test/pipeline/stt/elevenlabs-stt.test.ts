import assert from 'node:assert/strict';
import { systemClock } from '../../../../common/src/time/clock.ts';
import { FRAME_MS, FRAME_SAMPLES } from '../../../../protocol/src/index.ts';
import { PAUSE } from '../../../src/pipeline/ports.ts';
import type { Transcript } from '../../../src/pipeline/ports.ts';
import { openElevenLabs } from '../../../src/pipeline/vendors/elevenlabs.ts';
import { ElevenLabsSpeechToText } from '../../../src/pipeline/stt/elevenlabs-stt.ts';
import { FakeElevenLabs } from '../fakes/fake-elevenlabs.ts';

const KEY = 'a-key-of-no-value';

/** ms of voice or of silence; `pause`: the patient may be done; `wait`: the service has time to say all it has. */
type Step = readonly ['voice' | 'silence', number] | 'pause' | 'wait';

/** @returns the transcripts that count: settled ones as `text*`, and the final one */
async function hear(steps: readonly Step[]): Promise<string[]> {
  const vendor = new FakeElevenLabs({ clock: systemClock, key: KEY, delays: NOW, hearingDelays: NOW });
  vendor.transcript = 'one two three four five six seven eight';
  await vendor.listen();
  try {
    const speechToText = new ElevenLabsSpeechToText(await openElevenLabs(vendor.url, KEY), { modelId: 'scribe' });
    const heard: Transcript[] = [];
    const options = { signal: new AbortController().signal, language: 'en', clock: systemClock, report() {} };
    for await (const transcript of speechToText.transcribe(speech(steps), options)) heard.push(transcript);
    return heard
      .filter(({ final, settled }) => final || settled === true)
      .map(({ text, final }) => (final ? text : `${text}*`));
  } finally {
    await vendor.close();
  }
}

async function* speech(steps: readonly Step[]): AsyncGenerator<Int16Array> {
  for (const step of steps) {
    if (step === 'pause') yield PAUSE;
    else if (step === 'wait') await answered();
    else
      for (let at = 0; at < step[1]; at += FRAME_MS)
        yield new Int16Array(FRAME_SAMPLES).fill(step[0] === 'voice' ? 5_000 : 0);
  }
}

const NOW = { firstMs: () => 0, nextMs: () => 0 };
/** Turns of the event loop in which sockets of this process bring what is under way, however busy the machine is. */
async function answered(): Promise<void> {
  for (let turn = 0; turn < 40; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
}

describe('ElevenLabs speech-to-text settles what was said in a pause', function () {
  this.timeout(30_000);
  const rows: readonly { name: string; steps: readonly Step[]; heard: readonly string[] }[] = [
    { name: 'nobody pauses: one commit, at the end', steps: [['voice', 1_000]], heard: ['one two three four'] },
    {
      name: 'the pause is the end',
      steps: [['voice', 500], ['silence', 160], 'pause', 'wait', ['silence', 640]],
      heard: ['one two*', 'one two'],
    },
    {
      name: 'the patient goes on: one segment more',
      steps: [['voice', 500], ['silence', 160], 'pause', 'wait', ['silence', 100], ['voice', 500], ['silence', 160]],
      heard: ['one two*', 'one two three four'],
    },
    {
      name: 'too little to commit: settled at the end',
      steps: [['voice', 120], ['silence', 100], 'pause', 'wait', ['silence', 640]],
      heard: ['one'],
    },
    {
      name: 'too little after the pause: what was committed is all',
      steps: [['voice', 500], ['silence', 160], 'pause', 'wait', ['silence', 100]],
      heard: ['one two*', 'one two'],
    },
    {
      name: 'a pause that another one follows is not settled by its commit',
      steps: [['voice', 500], ['silence', 160], 'pause', ['voice', 500], ['silence', 160], 'pause', 'wait'],
      heard: ['one two three four'],
    },
  ];
  for (const { name, steps, heard } of rows) it(name, async () => assert.deepEqual(await hear(steps), heard));
});
