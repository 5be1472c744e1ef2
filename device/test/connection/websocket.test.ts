import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { generate } from 'selfsigned';
import { WebSocketServer } from 'ws';
import { SUBPROTOCOL } from '../../../protocol/src/index.ts';
import { ConnectError } from '../../src/connection/transport.ts';
import type { OpenLink } from '../../src/connection/transport.ts';
import { checkServerUrl, WebSocketTransport } from '../../src/connection/websocket.ts';

const LIMIT_MS = 2_000;

/** Real sockets over real TLS on loopback. */
describe('the WebSocket transport', () => {
  let server: Server;
  let ca: string;
  let url: string;
  let answer: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  const sockets = new Set<Duplex>();

  before(async () => {
    const pem = await generate([{ name: 'commonName', value: 'localhost' }], {
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
    });
    ca = pem.cert;
    server = createServer({ key: pem.private, cert: pem.cert });
    server.on('connection', (socket) => sockets.add(socket));
    server.on('upgrade', (request, socket, head) => answer(request, socket, head));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `wss://localhost:${(server.address() as AddressInfo).port}/v1/conversations/connect`;
  });

  after(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  const accept = (protocols: boolean): typeof answer => {
    const upgrade = new WebSocketServer({ noServer: true, handleProtocols: () => (protocols ? SUBPROTOCOL : false) });
    return (request, socket, head) =>
      upgrade.handleUpgrade(request, socket, head, (client) => {
        client.on('message', (data, isBinary) => client.send(data, { binary: isBinary }));
      });
  };
  const refuse =
    (status: string, headers = ''): typeof answer =>
    (_request, socket) => {
      socket.end(`HTTP/1.1 ${status}\r\n${headers}Connection: close\r\nContent-Length: 0\r\n\r\n`);
    };
  const transport = (over: object = {}): WebSocketTransport =>
    new WebSocketTransport({
      url,
      deviceId: '0b7e6b0e-5a0f-4a43-9c33-0123456789ab',
      clientId: 'boot',
      apiKey: 'the-key',
      ca,
      ...over,
    });

  it('opens, speaks RTP, and carries messages in order with their kind', async () => {
    answer = accept(true);
    const { socket, framing } = await connect(transport());
    assert.equal(framing, 'rtp');
    const heard: string[] = [];
    const closed = new Promise<number>((resolve) =>
      socket.listen({
        text: (data) => heard.push(`text ${data}`),
        binary: (data) => {
          heard.push(`binary ${data.length}`);
          socket.close(1000, 'done');
        },
        activity() {},
        closed: resolve,
      }),
    );
    socket.send('hello');
    socket.send(Buffer.alloc(92));
    assert.equal(await closed, 1000);
    assert.deepEqual(heard, ['text hello', 'binary 92']);
    assert.ok(socket.bytesReceived > 92);
  });

  it('falls back to raw framing when the server selects no subprotocol', async () => {
    answer = accept(false);
    const { socket, framing } = await connect(transport());
    assert.equal(framing, 'raw');
    socket.terminate();
  });

  it("sends the protocol's headers, and a backend's own in their place", async () => {
    const seen: Record<string, unknown>[] = [];
    answer = (request, socket) => {
      seen.push(request.headers);
      refuse('503 Busy')(request, socket, Buffer.alloc(0));
    };
    await assert.rejects(connect(transport()));
    await assert.rejects(
      connect(transport({ authHeader: 'X-API-Key', authScheme: 'plain', deviceHeader: 'X-Device-UUID' })),
    );
    const [first, second] = seen;
    assert.equal(first!['authorization'], 'Bearer the-key');
    assert.equal(first!['device-id'], '0b7e6b0e-5a0f-4a43-9c33-0123456789ab');
    assert.equal(first!['client-id'], 'boot');
    assert.equal(first!['sec-websocket-protocol'], SUBPROTOCOL);
    assert.equal(first!['sec-websocket-extensions'], undefined);
    assert.equal(second!['x-api-key'], 'the-key');
    assert.equal(second!['x-device-uuid'], '0b7e6b0e-5a0f-4a43-9c33-0123456789ab');
    assert.equal(second!['authorization'], undefined);
  });

  const refusals = [
    { status: '401 Unauthorized', headers: 'Bestday-Refusal: key\r\n', fault: 'refused' },
    { status: '403 Forbidden', headers: 'Bestday-Refusal: device\r\n', fault: 'refused' },
    { status: '401 Unauthorized', fault: 'bad-answer' },
    { status: '403 Forbidden', fault: 'bad-answer' },
    { status: '429 Too Many Requests', headers: 'Retry-After: 7\r\n', fault: 'busy', retryAfterMs: 7_000 },
    { status: '503 Service Unavailable', fault: 'busy' },
    { status: '503 Service Unavailable', headers: 'Retry-After: 999999\r\n', fault: 'busy', retryAfterMs: 60_000 },
    { status: '503 Service Unavailable', headers: 'Retry-After: soon\r\n', fault: 'busy' },
    { status: '404 Not Found', fault: 'bad-answer' },
    { status: '200 OK', fault: 'bad-answer' },
    { status: '301 Moved Permanently', headers: 'Location: https://elsewhere.invalid/\r\n', fault: 'bad-answer' },
  ];
  for (const { status, headers, fault, retryAfterMs } of refusals) {
    it(`${status} ${headers?.trim() ?? ''} is '${fault}'`, async () => {
      answer = refuse(status, headers);
      const error = await failure(transport());
      assert.equal(error.fault, fault);
      assert.equal(error.retryAfterMs, retryAfterMs);
      assert.ok(!error.message.includes('the-key'));
    });
  }

  it('a certificate nobody vouches for is refused', async () => {
    answer = accept(true);
    const error = await failure(transport({ ca: undefined }));
    assert.equal(error.fault, 'tls');
    assert.match(error.message, /clock|--ca-file/);
  });

  it('a server of another name is refused', async () => {
    answer = accept(true);
    assert.equal((await failure(transport({ url: url.replace('localhost', '127.0.0.1') }))).fault, 'tls');
  });

  it('garbage in place of TLS, and a closed port', async () => {
    const garbage = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.resume();
      socket.end('not TLS at all');
    });
    await new Promise<void>((resolve) => garbage.listen(0, '127.0.0.1', resolve));
    const { port } = garbage.address() as AddressInfo;
    assert.equal((await failure(transport({ url: `wss://localhost:${port}/` }))).fault, 'tls');
    await new Promise((resolve) => garbage.close(resolve));
    assert.equal((await failure(transport({ url: `wss://localhost:${port}/` }))).fault, 'unreachable');
  });

  it('a cancelled attempt calls nobody', async () => {
    let upgrade: (() => void) | undefined;
    const reached = new Promise<void>((resolve) => {
      answer = (_request, socket) => {
        upgrade = () => socket.destroy();
        resolve();
      };
    });
    const attempt = transport().connect(
      { opened: () => assert.fail('opened'), failed: () => assert.fail('failed') },
      LIMIT_MS,
    );
    await reached;
    attempt.cancel();
    upgrade!();
    await new Promise((resolve) => setImmediate(resolve));
  });

  for (const bad of [
    'http://localhost',
    'ws://192.168.1.7/',
    'ws://example.org/',
    'ws://127.0.0.1.example.org/',
    'wss//typo',
    '',
  ]) {
    it(`never connects in the clear: '${bad}'`, () => assert.throws(() => checkServerUrl(bad), ConnectError));
  }
  for (const good of ['wss://example.org/v1', 'ws://localhost:1/', 'ws://127.0.0.1:8080/x', 'ws://[::1]:9/']) {
    it(`accepts '${good}'`, () => assert.equal(checkServerUrl(good).href.startsWith(good.slice(0, 6)), true));
  }
});

function connect(transport: WebSocketTransport): Promise<OpenLink> {
  return new Promise((resolve, reject) => {
    transport.connect({ opened: resolve, failed: reject }, LIMIT_MS);
  });
}

async function failure(transport: WebSocketTransport): Promise<ConnectError> {
  const error: unknown = await connect(transport).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ConnectError, 'the attempt should have failed');
  return error;
}
