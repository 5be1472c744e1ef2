import type { EndReason } from '../../protocol/src/index.ts';
import type { VirtualClock } from '../../common/src/time/virtual-clock.ts';
import type { Conversation, Ledger } from './ledger.ts';
import type { LogLine } from './log-book.ts';
import type { ServerProcess } from './server-process.ts';
import type { Verdict } from './violation.ts';
import type { Endpoint, Wire } from './wire.ts';

const WINDOW_MS = 30_000;
/** 6 s without a byte, noticed up to a second later; looked at once a second here, so never overestimated. */
const DEAF_MS = 7_050;
/** 60 s held, and a slice that was being encoded. */
const MOST_HELD_FRAMES = 60_000 / 20 + 20;
/** What may be sent ahead, 30 s, as it is on the wire. */
const MOST_BUFFERED_BYTES = 400_000;

/** Promises 3 and 4 on the server's side: it ends what it should and when; it notices dead links; it holds no more than it may. */
export class ServerJudge {
  readonly #ledger: Ledger;
  readonly #verdict: Verdict;
  readonly #clock: VirtualClock;
  readonly #freshHellos = new Map<string, number>();
  readonly #toldToEnd = new Map<string, number>();
  readonly #bytes = new WeakMap<Endpoint, { bytes: number; sinceMs: number }>();

  constructor(ledger: Ledger, verdict: Verdict, clock: VirtualClock) {
    this.#ledger = ledger;
    this.#verdict = verdict;
    this.#clock = clock;
  }

  /** A `hello` without `resume` reached the server. */
  freshHello(deviceId: string): void {
    this.#freshHellos.set(deviceId, this.#clock.now());
  }

  /** A device's `end` reached the server. */
  toldToEnd(conversationId: string): void {
    this.#toldToEnd.set(conversationId, this.#clock.now());
  }

  line({ event, fields }: LogLine, process: ServerProcess | undefined): void {
    const conversation = this.#ledger.conversations.get(String(fields['conversationId']));
    if (conversation === undefined || process === undefined) return;
    const nowMs = process.clock.now();
    switch (event) {
      case 'conversation.waiting':
        return this.#waits(conversation, process, Number(fields['windowMs']), nowMs);
      case 'conversation.resumed': {
        conversation.waiting = undefined;
        return;
      }
      case 'conversation.ended':
        return this.#ends(conversation, process, fields['reason'] as EndReason, nowMs);
    }
  }

  audit(host: { readonly processes: readonly ServerProcess[] }): void {
    for (const conversation of this.#ledger.conversations.values()) {
      const { waiting, end } = conversation;
      if (waiting === undefined || end !== undefined || !waiting.process.running) continue;
      if (waiting.process.clock.now() - waiting.sinceMs <= waiting.windowMs + 50) continue;
      conversation.waiting = undefined;
      this.#verdict.fail(
        3,
        'kept-too-long',
        `the server still holds ${conversation.id} after its window of ${waiting.windowMs} ms`,
      );
    }
    for (const process of host.processes) if (process.running) this.#auditMemory(process);
  }

  /** Once a second: a link over which nothing comes must have been given up. */
  watchLinks(wires: readonly Wire[]): void {
    const now = this.#clock.now();
    for (const wire of wires) {
      for (const endpoint of [wire.device, wire.server]) if (endpoint.inUse) this.#watch(endpoint, now);
    }
  }

  #waits(conversation: Conversation, process: ServerProcess, windowMs: number, nowMs: number): void {
    const before = conversation.waiting?.process;
    conversation.waiting = { sinceMs: nowMs, windowMs, process };
    const tookOver = before !== undefined || process.number > 0;
    if (windowMs > WINDOW_MS || (windowMs < WINDOW_MS && !tookOver)) {
      this.#verdict.fail(3, 'wrong-window', `the server waits ${windowMs} ms for the phone`);
    }
  }

  #ends(conversation: Conversation, process: ServerProcess, reason: EndReason, nowMs: number): void {
    const trueMs = this.#clock.now();
    const { waiting } = conversation;
    const waitedMs = waiting?.process === process ? nowMs - waiting.sinceMs : Number.NaN;
    if (conversation.end !== undefined)
      this.#verdict.fail(
        3,
        'ended-twice',
        `${conversation.id} ended as '${conversation.end.reason}' and again as '${reason}'`,
      );
    conversation.end = { reason, atMs: trueMs };
    const good = ((): boolean => {
      switch (reason) {
        case 'hangup':
        case 'shutdown':
        case 'refused':
          return this.#toldToEnd.get(conversation.id) === trueMs;
        case 'expired':
          return (
            this.#toldToEnd.get(conversation.id) === trueMs ||
            Math.abs(waitedMs - (waiting?.windowMs ?? Number.NaN)) < 1
          );
        case 'replaced':
          return this.#freshHellos.get(conversation.deviceId) === trueMs;
        default:
          return false;
      }
    })();
    if (!good)
      this.#verdict.fail(
        3,
        'server-ended-without-cause',
        `the server ended ${conversation.id} as '${reason}', having waited ${Math.round(waitedMs)} ms`,
      );
  }

  #auditMemory({ core, endpoints }: ServerProcess): void {
    for (const { id, heldFrames } of core.conversations()) {
      if (heldFrames > MOST_HELD_FRAMES)
        this.#verdict.fail(
          4,
          'held-bound',
          `the server holds ${heldFrames} frames of ${id}; the limit is ${MOST_HELD_FRAMES}`,
        );
    }
    for (const endpoint of endpoints) {
      if (!endpoint.open) endpoints.delete(endpoint);
      else if (endpoint.bufferedBytes > MOST_BUFFERED_BYTES) {
        this.#verdict.fail(
          4,
          'downlink-bound',
          `${endpoint.bufferedBytes} bytes wait in the server's socket; the limit is ${MOST_BUFFERED_BYTES}`,
        );
      }
    }
  }

  #watch(endpoint: Endpoint, now: number): void {
    const { bytesReceived } = endpoint;
    const known = this.#bytes.get(endpoint);
    if (known === undefined || known.bytes !== bytesReceived) {
      this.#bytes.set(endpoint, { bytes: bytesReceived, sinceMs: now });
    } else if (now - known.sinceMs > DEAF_MS) {
      this.#bytes.set(endpoint, { bytes: bytesReceived, sinceMs: Number.POSITIVE_INFINITY });
      this.#verdict.fail(
        3,
        'dead-link-kept',
        `the ${endpoint.side} keeps a link over which nothing came for ${Math.round(now - known.sinceMs)} ms`,
      );
    }
  }
}
