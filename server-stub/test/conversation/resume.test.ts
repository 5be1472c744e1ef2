import assert from 'node:assert/strict';
import { CloseCode } from '../../../protocol/src/index.ts';
import { levelOf } from '../support/phone.ts';
import type { MessageOf, TestPhone } from '../support/phone.ts';
import { SILENCE, VOICE, world } from '../support/world.ts';
import type { World } from '../support/world.ts';

type Resume = NonNullable<Parameters<TestPhone['hello']>[0]>['resume'];

function resumeRequest(
  phone: TestPhone,
  ready: { conversationId: string; resumeToken: string },
  fields: Partial<NonNullable<Resume>> = {},
): Resume {
  return {
    conversationId: ready.conversationId,
    token: ready.resumeToken,
    rxSeq: phone.rxSeq,
    playedTs: 0,
    firstTxSeq: 100,
    ...fields,
  };
}

function sayResume(phone: TestPhone, resume: Resume): void {
  phone.say({
    type: 'hello',
    protocol: 1,
    deviceId: '11111111-2222-4333-8444-555555555555',
    bootId: 'boot',
    firmware: 'test',
    codecs: ['pcm'],
    frameMs: 20,
    sampleRate: 16_000,
    maxQueueMs: 30_000,
    language: 'en',
    ...(resume && { resume }),
  });
}

/** A conversation whose greeting of 2 s was sent and whose link then broke after `arrived` frames. */
async function brokenAfter(
  arrived: number,
  options: Parameters<typeof world>[0] = {},
): Promise<{ here: World; old: TestPhone; ready: MessageOf<'ready'> }> {
  const here = world({ ...options, script: { greetingMs: 2_000, ...options.script } });
  const old = here.connect();
  const ready = old.hello();
  while (old.frames.length < arrived) await here.pass(10);
  old.frames.length = arrived;
  old.drop();
  return { here, old, ready };
}

/** The greeting's frames have the samples 1, 2, 3 …: what a phone got over all its links, once and in order? */
function levels(...phones: TestPhone[]): number[] {
  return phones.flatMap((phone) => phone.frames.map(({ packet }) => levelOf(packet)));
}

const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

describe('resume', () => {
  it('replays what was not received, in order, nothing twice, whatever was lost with the socket', async () => {
    for (const arrived of [1, 37, 99]) {
      const { here, old, ready } = await brokenAfter(arrived);
      const last = old.frames.at(-1)!.sequence;
      await here.pass(3_000);
      const next = here.connect({ lastReceived: last });
      sayResume(next, resumeRequest(next, ready));
      await here.pass(500);
      assert.deepEqual(levels(old, next), upTo(100), `after ${arrived} frames`);
      assert.equal(next.last('resumed').nextSeq, last + 1);
      assert.equal(next.last('response.end').durationMs, 2_000);
    }
  });

  it('goes on making the response while nobody is there', async () => {
    const { here, old, ready } = await brokenAfter(10, { script: { greetingMs: 8_000 } });
    await here.pass(10_000);
    assert.equal(here.core.conversations()[0]!.heldFrames, 400);
    const next = here.connect({ lastReceived: old.frames.at(-1)!.sequence });
    sayResume(next, resumeRequest(next, ready));
    await here.pass(100);
    assert.equal(next.frames.length, 390);
  });

  it('does not replay what was acknowledged', async () => {
    const { here, old, ready } = await brokenAfter(0);
    const next = here.connect();
    sayResume(next, resumeRequest(next, ready, { rxSeq: -1 }));
    await here.pass(500);
    next.say({ type: 'ack', rxSeq: next.frames[49]!.sequence });
    assert.equal(here.core.conversations()[0]!.heldFrames, 50);
    assert.equal(old.frames.length, 0);
  });

  it('says response.start again only for what is not received whole, and response.end until it is played', async () => {
    const { here, ready, old } = await brokenAfter(100);
    const next = here.connect({ lastReceived: old.frames.at(-1)!.sequence });
    sayResume(next, resumeRequest(next, ready));
    await here.pass(500);
    assert.deepEqual(next.wire, ['resumed', 'response.end']);
    next.say({ type: 'playback', id: next.last('response.end').id, state: 'finished', playedMs: 2_000 });
    next.drop();
    const third = here.connect({ lastReceived: old.frames.at(-1)!.sequence });
    sayResume(third, resumeRequest(third, next.last('resumed')));
    assert.deepEqual(third.wire, ['resumed']);
  });

  it('tells which microphone frame it holds, and takes the rest from there', async () => {
    const { here, old, ready } = await (async () => {
      const here = world();
      const old = here.connect();
      const ready = old.hello();
      await here.speak(old, SILENCE, 50);
      old.drop();
      return { here, old, ready };
    })();
    const next = here.connect({ lastReceived: old.rxSeq });
    sayResume(next, resumeRequest(next, ready));
    assert.equal(next.last('resumed').rxSeq, 149);
    next.speak(SILENCE, 150);
    assert.equal(here.core.uplinkCounters().received, 51);
    assert.equal(here.core.uplinkCounters().concealed + here.core.uplinkCounters().comfortNoise, 0);
  });

  it('takes a gap of over 30 s when the phone says that it kept no more', async () => {
    const here = world();
    const old = here.connect();
    const ready = old.hello();
    await here.speak(old, SILENCE, 10);
    old.drop();
    const next = here.connect();
    sayResume(next, resumeRequest(next, ready, { firstTxSeq: 2_000 }));
    next.speak(SILENCE, 2_000);
    assert.equal(next.closedWith, undefined);
    next.speak(SILENCE, 2_001);
    assert.equal(here.core.uplinkCounters().received, 12);
  });

  for (const { afterMs, resumes } of [
    { afterMs: 29_900, resumes: true },
    { afterMs: 30_100, resumes: false },
  ]) {
    it(`${afterMs} ms after the loss: ${resumes ? 'resumes' : 'has ended'}`, async () => {
      const { here, old, ready } = await brokenAfter(10);
      await here.pass(afterMs);
      const next = here.connect({ lastReceived: old.rxSeq });
      sayResume(next, resumeRequest(next, ready));
      await here.pass(0);
      if (resumes) {
        assert.equal(Math.round(next.last('resumed').remainingMs), 100);
      } else {
        assert.equal(next.last('error').code, 'conversation-expired');
        assert.equal(next.closedWith, CloseCode.conversationExpired);
        assert.equal(here.core.stats.ends.get('expired'), 1);
      }
    });
  }

  it('frees everything when the window is over', async () => {
    const { here } = await brokenAfter(10);
    await here.pass(30_100);
    assert.deepEqual(here.core.conversations(), []);
    assert.equal(here.store.size, 0);
    assert.equal(here.clock.pending, 0);
  });

  it('counts the window from the detection of a half-open link', async () => {
    const here = world();
    const old = here.connect();
    const ready = old.hello();
    old.cut = true;
    await here.pass(6_000 + 29_900);
    const next = here.connect();
    sayResume(next, resumeRequest(next, ready, { rxSeq: -1 }));
    assert.equal(next.all('resumed').length, 1);
  });

  it('starts the window anew at every loss', async () => {
    const { here, old, ready } = await brokenAfter(10);
    await here.pass(20_000);
    const next = here.connect({ lastReceived: old.rxSeq });
    sayResume(next, resumeRequest(next, ready));
    next.drop();
    await here.pass(20_000);
    const third = here.connect({ lastReceived: next.rxSeq });
    sayResume(third, resumeRequest(third, next.last('resumed')));
    assert.equal(Math.round(third.last('resumed').remainingMs), 10_000);
  });

  it('refuses a frame number that cannot exist', async () => {
    const { here, ready } = await brokenAfter(10);
    const next = here.connect();
    sayResume(next, resumeRequest(next, ready, { rxSeq: 9_000_000 }));
    assert.equal(next.last('error').code, 'sequence-jump');
    assert.equal(next.closedWith, CloseCode.protocolError);
  });
});

describe('resume token', () => {
  it('changes at every use', async () => {
    const { here, old, ready } = await brokenAfter(10);
    const next = here.connect({ lastReceived: old.rxSeq });
    sayResume(next, resumeRequest(next, ready));
    assert.notEqual(next.last('resumed').resumeToken, ready.resumeToken);
  });

  const refused: readonly { name: string; deviceId?: string; token: (ready: MessageOf<'ready'>) => string }[] = [
    { name: 'a wrong token', token: () => 'another-token-of-24-bytes' },
    {
      name: "another device's right token",
      deviceId: '99999999-2222-4333-8444-555555555555',
      token: (ready) => ready.resumeToken,
    },
  ];
  for (const { name, deviceId, token } of refused) {
    it(`${name} gets the same answer as a conversation that never was, and disturbs nothing`, async () => {
      const { here, old, ready } = await brokenAfter(10);
      const stranger = here.connect({ ...(deviceId !== undefined && { deviceId }) });
      stranger.say({
        type: 'hello',
        protocol: 1,
        deviceId: deviceId ?? '11111111-2222-4333-8444-555555555555',
        bootId: 'b',
        firmware: 'f',
        codecs: ['pcm'],
        frameMs: 20,
        sampleRate: 16_000,
        maxQueueMs: 30_000,
        language: 'en',
        resume: { conversationId: ready.conversationId, token: token(ready), rxSeq: -1, playedTs: 0, firstTxSeq: 0 },
      });
      // The store is asked, too: another process might have the conversation.
      await here.pass(0);
      assert.equal(stranger.last('error').code, 'conversation-expired');
      assert.equal(stranger.closedWith, CloseCode.conversationExpired);
      const next = here.connect({ lastReceived: old.rxSeq });
      sayResume(next, resumeRequest(next, ready));
      assert.equal(next.all('resumed').length, 1);
    });
  }

  it('is spent once the phone has shown that it got the next one', async () => {
    const { here, old, ready } = await brokenAfter(10);
    const next = here.connect({ lastReceived: old.rxSeq });
    sayResume(next, resumeRequest(next, ready));
    next.say({ type: 'ack', rxSeq: next.rxSeq });
    next.drop();
    const third = here.connect({ lastReceived: next.rxSeq });
    sayResume(third, resumeRequest(third, ready));
    await here.pass(0);
    assert.equal(third.closedWith, CloseCode.conversationExpired);
  });

  it('is still good when the answer with the next one was lost with its socket', async () => {
    const { here, old, ready } = await brokenAfter(10);
    const lost = here.connect({ lastReceived: old.rxSeq });
    lost.socket.send = () => {};
    sayResume(lost, resumeRequest(lost, ready));
    lost.drop();
    const next = here.connect({ lastReceived: old.rxSeq });
    sayResume(next, resumeRequest(next, ready));
    await here.pass(100);
    assert.deepEqual(levels(old, next), upTo(100));
  });
});

describe('takeover', () => {
  it('the newest authenticated socket wins; the older one gets 4409 and no end', async () => {
    const here = world();
    const old = here.connect();
    const ready = old.hello();
    await here.pass(100);
    const next = here.connect({ lastReceived: old.rxSeq });
    sayResume(next, resumeRequest(next, ready));
    assert.equal(old.closedWith, CloseCode.replaced);
    assert.equal(old.all('end').length, 0);
    assert.equal(next.last('resumed').remainingMs, 30_000);
    await here.pass(1_000);
    assert.equal(next.closedWith, undefined);
    assert.equal(here.core.stats.takenOver, 1);
  });

  it("a fresh hello ends the device's old conversation as replaced", async () => {
    const here = world();
    const old = here.connect();
    old.hello();
    const next = here.connect();
    next.hello();
    assert.equal(old.last('end').reason, 'replaced');
    assert.equal(old.closedWith, CloseCode.replaced);
    await here.pass(100);
    assert.equal(here.core.conversations().length, 1);
    assert.ok(next.frames.length > 0);
  });

  it('a fresh hello ends an old conversation that waits for its phone, too', async () => {
    const { here } = await brokenAfter(10);
    here.connect().hello();
    assert.equal(here.core.stats.ends.get('replaced'), 1);
    assert.equal(here.core.conversations().length, 1);
  });
});

describe('flush and resume', () => {
  async function interruptedDuringOutage(): Promise<{
    here: World;
    next: TestPhone;
    flushed: string;
    lastReceived: number;
  }> {
    const here = world({ script: { greetingMs: 8_000 } });
    const old = here.connect();
    const ready = old.hello();
    await here.pass(200);
    const id = old.last('response.start').id;
    await here.speak(old, VOICE, 25);
    // The flush is sent into a link that has just died.
    old.cut = true;
    old.frames.length = 50;
    old.cut = false;
    old.socket.send = () => {};
    await here.speak(old, VOICE, 20);
    old.drop();
    const lastReceived = old.frames.at(-1)!.sequence;
    const next = here.connect({ lastReceived });
    sayResume(next, resumeRequest(next, ready, { rxSeq: lastReceived }));
    await here.pass(100);
    return { here, next, flushed: id, lastReceived };
  }

  it('says flush again and replays nothing of what was interrupted', async () => {
    const { next, flushed, lastReceived } = await interruptedDuringOutage();
    assert.deepEqual(next.wire.slice(0, 2), ['resumed', 'flush']);
    assert.equal(next.last('flush').id, flushed);
    assert.equal(next.frames.length, 0);
    assert.ok(next.last('resumed').nextSeq > lastReceived + 1);
  });

  it('stops saying it once the phone has confirmed', async () => {
    const { here, next, flushed } = await interruptedDuringOutage();
    next.say({ type: 'playback', id: flushed, state: 'flushed', playedMs: 0 });
    next.drop();
    const third = here.connect({ lastReceived: next.rxSeq });
    sayResume(third, resumeRequest(third, next.last('resumed')));
    assert.equal(third.all('flush').length, 0);
  });

  it('numbers the next response right after nextSeq', async () => {
    const { here, next } = await interruptedDuringOutage();
    await here.speak(next, SILENCE, 60);
    assert.equal(next.last('response.start').firstSeq, next.last('resumed').nextSeq);
    assert.equal(next.frames[0]!.sequence, next.last('resumed').nextSeq);
  });
});
