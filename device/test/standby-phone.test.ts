import assert from 'node:assert/strict';
import { silentLog } from '../../common/src/system/log.ts';
import { VirtualClock } from '../../common/src/time/virtual-clock.ts';
import type { AudioSink } from '../src/audio/ports.ts';
import { ManualHook } from '../src/controls/manual-hook.ts';
import { StandbyPhone } from '../src/standby-phone.ts';

describe('a phone that is not set up', () => {
  it('says so to whoever lifts it, and closes its sound with the receiver', async () => {
    const clock = new VirtualClock();
    const hook = new ManualHook('test');
    const asked: string[] = [];
    let sink: AudioSink | undefined;
    let closed = 0;
    const phone = new StandbyPhone({
      clock,
      log: silentLog,
      random: () => 0.5,
      hook,
      prompts: {
        next: (kind) => {
          asked.push(kind);
          return new Int16Array(3_200).fill(5_000);
        },
      },
      openAudio: (opened) => {
        sink = opened;
        return Promise.resolve({
          description: 'test',
          outputDelayMs: 0,
          close: () => {
            closed++;
            return Promise.resolve();
          },
        });
      },
      volume: { apply: () => {} },
      onAudioFailed: assert.fail,
      onHookTrouble: assert.fail,
    });
    phone.start();
    hook.lift();
    await new Promise(setImmediate);
    let loudest = 0;
    for (let frame = 0; frame < 500; frame++) {
      const into = new Int16Array(320);
      sink!.render(into);
      loudest = Math.max(loudest, ...into);
      clock.advance(20);
    }
    assert.deepEqual(asked, ['not-set-up', 'not-set-up']);
    assert.ok(loudest > 4_000, `${loudest}`);
    hook.hangUp();
    await phone.stop();
    assert.deepEqual([closed, phone.lifted], [1, false]);
  });
});
