import assert from 'node:assert/strict';
import { NumberDecoder } from '../../test/lib/sound.ts';
import type { RenderFault } from '../src/downlink.ts';
import { Bench } from './downlink-bench.ts';

/** Breaks its contract: `render` meets an error with every packet. */
class BrokenDecoder extends NumberDecoder {
  override decode(): Int16Array {
    return null as unknown as Int16Array;
  }
}

/** @param broken how many of the decoders that are made */
function bench(broken: number): { bench: Bench; told: RenderFault[]; made: () => number } {
  const told: RenderFault[] = [];
  let made = 0;
  const rig = new Bench(undefined, {
    decoderFor: () => (made++ < broken ? new BrokenDecoder() : new NumberDecoder()),
    onFault: (_error, what) => told.push(what),
  });
  rig.downlink.start('opus', true);
  return { bench: rig, told, made: () => made };
}

/** @param frames that come as they are spoken */
function talk(rig: Bench, frames: number, from = 1): void {
  for (let sequence = from; sequence < from + frames; sequence++) {
    rig.send(sequence, sequence);
    rig.pull(1);
  }
}

describe('Downlink, when render meets an error with every frame', () => {
  it('begins the stream anew after half a second, and is heard again', () => {
    const { bench: rig, told, made } = bench(1);
    talk(rig, 100);
    assert.equal(told.filter((what) => what === 'rebuilt').length, 1);
    assert.equal(made(), 2);
    assert.ok(rig.last.startsWith('received'), rig.last);
    assert.equal(rig.downlink.statistics().faults, told.length);
  });

  it('gives it up after another half second, tells so once, and prompts are still heard', () => {
    const { bench: rig, told } = bench(Infinity);
    talk(rig, 200);
    assert.deepEqual(
      told.filter((what) => what !== 'noise'),
      ['rebuilt', 'given-up'],
    );
    rig.downlink.announce('needs-help');
    rig.pull(25);
    assert.ok(Math.max(...rig.heard.at(-1)!) > 1_000);
  });

  it('forgives errors that do not come in a row', () => {
    let frame = 0;
    const told: RenderFault[] = [];
    const rig = new Bench(undefined, {
      onRung: () => {
        if (frame++ % 3 === 0) throw new Error('now and then');
      },
      onFault: (_error, what) => told.push(what),
    });
    rig.downlink.start('opus', true);
    talk(rig, 300);
    assert.ok(told.length >= 99 && told.every((what) => what === 'noise'));
  });
});
