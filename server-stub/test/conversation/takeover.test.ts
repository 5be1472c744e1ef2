import assert from 'node:assert/strict';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import { FRAME_MS } from '../../../protocol/src/index.ts';
import { MemoryConversationStore } from '../../src/store/memory-store.ts';
import { HELLO } from '../support/phone.ts';
import type { MessageOf, TestPhone } from '../support/phone.ts';
import { countingIds, SILENCE, VOICE, world } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** Of the microphone's first frame. */
const FIRST = 100;
const QUIET_FRAMES = 25;

/** A process whose conversations another one takes over, with its phone's last link broken. */
async function begun(): Promise<{ here: World; there: World; phone: TestPhone; ready: MessageOf<'ready'> }> {
  const clock = new VirtualClock();
  const store = new MemoryConversationStore(clock);
  const here = world({ clock, store, script: { greetingMs: 200 } });
  const there = world({ clock, store, core: { ids: countingIds('there-') } });
  const phone = here.connect();
  const ready = phone.hello();
  await here.speak(phone, SILENCE, QUIET_FRAMES);
  phone.say({ type: 'playback', id: phone.last('response.end').id, state: 'finished', playedMs: 200 });
  return { here, there, phone, ready };
}

/** The phone goes on with the first frame that was not acknowledged, as a phone does. */
function comeBack(there: World, old: TestPhone, ready: MessageOf<'ready'>): TestPhone {
  // The process is gone: it learns nothing and saves nothing any more.
  old.cut = true;
  const phone = there.connect({ lastReceived: old.rxSeq });
  const { conversationId, resumeToken: token } = ready;
  phone.say({ ...HELLO, resume: { conversationId, token, rxSeq: old.rxSeq, playedTs: 0, firstTxSeq: 100 } });
  return phone;
}

describe('a conversation taken over from a process that died', () => {
  for (const saidFrames of [5, 20, 200]) {
    it(`${saidFrames * FRAME_MS} ms into an utterance: the recogniser hears all of it, once`, async () => {
      const { here, there, phone, ready } = await begun();
      await here.speak(phone, VOICE, saidFrames);
      const next = comeBack(there, phone, ready);
      await there.pass(100);
      const first = Math.max(FIRST, next.last('resumed').rxSeq + 1);
      await there.speak(next, SILENCE, Math.max(0, FIRST + QUIET_FRAMES - first));
      await there.speak(next, VOICE, FIRST + QUIET_FRAMES + saidFrames - Math.max(first, FIRST + QUIET_FRAMES) + 50);
      await there.speak(next, SILENCE, 41);
      await there.pass(500);
      const [heardMs, ...more] = there.script.heardMs;
      // With up to 200 ms before the first word, and the silence that ended it.
      const spokenMs = (saidFrames + 50) * FRAME_MS;
      assert.ok(heardMs! >= spokenMs + 800 && heardMs! <= spokenMs + 1_060, `${heardMs} ms of ${spokenMs} ms`);
      assert.deepEqual(more, []);
      assert.equal(next.all('response.start').length, 1);
    });
  }

  it('with an utterance that was over and not understood: it is heard and answered', async () => {
    const { here, there, phone, ready } = await begun();
    here.script.stall = 'speech-to-text';
    await here.speak(phone, VOICE, 100);
    await here.speak(phone, SILENCE, 60);
    const next = comeBack(there, phone, ready);
    await there.pass(100);
    await there.speak(next, SILENCE, 60);
    assert.equal(there.script.heardMs.length, 1);
    assert.ok(there.script.heardMs[0]! >= 2_800, `${there.script.heardMs[0]} ms`);
    assert.equal(next.all('response.start').length, 1);
  });

  it('does not hear again what was understood', async () => {
    const { here, there, phone, ready } = await begun();
    await here.speak(phone, VOICE, 50);
    await here.speak(phone, SILENCE, 60);
    await here.pass(300);
    assert.equal(here.script.heardMs.length, 1);
    const next = comeBack(there, phone, ready);
    await there.pass(100);
    await there.speak(next, SILENCE, 60);
    assert.deepEqual(there.script.heardMs, []);
  });
});
