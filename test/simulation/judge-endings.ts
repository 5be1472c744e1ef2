import type { EndReason } from '../../protocol/src/index.ts';
import { afterClose } from '../../protocol/src/index.ts';
import type { Conversation } from './ledger.ts';
import type { Verdict } from './violation.ts';

const WINDOW_MS = 30_000;
/** An attempt begun inside the window may take 8 s to connect and 5 s to shake hands. */
const LATEST_END_MS = WINDOW_MS + 8_000 + 5_000;
const EPSILON_MS = 0.01;

/** 4404 says that the conversation is over, not why. */
export type ServerWord = EndReason | 'expired-or-gone';

/** One call of one phone, as the endings are judged by. Times are the phone's clock. */
export interface CallRecord {
  conversationId: string | undefined;
  /** When the receiver that was put down means an end. */
  hungUpAtMs: number | undefined;
  /** When it stopped trying or talking. */
  endingAtMs: number | undefined;
  /** Since when it had been trying then. */
  windowSinceMs: number | undefined;
  /** The last thing the server said that ends a call, and when it came. */
  serverWord: { readonly reason: ServerWord; readonly atMs: number } | undefined;
  /** The phone's own `end`: the connection it went out on, and whether it arrived. */
  ownWord: { arrived: boolean; readonly reason: EndReason } | undefined;
  forbiddenAtMs: number | undefined;
  endReason: EndReason | undefined;
}

export function newCallRecord(): CallRecord {
  return {
    conversationId: undefined,
    hungUpAtMs: undefined,
    endingAtMs: undefined,
    windowSinceMs: undefined,
    serverWord: undefined,
    ownWord: undefined,
    forbiddenAtMs: undefined,
    endReason: undefined,
  };
}

/** The reason that a close code is, when no `end` came before it; undefined: not an end. */
export function reasonOfCode(code: number): ServerWord | undefined {
  if (afterClose(code) === 'restart') return 'expired-or-gone';
  if (afterClose(code) !== 'stop') return undefined;
  switch (code) {
    case 4400:
      return 'protocol-error';
    case 4401:
    case 4403:
      return 'refused';
    case 4408:
      return 'idle';
    case 4409:
      return 'replaced';
    default:
      return 'server';
  }
}

/** Promise 3: a call ends when it should, and only then. Checked when the phone reports it. */
export function judgeCallEnd(call: CallRecord, verdict: Verdict): void {
  const { endReason, endingAtMs = Number.NaN } = call;
  const triedMs = endingAtMs - (call.windowSinceMs ?? Number.NaN);
  const windowOver = triedMs >= WINDOW_MS - EPSILON_MS && triedMs <= LATEST_END_MS + EPSILON_MS;
  const told = call.serverWord?.atMs === endingAtMs ? call.serverWord.reason : undefined;
  const good = ((): boolean => {
    switch (endReason) {
      case 'hangup':
        return Math.abs(endingAtMs - (call.hungUpAtMs ?? Number.NaN)) < EPSILON_MS;
      case 'expired':
        return told === 'expired-or-gone' || told === 'expired' || (call.conversationId !== undefined && windowOver);
      case 'unreachable':
        return call.conversationId === undefined && windowOver;
      case 'refused':
        return told === 'refused' || call.forbiddenAtMs === endingAtMs;
      case 'replaced':
      case 'idle':
      case 'server':
        return told === endReason;
      default:
        return false;
    }
  })();
  if (good) return;
  verdict.fail(
    3,
    'ended-without-cause',
    `the phone ended a call as '${endReason}', ${Number.isNaN(triedMs) ? 'while it was up' : `${Math.round(triedMs)} ms after it had begun to try`}; the server's word was ${told ?? 'none'}`,
  );
}

/** Both ends, once everything has come to rest. */
export function judgePair(call: CallRecord, conversation: Conversation, verdict: Verdict): void {
  const server = conversation.end?.reason;
  if (server === undefined || server === call.endReason) return;
  const serverWordArrived = call.serverWord !== undefined && call.serverWord.reason !== 'expired-or-gone';
  // Whoever heard the other's word must say the same; ends that could not tell each other end each by itself.
  if (call.ownWord?.arrived === true && !serverWordArrived) {
    verdict.fail(3, 'reasons-differ', `the phone ended as '${call.endReason}' and told so, the server as '${server}'`);
  } else if (serverWordArrived && call.ownWord?.arrived !== true) {
    verdict.fail(3, 'reasons-differ', `the server ended as '${server}' and told so, the phone as '${call.endReason}'`);
  } else if (call.endReason !== 'hangup' && call.endReason !== 'expired' && call.endReason !== 'refused') {
    verdict.fail(3, 'reasons-differ', `the server ended as '${server}', the phone as '${call.endReason}'`);
  }
}
