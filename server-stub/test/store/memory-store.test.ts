import assert from 'node:assert/strict';
import { CloseCode, FRAME_TICKS_OF } from '../../../protocol/src/index.ts';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import { MemoryConversationStore } from '../../src/store/memory-store.ts';
import { HELLO, levelOf } from '../support/phone.ts';
import type { TestPhone } from '../support/phone.ts';
import { countingIds, SILENCE, VOICE, world } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** Two server processes beside one store, in one virtual time. */
function twoProcesses(script: NonNullable<Parameters<typeof world>[0]>['script'] = {}): {
  first: World;
  second: World;
  store: MemoryConversationStore;
} {
  const clock = new VirtualClock();
  const store = new MemoryConversationStore(clock);
  const options = { clock, store, script: { greetingMs: 2_000, ...script } };
  return { first: world(options), second: world({ ...options, core: { ids: countingIds('second-') } }), store };
}

function resumeOn(
  process: World,
  old: TestPhone,
  token: { conversationId: string; resumeToken: string },
  rxSeq = old.rxSeq,
  playedTs = 0,
): TestPhone {
  const phone = process.connect({ lastReceived: rxSeq });
  phone.say({
    ...HELLO,
    resume: { conversationId: token.conversationId, token: token.resumeToken, rxSeq, playedTs, firstTxSeq: 100 },
  });
  return phone;
}

describe('a conversation carried to another process', () => {
  it('loses no audio that was made', async () => {
    const { first, second } = twoProcesses();
    const old = first.connect();
    const ready = old.hello();
    await first.pass(500);
    old.frames.length = 40;
    const next = resumeOn(second, old, ready);
    await second.pass(500);
    const levels = [...old.frames, ...next.frames].map(({ packet }) => levelOf(packet));
    assert.deepEqual(
      levels,
      Array.from({ length: 100 }, (_, index) => index + 1),
    );
    assert.equal(next.last('response.end').lastSeq, next.rxSeq);
  });

  it('sends no further ahead than the one before, though that one no longer holds what the phone has', async () => {
    const { first, second } = twoProcesses({ greetingMs: 60_000 });
    const old = first.connect();
    const ready = old.hello({ maxQueueMs: 10_000 });
    await first.pass(1_000);
    old.say({ type: 'ack', rxSeq: old.rxSeq, playedTs: old.frames[0]!.packet.timestamp + 100 * FRAME_TICKS_OF.pcm });
    await first.pass(1_000);
    old.say({ type: 'ack', rxSeq: old.rxSeq });
    first.core.dispose();
    const next = resumeOn(second, old, ready, old.rxSeq, old.frames[0]!.packet.timestamp + 150 * FRAME_TICKS_OF.pcm);
    await second.pass(100);
    assert.equal(old.frames.length + next.frames.length, 650);
  });

  it('knows of an interruption: what was flushed fills no queue', async () => {
    const { first, second } = twoProcesses({ greetingMs: 60_000 });
    const old = first.connect();
    const ready = old.hello({ maxQueueMs: 10_000 });
    await first.pass(1_000);
    await first.speak(old, VOICE, 35);
    assert.equal(old.all('flush').length, 1);
    first.core.dispose();
    const next = resumeOn(second, old, ready, old.rxSeq, old.frames[0]!.packet.timestamp);
    await second.pass(10);
    await second.speak(next, VOICE, 50);
    await second.speak(next, SILENCE, 45);
    assert.equal(next.frames.length, 100);
  });

  it('belongs to the newest: the old process lets go of it, and of its phone', async () => {
    const { first, second, store } = twoProcesses();
    const old = first.connect();
    const ready = old.hello();
    await first.pass(500);
    resumeOn(second, old, ready);
    await second.pass(100);
    assert.equal(old.closedWith, CloseCode.replaced);
    assert.equal(first.core.conversations().length, 0);
    assert.equal(second.core.conversations().length, 1);
    assert.equal(store.size, 1);
  });

  it('ends the response whose maker died, at what there is of it', async () => {
    const { first, second } = twoProcesses({ greetingMs: 60_000 });
    const old = first.connect();
    const ready = old.hello();
    await first.pass(500);
    const made = first.core.conversations()[0]!.heldFrames;
    first.core.dispose();
    const next = resumeOn(second, old, ready);
    await second.pass(500);
    const end = next.last('response.end');
    assert.equal(end.durationMs, made * 20);
    assert.equal(end.lastSeq, next.frames.length === 0 ? old.rxSeq : next.rxSeq);
  });

  it('goes on behind what the phone has when the store has less', async () => {
    const { first, second } = twoProcesses();
    const old = first.connect();
    const ready = old.hello();
    await first.pass(500);
    const next = resumeOn(second, old, ready, old.rxSeq + 7);
    await second.pass(10);
    await second.speak(next, VOICE, 50);
    await second.speak(next, SILENCE, 45);
    assert.equal(next.last('resumed').nextSeq, old.rxSeq + 8);
    assert.equal(next.frames[0]!.sequence, old.rxSeq + 8);
    assert.equal(next.all('response.start').at(-1)!.firstSeq, old.rxSeq + 8);
  });

  it('answers what the dead process had heard and not answered', async () => {
    const { first, second } = twoProcesses({ greetingMs: 200 });
    const old = first.connect();
    const ready = old.hello();
    await first.speak(old, SILENCE, 25);
    first.script.stall = 'language-model';
    await first.speak(old, VOICE, 50);
    await first.speak(old, SILENCE, 100);
    first.core.dispose();
    const next = resumeOn(second, old, ready);
    await second.pass(100);
    assert.equal(second.script.requests.at(-1)!.occasion, 'answer');
    assert.equal(next.frames.length, 100);
  });

  it('is refused to a wrong token, and stays where it was', async () => {
    const { first, second } = twoProcesses();
    const old = first.connect();
    const ready = old.hello();
    await first.pass(500);
    const stranger = resumeOn(second, old, { ...ready, resumeToken: 'another-token-of-24-bytes' });
    await second.pass(100);
    assert.equal(stranger.closedWith, CloseCode.conversationExpired);
    assert.equal(old.closedWith, undefined);
    assert.equal(first.core.conversations().length, 1);
  });

  it('is kept for 30 s after its process died, however long before that it was last saved', async () => {
    const { first, second, store } = twoProcesses();
    const old = first.connect();
    const ready = old.hello();
    await first.pass(1_500);
    first.core.dispose();
    await second.pass(30_400);
    assert.equal(store.size, 1);
    await second.pass(200);
    assert.equal(store.size, 0);
    const late = resumeOn(second, old, ready);
    await second.pass(10);
    assert.equal(late.closedWith, CloseCode.conversationExpired);
    assert.equal(second.clock.pending, 0);
  });

  it('a store that fails sends the phone away for a moment', async () => {
    const failing = world({
      core: { store: { create: () => assert.fail(), claim: () => Promise.reject(new Error('no connection')) } },
    });
    const phone = failing.connect();
    phone.say({
      ...HELLO,
      resume: {
        conversationId: 'conversation-1',
        token: 'a-token-of-some-length',
        rxSeq: -1,
        playedTs: 0,
        firstTxSeq: 0,
      },
    });
    await failing.pass(10);
    assert.equal(phone.last('error').retryable, true);
    assert.equal(phone.closedWith, CloseCode.tryAgainLater);
  });

  it('so does one that never answers', async () => {
    const stuck = world({ core: { store: { create: () => assert.fail(), claim: () => new Promise(() => {}) } } });
    const phone = stuck.connect();
    phone.say({
      ...HELLO,
      resume: {
        conversationId: 'conversation-1',
        token: 'a-token-of-some-length',
        rxSeq: -1,
        playedTs: 0,
        firstTxSeq: 0,
      },
    });
    await stuck.pass(5_000);
    assert.equal(phone.closedWith, CloseCode.tryAgainLater);
  });
});
