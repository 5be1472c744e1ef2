import type { MessageSocket } from '../../common/src/link/message-socket.ts';
import { tcpFlow } from '../../device/src/connection/tcp-flow.ts';
import type { UplinkLink } from '../../device/src/uplink.ts';
import { openFraming } from '../../protocol/src/index.ts';
import type { FramingName } from '../../protocol/src/index.ts';

/** A link that is nothing but its sending half. */
export function uplinkLink(socket: MessageSocket, framingName: FramingName = 'rtp'): UplinkLink {
  const framing = openFraming(framingName);
  return {
    acknowledges: framing.control,
    mayGo: (underWay) => tcpFlow.mayGo(socket, underWay),
    frame: (packet) => socket.send(framing.write(packet)),
  };
}
