import type { Phase } from '../../device/src/conversation/state.ts';
import type { Verdict } from './violation.ts';

/** The protocol's numbers once more, on purpose: a judge that imports them agrees with any value. */
const WAITS_MS = [1_000, 2_000, 4_000, 8_000];
const STEADY_MS = 2_000;
const JITTER = 0.05;
const LAST_CALL_MS = 29_300;
const WINDOW_MS = 30_000;
const CONNECT_MS = [2_000, 4_000, 8_000];
const LONGEST_CONNECT_MS = 8_000;
const RACING = 2;
const PROBE_MS = 1_500;
const SHORT_LINK_MS = 5_000;
const HANDSHAKE_MS = 5_000;
const EPSILON_MS = 0.01;

/** When the next attempt may fall due, and where in the schedule that is. */
interface Due {
  readonly loMs: number;
  readonly hiMs: number;
  readonly next: number;
  /** Sum of the waits so far, as an interval: the last one is cut short by it. */
  readonly sumLoMs: number;
  readonly sumHiMs: number;
  /** The schedule may have been at its end before this one. */
  readonly optional: boolean;
}

/** One attempt; `endMs` is when it was seen to be over. */
interface Tried {
  readonly sinceMs: number;
  readonly limitMs: number;
  endMs: number | undefined;
  readonly pending: () => boolean;
}

/**
 * Promise 4, its first part: attempts are made when the schedule says, or when the interface came back, and at no
 * other time; none takes longer than its limit, and all are over soon after the window. Works on the phone's own clock.
 */
export class ScheduleJudge {
  readonly #verdict: Verdict;
  readonly #now: () => number;
  #phase: Phase = 'idle';
  #phaseSinceMs = 0;
  #windowSinceMs: number | undefined;
  #attempts: Tried[] = [];
  /** Timers that fire during a handshake make no attempt, so there may be several candidates. */
  #due: Due[] = [];
  /** A server asked for another wait, so the time since the loss no longer tells the sum of the waits. */
  #shifted = false;
  #handshakes: { readonly fromMs: number; toMs: number }[] = [];
  #excuse: 'dial' | 'network-up' | 'silent-link' | undefined;
  #excuseMs = 0;
  /** Links in a row that broke within 5 s: the waits begin with a later one. */
  #shortLinks = 0;
  #upAtMs = Number.NEGATIVE_INFINITY;
  /** The network came back while a link was up: it may be found dead, and redialled, after the probe. */
  #probedAtMs = Number.NEGATIVE_INFINITY;

  constructor(verdict: Verdict, now: () => number) {
    this.#verdict = verdict;
    this.#now = now;
  }

  /** Since when the phone has been trying, on its clock; undefined while it talks or rests. */
  get windowSinceMs(): number | undefined {
    return this.#windowSinceMs;
  }

  get current(): Phase {
    return this.#phase;
  }

  get sinceMs(): number {
    return this.#phaseSinceMs;
  }

  phase(phase: Phase): void {
    const now = this.#now();
    this.audit();
    const from = this.#phase;
    if (from === 'handshaking') this.#handshakes.at(-1)!.toMs = now;
    this.#phase = phase;
    this.#phaseSinceMs = now;
    if (phase === 'handshaking') this.#handshakes.push({ fromMs: now, toMs: Number.POSITIVE_INFINITY });
    if (phase === 'talking' || phase === 'ending' || phase === 'idle') this.#close();
    else if (from === 'idle' || from === 'talking') this.#open(now, from === 'idle');
    if (phase === 'talking') this.#upAtMs = now;
  }

  networkUp(): void {
    const linked = this.#phase === 'talking' || this.#phase === 'handshaking';
    if (this.#phase !== 'connecting' && this.#phase !== 'reconnecting' && !linked) return;
    // With a link it may: one that has been silent is given up for a new one. Otherwise it must.
    this.#excuse = linked ? 'silent-link' : 'network-up';
    this.#excuseMs = this.#now();
    if (linked) this.#probedAtMs = this.#excuseMs;
  }

  /** The phone has dealt with `networkUp`. */
  networkUpDone(): void {
    // One a second is enough for an interface that comes and goes.
    const lately = this.#attempts.some(({ sinceMs }) => this.#now() - sinceMs < 1_000);
    if (this.#excuse === 'network-up' && !lately)
      this.#verdict.fail(4, 'network-up-ignored', 'the interface came back, and no attempt was made at once');
    this.#excuse = undefined;
  }

  attempted(pending: () => boolean): void {
    const now = this.#now();
    this.audit();
    const limitMs = CONNECT_MS[Math.min(this.#attempts.length, CONNECT_MS.length - 1)]!;
    this.#attempts.push({ sinceMs: now, limitMs, endMs: undefined, pending });
    if (Math.abs(now - this.#probedAtMs - PROBE_MS) < 2) return;
    if (this.#excuse !== undefined && this.#excuseMs === now) {
      this.#excuse = undefined;
      return;
    }
    const matched = this.#due.filter(({ loMs, hiMs }) => now >= loMs - EPSILON_MS && now <= hiMs + EPSILON_MS);
    if (matched.length === 0) {
      const expected =
        this.#due.map(({ loMs, hiMs }) => `${Math.round(loMs)}…${Math.round(hiMs)}`).join(' or ') || 'none';
      return this.#verdict.fail(
        4,
        'unscheduled-attempt',
        `an attempt at ${Math.round(now)} ms of the phone's clock; expected ${expected}`,
      );
    }
    this.#due = matched.flatMap((due) => advance({ ...due, loMs: now, hiMs: now, ...this.#sum(now) }));
  }

  /** A busy server asked for time. */
  postponed(ms: number): void {
    const atMs = this.#now() + ms;
    this.#shifted = true;
    this.#due = this.#due.map((due) => ({ ...due, loMs: Math.max(due.loMs, atMs), hiMs: Math.max(due.hiMs, atMs) }));
  }

  /** What should have happened by now. */
  audit(): void {
    const now = this.#now();
    for (const attempt of this.#attempts.filter(({ endMs }) => endMs === undefined)) {
      if (!attempt.pending()) attempt.endMs = now;
      else if (now - attempt.sinceMs > attempt.limitMs + EPSILON_MS) {
        attempt.endMs = now;
        this.#verdict.fail(4, 'attempt-too-long', `an attempt was not given up after ${attempt.limitMs} ms`);
      }
    }
    if (this.#phase === 'handshaking' && now - this.#phaseSinceMs > HANDSHAKE_MS + EPSILON_MS) {
      this.#phaseSinceMs = Number.POSITIVE_INFINITY;
      this.#verdict.fail(4, 'handshake-too-long', `a handshake was not given up after ${HANDSHAKE_MS} ms`);
    }
    if (this.#windowSinceMs === undefined) return;
    if (now - this.#windowSinceMs > WINDOW_MS + LONGEST_CONNECT_MS + HANDSHAKE_MS + EPSILON_MS) {
      this.#windowSinceMs = undefined;
      this.#verdict.fail(3, 'window-too-long', 'the phone still tries, long after the window');
    }
    this.#lapse(now);
  }

  #open(now: number, dial: boolean): void {
    this.#shortLinks = now - this.#upAtMs < SHORT_LINK_MS ? Math.min(this.#shortLinks + 1, WAITS_MS.length) : 0;
    this.#windowSinceMs = now;
    this.#handshakes = [];
    this.#attempts = [];
    this.#shifted = false;
    if (dial) {
      this.#excuse = 'dial';
      this.#excuseMs = now;
    }
    this.#due = advance({
      loMs: now,
      hiMs: now,
      next: Math.max(0, this.#shortLinks - 1),
      sumLoMs: 0,
      sumHiMs: 0,
      optional: false,
    });
  }

  #close(): void {
    this.#windowSinceMs = undefined;
    this.#due = [];
  }

  #lapse(now: number): void {
    const lapsed = this.#due.filter(({ hiMs }) => hiMs < now - EPSILON_MS);
    if (lapsed.length === 0) return;
    this.#due = this.#due.filter(({ hiMs }) => hiMs >= now - EPSILON_MS);
    for (const due of lapsed) if (this.#skipped(due)) this.#due.push(...advance(due));
    // An advanced candidate may itself have lapsed.
    if (this.#due.some(({ hiMs }) => hiMs < now - EPSILON_MS)) return this.#lapse(now);
    if (this.#due.length === 0 && !lapsed.some((due) => due.optional || this.#skipped(due))) {
      this.#verdict.fail(
        4,
        'missed-attempt',
        `no attempt at ${Math.round(lapsed[0]!.loMs)}…${Math.round(lapsed[0]!.hiMs)} ms of the phone's clock`,
      );
    }
  }

  /** Each wait is counted from the end of the one before, so their sum is the time since the loss. */
  #sum(now: number): { sumLoMs: number; sumHiMs: number } | undefined {
    if (this.#shifted || this.#windowSinceMs === undefined) return undefined;
    const sumMs = now - this.#windowSinceMs;
    return { sumLoMs: sumMs, sumHiMs: sumMs };
  }

  /** No attempt is made during a handshake, nor beside two that are under way. */
  #skipped(due: Due): boolean {
    const racing = this.#attempts.filter(
      ({ sinceMs, endMs = Number.POSITIVE_INFINITY }) => sinceMs < due.hiMs && endMs >= due.loMs - EPSILON_MS,
    );
    return racing.length >= RACING || this.#duringHandshake(due);
  }

  #duringHandshake(due: Due): boolean {
    return this.#handshakes.some(
      ({ fromMs, toMs }) => fromMs <= due.hiMs + EPSILON_MS && toMs >= due.loMs - EPSILON_MS,
    );
  }
}

/** The wait after this one; none when the schedule is at its end. */
function advance(due: Due): Due[] {
  const leastLeftMs = LAST_CALL_MS - due.sumHiMs;
  const mostLeftMs = LAST_CALL_MS - due.sumLoMs;
  if (mostLeftMs <= EPSILON_MS) return [];
  const base = WAITS_MS[due.next] ?? STEADY_MS;
  const loMs = Math.max(0, Math.min(base * (1 - JITTER), leastLeftMs));
  const hiMs = Math.min(base * (1 + JITTER), mostLeftMs);
  return [
    {
      loMs: due.loMs + loMs,
      hiMs: due.hiMs + hiMs,
      next: due.next + 1,
      sumLoMs: due.sumLoMs + loMs,
      sumHiMs: due.sumHiMs + hiMs,
      optional: leastLeftMs <= EPSILON_MS,
    },
  ];
}
