import { chmodSync, unlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { dirname } from 'node:path';
import { MAX_LINE_BYTES, parseRequest } from './control-protocol.ts';
import type { ControlAnswer, ControlRequest } from './control-protocol.ts';
import { ControlError } from '../controls/line.ts';
import { claimFolder } from './runtime-folder.ts';

const MAX_CLIENTS = 8;
/** A client that sends nothing for this long is disconnected. ms */
const IDLE_MS = 60_000;

export type ControlHandler = (request: ControlRequest) => ControlAnswer;

/** The local control socket. Its rights are the file's: owner and group, nobody else. */
export class ControlServer {
  readonly #server: Server;
  readonly #clients = new Set<Socket>();

  /** @throws {ControlError} refused: another phone listens there, or the folder cannot be written */
  static async start(path: string, handler: ControlHandler): Promise<ControlServer> {
    const control = new ControlServer(handler);
    await control.#listen(path);
    return control;
  }

  private constructor(handler: ControlHandler) {
    this.#server = createServer((client) => this.#serve(client, handler));
    this.#server.maxConnections = MAX_CLIENTS;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #listen(path: string): Promise<void> {
    try {
      claimFolder(dirname(path));
      await clearTheWay(path);
      await new Promise<void>((resolve, reject) => this.#server.once('error', reject).listen(path, resolve));
      chmodSync(path, 0o660);
    } catch (cause) {
      if (cause instanceof ControlError) throw cause;
      throw new ControlError(
        'refused',
        `the control socket ${path} cannot be made (${(cause as NodeJS.ErrnoException).code ?? String(cause)}): name another with --control-socket`,
        { cause },
      );
    }
  }

  #serve(client: Socket, handler: ControlHandler): void {
    this.#clients.add(client);
    let pending = '';
    const answer = (value: ControlAnswer): void => {
      client.write(`${JSON.stringify(value)}\n`);
    };
    client.setEncoding('utf8').setTimeout(IDLE_MS, () => client.destroy());
    client.on('data', (text: string) => {
      const lines = (pending + text).split('\n');
      pending = lines.pop()!;
      for (const line of lines) answer(line.length > MAX_LINE_BYTES ? TOO_LONG : handled(line, handler));
      if (pending.length > MAX_LINE_BYTES) {
        answer(TOO_LONG);
        client.destroySoon();
        client.removeAllListeners('data');
      }
    });
    client.on('error', () => client.destroy());
    client.on('close', () => this.#clients.delete(client));
  }
}

const TOO_LONG: ControlAnswer = { ok: false, error: `a line is at most ${MAX_LINE_BYTES} bytes long` };

function handled(line: string, handler: ControlHandler): ControlAnswer {
  const request = parseRequest(line);
  return request.command === undefined ? { ok: false, error: request.error } : handler(request);
}

/** A socket that a killed phone left behind is removed; one that answers is another phone's. */
async function clearTheWay(path: string): Promise<void> {
  const alive = await new Promise<boolean>((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
  if (alive) throw new ControlError('refused', `a phone already runs here and listens on ${path}: stop it first`);
  try {
    unlinkSync(path);
  } catch {
    // There was none; any other error shows when the socket is made.
  }
}
