import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { RelayPlan } from './relay-plan.ts';

/**
 * The peer a server is compared with: `ws` over TLS and nothing else. It receives every message that the phones of a
 * conversation sent, and sends every message that they received, each of its length and in its place; what they say it
 * neither reads nor makes.
 */
export interface RelayOrder {
  readonly certFile: string;
  readonly keyFile: string;
}

process.once('message', ({ certFile, keyFile }: RelayOrder) => {
  const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) });
  const sockets = new WebSocketServer({ server, perMessageDeflate: false });
  sockets.on('connection', (socket) => {
    // The first message is the plan; the measured ones follow.
    socket.once('message', (data: Buffer) => {
      follow(socket, JSON.parse(data.toString('utf8')) as RelayPlan);
      socket.send('following');
    });
  });
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
});
process.once('disconnect', () => process.exit(0));

function follow(socket: WebSocket, plan: RelayPlan): void {
  let received = 0;
  let at = 0;
  socket.on('message', () => {
    received++;
    const due = plan[at];
    if (due === undefined || due[0] > received) return;
    at++;
    for (const length of due[1]) socket.send(BYTES.subarray(0, Math.abs(length)), { binary: length >= 0 });
  });
}

const BYTES = Buffer.alloc(1 << 16, 0x61);
