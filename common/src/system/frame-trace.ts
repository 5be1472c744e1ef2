import { closeSync, openSync, writeSync } from 'node:fs';
import { decorate, decorateHandlers } from '../link/decorate.ts';
import type { MessageSocket, MessageSocketHandlers } from '../link/message-socket.ts';

/**
 * What happened to each frame, and when: a file of JSON lines for measurements on a real network. Phone and server
 * write the same format on the same clock, so on one machine their files can be laid side by side. It holds numbers
 * and names of message types; no audio, no words, no tokens. Off unless asked for.
 */
export type FrameEvent =
  /** The microphone gave frame `sequence` (extended). */
  | { readonly event: 'captured'; readonly sequence: number }
  /** The speaker took 20 ms. */
  | { readonly event: 'rendered'; readonly rung: string; readonly state: string }
  /** An RTP packet passed the socket; `sequence` as on the wire, 16 bits. */
  | { readonly event: 'packet-sent' | 'packet-received'; readonly sequence: number; readonly bytes: number }
  /** A control message passed the socket. */
  | ({ readonly event: 'message-sent' | 'message-received' } & MessageFacts);

/** What of a control message is a number or a name. */
export interface MessageFacts {
  readonly type: string;
  readonly id?: string;
  readonly state?: string;
  readonly firstSeq?: number;
  readonly lastSeq?: number;
  readonly rxSeq?: number;
  readonly queuedMs?: number;
  readonly playedMs?: number;
  readonly lossRate?: number;
}

/** `at` in ms of the machine's monotonic clock, the same for every process. */
export type FrameTraceLine = FrameEvent & { readonly at: number };

const FACTS: readonly (keyof MessageFacts)[] = [
  'type',
  'id',
  'state',
  'firstSeq',
  'lastSeq',
  'rxSeq',
  'queuedMs',
  'playedMs',
  'lossRate',
];

/** A second or so of lines: writing is rare, and little is lost to a SIGKILL. */
const LINES_AT_ONCE = 256;
/** About four hours of one conversation. A trace that was forgotten must not fill the disk. */
const MAX_BYTES = 256 * 1024 * 1024;

export class FrameTrace {
  readonly #file: number;
  #lines: string[] = [];
  #bytesLeft = MAX_BYTES;

  /** @throws the file cannot be made */
  constructor(path: string) {
    this.#file = openSync(path, 'w');
    process.once('exit', () => this.close());
  }

  note(event: FrameEvent): void {
    if (this.#bytesLeft <= 0) return;
    this.#lines.push(JSON.stringify({ at: Number(process.hrtime.bigint() / 1_000n) / 1_000, ...event }));
    if (this.#lines.length >= LINES_AT_ONCE) this.#write();
  }

  /** The same socket; what passes is noted. */
  socket(socket: MessageSocket): MessageSocket {
    return decorate(socket, {
      send: (data) => {
        this.#passed('sent', data);
        socket.send(data);
      },
      listen: (handlers) => socket.listen(this.#listening(handlers)),
    });
  }

  /** Writes what is left; nothing is noted any more. Safe to call again. */
  close(): void {
    if (this.#bytesLeft <= 0) return;
    this.#write();
    this.#end();
  }

  #listening(handlers: MessageSocketHandlers): MessageSocketHandlers {
    return decorateHandlers(handlers, {
      text: (data) => {
        this.#passed('received', data);
        handlers.text(data);
      },
      binary: (data) => {
        this.#passed('received', data);
        handlers.binary(data);
      },
    });
  }

  #passed(way: 'sent' | 'received', data: string | Uint8Array): void {
    if (typeof data !== 'string')
      return this.note({ event: `packet-${way}`, sequence: sequenceOf(data), bytes: data.length });
    const facts = factsOf(data);
    if (facts !== undefined) this.note({ event: `message-${way}`, ...facts });
  }

  #write(): void {
    const text = this.#lines.map((line) => `${line}\n`).join('');
    this.#lines = [];
    this.#bytesLeft -= text.length;
    try {
      writeSync(this.#file, text);
    } catch {
      // A full disk ends the trace, not the call.
      this.#bytesLeft = 0;
    }
    if (this.#bytesLeft <= 0) this.#end();
  }

  #end(): void {
    this.#bytesLeft = 0;
    closeSync(this.#file);
  }
}

/** RFC 3550 §5.1; −1 where there is no header (raw framing, or garbage). */
function sequenceOf(data: Uint8Array): number {
  return data.length < 12 || data[0]! >> 6 !== 2 ? -1 : (data[2]! << 8) | data[3]!;
}

function factsOf(text: string): MessageFacts | undefined {
  try {
    const message = JSON.parse(text) as Record<string, unknown>;
    const facts = FACTS.filter((name) => typeof message[name] === 'string' || typeof message[name] === 'number').map(
      (name) => [name, message[name]],
    );
    return typeof message['type'] === 'string' ? (Object.fromEntries(facts) as MessageFacts) : undefined;
  } catch {
    // Not JSON: the parser that follows reports it.
    return undefined;
  }
}
