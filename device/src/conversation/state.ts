import { ACK_INTERVAL_MS, afterClose, CloseCode } from '../../../protocol/src/index.ts';
import type { EndReason, FramingName } from '../../../protocol/src/index.ts';

/**
 * A conversation as a pure reducer: (state, event) → (state, effects). It knows no clock, no socket and no
 * sound; `call.ts` carries the effects out. One `Call` is one conversation, from dialling to idle.
 *
 *      lift          opened            ready / resumed
 * idle ──► connecting ──► handshaking ──────────────► talking
 *              ▲               │  ▲                     │ link lost
 *              └── no resume ──┤  └─ opened ─ reconnecting ◄┘
 *                              └──────────────────► │
 *          any of them: hang-up, refusal, end, window over ──► ending ──► idle
 */
export type Phase = 'idle' | 'connecting' | 'handshaking' | 'talking' | 'reconnecting' | 'ending';

/** The table of legal moves; anything else is a defect and is refused. Staying is always legal. */
export const MOVES: Readonly<Record<Phase, readonly Phase[]>> = {
  idle: ['connecting'],
  connecting: ['handshaking', 'talking', 'ending'],
  handshaking: ['talking', 'connecting', 'reconnecting', 'ending'],
  talking: ['reconnecting', 'connecting', 'ending'],
  // A raw server in the place of ours: nothing to resume, but somebody to talk to.
  reconnecting: ['handshaking', 'talking', 'ending'],
  ending: ['idle'],
};

export interface CallState {
  readonly phase: Phase;
  /** The server gave a token: a lost link can be resumed. */
  readonly resumable: boolean;
  /** An attempt is under way. */
  readonly attempting: boolean;
  /** The 30 s are over; an attempt begun inside them may still finish. */
  readonly windowOver: boolean;
  readonly endReason: EndReason | undefined;
}

export const INITIAL_STATE: CallState = {
  phase: 'idle',
  resumable: false,
  attempting: false,
  windowOver: false,
  endReason: undefined,
};

export type CallEvent =
  | { readonly type: 'lift' }
  | { readonly type: 'hangup'; readonly reason: EndReason }
  | { readonly type: 'opened'; readonly framing: FramingName }
  | { readonly type: 'attempt-failed'; readonly refused: boolean; readonly retryAfterMs?: number | undefined }
  | { readonly type: 'ready' }
  | { readonly type: 'resumed' }
  | { readonly type: 'closed'; readonly code: number; readonly retryAfterMs?: number | undefined }
  | { readonly type: 'dead' }
  | { readonly type: 'handshake-timeout' }
  | { readonly type: 'server-end'; readonly reason: EndReason }
  | { readonly type: 'protocol-error' }
  | { readonly type: 'retry-due' }
  /** An interface, an address or a route came. @property silentMs how long nothing has come on the link */
  | { readonly type: 'network-up'; readonly silentMs: number }
  /** The link gave no sign of life when it was asked for one. */
  | { readonly type: 'probe-failed' }
  | { readonly type: 'window-over' }
  | { readonly type: 'finished' };

export type CallEffect =
  /** Start an attempt now; one under way goes on beside it. `urgent`: the network has just come back. */
  | { readonly type: 'attempt'; readonly urgent: boolean }
  /** Ask the link for a sign of life; without one, `probe-failed`. */
  | { readonly type: 'probe' }
  /** Restart the waits from the first, and the 30 s with them. */
  | { readonly type: 'open-window'; readonly notBeforeMs: number }
  /** Set the timer for the next attempt, at the earliest in `notBeforeMs`. */
  | { readonly type: 'postpone'; readonly notBeforeMs: number }
  | { readonly type: 'close-window' }
  | { readonly type: 'hello'; readonly resume: boolean }
  | { readonly type: 'begin'; readonly resumed: boolean }
  | { readonly type: 'outage' }
  | { readonly type: 'drop-link' }
  /** Tell the server, close, then `finished`. */
  | { readonly type: 'wind-up'; readonly reason: EndReason; readonly closeCode: number };

const ATTEMPT: CallEffect = { type: 'attempt', urgent: false };
const URGENT_ATTEMPT: CallEffect = { type: 'attempt', urgent: true };
/** The server acknowledges once a second. */
const SILENT_LINK_MS = 1.5 * ACK_INTERVAL_MS;

export interface Step {
  readonly state: CallState;
  readonly effects: readonly CallEffect[];
}

export function reduce(state: CallState, event: CallEvent): Step {
  if (event.type === 'hangup' && state.phase !== 'idle' && state.phase !== 'ending') return end(state, event.reason);
  switch (state.phase) {
    case 'idle':
      return event.type === 'lift' ? dial(state) : stay(state);
    case 'connecting':
    case 'reconnecting':
      return whileDialling(state, event);
    case 'handshaking':
      return whileHandshaking(state, event);
    case 'talking':
      return whileTalking(state, event);
    case 'ending':
      return event.type === 'finished' ? stay({ ...state, phase: 'idle' }) : stay(state);
  }
}

function dial(state: CallState): Step {
  return {
    state: { ...state, phase: 'connecting', attempting: true },
    effects: [{ type: 'open-window', notBeforeMs: 0 }, ATTEMPT],
  };
}

function whileDialling(state: CallState, event: CallEvent): Step {
  switch (event.type) {
    case 'opened':
      // Raw framing has no handshake: the conversation is up with the link.
      if (event.framing === 'raw') return begin(state, false);
      return {
        state: { ...state, phase: 'handshaking', attempting: false },
        effects: [{ type: 'hello', resume: state.resumable }],
      };
    case 'attempt-failed':
      if (event.refused) return end(state, 'refused');
      if (state.windowOver) return end(state, lostReason(state));
      return { state: { ...state, attempting: false }, effects: postpone(event.retryAfterMs) };
    case 'retry-due':
      return { state: { ...state, attempting: true }, effects: [ATTEMPT] };
    case 'network-up':
      return { state: { ...state, attempting: true }, effects: [URGENT_ATTEMPT] };
    case 'window-over':
      return state.attempting ? stay({ ...state, windowOver: true }) : end(state, lostReason(state));
    default:
      return stay(state);
  }
}

function whileHandshaking(state: CallState, event: CallEvent): Step {
  switch (event.type) {
    case 'ready':
      return begin(state, false);
    case 'resumed':
      return begin(state, true);
    case 'window-over':
      return stay({ ...state, windowOver: true });
    case 'server-end':
      return end(state, event.reason);
    case 'protocol-error':
      return end(state, 'protocol-error');
    case 'handshake-timeout':
    case 'dead':
      return redial(state, undefined, [{ type: 'drop-link' }]);
    case 'network-up':
      return { state, effects: [{ type: 'probe' }] };
    case 'probe-failed':
      return atOnce(redial(state, undefined, [{ type: 'drop-link' }]));
    case 'closed': {
      const next = afterClose(event.code);
      if (next === 'stop') return end(state, reasonOfClose(event.code));
      // 4404: the conversation is gone on the server, so it is over here too; a new one is a new call.
      if (next === 'restart') return end(state, 'expired');
      return redial(state, event.retryAfterMs, []);
    }
    default:
      return stay(state);
  }
}

function whileTalking(state: CallState, event: CallEvent): Step {
  switch (event.type) {
    case 'server-end':
      return end(state, event.reason);
    case 'protocol-error':
      return end(state, 'protocol-error');
    case 'dead':
      return lose(state, undefined, [{ type: 'drop-link' }]);
    case 'network-up':
      // A raw conversation cannot be resumed: it is not given up for a suspicion.
      if (!state.resumable) return stay(state);
      // What is silent was hit by what just ended: TCP tries it again only seconds from now, a resume takes a round trip.
      if (event.silentMs > SILENT_LINK_MS) return atOnce(lose(state, undefined, [{ type: 'drop-link' }]));
      return { state, effects: [{ type: 'probe' }] };
    case 'probe-failed':
      return atOnce(lose(state, undefined, [{ type: 'drop-link' }]));
    case 'closed': {
      const next = afterClose(event.code);
      // A raw server has no other way to say that it is done.
      if (event.code === CloseCode.done && !state.resumable) return end(state, 'server');
      if (next === 'stop') return end(state, reasonOfClose(event.code));
      if (next === 'restart') return end(state, 'expired');
      return lose(state, event.retryAfterMs, []);
    }
    default:
      return stay(state);
  }
}

function begin(state: CallState, resumed: boolean): Step {
  const resumable = state.phase === 'handshaking';
  return {
    state: { ...state, phase: 'talking', resumable, attempting: false, windowOver: false },
    effects: [{ type: 'close-window' }, { type: 'begin', resumed }],
  };
}

/** The link broke in mid-conversation: the queue plays on while we come back. */
function lose(state: CallState, retryAfterMs: number | undefined, first: readonly CallEffect[]): Step {
  return {
    state: { ...state, phase: state.resumable ? 'reconnecting' : 'connecting', attempting: false, windowOver: false },
    effects: [...first, { type: 'outage' }, { type: 'open-window', notBeforeMs: retryAfterMs ?? 0 }],
  };
}

/** The link broke in mid-handshake: the waits and the window go on from where they were. */
function redial(state: CallState, retryAfterMs: number | undefined, first: readonly CallEffect[]): Step {
  if (state.windowOver) return end(state, lostReason(state));
  return {
    state: { ...state, phase: state.resumable ? 'reconnecting' : 'connecting', attempting: false },
    effects: [...first, ...postpone(retryAfterMs)],
  };
}

/** The network is there: the first attempt does not wait for the schedule. */
function atOnce({ state, effects }: Step): Step {
  if (state.phase === 'ending') return { state, effects };
  return { state: { ...state, attempting: true }, effects: [...effects, URGENT_ATTEMPT] };
}

function postpone(retryAfterMs: number | undefined): readonly CallEffect[] {
  return retryAfterMs === undefined ? [] : [{ type: 'postpone', notBeforeMs: retryAfterMs }];
}

function end(state: CallState, reason: EndReason): Step {
  return {
    state: { ...state, phase: 'ending', attempting: false, endReason: reason },
    effects: [
      { type: 'close-window' },
      { type: 'wind-up', reason, closeCode: reason === 'protocol-error' ? CloseCode.protocolError : CloseCode.done },
    ],
  };
}

function stay(state: CallState): Step {
  return { state, effects: [] };
}

function lostReason(state: CallState): EndReason {
  return state.resumable ? 'expired' : 'unreachable';
}

function reasonOfClose(code: number): EndReason {
  switch (code) {
    case CloseCode.badKey:
    case CloseCode.wrongDevice:
      return 'refused';
    case CloseCode.protocolError:
      return 'protocol-error';
    case CloseCode.idle:
      return 'idle';
    case CloseCode.replaced:
      return 'replaced';
    default:
      return 'server';
  }
}
