import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import { encodeMessage } from '../../../protocol/src/index.ts';
import { FileRegistry } from '../../src/cluster/file-registry.ts';
import { HELLO } from '../support/phone.ts';
import { liveServer } from '../support/live-server.ts';
import type { LiveServer } from '../support/live-server.ts';

describe('events of a conversation', () => {
  let here: LiveServer;
  let socket: WebSocket;
  let path: string;

  beforeEach(async () => {
    here = await liveServer();
    socket = (await here.connect()) as WebSocket;
    const ready = new Promise<{ conversationId: string }>((resolve) => {
      socket.on('message', (data: Buffer, binary) => {
        const message = binary
          ? undefined
          : (JSON.parse(data.toString('utf8')) as { type: string; conversationId: string });
        if (message?.type === 'ready') resolve(message);
      });
    });
    socket.send(encodeMessage({ ...HELLO, deviceId: here.device.id }));
    path = `/v1/conversations/${(await ready).conversationId}/events`;
  });
  afterEach(() => here.stop());

  const own = (): Record<string, string> => ({
    Authorization: `Bearer ${here.device.key}`,
    'Device-Id': here.device.id,
  });

  function watch(
    headers: Record<string, string> = own(),
  ): Promise<{ response: IncomingMessage; text: () => string; ended: Promise<void> }> {
    return new Promise((resolve, reject) => {
      get(`https://localhost:${here.server.port}${path}`, { ca: here.ca, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        resolve({ response, text: () => text, ended: new Promise((end) => response.on('end', end)) });
      }).on('error', reject);
    });
  }

  it('stream as they happen, and end with the conversation', async () => {
    const { response, text, ended } = await watch();
    assert.equal(response.headers['content-type'], 'text/event-stream; charset=utf-8');
    const { timeline } = here.server.core.conversations()[0]!;
    timeline.add({ type: 'turn', responseId: 'response-1', times: { turnDetectedMs: 800, firstFrameSentMs: 1_200 } });
    socket.send(encodeMessage({ type: 'end', reason: 'hangup' }));
    await ended;
    const events = text()
      .split('\n\n')
      .filter((event) => event.startsWith('id:'))
      .map((event) => event.split('\n'));
    assert.deepEqual(
      events.map(([id, name]) => [id, name]),
      [
        ['id: 1', 'event: turn'],
        ['id: 2', 'event: end'],
      ],
    );
    const { at, ...fields } = JSON.parse(events[0]![2]!.slice('data: '.length)) as { at: string };
    assert.deepEqual(fields, { responseId: 'response-1', times: { turnDetectedMs: 800, firstFrameSentMs: 1_200 } });
    assert.ok(!Number.isNaN(Date.parse(at)));
  });

  it('go on after the last one that was seen', async () => {
    const { timeline } = here.server.core.conversations()[0]!;
    for (const responseId of ['response-1', 'response-2', 'response-3'])
      timeline.add({ type: 'turn', responseId, times: {} });
    const { text, ended } = await watch({ ...own(), 'Last-Event-ID': '2' });
    socket.send(encodeMessage({ type: 'end', reason: 'hangup' }));
    await ended;
    assert.deepEqual(text().match(/^id: \d+$/gm), ['id: 3', 'id: 4']);
  });

  it('let go of a client that goes', async () => {
    const { response } = await watch();
    const { timeline } = here.server.core.conversations()[0]!;
    assert.equal(timeline.listeners, 1);
    response.destroy();
    while (timeline.listeners > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  it('hold on to nothing of a client that left before its conversation was found', async () => {
    const { timeline } = here.server.core.conversations()[0]!;
    for (let client = 0; client < 10; client++) await leaveWhileLookedUp();
    assert.equal(timeline.listeners, 0);
    assert.equal((await watch()).response.statusCode, 200);
  });

  /** The key is looked up in a file: that takes longer than to send a request and go. */
  async function leaveWhileLookedUp(): Promise<void> {
    const handled = new Promise<void>((resolve) => {
      const { registry } = here.server;
      const admit = registry.admit.bind(registry);
      registry.admit = async (...asked) => {
        registry.admit = admit;
        request.destroy();
        // Until the server has seen it.
        await new Promise((seen) => setTimeout(seen, 50));
        setTimeout(resolve, 50);
        return admit(...asked);
      };
    });
    const request = get(`https://localhost:${here.server.port}${path}`, { ca: here.ca, headers: own(), agent: false });
    request.on('error', () => {});
    await handled;
  }

  it('end for a device whose key is withdrawn, and so does its conversation, within a second', async () => {
    const { response } = await watch();
    const closed = once(socket, 'close') as Promise<[number]>;
    const gone = once(response, 'close');
    response.on('error', () => {});
    await new FileRegistry(here.dataFolder).remove(here.device.id);
    const startedMs = performance.now();
    assert.equal((await closed)[0], 4401);
    await gone;
    assert.ok(performance.now() - startedMs < 1_500);
  });

  const refusals: readonly (readonly [string, () => Promise<Record<string, string>>, number])[] = [
    ['no key', () => Promise.resolve({}), 401],
    ['an unknown key', () => Promise.resolve({ ...own(), Authorization: 'Bearer wrong-key-of-some-length' }), 401],
    [
      "another device's key",
      async () => ({ ...own(), Authorization: `Bearer ${(await here.server.registry.add()).key}` }),
      403,
    ],
    [
      'another device',
      async () => {
        const { id, key } = await here.server.registry.add();
        return { Authorization: `Bearer ${key}`, 'Device-Id': id };
      },
      404,
    ],
  ];
  for (const [name, headers, status] of refusals) {
    it(`are refused to ${name} with ${status}`, async () => {
      const { response } = await watch(await headers());
      assert.equal(response.statusCode, status);
    });
  }

  it('of an unknown conversation are 404', async () => {
    assert.equal((await here.get('/v1/conversations/unknown/events', own())).status, 404);
  });

  it('may be watched by eight at once', async () => {
    for (let watcher = 0; watcher < 8; watcher++) assert.equal((await watch()).response.statusCode, 200);
    assert.equal((await watch()).response.statusCode, 429);
  });
});
