import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { systemClock } from '../../../common/src/time/clock.ts';
import { webSocketAsMessageSocket } from '../../../common/src/link/message-socket.ts';
import { VERIFIED_TLS } from '../../../common/src/link/verified-tls.ts';
import { MAX_MESSAGE_BYTES, REFUSAL_HEADER, SUBPROTOCOL } from '../../../protocol/src/index.ts';
import { ServerAddresses } from './addresses.ts';
import { tcpFlow } from './tcp-flow.ts';
import { ConnectError } from './transport.ts';
import type { ConnectAttempt, ConnectFault, ConnectHandlers, Transport } from './transport.ts';

export interface WebSocketSettings {
  /** `wss://…`; `ws://` for loopback addresses only. */
  readonly url: string;
  readonly deviceId: string;
  /** A random id of this boot of the daemon. */
  readonly clientId: string;
  readonly apiKey: string;
  /** PEM of a private certificate authority, in place of the system's. Verification itself cannot be switched off. */
  readonly ca?: string | undefined;
  readonly authHeader?: string | undefined;
  /** `bearer` writes `Bearer KEY`, `plain` the key alone (for an `X-API-Key` backend). */
  readonly authScheme?: 'bearer' | 'plain' | undefined;
  readonly deviceHeader?: string | undefined;
}

/** Node's own is 250 ms: a server farther away than that is never reached at any address but the last. */
const MIN_ADDRESS_MS = 1_000;

const LOOPBACK = /^(localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** @throws {ConnectError} bad-answer, for a URL that would send the key or the voice in the clear */
export function checkServerUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'wss:' || (url?.protocol === 'ws:' && LOOPBACK.test(url.hostname))) return url;
  throw new ConnectError(
    'bad-answer',
    `server URL must be wss://HOST… (ws:// only for localhost, 127.x.x.x and [::1])`,
  );
}

/** The WebSocket way to the server, over the `ws` library. */
export class WebSocketTransport implements Transport {
  readonly #settings: WebSocketSettings;
  readonly #url: URL;
  readonly #addresses: ServerAddresses;

  constructor(settings: WebSocketSettings, addresses = new ServerAddresses(systemClock)) {
    this.#settings = settings;
    this.#addresses = addresses;
    this.#url = checkServerUrl(settings.url);
  }

  connect(handlers: ConnectHandlers, limitMs: number): ConnectAttempt {
    let cancelled = false;
    const { epoch } = this.#addresses;
    let answered = false;
    const onAnswer = (): void => {
      answered = true;
    };
    let socket = this.#open([SUBPROTOCOL], handlers, limitMs, onAnswer, () => {
      // `ws` refuses a server that selects no subprotocol when one was offered: offer none, and speak raw frames.
      if (!cancelled) socket = this.#open([], handlers, limitMs, onAnswer, undefined);
    });
    return {
      get answered() {
        return answered;
      },
      cancel: () => {
        cancelled = true;
        this.#addresses.failed(epoch);
        socket.removeAllListeners();
        socket.on('error', () => {});
        socket.terminate();
      },
    };
  }

  #open(
    protocols: string[],
    handlers: ConnectHandlers,
    limitMs: number,
    onAnswer: () => void,
    withoutSubprotocol: (() => void) | undefined,
  ): WebSocket {
    const socket = new WebSocket(this.#url, protocols, {
      ...this.#tcp(limitMs),
      finishRequest: (request) => {
        request.once('socket', (tcp) => tcp.once('connect', onAnswer));
        request.end();
      },
      headers: this.#headers(),
      perMessageDeflate: false,
      maxPayload: MAX_MESSAGE_BYTES,
      followRedirects: false,
      ...VERIFIED_TLS,
      ...(this.#settings.ca !== undefined && { ca: this.#settings.ca }),
    });
    let connection: Socket | undefined;
    const fail = (error: ConnectError): void => {
      this.#addresses.failed();
      socket.removeAllListeners();
      socket.on('error', () => {});
      socket.terminate();
      handlers.failed(error);
    };
    socket.on('upgrade', (response: IncomingMessage) => {
      connection = response.socket;
    });
    socket.on('unexpected-response', (request: ClientRequest, response: IncomingMessage) => {
      request.destroy();
      fail(fromStatus(response));
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (withoutSubprotocol !== undefined && /no subprotocol/i.test(error.message)) {
        socket.removeAllListeners();
        socket.on('error', () => {});
        return withoutSubprotocol();
      }
      fail(fromError(error));
    });
    socket.on('open', () => {
      socket.removeAllListeners();
      this.#addresses.served(connection?.remoteAddress);
      handlers.opened({
        socket: webSocketAsMessageSocket(socket, connection),
        framing: socket.protocol === SUBPROTOCOL ? 'rtp' : 'raw',
        flow: tcpFlow,
      });
    });
    return socket;
  }

  /** `net.connect` options, which `ws` passes on though its types do not say so. */
  #tcp(limitMs: number): object {
    return {
      lookup: this.#addresses.lookup,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: Math.max(MIN_ADDRESS_MS, Math.floor(limitMs / this.#addresses.count)),
    };
  }

  #headers(): Record<string, string> {
    const {
      apiKey,
      authHeader = 'Authorization',
      authScheme = 'bearer',
      deviceHeader = 'Device-Id',
      deviceId,
      clientId,
    } = this.#settings;
    return {
      [authHeader]: authScheme === 'bearer' ? `Bearer ${apiKey}` : apiKey,
      [deviceHeader]: deviceId,
      'Client-Id': clientId,
    };
  }
}

/** Only our own server's word is final: a 401 or 403 of a proxy, a firewall or a captive portal is an outage. */
function fromStatus(response: IncomingMessage): ConnectError {
  const status = response.statusCode ?? 0;
  const requestId = response.headers['x-request-id'];
  const own = response.headers[REFUSAL_HEADER] !== undefined;
  const suffix = requestId === undefined ? '' : ` (request ${String(requestId).slice(0, 64)})`;
  if (status === 401 && own) return new ConnectError('refused', `the server does not know this API key${suffix}`);
  if (status === 403 && own) return new ConnectError('refused', `the API key is not this device's${suffix}`);
  if (status === 429 || status === 503) {
    return new ConnectError('busy', `the server is busy, status ${status}${suffix}`, {
      retryAfterMs: retryAfterMs(response.headers['retry-after']),
    });
  }
  return new ConnectError(
    'bad-answer',
    `status ${status} in place of an upgrade${suffix}: is this the conversation server?`,
  );
}

/** RFC 9110 §10.2.3, in its form in seconds; clamped, for it comes from the network. */
function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined || !/^\d{1,6}$/.test(header)) return undefined;
  return Math.min(Number(header), 60) * 1000;
}

const TLS_FAULT = /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|ALTNAME|EPROTO/;

function fromError(error: NodeJS.ErrnoException): ConnectError {
  const code = error.code ?? '';
  const fault: ConnectFault = TLS_FAULT.test(code)
    ? 'tls'
    : code === ''
      ? 'bad-answer'
      : code === 'ETIMEDOUT'
        ? 'timeout'
        : 'unreachable';
  const help = fault === 'tls' ? ": check the phone's clock, and name the CA of a private server with --ca-file" : '';
  return new ConnectError(fault, `${code || "the server's answer is no WebSocket upgrade"}${help}`, { cause: error });
}
