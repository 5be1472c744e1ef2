import assert from 'node:assert/strict';
import fc from 'fast-check';
import { INITIAL_STATE, MOVES, reduce } from '../../src/conversation/state.ts';
import type { CallEffect, CallEvent, CallState } from '../../src/conversation/state.ts';

const connecting: CallState = { ...INITIAL_STATE, phase: 'connecting', attempting: true };
const handshaking: CallState = { ...INITIAL_STATE, phase: 'handshaking' };
const talking: CallState = { ...INITIAL_STATE, phase: 'talking', resumable: true };
const rawTalking: CallState = { ...INITIAL_STATE, phase: 'talking' };
const reconnecting: CallState = { ...INITIAL_STATE, phase: 'reconnecting', resumable: true };
const resuming: CallState = { ...handshaking, resumable: true };
const ending: CallState = { ...INITIAL_STATE, phase: 'ending', endReason: 'hangup' };

interface Row {
  readonly name: string;
  readonly from: CallState;
  readonly event: CallEvent;
  readonly to: Partial<CallState>;
  readonly effects: readonly CallEffect['type'][];
}

const rows: readonly Row[] = [
  {
    name: 'lifting dials at once',
    from: INITIAL_STATE,
    event: { type: 'lift' },
    to: { phase: 'connecting', attempting: true },
    effects: ['open-window', 'attempt'],
  },
  {
    name: 'an open link says hello',
    from: connecting,
    event: { type: 'opened', framing: 'rtp' },
    to: { phase: 'handshaking' },
    effects: ['hello'],
  },
  {
    name: 'a raw link talks at once and cannot be resumed',
    from: connecting,
    event: { type: 'opened', framing: 'raw' },
    to: { phase: 'talking', resumable: false },
    effects: ['close-window', 'begin'],
  },
  {
    name: 'ready makes it resumable',
    from: handshaking,
    event: { type: 'ready' },
    to: { phase: 'talking', resumable: true },
    effects: ['close-window', 'begin'],
  },
  {
    name: 'a failed attempt waits for the schedule',
    from: connecting,
    event: { type: 'attempt-failed', refused: false },
    to: { phase: 'connecting', attempting: false },
    effects: [],
  },
  {
    name: 'a busy server sets its own wait',
    from: connecting,
    event: { type: 'attempt-failed', refused: false, retryAfterMs: 5000 },
    to: { phase: 'connecting' },
    effects: ['postpone'],
  },
  {
    name: 'a refused key ends it',
    from: connecting,
    event: { type: 'attempt-failed', refused: true },
    to: { phase: 'ending', endReason: 'refused' },
    effects: ['close-window', 'wind-up'],
  },
  {
    name: 'a lost link is resumed',
    from: talking,
    event: { type: 'closed', code: 1006 },
    to: { phase: 'reconnecting' },
    effects: ['outage', 'open-window'],
  },
  {
    name: 'a draining server is resumed',
    from: talking,
    event: { type: 'closed', code: 1012 },
    to: { phase: 'reconnecting' },
    effects: ['outage', 'open-window'],
  },
  {
    name: 'a dead link is cut first',
    from: talking,
    event: { type: 'dead' },
    to: { phase: 'reconnecting' },
    effects: ['drop-link', 'outage', 'open-window'],
  },
  {
    name: 'a raw link is dialled anew',
    from: rawTalking,
    event: { type: 'closed', code: 1006 },
    to: { phase: 'connecting' },
    effects: ['outage', 'open-window'],
  },
  {
    name: 'the interface coming back is worth an attempt',
    from: reconnecting,
    event: { type: 'network-up', silentMs: 0 },
    to: { phase: 'reconnecting', attempting: true },
    effects: ['attempt'],
  },
  {
    name: 'the schedule makes an attempt',
    from: reconnecting,
    event: { type: 'retry-due' },
    to: { attempting: true },
    effects: ['attempt'],
  },
  {
    name: 'a new link asks to resume',
    from: reconnecting,
    event: { type: 'opened', framing: 'rtp' },
    to: { phase: 'handshaking', resumable: true },
    effects: ['hello'],
  },
  {
    name: 'resumed',
    from: resuming,
    event: { type: 'resumed' },
    to: { phase: 'talking' },
    effects: ['close-window', 'begin'],
  },
  {
    name: 'a link lost in mid-resume keeps the window',
    from: resuming,
    event: { type: 'closed', code: 1006 },
    to: { phase: 'reconnecting' },
    effects: [],
  },
  {
    name: 'a silent server is cut',
    from: resuming,
    event: { type: 'handshake-timeout' },
    to: { phase: 'reconnecting' },
    effects: ['drop-link'],
  },
  {
    name: 'the window ends it',
    from: reconnecting,
    event: { type: 'window-over' },
    to: { phase: 'ending', endReason: 'expired' },
    effects: ['close-window', 'wind-up'],
  },
  {
    name: 'an attempt begun inside the window may finish',
    from: { ...reconnecting, attempting: true },
    event: { type: 'window-over' },
    to: { phase: 'reconnecting', windowOver: true },
    effects: [],
  },
  {
    name: 'and when it fails it is over',
    from: { ...reconnecting, attempting: true, windowOver: true },
    event: { type: 'attempt-failed', refused: false },
    to: { phase: 'ending', endReason: 'expired' },
    effects: ['close-window', 'wind-up'],
  },
  {
    name: 'a first dial that never got through',
    from: { ...connecting, attempting: false },
    event: { type: 'window-over' },
    to: { phase: 'ending', endReason: 'unreachable' },
    effects: ['close-window', 'wind-up'],
  },
  {
    name: '4404 is the end of this conversation',
    from: resuming,
    event: { type: 'closed', code: 4404 },
    to: { phase: 'ending', endReason: 'expired' },
    effects: ['close-window', 'wind-up'],
  },
  {
    name: '4409 is not fought over',
    from: talking,
    event: { type: 'closed', code: 4409 },
    to: { phase: 'ending', endReason: 'replaced' },
    effects: ['close-window', 'wind-up'],
  },
  {
    name: '4408',
    from: talking,
    event: { type: 'closed', code: 4408 },
    to: { phase: 'ending', endReason: 'idle' },
    effects: ['close-window', 'wind-up'],
  },
  {
    name: 'the server ends it',
    from: talking,
    event: { type: 'server-end', reason: 'server' },
    to: { phase: 'ending', endReason: 'server' },
    effects: ['close-window', 'wind-up'],
  },
  {
    name: 'hanging up while talking',
    from: talking,
    event: { type: 'hangup', reason: 'hangup' },
    to: { phase: 'ending', endReason: 'hangup' },
    effects: ['close-window', 'wind-up'],
  },
  {
    name: 'hanging up while dialling',
    from: connecting,
    event: { type: 'hangup', reason: 'hangup' },
    to: { phase: 'ending' },
    effects: ['close-window', 'wind-up'],
  },
  {
    name: 'hanging up twice',
    from: ending,
    event: { type: 'hangup', reason: 'shutdown' },
    to: { phase: 'ending', endReason: 'hangup' },
    effects: [],
  },
  {
    name: 'and it is over',
    from: ending,
    event: { type: 'finished' },
    to: { phase: 'idle', endReason: 'hangup' },
    effects: [],
  },
];

describe('the conversation reducer', () => {
  for (const row of rows) {
    it(row.name, () => {
      const { state, effects } = reduce(row.from, row.event);
      assert.deepEqual({ ...state, ...row.to }, state);
      assert.deepEqual(
        effects.map((effect) => effect.type),
        row.effects,
      );
    });
  }

  it('makes no illegal move and always gets back to idle, whatever happens', () => {
    fc.assert(
      fc.property(fc.array(anyEvent(), { maxLength: 60 }), (events) => {
        let state = reduce(INITIAL_STATE, { type: 'lift' }).state;
        for (const event of events) {
          const next = reduce(state, event).state;
          assert.ok(
            next.phase === state.phase || MOVES[state.phase].includes(next.phase),
            `${state.phase} -> ${next.phase} at ${event.type}`,
          );
          if (next.phase === 'idle') return;
          state = next;
        }
        state = reduce(state, { type: 'hangup', reason: 'hangup' }).state;
        assert.equal(reduce(state, { type: 'finished' }).state.phase, 'idle');
      }),
      { numRuns: 5_000 },
    );
  });
});

function anyEvent(): fc.Arbitrary<CallEvent> {
  const plain = [
    'ready',
    'resumed',
    'dead',
    'handshake-timeout',
    'protocol-error',
    'retry-due',
    'probe-failed',
    'window-over',
    'finished',
    'lift',
  ] as const;
  return fc.oneof(
    fc.constantFrom(...plain).map((type): CallEvent => ({ type })),
    fc.constantFrom('rtp' as const, 'raw' as const).map((framing): CallEvent => ({ type: 'opened', framing })),
    fc
      .constantFrom(1000, 1001, 1006, 1012, 1013, 4400, 4401, 4404, 4408, 4409, 4410, 4429, 4503, 4999)
      .map((code): CallEvent => ({ type: 'closed', code })),
    fc.boolean().map((refused): CallEvent => ({ type: 'attempt-failed', refused })),
    fc.constantFrom(0, 1_000, 2_000).map((silentMs): CallEvent => ({ type: 'network-up', silentMs })),
  );
}
