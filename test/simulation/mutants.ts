/**
 * Broken variants of the phone and the server. Each is the real source with one expression replaced; a variant whose
 * expression is no longer there is an error, so that the list cannot rot. The simulator must catch every one.
 */
export interface Mutant {
  readonly name: string;
  readonly edits: readonly Edit[];
}

export interface Edit {
  /** From the root of the project. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const SERVER_DOWNLINK = 'server-stub/src/media/downlink.ts';
const SERVER_RESPONSES = 'server-stub/src/media/responses.ts';
const SERVER_CONVERSATION = 'server-stub/src/conversation/conversation.ts';
const SERVER_UPLINK = 'server-stub/src/media/uplink.ts';
const DEVICE_UPLINK = 'device/src/uplink.ts';
const DEVICE_CALL = 'device/src/conversation/call.ts';
const DEVICE_STATE = 'device/src/conversation/state.ts';
const DEVICE_PLAYOUT = 'device/src/playout/response-playout.ts';
const LIMITS = 'protocol/src/limits.ts';

export const MUTANTS: readonly Mutant[] = [
  one('replay begins one frame late', SERVER_DOWNLINK, 'this.#held.restart(rxSeq);', 'this.#held.restart(rxSeq + 1);'),
  {
    name: 'replay begins three frames early, and the phone plays them again',
    edits: [
      { file: SERVER_DOWNLINK, find: 'this.#rewind(rxSeq);', replace: 'this.#rewind(rxSeq - 3);' },
      {
        file: 'device/src/playout/jitter-queue.ts',
        find: "if (this.#seen[slot] === packet.sequence) return 'duplicate';",
        replace: '',
      },
      {
        file: 'device/src/playout/jitter-queue.ts',
        find: "if (packet.sequence < this.#floor) return 'late';",
        replace: '',
      },
      {
        file: DEVICE_PLAYOUT,
        find: 'if (head.sequence > this.#next!) return this.#lostOrSkipped(head.sequence, nowMs);',
        replace: 'if (head.sequence !== this.#next!) { this.#jumpTo(head.sequence); return this.#slot(nowMs); }',
      },
    ],
  },
  one(
    'what was not acknowledged is let go when it is sent',
    SERVER_DOWNLINK,
    'stats.framesSent++;',
    'stats.framesSent++; this.#release(sequence);',
  ),
  one(
    'the server sends ahead without a limit',
    SERVER_DOWNLINK,
    ' && this.#aheadMs() + FRAME_MS <= this.#options.maxQueueMs',
    '',
  ),
  one(
    'the server holds without a limit',
    SERVER_DOWNLINK,
    'return this.#held.length * FRAME_MS < this.#options.maxHeldMs;',
    'return true;',
  ),
  one(
    'an interruption in an outage is not told after it',
    SERVER_RESPONSES,
    "for (const id of this.#flushing) tell({ type: 'flush', id });",
    '',
  ),
  one(
    'the phone keeps what it was told to throw away',
    DEVICE_PLAYOUT,
    'const record = this.#book.flush(id);',
    'const record = undefined as ReturnType<typeof this.#book.flush>;',
  ),
  one(
    'stale microphone frames are sent late',
    DEVICE_UPLINK,
    'nowMs - this.#capturedAtMs[kept % CAPTURE_TIMES]! > STALE_MIC_MS',
    'nowMs - this.#capturedAtMs[kept % CAPTURE_TIMES]! > 10 * STALE_MIC_MS',
  ),
  one(
    'the microphone goes on where it was, whatever the server holds',
    DEVICE_UPLINK,
    'this.#held.restart(rxSeq);',
    'this.#held.release(rxSeq);',
  ),
  one('what was shed is not reported', DEVICE_UPLINK, 'this.#shed.report();', ''),
  one(
    'the server acknowledges one microphone frame too many',
    SERVER_UPLINK,
    'return this.#numbers.highest ?? -1;',
    'return (this.#numbers.highest ?? -2) + 1;',
  ),
  {
    name: 'the phone says again what the server has heard, and the server hears it again',
    edits: [
      { file: DEVICE_UPLINK, find: 'this.#held.restart(rxSeq);', replace: 'this.#held.restart(-1);' },
      {
        file: SERVER_UPLINK,
        find: 'if (gap === undefined) return;',
        replace: 'if (gap === undefined) { this.#take(packet.payload, this.rxSeq); return; }',
      },
    ],
  },
  {
    name: 'a resume is accepted twice: a used token stays good',
    edits: [
      {
        file: SERVER_CONVERSATION,
        find: 'this.#tokens = [fresh, request.token];',
        replace: 'this.#tokens = [fresh, ...this.#tokens];',
      },
      {
        file: SERVER_CONVERSATION,
        find: 'if (this.#tokens.length === 1) return;',
        replace: 'if (this.#tokens.length > 0) return;',
      },
    ],
  },
  one(
    'a resume token is good for any device',
    SERVER_CONVERSATION,
    'matches.includes(true) && held.deviceId === deviceId',
    'matches.includes(true)',
  ),
  one(
    'the older socket stays beside the newer one',
    SERVER_CONVERSATION,
    'this.#replaceConnection();\n    const fresh',
    'const fresh',
  ),
  one(
    'the server ends a conversation with its socket',
    SERVER_CONVERSATION,
    'this.#awaitPhone();\n  }',
    "this.end('expired', { tell: false, code });\n  }",
  ),
  one(
    'the server never lets a lost conversation go',
    SERVER_CONVERSATION,
    'clock.after(windowMs, () =>',
    'clock.after(1e9, () =>',
  ),
  one(
    'the server waits for the phone a little too short',
    SERVER_CONVERSATION,
    'this.#expiresAtMs = clock.now() + windowMs;\n    this.#expiry = clock.after(windowMs,',
    'this.#expiresAtMs = clock.now() + windowMs;\n    this.#expiry = clock.after(windowMs - 500,',
  ),
  one('a timer outlives its socket on the server', SERVER_CONVERSATION, 'this.#tick?.cancel();', ''),
  one('no end notices a dead link', 'common/src/link/liveness.ts', 'this.stop();\n    this.#dead();', 'this.stop();'),
  one('a dead link is noticed late', LIMITS, 'DEAD_AFTER_MS = 6_000', 'DEAD_AFTER_MS = 9_000'),
  one('the first wait is too long', LIMITS, '[1_000, 2_000, 4_000, 8_000]', '[1_200, 2_000, 4_000, 8_000]'),
  one('the waits go on doubling', LIMITS, 'RECONNECT_STEADY_MS = 2_000', 'RECONNECT_STEADY_MS = 16_000'),
  one('the window is too short', LIMITS, 'RESUME_WINDOW_MS = 30_000', 'RESUME_WINDOW_MS = 25_000'),
  one('an attempt may take as long as it likes', LIMITS, '[2_000, 4_000, 8_000]', '[2_000, 4_000, 20_000]'),
  one('the interface coming back is not noticed', DEVICE_STATE, 'effects: [URGENT_ATTEMPT] };', 'effects: [] };'),
  {
    name: 'two phones of one identity drive each other out for ever',
    edits: [
      {
        file: DEVICE_CALL,
        find: "return this.#machine.dispatch({ type: 'server-end', reason: message.reason });",
        replace: 'return undefined;',
      },
      {
        file: 'protocol/src/close-codes.ts',
        find: "[CloseCode.replaced, 'stop']",
        replace: "[CloseCode.replaced, 'resume']",
      },
    ],
  },
  one(
    'the phone hangs up without a word',
    DEVICE_CALL,
    "this.#link?.send({ type: 'end', reason });\n    this.#link?.close(closeCode, reason);",
    'this.#link?.drop();\n    this.#link = undefined;',
  ),
  one(
    'the phone forgets its acknowledgements',
    DEVICE_CALL,
    "link.send({ type: 'ack', ...this.#downlink.ack() })",
    'undefined',
  ),
  one(
    'the phone resumes from one frame further than it has',
    DEVICE_CALL,
    'return { rxSeq, playedTs,',
    'return { rxSeq: rxSeq + 1, playedTs,',
  ),
  one(
    'comfort noise is silence',
    'common/src/concealment/comfort-noise.ts',
    'into[index] = sample;',
    'into[index] = 0;',
  ),
  one(
    'the token is logged',
    DEVICE_CALL,
    'conversationId: this.#report.conversationId,\n      codec: this.#codec',
    'token: this.#handshake.hello(this.#places()).resume?.token, conversationId: this.#report.conversationId, codec: this.#codec',
  ),
  one(
    'the phone dials without a word',
    'device/src/playout/announcements.ts',
    'const AGAIN_MS = [6_000];',
    'const AGAIN_MS = [60_000];',
  ),
  one(
    'the speaker stays open when the receiver is put down',
    'device/src/phone.ts',
    'this.#redial?.cancel();\n    this.#closeSound();',
    'this.#redial?.cancel();',
  ),
];

function one(name: string, file: string, find: string, replace: string): Mutant {
  return { name, edits: [{ file, find, replace }] };
}
