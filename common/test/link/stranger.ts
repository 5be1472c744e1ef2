import { createServer } from 'node:tls';
import type { Server, TLSSocket } from 'node:tls';
import type { AddressInfo, Socket } from 'node:net';
import { generate } from 'selfsigned';

/** A server in the place of ours, with a certificate that nobody vouches for. It keeps what it is told. */
export class Stranger {
  /** What came through TLS. */
  heard = '';
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  static async listen(): Promise<Stranger> {
    const names = [{ type: 2 as const, value: 'localhost' }];
    const pem = await generate([{ name: 'commonName', value: 'localhost' }], {
      extensions: [{ name: 'subjectAltName', altNames: names }],
    });
    const stranger = new Stranger(createServer({ key: pem.private, cert: pem.cert }));
    await new Promise<void>((resolve) => stranger.#server.listen(0, '127.0.0.1', resolve));
    return stranger;
  }

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket: Socket) => this.#sockets.add(socket));
    server.on('tlsClientError', () => {});
    server.on('secureConnection', (socket: TLSSocket) => {
      socket.on('error', () => {});
      socket.on('data', (data: Buffer) => {
        this.heard += data.toString('latin1');
        socket.end('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n');
      });
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `wss://localhost:${this.port}/v1`;
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
