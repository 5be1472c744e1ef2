import assert from 'node:assert/strict';
import { decorate, decorateHandlers } from '../../src/link/decorate.ts';
import type { MessageSocket, MessageSocketHandlers } from '../../src/link/message-socket.ts';

/** With private members: its methods must be called on itself. */
class Recorder implements MessageSocket, MessageSocketHandlers {
  readonly #calls: unknown[][] = [];
  bufferedBytes = 1;
  bytesReceived = 2;
  get calls(): unknown[][] {
    return this.#calls;
  }
  listen = this.#note('listen');
  send = this.#note('send');
  ping = this.#note('ping');
  close = this.#note('close');
  terminate = this.#note('terminate');
  text(data: string): void {
    this.#calls.push(['text', data]);
  }
  binary(data: Uint8Array): void {
    this.#calls.push(['binary', data]);
  }
  activity(): void {
    this.#calls.push(['activity']);
  }
  closed(code: number, reason: string): void {
    this.#calls.push(['closed', code, reason]);
  }
  #note(name: string) {
    return (...args: unknown[]): void => void this.#calls.push([name, ...args]);
  }
}

describe('a decorated message socket', () => {
  it('does what the socket does, and reads its numbers afresh', () => {
    const socket = new Recorder();
    const decorated = decorate(socket, {});
    decorated.listen(socket);
    decorated.send('a');
    decorated.ping();
    decorated.close(1000, 'b');
    decorated.terminate();
    socket.bufferedBytes = 3;
    assert.deepEqual(socket.calls, [['listen', socket], ['send', 'a'], ['ping'], ['close', 1000, 'b'], ['terminate']]);
    assert.deepEqual([decorated.bufferedBytes, decorated.bytesReceived], [3, 2]);
  });

  it("does its own in place of the socket's", () => {
    const socket = new Recorder();
    const sent: unknown[] = [];
    decorate(socket, { send: (data) => sent.push(data) }).send('a');
    assert.deepEqual([sent, socket.calls], [['a'], []]);
  });

  it('hands on what it does not listen to itself', () => {
    const handlers = new Recorder();
    const texts: string[] = [];
    const decorated = decorateHandlers(handlers, { text: (data) => texts.push(data) });
    const frame = Uint8Array.of(1);
    decorated.text('a');
    decorated.binary(frame);
    decorated.activity();
    decorated.closed(1006, '');
    assert.deepEqual([texts, handlers.calls], [['a'], [['binary', frame], ['activity'], ['closed', 1006, '']]]);
  });
});
