import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import { ServerAddresses } from '../../src/connection/addresses.ts';
import type { Resolve } from '../../src/connection/addresses.ts';

const V6 = { address: '2001:db8::1', family: 6 };
const V4 = { address: '192.0.2.1', family: 4 };

class Rig {
  readonly clock = new VirtualClock();
  resolve: Resolve = (_name, done) => done(null, [V6, V4]);
  readonly addresses = new ServerAddresses(this.clock, (name, done) => this.resolve(name, done));
  readonly answers: (string[] | string)[] = [];

  look(): void {
    this.addresses.lookup('server.example', { all: true }, (error, found) => {
      this.answers.push(error?.code ?? (found as LookupAddress[]).map(({ address }) => address));
    });
  }
}

describe('the addresses of the server', () => {
  it('begin with another one after each attempt that came to nothing', () => {
    const rig = new Rig();
    rig.look();
    rig.addresses.failed();
    rig.look();
    rig.addresses.failed();
    rig.look();
    assert.deepEqual(rig.answers, [
      [V6.address, V4.address],
      [V4.address, V6.address],
      [V6.address, V4.address],
    ]);
  });

  it('begin with the one that served last', () => {
    const rig = new Rig();
    rig.look();
    rig.addresses.served(V4.address);
    rig.look();
    assert.deepEqual(rig.answers[1], [V4.address, V6.address]);
  });

  it('are the ones known before when the resolver is late, and its answer counts for the next attempt', () => {
    const rig = new Rig();
    rig.look();
    let late: (() => void) | undefined;
    rig.resolve = (_name, done) => {
      late = () => done(null, [V4]);
    };
    rig.look();
    rig.clock.advance(699);
    assert.equal(rig.answers.length, 1);
    rig.clock.advance(1);
    assert.deepEqual(rig.answers[1], [V6.address, V4.address]);
    late!();
    rig.look();
    rig.clock.advance(700);
    assert.deepEqual(rig.answers.slice(2), [[V4.address]]);
  });

  it('are the ones known before when the resolver fails; with none, its error is told', () => {
    const fails: Resolve = (_name, done) => done(Object.assign(new Error('no'), { code: 'EAI_AGAIN' }), []);
    const rig = new Rig();
    rig.look();
    rig.resolve = fails;
    rig.look();
    assert.deepEqual(rig.answers[1], [V6.address, V4.address]);
    const fresh = new Rig();
    fresh.resolve = fails;
    fresh.look();
    assert.deepEqual(fresh.answers, ['EAI_AGAIN']);
  });

  it('wait for a resolver that is late when none is known', () => {
    const rig = new Rig();
    rig.resolve = () => {};
    rig.look();
    rig.clock.advance(60_000);
    assert.deepEqual(rig.answers, []);
  });
});
