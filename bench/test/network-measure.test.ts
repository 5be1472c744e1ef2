import assert from 'node:assert/strict';
import type { FrameTraceLine } from '../../common/src/system/frame-trace.ts';
import { firstFrameDelays, gapsInResponses, tickErrors, uplinkDelays } from '../network/measure.ts';

type Rung = 'received' | 'fec' | 'concealed' | 'comfort-noise' | 'prompt';

function rendered(...runs: readonly (readonly [Rung, number])[]): FrameTraceLine[] {
  return runs.flatMap(([rung, count]) =>
    Array.from({ length: count }, (): FrameTraceLine => ({ at: 0, event: 'rendered', rung, state: 'flowing' })),
  );
}

function playback(state: string, id = 'a', at = 0): FrameTraceLine {
  return { at, event: 'message-sent', type: 'playback', id, state };
}

describe('measuring a conversation by its frame traces', () => {
  it("takes the uplink delay of the frames that arrived, over the wrap of the wire's numbers", () => {
    const phone: FrameTraceLine[] = [65_535, 65_536, 65_537].map((sequence, index) => ({
      at: 20 * index,
      event: 'captured',
      sequence,
    }));
    const server: FrameTraceLine[] = [
      { at: 110, event: 'packet-received', sequence: 65_535, bytes: 90 },
      { at: 190, event: 'packet-received', sequence: 1, bytes: 90 },
      { at: 195, event: 'packet-received', sequence: 1, bytes: 90 },
    ];
    assert.deepEqual(uplinkDelays(phone, server), [
      { at: 0, ms: 110 },
      { at: 40, ms: 150 },
    ]);
  });

  it("takes the first frame's delay from response.start sent to playback started", () => {
    const server: FrameTraceLine[] = [
      { at: 1_000, event: 'message-sent', type: 'response.start', id: 'a', firstSeq: 0 },
    ];
    const phone: FrameTraceLine[] = [
      { at: 1_100, event: 'message-received', type: 'response.start', id: 'a', firstSeq: 0 },
      playback('started', 'a', 1_130),
    ];
    assert.deepEqual(firstFrameDelays(phone, server), [{ at: 1_130, ms: 130 }]);
  });

  it('leaves out a response that waited for the one before it', () => {
    const server: FrameTraceLine[] = ['a', 'b'].map((id) => ({
      at: 0,
      event: 'message-sent',
      type: 'response.start',
      id,
    }));
    const received = (id: string): FrameTraceLine => ({ at: 0, event: 'message-received', type: 'response.start', id });
    const phone = [
      received('a'),
      playback('started', 'a', 10),
      received('b'),
      playback('finished', 'a', 900),
      playback('started', 'b', 910),
    ];
    assert.deepEqual(
      firstFrameDelays(phone, server).map(({ ms }) => ms),
      [10],
    );
  });

  for (const { what, lines, longestMs, afterMs, over } of [
    { what: 'no gap', lines: rendered(['received', 100]), longestMs: 0, afterMs: 0, over: 0 },
    {
      what: 'FEC is no gap',
      lines: rendered(['received', 60], ['fec', 10], ['received', 10]),
      longestMs: 0,
      afterMs: 0,
      over: 0,
    },
    {
      what: 'a gap in the first second',
      lines: rendered(['received', 10], ['concealed', 6], ['received', 90]),
      longestMs: 120,
      afterMs: 0,
      over: 1,
    },
    {
      what: 'a gap over its end counts from there',
      lines: rendered(['received', 45], ['concealed', 6], ['comfort-noise', 4], ['received', 9]),
      longestMs: 200,
      afterMs: 100,
      over: 1,
    },
    {
      what: 'a prompt is a gap too',
      lines: rendered(['received', 70], ['comfort-noise', 3], ['prompt', 50], ['received', 9]),
      longestMs: 1_060,
      afterMs: 1_060,
      over: 1,
    },
    {
      what: '100 ms are not over 100 ms',
      lines: rendered(['received', 60], ['concealed', 5], ['received', 9]),
      longestMs: 100,
      afterMs: 100,
      over: 0,
    },
  ])
    it(`finds gaps: ${what}`, () => {
      const gaps = gapsInResponses([
        ...rendered(['comfort-noise', 50]),
        playback('started'),
        ...lines,
        playback('finished'),
        ...rendered(['comfort-noise', 80]),
      ]);
      assert.deepEqual(
        [gaps.longestMs, gaps.longestAfterFirstSecondMs, gaps.over100Ms, gaps.responses],
        [longestMs, afterMs, over, 1],
      );
    });

  it('sees a busy machine by how uneven its 20 ms are', () => {
    const phone: FrameTraceLine[] = [0, 20, 45, 60].map((at, sequence) => ({ at, event: 'captured', sequence }));
    assert.deepEqual(tickErrors(phone), [0, 5, 5]);
  });
});
