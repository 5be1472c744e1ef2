import { decorate } from '../../../common/src/link/decorate.ts';
import type { MessageSocket } from '../../../common/src/link/message-socket.ts';

/**
 * The same socket; what is sent within one turn of the event loop goes to the network in one write. A response begins
 * with ten frames at once. Written one by one each becomes a TCP segment of its own, and on a path that loses packets
 * the congestion window lets only a few segments out: the patient would hear a syllable, then wait a round trip for
 * the next. Together they are one segment.
 * @param stream what the messages of `socket` are written to
 */
export function inOneWrite(socket: MessageSocket, stream: Corkable): MessageSocket {
  let corked = false;
  const uncork = (): void => {
    corked = false;
    stream.uncork();
  };
  return decorate(socket, {
    send(data) {
      if (!corked) {
        corked = true;
        stream.cork();
        process.nextTick(uncork);
      }
      socket.send(data);
    },
  });
}

/** Of a `Writable`, what is needed here. */
export interface Corkable {
  cork(): void;
  uncork(): void;
}
