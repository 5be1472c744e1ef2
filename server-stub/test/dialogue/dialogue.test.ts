import assert from 'node:assert/strict';
import { FRAME_TICKS_OF } from '../../../protocol/src/index.ts';
import type { TestPhone } from '../support/phone.ts';
import { SILENCE, VOICE, world } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** Begins a conversation and hears its greeting (200 ms) to the end. */
async function greeted(options: Parameters<typeof world>[0] = {}): Promise<{ here: World; phone: TestPhone }> {
  const here = world({ ...options, script: { greetingMs: 200, ...options.script } });
  const phone = here.connect();
  phone.hello();
  await here.speak(phone, SILENCE, 25);
  phone.say({ type: 'playback', id: phone.last('response.end').id, state: 'finished', playedMs: 200 });
  return { here, phone };
}

/** One second of speech and the silence that ends the turn. */
async function askSomething(here: World, phone: TestPhone): Promise<void> {
  await here.speak(phone, VOICE, 50);
  await here.speak(phone, SILENCE, 41);
}

function ackPlayed(phone: TestPhone, frames: number): void {
  phone.say({
    type: 'ack',
    rxSeq: phone.rxSeq,
    playedTs: phone.frames[0]!.packet.timestamp + frames * FRAME_TICKS_OF.pcm,
  });
}

describe('a turn', () => {
  it('is answered when the patient has paused long enough', async () => {
    const { here, phone } = await greeted();
    await here.speak(phone, VOICE, 50);
    await here.speak(phone, SILENCE, 39);
    assert.equal(phone.all('response.start').length, 1);
    await here.speak(phone, SILENCE, 2);
    assert.equal(phone.all('response.start').length, 2);
  });

  it('hears the quiet beginning of the first word', async () => {
    const { here, phone } = await greeted();
    await askSomething(here, phone);
    const [heardMs] = here.script.heardMs;
    assert.ok(heardMs !== undefined && heardMs >= 1_000 + 800 + 200 && heardMs < 2_100, `${heardMs} ms`);
  });

  it('tells what was said and how long each stage took, from the frame that ended the speech', async () => {
    const { here, phone } = await greeted();
    await askSomething(here, phone);
    assert.deepEqual(
      phone
        .all('transcript')
        .slice(1)
        .map(({ role, text, final }) => ({ role, text, final }))[0],
      { role: 'patient', text: 'a fine day', final: true },
    );
    const timing = phone.last('timing');
    assert.equal(timing.speechEndSeq, 100 + 25 + 50 - 1);
    assert.equal(timing.turnDetectedMs, 800);
    assert.ok(timing.firstFrameSentMs! >= 800 && timing.firstFrameSentMs! < 830);
    assert.equal(timing.id, phone.last('response.start').id);
  });

  it('gives the model the conversation so far', async () => {
    const { here, phone } = await greeted();
    await askSomething(here, phone);
    assert.deepEqual(here.script.requests.at(-1), {
      occasion: 'answer',
      history: [
        { role: 'assistant', text: 'hello there my dear' },
        { role: 'patient', text: 'a fine day' },
      ],
    });
  });

  it('is not answered when no word was said', async () => {
    const { here, phone } = await greeted({ script: { transcript: '' } });
    await askSomething(here, phone);
    assert.equal(here.script.requests.length, 1);
  });

  it('asks gently when nobody says anything for long, three times at the most', async () => {
    const { here, phone } = await greeted({ script: { answerMs: 400 } });
    await here.speak(phone, SILENCE, 5_000);
    assert.deepEqual(
      here.script.requests.map(({ occasion }) => occasion),
      ['greeting', 'silence', 'silence', 'silence'],
    );
  });
});

describe('interruption', () => {
  async function interrupted(playedFrames: number): Promise<{ here: World; phone: TestPhone; id: string }> {
    const { here, phone } = await greeted();
    await askSomething(here, phone);
    await here.speak(phone, SILENCE, 20);
    const { id } = phone.last('response.start');
    ackPlayed(phone, 10 + playedFrames);
    await here.speak(phone, VOICE, 30);
    return { here, phone, id };
  }

  it('stops the answer with one flush after 600 ms of voice', async () => {
    const { phone, id, here } = await interrupted(10);
    assert.deepEqual(
      phone.all('flush').map((flush) => flush.id),
      [id],
    );
    const before = phone.frames.length;
    await here.speak(phone, VOICE, 10);
    assert.equal(phone.frames.length, before);
  });

  it('lets the answer go on after a cough', async () => {
    const { here, phone } = await greeted();
    await askSomething(here, phone);
    await here.speak(phone, SILENCE, 5);
    await here.speak(phone, VOICE, 15);
    await here.speak(phone, SILENCE, 60);
    assert.equal(phone.all('flush').length, 0);
    assert.equal(phone.frames.length, 10 + 100);
    assert.equal(here.script.requests.length, 2);
  });

  it("answers a quick 'yes' over its last words, and does not break them off", async () => {
    const { here, phone } = await greeted();
    await askSomething(here, phone);
    // The answer of 2 s began with the last frames of the question's pause.
    await here.speak(phone, SILENCE, 68);
    await here.speak(phone, VOICE, 12);
    await here.speak(phone, SILENCE, 60);
    assert.equal(phone.all('flush').length, 0);
    assert.deepEqual(
      here.script.requests.map(({ occasion }) => occasion),
      ['greeting', 'answer', 'answer'],
    );
    assert.equal(here.script.heardMs.length, 2);
  });

  const heard: readonly { playedMs: number; text: string | undefined }[] = [
    { playedMs: 0, text: undefined },
    { playedMs: 1_000, text: 'one two three four five' },
    { playedMs: 1_999, text: 'one two three four five six seven eight nine' },
  ];
  for (const { playedMs, text } of heard) {
    it(`remembers ${text ?? 'nothing'} when ${playedMs} of 2,000 ms were heard`, async () => {
      const { here, phone, id } = await interrupted(10);
      phone.say({ type: 'playback', id, state: 'flushed', playedMs });
      await here.speak(phone, VOICE, 10);
      await here.speak(phone, SILENCE, 41);
      const said = here.script.requests
        .at(-1)!
        .history.filter(({ role }) => role === 'assistant')
        .map((utterance) => utterance.text);
      assert.deepEqual(said, ['hello there my dear', ...(text === undefined ? [] : [text])]);
    });
  }

  it('remembers by the last ack when the phone does not say what it played', async () => {
    const { here, phone } = await interrupted(50);
    await here.speak(phone, SILENCE, 41);
    assert.equal(here.script.requests.at(-1)!.history.at(-2)?.text, 'one two three four five');
  });

  it('by the phone itself stops the answer too', async () => {
    const { here, phone } = await greeted({ script: { answerMs: 20_000 } });
    await askSomething(here, phone);
    const { id } = phone.last('response.start');
    phone.say({ type: 'interrupt', id, playedMs: 100, source: 'button' });
    const before = phone.frames.length;
    await here.speak(phone, SILENCE, 50);
    assert.equal(phone.frames.length, before);
  });

  it('before the answer began keeps what was said, and answers all of it', async () => {
    const { here, phone } = await greeted();
    here.script.stall = 'language-model';
    await askSomething(here, phone);
    here.script.stall = undefined;
    await here.speak(phone, VOICE, 50);
    await here.speak(phone, SILENCE, 41);
    assert.deepEqual(here.script.requests.at(-1)!.history.filter(({ role }) => role === 'patient').length, 2);
    assert.equal(phone.all('response.start').length, 2);
  });
});

describe('a stage that fails', () => {
  for (const stage of ['speech-to-text', 'language-model', 'text-to-speech'] as const) {
    it(`${stage}: an apology is spoken, and the next turn works`, async () => {
      const { here, phone } = await greeted();
      here.script.fail = stage;
      await askSomething(here, phone);
      await here.speak(phone, SILENCE, 30);
      assert.equal(phone.last('response.end').durationMs, 400);
      assert.equal(here.core.stats.stageFailures, 1);
      here.script.fail = undefined;
      await askSomething(here, phone);
      await here.speak(phone, SILENCE, 5);
      assert.equal(phone.last('response.end').durationMs, 2_000);
    });
  }

  it('one that hangs: a filler is spoken, and the conversation can still be ended', async () => {
    const { here, phone } = await greeted();
    here.script.stall = 'language-model';
    await askSomething(here, phone);
    await here.speak(phone, SILENCE, 150);
    assert.equal(phone.all('response.start').length, 2);
    assert.equal(phone.last('response.end').durationMs, 400);
    phone.say({ type: 'end', reason: 'hangup' });
    await here.pass(1_000);
    assert.equal(here.clock.pending, 0);
  });
});

describe('a server that is about to stop', () => {
  it('makes the answer that is under way to its end, and accepts nobody meanwhile', async () => {
    // More than may be sent ahead of an ear that acknowledges nothing.
    const { here, phone } = await greeted({ script: { answerMs: 20_000 }, limits: { maxHeldMs: 10_000 } });
    await askSomething(here, phone);
    await here.pass(200);
    let finished = false;
    void here.core.finishTurns(60_000).then(() => {
      finished = true;
    });
    await here.pass(200);
    assert.equal(finished, false);
    assert.equal(here.core.draining, true);
    phone.say({ type: 'ack', rxSeq: phone.rxSeq, playedTs: phone.frames.at(-1)!.packet.timestamp });
    await here.pass(500);
    for (let more = 0; more < 40 && !finished; more++) {
      phone.say({ type: 'ack', rxSeq: phone.rxSeq, playedTs: phone.frames.at(-1)!.packet.timestamp });
      await here.pass(100);
    }
    assert.equal(finished, true);
    assert.equal(phone.last('response.end').durationMs, 20_000);
  });

  it('waits for a patient who is speaking, and for the answer to it', async () => {
    const { here, phone } = await greeted();
    await here.speak(phone, VOICE, 50);
    let finished = false;
    void here.core.finishTurns(60_000).then(() => {
      finished = true;
    });
    await here.speak(phone, VOICE, 50);
    assert.equal(finished, false, 'in mid-utterance');
    for (let more = 0; more < 40 && !finished; more++) {
      await here.speak(phone, SILENCE, 5);
      phone.say({ type: 'ack', rxSeq: phone.rxSeq, playedTs: phone.frames.at(-1)!.packet.timestamp });
    }
    assert.equal(finished, true);
    assert.equal(phone.last('response.end').durationMs, here.script.answerMs);
  });

  it('waits no longer than told, and not at all when nothing is being said', async () => {
    const { here, phone } = await greeted();
    await here.core.finishTurns(60_000);
    here.script.stall = 'language-model';
    await askSomething(here, phone);
    let finished = false;
    void here.core.finishTurns(10_000).then(() => {
      finished = true;
    });
    await here.pass(9_900);
    assert.equal(finished, false);
    await here.pass(200);
    assert.equal(finished, true);
  });
});
