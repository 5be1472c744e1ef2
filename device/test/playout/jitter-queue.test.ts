import assert from 'node:assert/strict';
import fc from 'fast-check';
import { JitterQueue, type Inserted, type QueuedPacket } from '../../src/playout/jitter-queue.ts';

function packet(sequence: number): QueuedPacket {
  return { sequence, timestamp: sequence * 960, marker: false, payload: Uint8Array.of(1), arrivedMs: 0 };
}

function drain(queue: JitterQueue): number[] {
  const order: number[] = [];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) order.push(next.sequence);
  return order;
}

describe('JitterQueue', () => {
  const rows: { name: string; arrive: number[]; expected: number[]; verdicts?: Inserted[] }[] = [
    { name: 'keeps order', arrive: [5, 6, 7], expected: [5, 6, 7] },
    { name: 'mends order', arrive: [7, 5, 6], expected: [5, 6, 7] },
    {
      name: 'drops what comes twice',
      arrive: [5, 6, 5],
      expected: [5, 6],
      verdicts: ['queued', 'queued', 'duplicate'],
    },
    {
      name: 'crosses the wrap of the wire numbers',
      arrive: [65_534, 65_536, 65_535],
      expected: [65_534, 65_535, 65_536],
    },
    {
      name: 'refuses what is over its bound',
      arrive: [1, 2, 3, 4, 5],
      expected: [1, 2, 3, 4],
      verdicts: ['queued', 'queued', 'queued', 'queued', 'refused'],
    },
  ];
  for (const { name, arrive, expected, verdicts } of rows) {
    it(name, () => {
      const queue = new JitterQueue(4);
      const got = arrive.map((sequence) => queue.insert(packet(sequence)));
      if (verdicts) assert.deepEqual(got, verdicts);
      assert.deepEqual(drain(queue), expected);
    });
  }

  it('tells late from twice', () => {
    const queue = new JitterQueue(10);
    queue.insert(packet(1));
    queue.insert(packet(3));
    queue.shift();
    queue.advance(3);
    assert.equal(queue.insert(packet(1)), 'duplicate');
    assert.equal(queue.insert(packet(2)), 'late');
    assert.equal(queue.insert(packet(3)), 'duplicate');
  });

  it('drops a range, both ends included', () => {
    const queue = new JitterQueue(10);
    for (let sequence = 0; sequence < 8; sequence++) queue.insert(packet(sequence));
    assert.equal(queue.drop(2, 5), 4);
    assert.deepEqual(drain(queue), [0, 1, 6, 7]);
  });

  it('hands out each number once, in order, within its bound, whatever arrives', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(60), fc.constant('shift' as const)), { maxLength: 300 }), (steps) => {
        const queue = new JitterQueue(16);
        const out: number[] = [];
        for (const step of steps) {
          if (step !== 'shift') queue.insert(packet(step));
          else {
            const next = queue.shift();
            if (next === undefined) continue;
            out.push(next.sequence);
            queue.advance(next.sequence + 1);
          }
          assert.ok(queue.length <= 16);
        }
        for (let index = 1; index < out.length; index++) assert.ok(out[index]! > out[index - 1]!);
      }),
    );
  });
});
