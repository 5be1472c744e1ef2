import { FRAME_MS } from '../../../protocol/src/index.ts';
import type { FlowControl } from './transport.ts';

/**
 * TCP never loses, it stalls. The kernel hides seconds of audio that `bufferedBytes` does not show, so what is not
 * acknowledged counts as backlog too; a link that takes nothing for `WINDOW_FRAMES` gets no more until it does. What
 * waits meanwhile is held by the uplink, which sheds it when it grows stale.
 */
export const tcpFlow: FlowControl = {
  mayGo: (socket, underWay) => socket.bufferedBytes <= MAX_SOCKET_BACKLOG_BYTES && underWay < WINDOW_FRAMES,
};

const MAX_SOCKET_BACKLOG_BYTES = 16 * 1024;
/** An ack comes every second and takes a round trip: at 400 ms that is 70 frames; 2.5 s leave room. */
const WINDOW_FRAMES = 2_500 / FRAME_MS;
