import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** The emulator's ports, and the guest's shell behind one of them, all speak in lines over unix sockets. */
export class LineSocket {
  readonly #socket: Socket;
  readonly #path: string;
  readonly #waiting: { readonly take: (line: string) => void; readonly fail: (error: Error) => void }[] = [];
  readonly #lines: string[] = [];
  #closed: Error | undefined;

  /** Tries until somebody listens there. @throws {Error} nobody did */
  static async connect(path: string, limitMs: number): Promise<LineSocket> {
    const untilMs = performance.now() + limitMs;
    for (;;) {
      const socket = await attempt(path);
      if (socket !== undefined) return new LineSocket(socket, path);
      if (performance.now() > untilMs) throw new Error(`nobody listens on ${path}`);
      await sleep(20);
    }
  }

  private constructor(socket: Socket, path: string) {
    this.#socket = socket;
    this.#path = path;
    let rest = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split(/\r?\n/);
      rest = lines.pop()!;
      for (const line of lines) this.#came(line);
    });
    socket.on('error', () => {});
    socket.once('close', () => this.#close());
  }

  write(line: string): void {
    this.#socket.write(`${line}\n`);
  }

  /** The next line that nobody has read yet. @throws {Error} the other end went away, or said nothing for so long */
  async next(limitMs: number): Promise<string> {
    const held = this.#lines.shift();
    if (held !== undefined) return held;
    if (this.#closed !== undefined) throw this.#closed;
    return new Promise((resolve, reject) => {
      const waiter = {
        take: (line: string): void => {
          clearTimeout(timer);
          resolve(line);
        },
        fail: (error: Error): void => {
          clearTimeout(timer);
          reject(error);
        },
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(new Error(`${this.#path} said nothing for ${limitMs} ms`));
      }, limitMs);
      this.#waiting.push(waiter);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #came(line: string): void {
    const waiter = this.#waiting.shift();
    if (waiter === undefined) this.#lines.push(line);
    else waiter.take(line);
  }

  #close(): void {
    this.#closed = new Error(`${this.#path} was closed by the other end`);
    for (const waiter of this.#waiting.splice(0)) waiter.fail(this.#closed);
  }
}

function attempt(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', () => resolve(undefined));
  });
}
