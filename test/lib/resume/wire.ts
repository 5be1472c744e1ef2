import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * The wire between a phone and whatever server is at its other end at the moment, over plain TCP: it can be cut in
 * every way in which real wires are, and put on another server.
 */
export class Wire {
  /** Port of the server that new connections go to. */
  target: number;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #up = true;

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.target = target;
  }

  static async lay(target: number): Promise<Wire> {
    const server = createServer();
    const wire = new Wire(server, target);
    server.on('connection', (phone) => wire.#join(phone));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return wire;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** A server that goes away politely: the WebSocket's own close frame (RFC 6455 §5.5.1), code 1001. */
  closeFrame(): void {
    for (const { phone } of this.#pairs) phone.write(Buffer.from([0x88, 0x02, 0x03, 0xe9]));
  }

  /** The end of the stream, without a word. */
  end(): void {
    for (const { phone, server } of this.#pairs) {
      phone.end();
      server.end();
    }
  }

  reset(): void {
    for (const { phone, server } of this.#pairs) {
      phone.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  /** The phone's half breaks; the server believes that all is well. @returns resolves with the code of the server's close frame */
  breakAtPhone(): Promise<number> {
    const [pair] = this.#pairs;
    const { phone, server } = pair!;
    phone.unpipe(server);
    server.unpipe(phone);
    phone.resetAndDestroy();
    const code = new Promise<number>((resolve) =>
      server.on('data', (data: Buffer) => {
        // A server's frames are not masked: 0x88, the length, the code in network byte order; it is the last of them.
        for (let at = data.indexOf(0x88); at >= 0; at = data.indexOf(0x88, at + 1)) {
          if (data.length === at + 2 + data[at + 1]!) resolve(data.readUInt16BE(at + 2));
        }
      }),
    );
    server.resume();
    return code;
  }

  /** Both ends learn it at once, and whoever comes meanwhile is turned away. */
  async outage(ms: number): Promise<void> {
    this.#up = false;
    this.reset();
    await sleep(ms);
    this.#up = true;
  }

  remove(): void {
    this.reset();
    this.#server.close();
  }

  #join(phone: Socket): void {
    if (!this.#up) return void phone.resetAndDestroy();
    const pair: Pair = { phone, server: connect(this.target, '127.0.0.1') };
    this.#pairs.add(pair);
    for (const end of [pair.phone, pair.server]) {
      end.setNoDelay(true);
      end.on('error', () => {});
    }
    pair.phone.pipe(pair.server).pipe(pair.phone);
    // A server that is not there: so much must the phone learn.
    pair.server.on('error', () => pair.phone.destroy());
    pair.server.on('close', () => this.#pairs.delete(pair));
  }
}

interface Pair {
  readonly phone: Socket;
  readonly server: Socket;
}
