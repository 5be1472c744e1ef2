import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { silentLog } from '../../../common/src/system/log.ts';
import { CONNECT_PATH, SUBPROTOCOL } from '../../../protocol/src/index.ts';
import { startServer } from '../../src/server.ts';
import type { RunningServer, ServerOptions } from '../../src/server.ts';
import { scriptedPipeline } from './world.ts';

/** A real server on loopback, with a certificate of its own and one phone that may connect. */
export interface LiveServer {
  readonly server: RunningServer;
  readonly ca: string;
  readonly device: { readonly id: string; readonly key: string };
  readonly dataFolder: string;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** @returns the open socket, or the HTTP answer that refused it */
  connect(options?: ConnectOptions): Promise<WebSocket | Answer>;
  /** A page of the administration listener. */
  admin(path: string): Promise<Response>;
  stop(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface ConnectOptions {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Default: the protocol's own; none for raw framing. */
  readonly subprotocols?: readonly string[];
}

export async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'bestday-server-test-'));
}

export async function liveServer(options: Partial<ServerOptions> = {}): Promise<LiveServer> {
  const dataFolder = await temporaryFolder();
  const { pipeline } = scriptedPipeline({ greetingMs: 400 });
  const server = await startServer({
    port: 0,
    tls: 'own',
    admin: { port: 0, host: '127.0.0.1' },
    dataFolder,
    log: silentLog,
    pipeline,
    ...options,
  });
  const device = await server.registry.add();
  const ca = await readFile(server.caFile!, 'utf8');
  const authentic = { Authorization: `Bearer ${device.key}`, 'Device-Id': device.id };
  return {
    server,
    ca,
    device,
    dataFolder,
    get: (path, headers = {}) => get(server.port, ca, path, headers),
    connect({ path = CONNECT_PATH, headers = {}, subprotocols = [SUBPROTOCOL] } = {}) {
      const all = Object.entries({ ...authentic, ...headers }).filter(
        (entry): entry is [string, string] => entry[1] !== undefined,
      );
      return open(`wss://localhost:${server.port}${path}`, subprotocols, Object.fromEntries(all), ca);
    },
    admin: (path) => fetch(`${server.adminUrl}${path}`),
    async stop() {
      await server.close();
      await rm(dataFolder, { recursive: true });
    },
  };
}

function get(port: number, ca: string, path: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request({ host: 'localhost', port, path, ca, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks).toString() }),
      );
    })
      .on('error', reject)
      .end();
  });
}

function open(
  url: string,
  subprotocols: readonly string[],
  headers: Readonly<Record<string, string>>,
  ca: string,
): Promise<WebSocket | Answer> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, [...subprotocols], { headers, ca, perMessageDeflate: true });
    socket.on('open', () => resolve(socket));
    socket.on('error', reject);
    socket.on('unexpected-response', (attempt, response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks).toString() });
        attempt.destroy();
      });
    });
  });
}
