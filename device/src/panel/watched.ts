import { decorate } from '../../../common/src/link/decorate.ts';
import type { MessageSocket } from '../../../common/src/link/message-socket.ts';
import type { AudioSink, AudioStream } from '../audio/ports.ts';
import type { ConnectHandlers, Transport } from '../connection/transport.ts';
import type { FrameTrace } from '../../../common/src/system/frame-trace.ts';
import type { Heartbeat } from './health.ts';

/** The ports of sound and network, each with a heartbeat: see `health.ts`. */

/** Sound beats with the frames that pass, while it is open: a microphone that pushes says nothing of a speaker that pulls. */
export function watchedSound(
  open: (sink: AudioSink) => Promise<AudioStream>,
  microphone: Heartbeat,
  speaker: Heartbeat,
): (sink: AudioSink) => Promise<AudioStream> {
  const expect = (expected: boolean): void => {
    microphone.expect(expected);
    speaker.expect(expected);
  };
  return async (sink) => {
    const stream = await open({
      capture: (frame) => {
        microphone.beat();
        sink.capture(frame);
      },
      render: (into) => {
        speaker.beat();
        sink.render(into);
      },
      failed: (error) => {
        expect(false);
        sink.failed(error);
      },
    });
    expect(true);
    return {
      get description() {
        return stream.description;
      },
      get outputDelayMs() {
        return stream.outputDelayMs;
      },
      close: () => {
        expect(false);
        return stream.close();
      },
    };
  };
}

/**
 * The network beats with every attempt and everything that passes on a link. `Liveness` closes a link that is silent
 * for too long; a silent link that stays open is a stall.
 */
export function watchedTransport(transport: Transport, heart: Heartbeat): Transport {
  let links = 0;
  const change = (by: 1 | -1): void => {
    links += by;
    heart.beat();
    heart.expect(links > 0);
  };
  return {
    connect(handlers, limitMs) {
      const watched: ConnectHandlers = {
        opened: (link) => {
          change(1);
          handlers.opened({ ...link, socket: watchedSocket(link.socket, heart, () => change(-1)) });
        },
        failed: (error) => {
          heart.beat();
          handlers.failed(error);
        },
      };
      return transport.connect(watched, limitMs);
    },
  };
}

/** Records what passes on its links, if a trace was asked for. */
export function tracedTransport(transport: Transport, trace: FrameTrace | undefined): Transport {
  if (trace === undefined) return transport;
  return {
    connect: (handlers, limitMs) =>
      transport.connect(
        { ...handlers, opened: (link) => handlers.opened({ ...link, socket: trace.socket(link.socket) }) },
        limitMs,
      ),
  };
}

function watchedSocket(socket: MessageSocket, heart: Heartbeat, over: () => void): MessageSocket {
  let open = true;
  const close = (): void => {
    if (open) over();
    open = false;
  };
  return decorate(socket, {
    terminate: () => {
      close();
      socket.terminate();
    },
    listen: (handlers) =>
      socket.listen({
        text: (data) => {
          heart.beat();
          handlers.text(data);
        },
        binary: (data) => {
          heart.beat();
          handlers.binary(data);
        },
        activity: () => {
          heart.beat();
          handlers.activity();
        },
        closed: (code, reason) => {
          close();
          handlers.closed(code, reason);
        },
      }),
  });
}
