import type { RawData, WebSocket } from 'ws';

/**
 * What both ends ask of the link between them: messages, text and binary, in order. A WebSocket today;
 * an unreliable path (WebRTC) later carries the same packets behind the same port.
 */
export interface MessageSocket {
  /** Bytes handed to `send` that have not reached the kernel. */
  readonly bufferedBytes: number;
  /** Bytes that ever arrived, whole messages or not: any of them is life. */
  readonly bytesReceived: number;
  /** Set once, before the first message can arrive. */
  listen(handlers: MessageSocketHandlers): void;
  /** Never throws; after a close it does nothing. */
  send(data: string | Uint8Array): void;
  ping(): void;
  /** Says good-bye; `closed` follows when the peer answers, or soon after by itself. */
  close(code: number, reason: string): void;
  /** Drops the link now; `closed` follows. */
  terminate(): void;
}

export interface MessageSocketHandlers {
  text(data: string): void;
  /** `data` belongs to the callee. */
  binary(data: Uint8Array): void;
  /** A ping or pong came; messages count as life by themselves. */
  activity(): void;
  /** Once. 1006 when the link broke without a close frame. */
  closed(code: number, reason: string): void;
}

/** A `ws` WebSocket, client's or server's, as a `MessageSocket`. Type-only: `protocol` loads no I/O itself. */
export function webSocketAsMessageSocket(
  socket: WebSocket,
  byteCounter: { readonly bytesRead: number } | undefined,
): MessageSocket {
  const OPEN = 1;
  return {
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    get bytesReceived() {
      return byteCounter?.bytesRead ?? 0;
    },
    listen(handlers) {
      socket.on('message', (data: RawData, isBinary: boolean) => {
        const bytes = asBuffer(data);
        if (isBinary) handlers.binary(bytes);
        else handlers.text(bytes.toString('utf8'));
      });
      socket.on('ping', () => handlers.activity());
      socket.on('pong', () => handlers.activity());
      // Without a listener an 'error' event would end the process; a 'close' always follows it.
      socket.on('error', () => {});
      socket.on('close', (code: number, reason: Buffer) => handlers.closed(code, reason.toString('utf8')));
    },
    send(data) {
      if (socket.readyState === OPEN) socket.send(data, { binary: typeof data !== 'string', compress: false }, ignore);
    },
    ping() {
      if (socket.readyState === OPEN) socket.ping(undefined, undefined, ignore);
    },
    close(code, reason) {
      socket.close(code, reason);
    },
    terminate() {
      socket.terminate();
    },
  };
}

function asBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}

/** Send errors surface as the socket's 'close'. */
function ignore(): void {}
