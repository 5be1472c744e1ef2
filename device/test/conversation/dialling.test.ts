import assert from 'node:assert/strict';
import { ConnectError } from '../../src/connection/transport.ts';
import { CallRig, RESUMED } from './rig.ts';

describe('a call that dials while an attempt is under way', () => {
  it('is through on a path that takes longer to open than the wait for the next attempt', () => {
    const rig = new CallRig();
    rig.meets = rig.opens('rtp', 1_300);
    rig.call.lift();
    rig.clock.advance(1_300);
    assert.equal(rig.call.phase, 'handshaking');
    assert.deepEqual(rig.attemptsAtMs, [0, 1_000]);
    assert.equal(rig.cancelled, 1);
    rig.clock.advance(5_000);
    assert.equal(rig.links[1]!.texts.length, 0);
  });

  it('lets the attempt beside it go on when one fails', () => {
    const rig = new CallRig();
    rig.meets = (handlers) =>
      (rig.attemptsAtMs.length === 1 ? rig.fails(new ConnectError('timeout', 'lost'), 1_200) : rig.opens('rtp', 500))(
        handlers,
      );
    rig.call.lift();
    rig.clock.advance(1_500);
    assert.equal(rig.call.phase, 'handshaking');
  });

  it('gives up both attempts when the server refuses one', () => {
    const rig = new CallRig();
    rig.meets = rig.fails(new ConnectError('refused', 'status 401'), 1_200);
    rig.call.lift();
    rig.clock.advance(1_200);
    assert.equal(rig.cancelled, 1);
    assert.equal(rig.reports[0]?.endReason, 'refused');
  });

  it('has two attempts under way at the most, however often the interface returns', () => {
    const rig = new CallRig();
    rig.call.lift();
    for (let index = 0; index < 20; index++) rig.call.networkUp();
    assert.equal(rig.attemptsAtMs.length - rig.cancelled, 2);
  });

  it('reaches a server whose answer takes longer than the first limit', () => {
    for (const answerMs of [2_010, 3_900, 7_900]) {
      const rig = new CallRig();
      rig.answered = true;
      rig.meets = rig.opens('rtp', answerMs);
      rig.call.lift();
      rig.clock.advance(12_000);
      assert.ok(rig.links.length > 0, `${answerMs} ms`);
      assert.ok(rig.phases.includes('handshaking'), `${answerMs} ms`);
    }
  });

  it('does not give up an attempt that was answered for a younger one', () => {
    const rig = new CallRig();
    rig.answered = true;
    rig.call.lift();
    rig.clock.advance(3_000);
    rig.clock.advance(12_500);
    // 3 s: the first is over. 15 s: the attempts of 7 s and of 3 s are over by their own limits.
    assert.equal(rig.cancelled, 4);
  });

  it('keeps to the schedule when a server asks to be called again at once', () => {
    const rig = new CallRig();
    rig.meets = rig.fails(new ConnectError('busy', 'status 429', { retryAfterMs: 0 }));
    rig.call.lift();
    rig.clock.advance(60_000);
    assert.ok(rig.attemptsAtMs.length <= 13, `${rig.attemptsAtMs.length} attempts in a minute`);
  });

  it('waits longer and longer while links break as soon as they are up', () => {
    const rig = new CallRig();
    rig.talk();
    const lostAtMs: number[] = [];
    for (let cut = 0; cut < 4; cut++) {
      rig.clock.advance(1_000);
      lostAtMs.push(rig.clock.now());
      rig.link.serverCloses(1006);
      while (rig.call.phase !== 'handshaking') rig.clock.advance(20);
      rig.link.says(RESUMED);
    }
    const waitsMs = rig.attemptsAtMs.slice(1).map((atMs, index) => Math.round(atMs - lostAtMs[index]!));
    assert.deepEqual(waitsMs, [1_000, 2_000, 4_000, 8_000]);
  });
});

describe('a network that comes back while there is a link', () => {
  it('is asked for a sign of life, and without one redialled at once', () => {
    for (const phase of ['handshaking', 'talking'] as const) {
      const rig = new CallRig();
      if (phase === 'talking') rig.talk();
      else {
        rig.meets = rig.opens();
        rig.call.lift();
        rig.clock.advance(20);
      }
      assert.equal(rig.call.phase, phase);
      const attempts = rig.attemptsAtMs.length;
      rig.call.networkUp();
      rig.clock.advance(1_510);
      assert.equal(rig.links[0]!.terminated, true, phase);
      assert.equal(rig.attemptsAtMs.length, attempts + 1, phase);
    }
  });

  it('changes nothing for a link that answers', () => {
    const rig = new CallRig();
    const link = rig.talk();
    rig.call.networkUp();
    rig.clock.advance(700);
    link.says({ type: 'ack', rxSeq: -1 });
    rig.clock.advance(2_000);
    assert.deepEqual([link.terminated, rig.call.phase], [false, 'talking']);
  });
});
