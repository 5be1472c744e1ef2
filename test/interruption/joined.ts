import { CloseCode } from '../../protocol/src/index.ts';
import type { Clock } from '../../common/src/time/clock.ts';
import type { MessageSocket, MessageSocketHandlers } from '../../common/src/link/message-socket.ts';

/** Two ends of a link that delays every message by the same time, in order, and loses none. */
export function joined(clock: Clock, delayMs: number): readonly [MessageSocket, MessageSocket] {
  const ends = [new End(clock, delayMs), new End(clock, delayMs)] as const;
  ends[0].join(ends[1]);
  ends[1].join(ends[0]);
  return ends;
}

class End implements MessageSocket {
  readonly bufferedBytes = 0;
  bytesReceived = 0;
  readonly #clock: Clock;
  readonly #delayMs: number;
  #handlers: MessageSocketHandlers | undefined;
  #other!: End;

  constructor(clock: Clock, delayMs: number) {
    this.#clock = clock;
    this.#delayMs = delayMs;
  }

  join(other: End): void {
    this.#other = other;
  }

  listen(handlers: MessageSocketHandlers): void {
    this.#handlers = handlers;
  }

  send(data: string | Uint8Array): void {
    this.#later((handlers) => (typeof data === 'string' ? handlers.text(data) : handlers.binary(data)), data.length);
  }

  ping(): void {
    this.#later((handlers) => handlers.activity(), 2);
  }

  close(code: number): void {
    this.#later((handlers) => handlers.closed(code, ''), 2);
    this.#handlers?.closed(code, '');
    this.#handlers = undefined;
  }

  terminate(): void {
    this.close(CloseCode.abnormal);
  }

  #later(tell: (handlers: MessageSocketHandlers) => void, bytes: number): void {
    this.#clock.after(this.#delayMs, () => {
      const other = this.#other;
      other.bytesReceived += bytes;
      if (other.#handlers !== undefined) tell(other.#handlers);
    });
  }
}
