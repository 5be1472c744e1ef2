import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, OutgoingHttpHeaders, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { FrameTrace } from '../../../common/src/system/frame-trace.ts';
import type { Log } from '../../../common/src/system/log.ts';
import type { Clock } from '../../../common/src/time/clock.ts';
import type { Random } from '../../../common/src/time/random.ts';
import { webSocketAsMessageSocket } from '../../../common/src/link/message-socket.ts';
import { CONNECT_PATH, MAX_MESSAGE_BYTES, REFUSAL_HEADER, SUBPROTOCOL } from '../../../protocol/src/index.ts';
import type { TlsFiles } from './certificates.ts';
import type { ServerCore } from '../conversation/core.ts';
import type { Admission } from '../cluster/device-registry.ts';
import { errorCode } from '../system/errors.ts';
import { RateLimit } from '../system/rate-limit.ts';
import { count } from '../system/stats.ts';
import { conversationOfEvents, streamEvents } from './events.ts';
import { answerHealth } from './health.ts';
import type { Unreadiness } from './health.ts';
import type { ServerLimits } from '../system/limits.ts';
import { inOneWrite } from './corked-socket.ts';
import type { Timelines } from '../conversation/timelines.ts';

/**
 * The one file that knows HTTP, TLS and WebSockets: who may come in, and as what. Everything after the upgrade is
 * the core's.
 */
export class HttpFront {
  readonly server: Server;
  readonly #options: HttpFrontOptions;
  readonly #webSockets: WebSocketServer;
  readonly #requestIds = new WeakMap<IncomingMessage, string>();
  readonly #watchers = new Map<ServerResponse, string>();
  readonly #refusalLines: RateLimit;
  #refusalsUnlogged = 0;

  /** @throws {Error} of the TLS library, for a certificate or key that is none */
  constructor(options: HttpFrontOptions) {
    this.#options = options;
    this.#refusalLines = new RateLimit(options.clock, REFUSAL_LINES_AT_ONCE, 1);
    this.#webSockets = new WebSocketServer(WEB_SOCKETS);
    this.#webSockets.on('headers', (headers, request) =>
      headers.push(`X-Request-Id: ${this.#requestIds.get(request) ?? ''}`),
    );
    // With a listener `ws` leaves the answer to a malformed upgrade to us.
    this.#webSockets.on('wsClientError', (error, socket, request) =>
      this.#refuse(socket, this.#requestIds.get(request) ?? '', malformed(error)),
    );
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      this.#answer(request, response).catch((error: unknown) => this.#failed(response, error));
    };
    const { tls } = options;
    this.server =
      tls === undefined
        ? createServer(TIMEOUTS, answer)
        : createTlsServer({ ...TIMEOUTS, handshakeTimeout: HEADERS_TIMEOUT_MS, cert: tls.cert, key: tls.key }, answer);
    this.server.on(
      'upgrade',
      (request: IncomingMessage, socket: Duplex, head: Buffer) => void this.#upgrade(request, socket, head),
    );
    // A plain client on the TLS port, a scanner: nothing of ours.
    this.server.on('tlsClientError', (error) => options.log.debug('tls.client-error', { error: errorCode(error) }));
    this.server.on('clientError', (_error, socket) => socket.destroy());
  }

  /** Phones that connect from now on see this certificate. @throws {Error} as the constructor */
  renew({ cert, key }: TlsFiles): void {
    if (this.server instanceof TlsServer) this.server.setSecureContext({ cert, key });
  }

  /** Its key has lost its right: nobody watches with it any more. */
  revoke(deviceId: string): void {
    for (const [response, watcher] of this.#watchers) if (watcher === deviceId) response.destroy();
  }

  /** Cuts what has not closed politely. */
  terminate(): void {
    for (const socket of this.#webSockets.clients) socket.terminate();
    this.server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('X-Request-Id', randomUUID());
    const path = pathOf(request);
    if (path === CONNECT_PATH)
      return reply(response, 426, 'this address speaks WebSocket only', {
        Upgrade: 'websocket',
        Connection: 'Upgrade',
      });
    const watched = conversationOfEvents(path);
    if (watched !== undefined) return this.#events(request, response, watched);
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return reply(response, 405, 'GET only', { Allow: 'GET, HEAD' });
    if (answerHealth(path, response, this.#options.unreadiness)) return;
    reply(response, 404, path === '/metrics' ? 'metrics are on the listener of --admin-port' : 'no such page');
  }

  /** A conversation is shown to its own device's key only; to others it does not exist. */
  async #events(request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    const refusal = await this.#credentialsRefusal(request);
    if (refusal !== undefined)
      return reply(
        response,
        refusal.status,
        refusal.message,
        refusal.status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {},
      );
    if (request.method !== 'GET') return reply(response, 405, 'GET only', { Allow: 'GET' });
    const deviceId = deviceIdOf(request);
    this.#watchers.set(response, deviceId);
    response.on('close', () => this.#watchers.delete(response));
    const timeline = await this.#options.timelines.find(id, deviceId);
    if (timeline === undefined) return reply(response, 404, 'no such conversation');
    if (timeline === 'full')
      return reply(response, 429, 'too many watch this conversation', { 'Retry-After': this.#retryAfterS() });
    streamEvents(request, response, timeline, this.#options.clock);
  }

  #failed(response: ServerResponse, error: unknown): void {
    this.#options.log.error('http.failed', { error: errorCode(error) });
    if (!response.headersSent) reply(response, 500, 'failed');
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const requestId = randomUUID();
    this.#requestIds.set(request, requestId);
    // The socket may break while the key is looked up; without a listener that would end the process.
    socket.on('error', ignore);
    try {
      const refusal = await this.#refusal(request);
      // A socket that broke meanwhile takes nobody's place.
      if (socket.destroyed) return;
      // Room is looked for last, in the same turn of the event loop in which it is taken.
      const lacking = refusal ?? this.#noRoom(deviceIdOf(request));
      if (lacking !== undefined) return this.#refuse(socket, requestId, lacking);
      this.#accept(request, socket, head, requestId);
    } catch (error) {
      this.#options.log.error('upgrade.failed', { requestId, error: errorCode(error) });
      this.#refuse(socket, requestId, {
        status: 503,
        message: 'not able to check keys just now',
        retryAfterS: this.#retryAfterS(),
      });
    }
  }

  async #refusal(request: IncomingMessage): Promise<Refusal | undefined> {
    if (pathOf(request) !== CONNECT_PATH) return { status: 404, message: 'no such address' };
    if (this.#options.core.draining) return { status: 503, message: 'restarting', retryAfterS: this.#retryAfterS(1) };
    const unknown = await this.#credentialsRefusal(request);
    if (unknown !== undefined) return unknown;
    const offered = subprotocolsOf(request);
    if (offered.length > 0 && !offered.includes(SUBPROTOCOL))
      return { status: 400, message: `offer the subprotocol ${SUBPROTOCOL}, or none for raw framing` };
    return undefined;
  }

  async #credentialsRefusal(request: IncomingMessage): Promise<Refusal | undefined> {
    const credentials = credentialsOf(request);
    if ('refusal' in credentials) return credentials.refusal;
    const admission = await this.#options.admit(credentials.deviceId, credentials.key);
    if (admission === 'unknown-key') return { status: 401, message: 'unknown key' };
    if (admission === 'wrong-device') return { status: 403, message: 'this key belongs to another device' };
    return undefined;
  }

  #noRoom(deviceId: string): Refusal | undefined {
    const { core, limits } = this.#options;
    const limited = core.admit(deviceId);
    if (limited !== undefined)
      return {
        status: 429,
        message: `too many ${limited.limit} of this device`,
        retryAfterS: this.#retryAfterS(Math.min(limited.waitMs / 1_000, LONGEST_RETRY_S)),
      };
    if (core.stats.connections >= limits.maxConnections)
      return { status: 503, message: 'full', retryAfterS: this.#retryAfterS() };
    return undefined;
  }

  /** `leastS` and up to as much again: phones that are refused together shall not come back together. */
  #retryAfterS(leastS = RETRY_AFTER_S): number {
    return Math.ceil(leastS + this.#options.random() * Math.max(leastS, LEAST_SPREAD_S));
  }

  #accept(request: IncomingMessage, socket: Duplex, head: Buffer, requestId: string): void {
    const framing = subprotocolsOf(request).length === 0 ? 'raw' : 'rtp';
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket: WebSocket) => {
      (socket as Socket).setNoDelay?.(true);
      const peer = { deviceId: deviceIdOf(request), requestId, framing } as const;
      this.#options.log.info('connection.accepted', { ...peer, address: addressOf(socket) });
      const link = inOneWrite(webSocketAsMessageSocket(webSocket, socket as Socket), socket);
      this.#options.core.accept(this.#options.frameTrace?.socket(link) ?? link, peer);
    });
  }

  #refuse(socket: Duplex, requestId: string, refusal: Refusal): void {
    const { status, message, retryAfterS } = refusal;
    count(this.#options.core.stats.upgradesRefused, status);
    this.#logRefusal({ requestId, status, reason: message, address: addressOf(socket) });
    const headers = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Connection: close',
      'Content-Type: text/plain; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(`${message}\n`)}`,
      `X-Request-Id: ${requestId}`,
      ...(status === 401 ? ['WWW-Authenticate: Bearer'] : []),
      ...(status === 401 || status === 403 ? [`${REFUSAL_HEADER}: ${status === 401 ? 'key' : 'device'}`] : []),
      ...(status === 426 ? ['Upgrade: websocket', 'Sec-WebSocket-Version: 13'] : []),
      ...(retryAfterS === undefined ? [] : [`Retry-After: ${retryAfterS}`]),
    ];
    socket.end(`${headers.join('\r\n')}\r\n\r\n${message}\n`, () => socket.destroy());
  }

  /** Whoever knocks without a key must not fill the log. */
  #logRefusal(fields: Readonly<Record<string, unknown>>): void {
    if (!this.#refusalLines.take()) return void this.#refusalsUnlogged++;
    const unlogged = this.#refusalsUnlogged;
    this.#refusalsUnlogged = 0;
    this.#options.log.info('connection.refused', { ...fields, ...(unlogged > 0 && { unlogged }) });
  }
}

export interface HttpFrontOptions {
  readonly core: ServerCore;
  readonly log: Log;
  readonly limits: ServerLimits;
  readonly clock: Clock;
  readonly random: Random;
  readonly unreadiness: () => readonly Unreadiness[];
  readonly tls: TlsFiles | undefined;
  readonly timelines: Timelines;
  readonly admit: (deviceId: string, key: string) => Promise<Admission>;
  /** Is told of every frame; for measurements. */
  readonly frameTrace: FrameTrace | undefined;
}

interface Refusal {
  readonly status: number;
  readonly message: string;
  readonly retryAfterS?: number;
}

const HEADERS_TIMEOUT_MS = 10_000;
/** A client that dawdles over its request holds a socket no longer than this. */
const TIMEOUTS = {
  headersTimeout: HEADERS_TIMEOUT_MS,
  requestTimeout: HEADERS_TIMEOUT_MS,
  connectionsCheckingInterval: 2_000,
};
const WEB_SOCKETS = {
  noServer: true,
  clientTracking: true,
  maxPayload: MAX_MESSAGE_BYTES,
  perMessageDeflate: false,
  /** ms; a half-open socket answers no close frame, and `ws` would hold it for 30 s. */
  closeTimeout: 2_000,
  handleProtocols: (offered: Set<string>) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : (false as const)),
};
const RETRY_AFTER_S = 5;
const LEAST_SPREAD_S = 2;
const LONGEST_RETRY_S = 30 * 60;
const REFUSAL_LINES_AT_ONCE = 50;
/** A key is 43 characters; whatever is much longer is none. */
const MAX_KEY_LENGTH = 512;

function credentialsOf(request: IncomingMessage): { deviceId: string; key: string } | { refusal: Refusal } {
  const key = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (key === undefined || key.length > MAX_KEY_LENGTH)
    return { refusal: { status: 401, message: 'want the header Authorization: Bearer <API key>' } };
  const deviceId = deviceIdOf(request);
  if (deviceId === '') return { refusal: { status: 403, message: 'want the header Device-Id: <UUID>' } };
  return { deviceId, key };
}

function deviceIdOf(request: IncomingMessage): string {
  const header = request.headers['device-id'];
  return typeof header === 'string' ? header.trim().toLowerCase() : '';
}

function subprotocolsOf(request: IncomingMessage): string[] {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',');
  return offered.map((name) => name.trim()).filter((name) => name !== '');
}

/** RFC 6455 §4.4: another version is answered with the one that is spoken. */
function malformed(error: Error): Refusal {
  const version = error.message.includes('Sec-WebSocket-Version');
  return { status: version ? 426 : 400, message: 'no WebSocket upgrade that can be answered' };
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0]!;
}

function reply(response: ServerResponse, status: number, body: string, headers: OutgoingHttpHeaders = {}): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', ...headers });
  response.end(body.endsWith('\n') ? body : `${body}\n`);
}

function addressOf(socket: Duplex): string | undefined {
  return (socket as Socket).remoteAddress;
}

function ignore(): void {}
