import assert from 'node:assert/strict';
import { encodeMessage } from '../../../protocol/src/index.ts';
import { cachedMetrics } from '../../src/http/admin.ts';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import type { WebSocket } from 'ws';
import { HELLO } from '../support/phone.ts';
import { liveServer } from '../support/live-server.ts';
import type { LiveServer } from '../support/live-server.ts';
import { RedisServer } from '../../../test/lib/redis-server.ts';
import { scriptedPipeline } from '../support/world.ts';

async function ready(here: LiveServer): Promise<{ status: number; reasons: readonly string[] }> {
  const onPhonesPort = await here.get('/readyz');
  const onAdminPort = await here.admin('/readyz');
  assert.equal(onAdminPort.status, onPhonesPort.status);
  const { reasons } = JSON.parse(onPhonesPort.body) as { reasons: string[] };
  assert.deepEqual(await onAdminPort.json(), { ready: reasons.length === 0, reasons });
  return { status: onPhonesPort.status, reasons };
}

const eventually = async (holds: () => Promise<boolean>): Promise<void> => {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50));
};

describe('life and readiness', () => {
  it('a server that serves is alive and ready', async () => {
    const here = await liveServer();
    assert.deepEqual(await ready(here), { status: 200, reasons: [] });
    assert.equal((await here.get('/healthz')).body, '{"status":"ok"}\n');
    await here.stop();
  });

  it('a server that drains is alive and not ready, for as long as it finishes answers, and lets nobody in', async () => {
    const { pipeline } = scriptedPipeline({ stall: 'text-to-speech' });
    const here = await liveServer({ pipeline });
    const socket = (await here.connect()) as WebSocket;
    const greeted = new Promise((resolve) => socket.once('message', resolve));
    socket.send(encodeMessage({ ...HELLO, deviceId: here.device.id }));
    await greeted;
    const stopped = here.stop();
    assert.deepEqual(await ready(here), { status: 503, reasons: ['draining'] });
    assert.equal((await here.get('/healthz')).status, 200);
    const refused = await here.connect();
    assert.ok('status' in refused);
    assert.equal(refused.status, 503);
    assert.match(String(refused.headers['retry-after']), /^[123]$/);
    socket.send(encodeMessage({ type: 'end', reason: 'hangup' }));
    await stopped;
  });

  it('a server whose vendors are all left alone is alive and not ready, until one may be tried', async () => {
    let down = true;
    const { pipeline } = scriptedPipeline();
    const here = await liveServer({ pipeline: { ...pipeline, servicesDown: () => down } });
    assert.deepEqual(await ready(here), { status: 503, reasons: ['services'] });
    assert.equal((await here.get('/healthz')).status, 200);
    down = false;
    assert.deepEqual(await ready(here), { status: 200, reasons: [] });
    await here.stop();
  });

  it('a server whose Redis is gone is alive and not ready, until it is back', async function () {
    if (!RedisServer.available()) return this.skip();
    const redis = await RedisServer.start();
    const here = await liveServer({ store: { url: redis.url, password: undefined } });
    await eventually(async () => (await ready(here)).status === 200);
    await redis.kill();
    await eventually(async () => (await ready(here)).reasons[0] === 'store');
    assert.equal((await here.get('/healthz')).status, 200);
    await here.stop();
  });

  it('metrics are not on the port of the phones', async () => {
    const here = await liveServer();
    assert.equal((await here.get('/metrics')).status, 404);
    const page = await here.admin('/metrics');
    assert.equal(page.status, 200);
    assert.match(await page.text(), /^bestday_device_limit\{limit="calls_per_minute"\} \d+$/m);
    assert.equal((await here.admin('/v1/conversations/connect')).status, 404);
    await here.stop();
  });
});

describe('metrics', () => {
  function counted(): { asked: () => Promise<string>; clock: VirtualClock; fail: { next: boolean } } {
    const clock = new VirtualClock();
    const fail = { next: false };
    let made = 0;
    const cached = cachedMetrics(
      {
        contentType: 'text/plain; version=0.0.4; charset=utf-8',
        metrics: () => (fail.next ? Promise.reject(new Error('broken')) : Promise.resolve(String(++made))),
      },
      clock,
    );
    return { asked: () => cached.metrics(), clock, fail };
  }

  it('are made once a second, however many ask', async () => {
    const { asked, clock } = counted();
    assert.deepEqual(await Promise.all([asked(), asked()]), ['1', '1']);
    clock.advance(999);
    assert.equal(await asked(), '1');
    clock.advance(1);
    assert.equal(await asked(), '2');
  });

  it('that could not be made are made again for the next who asks', async () => {
    const { asked, fail } = counted();
    fail.next = true;
    await assert.rejects(asked(), /broken/);
    fail.next = false;
    assert.equal(await asked(), '1');
  });
});
