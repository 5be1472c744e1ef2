import type { MessageSocket, MessageSocketHandlers } from './message-socket.ts';

/** The same socket, but for the methods in `own`. */
export function decorate(
  socket: MessageSocket,
  own: Partial<Omit<MessageSocket, 'bufferedBytes' | 'bytesReceived'>>,
): MessageSocket {
  return {
    get bufferedBytes() {
      return socket.bufferedBytes;
    },
    get bytesReceived() {
      return socket.bytesReceived;
    },
    listen: (handlers) => socket.listen(handlers),
    send: (data) => socket.send(data),
    ping: () => socket.ping(),
    close: (code, reason) => socket.close(code, reason),
    terminate: () => socket.terminate(),
    ...own,
  };
}

/** The same handlers, but for those in `own`. */
export function decorateHandlers(
  handlers: MessageSocketHandlers,
  own: Partial<MessageSocketHandlers>,
): MessageSocketHandlers {
  return {
    text: (data) => handlers.text(data),
    binary: (data) => handlers.binary(data),
    activity: () => handlers.activity(),
    closed: (code, reason) => handlers.closed(code, reason),
    ...own,
  };
}
