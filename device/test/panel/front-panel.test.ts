import assert from 'node:assert/strict';
import { VirtualClock } from '../../../common/src/time/virtual-clock.ts';
import { VolumeStage } from '../../src/playout/volume.ts';
import type { CallReport } from '../../src/conversation/report.ts';
import { FrontPanel } from '../../src/panel/front-panel.ts';
import { silentLog } from '../../../common/src/system/log.ts';

const ended = (endReason: CallReport['endReason']): CallReport => ({ endReason, durationMs: 1_000 }) as CallReport;

class Rig {
  readonly clock = new VirtualClock();
  readonly saved: number[] = [];
  readonly volume = new VolumeStage();
  readonly panel = new FrontPanel({
    clock: this.clock,
    log: silentLog,
    version: '1',
    board: 'virtual',
    kind: 'gpio',
    controls: { hook: { description: 'handset', start() {}, stop() {} }, lamp: undefined },
    volume: this.volume,
    saveVolume: (level) => this.saved.push(level),
    line: () => ({ lifted: false, sound: undefined }),
  });
}

describe('the front panel', () => {
  it('asks for help after a refusal, until a call goes through', () => {
    const { panel } = new Rig();
    panel.ended(ended('refused'));
    assert.equal(panel.status().led, 'needs-help');
    panel.phase('connecting');
    assert.equal(panel.status().led, 'calling');
    panel.phase('talking');
    panel.phase('idle');
    assert.deepEqual([panel.status().led, panel.status().needsHelp], ['ready', []]);
  });

  it('does not ask for help after an ordinary call', () => {
    const { panel } = new Rig();
    for (const reason of ['hangup', 'server', 'idle', 'expired'] as const) panel.ended(ended(reason));
    assert.deepEqual(
      [panel.status().led, panel.status().calls, panel.status().lastCall?.endReason],
      ['ready', 4, 'expired'],
    );
  });

  it('shows what a self-test found, and forgets it when the next finds nothing', () => {
    const { panel } = new Rig();
    panel.handle({
      command: 'checked',
      findings: [
        { name: 'disk', state: 'fail', detail: 'full' },
        { name: 'clock', state: 'warn', detail: '9 s behind' },
      ],
    });
    assert.deepEqual(panel.status().needsHelp, ['disk: full']);
    panel.handle({ command: 'checked', findings: [{ name: 'disk', state: 'ok', detail: '900 MiB free' }] });
    assert.deepEqual(panel.status().needsHelp, []);
  });

  it('keeps what the doctor heard when a self-test leaves sound out', () => {
    const { panel } = new Rig();
    panel.handle({
      command: 'checked',
      findings: [{ name: 'microphone', state: 'ok', detail: 'level', measured: { level_dbfs: -34 } }],
    });
    panel.handle({
      command: 'checked',
      findings: [
        { name: 'microphone', state: 'skipped', detail: 'it would be heard' },
        { name: 'speaker', state: 'skipped', detail: 'it would be heard' },
      ],
    });
    assert.deepEqual(
      panel.checked.findings.map(({ name, state }) => `${name} ${state}`),
      ['microphone ok', 'speaker skipped'],
    );
  });

  it('keeps no more checks than a phone can have, whoever names them', () => {
    const { panel } = new Rig();
    for (let index = 0; index < 100; index++)
      panel.handle({ command: 'checked', findings: [{ name: `check ${index}`, state: 'ok', detail: '' }] });
    assert.equal(panel.checked.findings.length, 32);
  });

  it('writes a volume that was turned step by step once', () => {
    const { panel, clock, saved, volume } = new Rig();
    for (let step = 0; step < 20; step++) panel.handle({ command: 'volume', level: 'down' });
    clock.advance(4_999);
    assert.deepEqual([saved, volume.level], [[], 0]);
    clock.advance(1);
    assert.deepEqual(saved, [0]);
  });

  it('writes a volume that was just turned when it closes', () => {
    const { panel, saved } = new Rig();
    panel.turn(1);
    panel.close();
    assert.deepEqual(saved, [7]);
  });

  it('does not lift a receiver that has a switch', () => {
    const answer = new Rig().panel.handle({ command: 'lift' });
    assert.equal(answer.ok, false);
  });
});
