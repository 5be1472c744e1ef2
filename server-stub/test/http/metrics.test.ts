import assert from 'node:assert/strict';
import { metricsOf } from '../../src/http/metrics.ts';
import { DEFAULT_LIMITS } from '../../src/system/limits.ts';
import { SILENCE, VOICE, world } from '../support/world.ts';

describe('metrics', () => {
  it('show what happened, under names and labels from closed lists', async () => {
    const { core, connect, speak } = world({ script: { greetingMs: 200 } });
    const registry = metricsOf(core, DEFAULT_LIMITS);
    const phone = connect();
    phone.hello();
    await speak(phone, SILENCE, 25);
    await speak(phone, VOICE, 50);
    await speak(phone, SILENCE, 45);
    phone.sayText('{"type":"ack","rxSeq":-7}');
    phone.sayText('{"type":"SOMETHING-ELSE"}');
    phone.drop(3_456);
    const text = await registry.metrics();
    for (const line of [
      'bestday_connections 0',
      'bestday_conversations_active 1',
      'bestday_conversations_total 1',
      'bestday_uplink_frames_total{outcome="received"} 120',
      'bestday_connections_closed_total{code="0"} 1',
      'bestday_protocol_faults_total{fault="bad-message"} 1',
      'bestday_unknown_messages_total 1',
      'bestday_prepared_answers_total{outcome="used"} 0',
      'bestday_turn_latency_seconds_count{stage="first_frame_sent"} 1',
      'bestday_turn_latency_seconds_bucket{le="1",stage="first_frame_sent"} 1',
    ])
      assert.ok(text.split('\n').includes(line), `${line}\n${text}`);
    assert.doesNotMatch(text, /SOMETHING-ELSE|3456/);
  });

  it('count the same when asked twice', async () => {
    const { core, connect } = world();
    const registry = metricsOf(core, DEFAULT_LIMITS);
    connect().hello();
    const first = await registry.metrics();
    assert.equal(await registry.metrics(), first);
  });
});
