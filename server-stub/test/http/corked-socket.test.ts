import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import type { MessageSocket } from '../../../common/src/link/message-socket.ts';
import { inOneWrite } from '../../src/http/corked-socket.ts';

describe('what is sent in one turn of the event loop', () => {
  it('goes out in one write, in order, and what comes later in another', async () => {
    const writes: string[] = [];
    const stream = new Writable({
      write(chunk: Buffer, _encoding, done) {
        writes.push(chunk.toString());
        done();
      },
      writev(chunks, done) {
        writes.push(chunks.map(({ chunk }) => (chunk as Buffer).toString()).join(''));
        done();
      },
    });
    const socket: MessageSocket = {
      bufferedBytes: 3,
      bytesReceived: 4,
      send: (data) => void stream.write(data),
      listen() {},
      ping() {},
      close() {},
      terminate() {},
    };
    const together = inOneWrite(socket, stream);
    for (const part of ['a', 'b', 'c']) together.send(part);
    assert.deepEqual(writes, []);
    await Promise.resolve().then(() => new Promise((resolve) => setImmediate(resolve)));
    together.send('d');
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(writes, ['abc', 'd']);
    assert.deepEqual([together.bufferedBytes, together.bytesReceived], [3, 4]);
  });
});
