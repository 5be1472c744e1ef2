import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { encodeMessage, parseServerMessage, SUBPROTOCOL } from '../../protocol/src/index.ts';
import type { Hello, ServerMessage } from '../../protocol/src/index.ts';
import { scrape } from '../lib/metrics.ts';
import { addDevice, removeDevice, startServer } from '../../scripts/programs.ts';
import type { Credentials, RunningServer } from '../../scripts/programs.ts';
import { RedisServer } from '../lib/redis-server.ts';

describe('several server processes behind one listener', function () {
  this.timeout(60_000);
  let data: string;
  let redis: RedisServer;
  let server: RunningServer;
  let device: Credentials;

  before(async function () {
    if (!RedisServer.available()) {
      console.log('    skipped: redis-server is not installed (apt-get install -y redis-server)');
      this.skip();
    }
    data = mkdtempSync(join(tmpdir(), 'bestday-processes-'));
    redis = await RedisServer.start();
    device = addDevice(data);
    server = await startServer(data, 'ignore', ['--processes', '2', '--store', redis.url, '--stt', 'wordless']);
  });
  after(async () => {
    await server?.stop();
    await redis?.kill();
    if (data !== undefined) rmSync(data, { recursive: true, force: true });
  });

  /** Connects, says hello, and returns the first answer; the socket stays open until `close`. */
  async function greet(resume?: Hello['resume']): Promise<{ answer: ServerMessage; socket: WebSocket }> {
    const socket = new WebSocket(server.url, [SUBPROTOCOL], {
      ca: readFileSync(server.ca!),
      headers: { Authorization: `Bearer ${readFileSync(device.keyFile, 'utf8')}`, 'Device-Id': device.deviceId },
    });
    const hello: Hello = {
      type: 'hello',
      protocol: 1,
      deviceId: device.deviceId,
      bootId: 'boot',
      firmware: 'test',
      codecs: ['pcm'],
      frameMs: 20,
      sampleRate: 16_000,
      maxQueueMs: 1_000,
      language: 'en',
      ...(resume && { resume }),
    };
    socket.on('open', () => socket.send(encodeMessage(hello)));
    const answer = await new Promise<ServerMessage>((resolve, reject) => {
      socket.on('message', (message: Buffer, binary) => {
        if (!binary) resolve(parseServerMessage(message.toString('utf8'))!);
      });
      socket.on('error', reject);
      socket.on('close', (code) => reject(new Error(`closed with ${code}`)));
    });
    return { answer, socket };
  }

  it('a conversation is found again from whichever process the phone reaches', async () => {
    const first = await greet();
    assert.equal(first.answer.type, 'ready');
    if (first.answer.type !== 'ready') return;
    let { resumeToken: token } = first.answer;
    const { conversationId } = first.answer;
    for (let time = 0; time < 4; time++) {
      const { answer } = await greet({ conversationId, token, rxSeq: -1, playedTs: 0, firstTxSeq: 0 });
      assert.equal(answer.type, 'resumed', JSON.stringify(answer));
      if (answer.type === 'resumed') token = answer.resumeToken;
    }
  });

  it('events are shown by whichever process is asked', async () => {
    const { answer, socket } = await greet();
    assert.equal(answer.type, 'ready');
    if (answer.type !== 'ready') return;
    const url = `${server.url.replace(/^wss/, 'https').replace(/connect$/, answer.conversationId)}/events`;
    // A connection each: they are dealt out in turn.
    const asked = await Promise.all(
      Array.from(
        { length: 4 },
        () =>
          new Promise<IncomingMessage>((resolve, reject) => {
            get(
              url,
              {
                ca: readFileSync(server.ca!),
                agent: false,
                headers: {
                  Authorization: `Bearer ${readFileSync(device.keyFile, 'utf8')}`,
                  'Device-Id': device.deviceId,
                },
              },
              resolve,
            ).on('error', reject);
          }),
      ),
    );
    assert.deepEqual(
      asked.map(({ statusCode }) => statusCode),
      [200, 200, 200, 200],
    );
    const told = Promise.all(
      asked.map(async (response) => {
        let text = '';
        for await (const chunk of response.setEncoding('utf8')) text += chunk as string;
        return /^event: end$/m.test(text);
      }),
    );
    socket.send(encodeMessage({ type: 'end', reason: 'hangup' }));
    assert.deepEqual(await told, [true, true, true, true]);
  });

  it('a device that is removed loses what it has open, whichever process has it, within a second', async () => {
    const greeted = await Promise.all(Array.from({ length: 3 }, () => greet()));
    const open = greeted.filter(({ socket }) => socket.readyState === WebSocket.OPEN);
    const closed = Promise.all(open.map(({ socket }) => once(socket, 'close') as Promise<[number]>));
    removeDevice(data, device);
    const startedMs = performance.now();
    for (const [code] of await closed) assert.ok(code === 4401 || code === 4409, String(code));
    assert.ok((await closed).some(([code]) => code === 4401));
    assert.ok(performance.now() - startedMs < 1_500);
    device = addDevice(data);
  });

  it('metrics are of all processes, whichever is asked', async () => {
    const asked = await Promise.all(Array.from({ length: 4 }, () => scrape(server.metricsUrl)));
    const begun = asked.map((metrics) => metrics.get('bestday_conversations_total'));
    assert.ok(
      begun.every((count) => count === begun[0] && count! >= 1),
      begun.join(' '),
    );
  });
});
