import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { WebSocketServer } from 'ws';
import type { RunningServer } from '../../scripts/programs.ts';

export interface RawServer extends Pick<RunningServer, 'url' | 'ca'> {
  /** Frames heard so far, and their sizes in bytes. */
  frames(): number;
  sizes(): readonly number[];
  stop(): Promise<void>;
}

/** A backend that takes the requirement literally: bare frames, no subprotocol. It sends back what it hears. */
export async function startRawServer(folder: string): Promise<RawServer> {
  // The certificate that the reference server made for itself in that folder.
  const tls = createServer({
    cert: readFileSync(join(folder, 'server.pem')),
    key: readFileSync(join(folder, 'server-key.pem')),
  });
  const sizes: number[] = [];
  const webSockets = new WebSocketServer({ server: tls, handleProtocols: () => false });
  webSockets.on('connection', (socket) =>
    socket.on('message', (data: Buffer, isBinary) => {
      sizes.push(data.length);
      socket.send(data, { binary: isBinary });
    }),
  );
  await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
  return {
    url: `wss://localhost:${(tls.address() as AddressInfo).port}/any`,
    ca: join(folder, 'ca.pem'),
    frames: () => sizes.length,
    sizes: () => sizes,
    stop: async () => {
      for (const socket of webSockets.clients) socket.terminate();
      await new Promise((resolve) => tls.close(resolve));
    },
  };
}
