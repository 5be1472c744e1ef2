import assert from 'node:assert/strict';
import { ConnectError } from '../../src/connection/transport.ts';
import { CallRig } from './rig.ts';

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
});
