import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  ChildProtocolError,
  HEADER_BYTES,
  RecordParser,
  RecordType,
  emptyRecord,
  frameRecord,
  jsonOf,
  jsonRecord,
  samplesOf,
  type ChildRecord,
  type RecordTypeId,
} from '../../../src/audio/process/pipe-protocol.ts';
import { ramp } from '../../../../test/lib/signals.ts';

const ALL: readonly RecordTypeId[] = Object.values(RecordType);

function parse(accepts: readonly RecordTypeId[], pieces: readonly Uint8Array[]): ChildRecord[] {
  const records: ChildRecord[] = [];
  const parser = new RecordParser(accepts, (record) => records.push(record));
  for (const piece of pieces) parser.push(piece);
  return records;
}

function filledFrame(type: RecordTypeId, id: number): Uint8Array {
  const frame = frameRecord(type, id, 12.5, 320);
  frame.samples.set(ramp(320, id));
  return frame.bytes;
}

describe('the pipe to the sound process', () => {
  it('carries what was sent, cut anywhere', () => {
    const sent = Buffer.concat([
      jsonRecord(RecordType.ready, { description: 'a card', cardDelayMs: 50 }),
      filledFrame(RecordType.capture, 1),
      emptyRecord(RecordType.want, 2, 13, 640),
      filledFrame(RecordType.play, 3),
    ]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: sent.length }), { maxLength: 40 }), (cuts) => {
        const edges = [0, ...cuts.sort((a, b) => a - b), sent.length];
        const records = parse(
          ALL,
          edges.slice(1).map((end, index) => sent.subarray(edges[index], end)),
        );

        assert.deepEqual(
          records.map(({ type, id }) => [type, id]),
          [
            [RecordType.ready, 0],
            [RecordType.capture, 1],
            [RecordType.want, 2],
            [RecordType.play, 3],
          ],
        );
        assert.deepEqual(jsonOf(records[0]!), { description: 'a card', cardDelayMs: 50 });
        assert.deepEqual(samplesOf(records[1]!), ramp(320, 1));
        assert.deepEqual([records[2]!.stampMs, records[2]!.queuedSamples], [13, 640]);
      }),
    );
  });

  const corrupt: readonly [string, (header: Uint8Array) => void][] = [
    [
      'the second byte is not the mark',
      (header) => {
        header[1] = 0;
      },
    ],
    [
      'the type is unknown',
      (header) => {
        header[0] = 99;
      },
    ],
    [
      'the type is for the other end',
      (header) => {
        header[0] = RecordType.play;
      },
    ],
    [
      'a frame is not 640 bytes',
      (header) => {
        header[2] = 10;
      },
    ],
    [
      'the time stamp is no number',
      (header) => {
        header.fill(0xff, 8, 16);
      },
    ],
  ];
  for (const [what, spoil] of corrupt) {
    it(`refuses the stream when ${what}`, () => {
      const bytes = filledFrame(RecordType.capture, 1);
      spoil(bytes);
      assert.throws(() => parse([RecordType.capture], [bytes]), ChildProtocolError);
    });
  }

  it('refuses JSON that is none, without a crash', () => {
    const record = jsonRecord(RecordType.fault, 'x');
    record[HEADER_BYTES] = 0x7b;
    assert.throws(() => jsonOf(parse(ALL, [record])[0]!), ChildProtocolError);
  });

  it('answers any bytes with records or a ChildProtocolError, and with nothing else', () => {
    const anything = fc.uint8Array({ maxLength: 2000 });
    const nearlyRight = fc
      .tuple(fc.nat(20), fc.uint8Array({ maxLength: 1500 }))
      .map(([type, tail]) => Uint8Array.of(type, 0xbd, ...tail));
    fc.assert(
      fc.property(fc.array(fc.oneof(anything, nearlyRight), { maxLength: 5 }), (pieces) => {
        try {
          parse(ALL, pieces);
        } catch (error) {
          assert.ok(error instanceof ChildProtocolError, String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });
});
