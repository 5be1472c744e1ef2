import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { WebSocket } from 'ws';
import { silentLog } from '../../../common/src/system/log.ts';
import type { Log, LogFields } from '../../../common/src/system/log.ts';
import { CONNECT_PATH } from '../../../protocol/src/index.ts';
import type { DeviceMessage } from '../../../protocol/src/index.ts';
import { HELLO, micPacket } from '../support/phone.ts';
import { liveServer } from '../support/live-server.ts';
import type { Answer, ConnectOptions, LiveServer } from '../support/live-server.ts';

const UUID = /^[0-9a-f-]{36}$/;

function isOpen(result: WebSocket | Answer): asserts result is WebSocket {
  assert.ok(result instanceof WebSocket, `refused with ${'status' in result ? result.status : ''}`);
}

describe('HTTP front, over real TLS', () => {
  let live: LiveServer;

  before(async () => {
    live = await liveServer();
  });
  after(() => live.stop());

  it('shakes hands, greets in audio and hears', async () => {
    const socket = await live.connect();
    isOpen(socket);
    assert.equal(socket.protocol, 'bestday.voice.v1');
    assert.equal(socket.extensions, '', 'permessage-deflate is off');
    const frames: Buffer[] = [];
    const types: string[] = [];
    socket.on('message', (data: Buffer, isBinary) =>
      isBinary ? frames.push(data) : types.push((JSON.parse(data.toString()) as { type: string }).type),
    );
    socket.send(JSON.stringify({ ...HELLO, deviceId: live.device.id }));
    while (!types.includes('response.end')) await once(socket, 'message');
    assert.deepEqual(types.slice(0, 2), ['ready', 'response.start']);
    assert.equal(frames.length, 20);
    socket.send(micPacket(1, 0));
    while (!types.includes('ack')) await once(socket, 'message');
    socket.send(JSON.stringify({ type: 'end', reason: 'hangup' } satisfies DeviceMessage));
    const [code] = (await once(socket, 'close')) as [number];
    assert.equal(code, 1000);
  });

  it('selects no subprotocol when none is offered: raw framing', async () => {
    const socket = await live.connect({ subprotocols: [] });
    isOpen(socket);
    assert.equal(socket.protocol, '');
    socket.send(Buffer.alloc(640));
    const [data, isBinary] = (await once(socket, 'message')) as [Buffer, boolean];
    assert.equal(isBinary, true);
    assert.equal(data.length, 640);
    socket.close(1000);
    await once(socket, 'close');
  });

  it('closes a message of over 64 KiB with 1009 before it is read', async () => {
    const socket = await live.connect();
    isOpen(socket);
    socket.send(Buffer.alloc(70_000));
    const [code] = (await once(socket, 'close')) as [number];
    assert.equal(code, 1009);
  });

  const refusals: readonly {
    name: string;
    options: (live: LiveServer) => ConnectOptions;
    status: number;
    header?: string;
  }[] = [
    {
      name: 'an unknown key',
      options: () => ({ headers: { Authorization: 'Bearer nobody-has-this-key' } }),
      status: 401,
      header: 'www-authenticate',
    },
    { name: 'no key', options: () => ({ headers: { Authorization: undefined } }), status: 401 },
    {
      name: 'another scheme',
      options: ({ device }) => ({ headers: { Authorization: `Basic ${device.key}` } }),
      status: 401,
    },
    {
      name: 'a key in the address',
      options: ({ device }) => ({ path: `${CONNECT_PATH}?key=${device.key}`, headers: { Authorization: undefined } }),
      status: 401,
    },
    {
      name: 'an endless key',
      options: () => ({ headers: { Authorization: `Bearer ${'x'.repeat(8_000)}` } }),
      status: 401,
    },
    {
      name: "another device's key",
      options: () => ({ headers: { 'Device-Id': '99999999-2222-4333-8444-555555555555' } }),
      status: 403,
    },
    { name: 'no device', options: () => ({ headers: { 'Device-Id': undefined } }), status: 403 },
    { name: 'another address', options: () => ({ path: '/v2/elsewhere' }), status: 404 },
    { name: 'only unknown subprotocols', options: () => ({ subprotocols: ['chat'] }), status: 400 },
  ];
  for (const { name, options, status, header } of refusals) {
    it(`${name}: ${status}`, async () => {
      const answer = await live.connect(options(live));
      assert.ok('status' in answer);
      assert.equal(answer.status, status);
      assert.match(String(answer.headers['x-request-id']), UUID);
      if (header !== undefined) assert.notEqual(answer.headers[header], undefined);
      assert.doesNotMatch(answer.body, new RegExp(live.device.key));
    });
  }

  const malformed: readonly { name: string; headers: Readonly<Record<string, string>>; status: number }[] = [
    { name: 'another WebSocket version', headers: { 'Sec-WebSocket-Version': '7' }, status: 426 },
    { name: 'a WebSocket key that is none', headers: { 'Sec-WebSocket-Key': 'x' }, status: 400 },
  ];
  for (const { name, headers, status } of malformed) {
    it(`${name}: ${status}`, async () => {
      const answer = await live.get(CONNECT_PATH, {
        Authorization: `Bearer ${live.device.key}`,
        'Device-Id': live.device.id,
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': 'MDEyMzQ1Njc4OWFiY2RlZg==',
        ...headers,
      });
      assert.equal(answer.status, status);
      assert.match(String(answer.headers['x-request-id']), UUID);
    });
  }

  it('takes the device id in capitals', async () => {
    const socket = await live.connect({ headers: { 'Device-Id': live.device.id.toUpperCase() } });
    isOpen(socket);
    socket.close();
    await once(socket, 'close');
  });

  it('the upgrade carries a request id', async () => {
    const socket = connectTls({ host: 'localhost', port: live.server.port, ca: live.ca });
    socket.write(
      `GET ${CONNECT_PATH} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nAuthorization: Bearer ${live.device.key}\r\nDevice-Id: ${live.device.id}\r\n\r\n`,
    );
    const [head] = (await once(socket, 'data')) as [Buffer];
    assert.match(head.toString(), /^HTTP\/1\.1 101 [^]*\r\nX-Request-Id: [0-9a-f-]{36}\r\n/);
    socket.destroy();
  });

  const pages: readonly { path: string; status: number; body: RegExp }[] = [
    { path: CONNECT_PATH, status: 426, body: /WebSocket/ },
    { path: '/healthz', status: 200, body: /"status":"ok"/ },
    { path: '/metrics', status: 404, body: /--admin-port/ },
    { path: '/', status: 404, body: /no such page/ },
    { path: '/metrics/../secrets', status: 404, body: /no such page/ },
  ];
  for (const { path, status, body } of pages) {
    it(`GET ${path}: ${status}`, async () => {
      const answer = await live.get(path);
      assert.equal(answer.status, status);
      assert.match(answer.body, body);
      assert.match(String(answer.headers['x-request-id']), UUID);
    });
  }

  it('outlives what is no HTTP, no TLS and no WebSocket', async () => {
    const noise = connectTcp(live.server.port, 'localhost', () => noise.end('not TLS at all\r\n\r\n'));
    noise.on('error', () => {});
    await once(noise, 'close');
    const cut = connectTls({ host: 'localhost', port: live.server.port, ca: live.ca }, () =>
      cut.end('GET / HTTP/9.9\r\n\r\n'),
    );
    cut.on('error', () => {});
    cut.resume();
    await once(cut, 'close');
    assert.equal((await live.get('/healthz')).status, 200);
  });
});

describe('HTTP front, limits', () => {
  it('answers 429 with Retry-After to a device that dials in a loop, 503 when it is full', async () => {
    const live = await liveServer({ limits: { connectionsPerMinute: 2, maxConnections: 3 } });
    const other = await live.server.registry.add();
    const sockets = [await live.connect(), await live.connect()];
    const third = await live.connect();
    assert.ok('status' in third);
    assert.equal(third.status, 429);
    assert.match(String(third.headers['retry-after']), /^\d+$/);
    const otherHeaders = { Authorization: `Bearer ${other.key}`, 'Device-Id': other.id };
    sockets.push(await live.connect({ headers: otherHeaders }));
    const fourth = await live.connect({ headers: otherHeaders });
    assert.ok('status' in fourth);
    assert.equal(fourth.status, 503);
    assert.match(String(fourth.headers['retry-after']), /^\d+$/);
    sockets.forEach(isOpen);
    await live.stop();
  });

  it('lets a phone in again whose half-open sockets say no good-bye', async () => {
    const live = await liveServer();
    for (let time = 0; time < 8; time++) {
      const socket = await live.connect();
      isOpen(socket);
      socket.pause();
      socket.on('error', () => {});
    }
    assert.ok(live.server.core.stats.connections <= 5);
    await live.stop();
  });

  it('asks those whom it refuses together to come back apart', async () => {
    const live = await liveServer({ limits: { maxConnections: 0 } });
    const answers = await Promise.all(Array.from({ length: 20 }, () => live.connect()));
    const waits = answers.map((answer) => ('status' in answer ? Number(answer.headers['retry-after']) : NaN));
    assert.ok(
      waits.every((seconds) => seconds >= 5 && seconds <= 10),
      waits.join(),
    );
    assert.ok(new Set(waits).size > 2, waits.join());
    await live.stop();
  });

  it('logs where a phone comes from, and not every knock of a stranger', async () => {
    const lines: { readonly event: string; readonly fields: LogFields | undefined }[] = [];
    const log: Log = { ...silentLog, info: (event, fields) => void lines.push({ event, fields }) };
    const live = await liveServer({ log: { ...log, child: () => silentLog } });
    for (let knock = 0; knock < 80; knock++) await live.connect({ headers: { Authorization: 'Bearer no-such-key' } });
    const socket = await live.connect();
    isOpen(socket);
    const of = (wanted: string): typeof lines => lines.filter(({ event }) => event === wanted);
    assert.match(String(of('connection.accepted')[0]?.fields?.['address']), /127\.0\.0\.1|::1/);
    assert.match(String(of('connection.refused')[0]?.fields?.['address']), /127\.0\.0\.1|::1/);
    assert.ok(of('connection.refused').length < 80);
    assert.equal(live.server.core.stats.upgradesRefused.get(401), 80);
    await live.stop();
  });

  it('a device that is removed cannot connect any more, one that is added can at once', async () => {
    const live = await liveServer();
    await live.server.registry.remove(live.device.id);
    const refused = await live.connect();
    assert.ok('status' in refused);
    assert.equal(refused.status, 401);
    const again = await live.server.registry.add(live.device.id);
    const socket = await live.connect({ headers: { Authorization: `Bearer ${again.key}` } });
    isOpen(socket);
    await live.stop();
  });

  it('closing sends phones away with 1012 and takes less than two seconds, whoever dawdles', async () => {
    const live = await liveServer();
    const polite = await live.connect();
    isOpen(polite);
    const deaf = connectTls({ host: 'localhost', port: live.server.port, ca: live.ca });
    deaf.on('error', () => {});
    await once(deaf, 'secureConnect');
    const closed = once(polite, 'close') as Promise<[number]>;
    const startedMs = performance.now();
    await live.stop();
    assert.equal((await closed)[0], 1012);
    assert.ok(performance.now() - startedMs < 2_000);
  });
});
