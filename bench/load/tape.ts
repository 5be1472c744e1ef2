import type { ConnectAttempt, ConnectHandlers, Transport } from '../../device/src/connection/transport.ts';
import { decorate, decorateHandlers } from '../../common/src/link/decorate.ts';
import type { MessageSocket } from '../../common/src/link/message-socket.ts';

/** What one phone sent and received, message by message: how long each was, which way it went, and when. Never what was in it. */
export class Tape {
  readonly #atMs: number[] = [];
  readonly #codes: number[] = [];
  #fromMs = Infinity;
  #untilMs = -Infinity;

  /** @param fromMs on `performance.now()` */
  record(fromMs: number, forMs: number): void {
    this.#fromMs = fromMs;
    this.#untilMs = fromMs + forMs;
  }

  add(down: boolean, data: string | Uint8Array): void {
    const now = performance.now();
    if (now < this.#fromMs || now >= this.#untilMs) return;
    const text = typeof data === 'string';
    this.#atMs.push(now - this.#fromMs);
    this.#codes.push((text ? Buffer.byteLength(data) : data.length) * 4 + (down ? DOWN : 0) + (text ? TEXT : 0));
  }

  get length(): number {
    return this.#codes.length;
  }

  at(index: number): TapedMessage {
    const code = this.#codes[index]!;
    return { atMs: this.#atMs[index]!, bytes: code >> 2, down: (code & DOWN) !== 0, text: (code & TEXT) !== 0 };
  }
}

const DOWN = 2;
const TEXT = 1;

export interface TapedMessage {
  /** Since the tape's beginning. */
  readonly atMs: number;
  readonly bytes: number;
  readonly down: boolean;
  readonly text: boolean;
}

/** The device's own transport, overheard. */
export class TapedTransport implements Transport {
  readonly #transport: Transport;
  readonly #tape: Tape;

  constructor(transport: Transport, tape: Tape) {
    this.#transport = transport;
    this.#tape = tape;
  }

  connect(handlers: ConnectHandlers, limitMs: number): ConnectAttempt {
    const overhearing: ConnectHandlers = {
      failed: (error) => handlers.failed(error),
      opened: (link) => handlers.opened({ ...link, socket: overheard(link.socket, this.#tape) }),
    };
    return this.#transport.connect(overhearing, limitMs);
  }
}

function overheard(socket: MessageSocket, tape: Tape): MessageSocket {
  return decorate(socket, {
    listen: (handlers) =>
      socket.listen(
        decorateHandlers(handlers, {
          text(data) {
            tape.add(true, data);
            handlers.text(data);
          },
          binary(data) {
            tape.add(true, data);
            handlers.binary(data);
          },
        }),
      ),
    send(data) {
      tape.add(false, data);
      socket.send(data);
    },
  });
}
