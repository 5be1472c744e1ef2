import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

/**
 * The peer a server is compared with: `ws` over TLS and nothing else. It sends every frame back, or as large a share of
 * them as the order says, so that it moves the same frames as a conversation does.
 */
export interface RelayOrder {
  readonly certFile: string;
  readonly keyFile: string;
  /** Frames down for each frame up. */
  readonly share: number;
}

process.once('message', ({ certFile, keyFile, share }: RelayOrder) => {
  const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) });
  const sockets = new WebSocketServer({ server, perMessageDeflate: false });
  sockets.on('connection', (socket) => {
    let due = 0;
    socket.on('message', (data, binary) => {
      due += share;
      for (; due >= 1; due--) socket.send(data, { binary });
    });
  });
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
});
process.once('disconnect', () => process.exit(0));
