import assert from 'node:assert/strict';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import { SharedTimelines } from '../../src/cluster/shared-timelines.ts';
import type { BusMessage } from '../../src/cluster/shared-timelines.ts';
import { Timeline } from '../../src/conversation/timeline.ts';
import type { TimelineEntry } from '../../src/conversation/timeline.ts';
import { MAX_WATCHERS, OwnTimelines } from '../../src/conversation/timelines.ts';
import type { Watchable } from '../../src/conversation/timelines.ts';

const DEVICE = '11111111-2222-4333-8444-555555555555';

/** Three processes; the second one has the conversation `here`. Messages arrive in the next turn of the event loop. */
function processes(): { asked: SharedTimelines; clock: VirtualClock; timeline: Timeline; kill: () => void } {
  const clock = new VirtualClock();
  const timeline = new Timeline(clock);
  const receivers = new Map<number, (from: number, message: BusMessage) => void>();
  const shared = [1, 2, 3].map(
    (own) =>
      new SharedTimelines(
        new OwnTimelines({
          conversation: (id) =>
            own === 2 && id === 'here' ? { id, deviceId: DEVICE, codec: 'pcm', heldFrames: 0, timeline } : undefined,
        }),
        {
          send(to, message) {
            const others = [...receivers.keys()].filter((id) => (to === 'others' ? id !== own : id === to));
            for (const id of others)
              setImmediate(() =>
                receivers.get(id)?.(own, message.type === 'find' ? { ...message, of: others.length } : message),
              );
          },
          listen: (receive) => void receivers.set(own, receive),
        },
        clock,
      ),
  );
  const kill = (): void => {
    receivers.delete(2);
    for (const receive of receivers.values()) receive(2, { type: 'gone' });
  };
  return { asked: shared[0]!, clock, timeline, kill };
}

const delivered = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

async function found(timelines: SharedTimelines): Promise<Watchable> {
  const watchable = await timelines.find('here', DEVICE);
  assert.ok(watchable !== undefined && watchable !== 'full');
  return watchable;
}

describe('timelines of several processes', () => {
  it('what happens in another process is told, from the entry asked for on', async () => {
    const { asked, timeline } = processes();
    for (const responseId of ['a', 'b']) timeline.add({ type: 'turn', responseId, times: {} });
    const entries: TimelineEntry[] = [];
    (await found(asked)).listen(1, (entry) => entries.push(entry));
    await delivered();
    timeline.add({ type: 'interruption', responseId: 'b', playedMs: 40 });
    await delivered();
    assert.deepEqual(
      entries.map(({ number, event: { type } }) => [number, type]),
      [
        [2, 'turn'],
        [3, 'interruption'],
      ],
    );
  });

  it('nothing is told after the watcher has gone', async () => {
    const { asked, timeline } = processes();
    const watching = (await found(asked)).listen(0, () => assert.fail('told'));
    await delivered();
    assert.equal(timeline.listeners, 1);
    watching.stop();
    await delivered();
    assert.equal(timeline.listeners, 0);
    timeline.add({ type: 'turn', responseId: 'late', times: {} });
    await delivered();
  });

  for (const { name, message } of [
    { name: 'stops', message: { type: 'stop', number: 7 } as const },
    { name: 'dies', message: { type: 'gone' } as const },
  ]) {
    it(`nobody listens for a watcher that ${name} while its conversation is looked for`, async () => {
      const clock = new VirtualClock();
      const timeline = new Timeline(clock);
      let receive: (from: number, message: BusMessage) => void = () => {};
      let finish: (found: Watchable) => void = () => {};
      const find = (): Promise<Watchable> => new Promise((resolve) => (finish = resolve));
      const bus = { send() {}, listen: (receiver: typeof receive) => void (receive = receiver) };
      void new SharedTimelines({ find }, bus, clock);
      receive(2, { type: 'listen', number: 7, conversationId: 'here', deviceId: DEVICE, after: 0 });
      receive(2, message);
      finish(timeline);
      await delivered();
      assert.equal(timeline.listeners, 0);
    });
  }

  it('a process that dies takes its timelines elsewhere', async () => {
    const { asked, kill } = processes();
    const entries: TimelineEntry[] = [];
    (await found(asked)).listen(0, (entry) => entries.push(entry));
    kill();
    assert.deepEqual(
      entries.map(({ event }) => event),
      [{ type: 'end', reason: 'elsewhere' }],
    );
  });

  const nowhere = [
    { name: 'unknown to all', id: 'nobody', device: DEVICE },
    { name: "another device's", id: 'here', device: '99999999-2222-4333-8444-555555555555' },
  ];
  for (const { name, id, device } of nowhere)
    it(`is not found: ${name}`, async () => assert.equal(await processes().asked.find(id, device), undefined));

  it('a process that does not answer is not waited for', async () => {
    const { asked, clock, kill } = processes();
    const search = asked.find('here', DEVICE);
    kill();
    await delivered();
    clock.advance(1_000);
    assert.equal(await search, undefined);
  });

  it('too many watchers are too many wherever they are', async () => {
    const { asked, timeline } = processes();
    for (let count = 0; count < MAX_WATCHERS; count++) timeline.listen(0, () => {});
    assert.equal(await asked.find('here', DEVICE), 'full');
  });
});
