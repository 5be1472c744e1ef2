import assert from 'node:assert/strict';
import { tcpFlow } from '../../src/connection/tcp-flow.ts';
import type { MessageSocket, MessageSocketHandlers } from '../../../common/src/link/message-socket.ts';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import type { AudioSink } from '../../src/audio/ports.ts';
import type { ConnectHandlers, OpenLink } from '../../src/connection/transport.ts';
import { Health } from '../../src/panel/health.ts';
import { watchedSound, watchedTransport } from '../../src/panel/watched.ts';

const deaf: AudioSink = { capture() {}, render() {}, failed() {} };

describe('sound with a heartbeat', () => {
  it('stalls when frames stop while it is open, and only then', async () => {
    const clock = new VirtualClock();
    const health = new Health(clock);
    let inner!: AudioSink;
    const open = watchedSound(
      (sink) => {
        inner = sink;
        return Promise.resolve({ description: 'card', outputDelayMs: 0, close: () => Promise.resolve() });
      },
      health.loop('sound', 5_000),
      health.loop('speaker', 5_000),
    );
    const stream = await open(deaf);
    for (let second = 0; second < 10; second++) {
      inner.capture(new Int16Array(320));
      inner.render(new Int16Array(320));
      clock.advance(1_000);
    }
    assert.deepEqual(health.stalled, []);
    for (let second = 0; second < 6; second++) {
      inner.capture(new Int16Array(320));
      clock.advance(1_000);
    }
    assert.deepEqual(health.stalled, ['speaker']);
    clock.advance(5_000);
    assert.deepEqual(health.stalled, ['sound', 'speaker']);
    await stream.close();
    assert.deepEqual(health.stalled, []);
  });
});

describe('a network with a heartbeat', () => {
  const closed = (socket: { handlers: MessageSocketHandlers }): void => socket.handlers.closed(1006, '');

  it('stalls on a link that is silent and is not given up', () => {
    const clock = new VirtualClock();
    const health = new Health(clock);
    const inner = { handlers: undefined as unknown as MessageSocketHandlers };
    let connecting!: ConnectHandlers;
    const transport = watchedTransport(
      {
        connect: (handlers) => {
          connecting = handlers;
          return { answered: false, cancel() {} };
        },
      },
      health.loop('network', 15_000),
    );
    let socket!: MessageSocket;
    const handlers = {
      opened: (opened: OpenLink) => {
        socket = opened.socket;
      },
      failed() {},
    };
    transport.connect(handlers, 2_000);
    clock.advance(60_000);
    assert.deepEqual(health.stalled, [], 'an attempt is no link');
    connecting.opened({
      socket: {
        listen: (handlers: MessageSocketHandlers) => {
          inner.handlers = handlers;
        },
        terminate() {},
      } as unknown as MessageSocket,
      framing: 'rtp',
      flow: tcpFlow,
    });
    socket.listen({ text() {}, binary() {}, activity() {}, closed() {} });
    clock.advance(14_000);
    inner.handlers.activity();
    clock.advance(14_000);
    assert.deepEqual(health.stalled, []);
    clock.advance(2_000);
    assert.deepEqual(health.stalled, ['network']);
    socket.terminate();
    closed(inner);
    assert.deepEqual(health.stalled, []);
  });
});
