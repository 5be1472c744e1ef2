import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VirtualClock } from '../../../../common/src/time/virtual-clock.ts';
import { Unreaped, leftOverProcesses } from '../../../src/audio/process/unreaped.ts';

const AS_SERVICE = { INVOCATION_ID: 'a1' };
const GROUP = 'sys/fs/cgroup/system.slice/bestday-phone.service';

describe('sound processes that an earlier daemon left in the kernel', () => {
  let root: string;
  const state = (pid: number, letter: string): void => {
    mkdirSync(join(root, `proc/${pid}`), { recursive: true });
    writeFileSync(join(root, `proc/${pid}/stat`), `${pid} (arecord) ${letter} 1 2 3\n`);
  };

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'bestday-proc-'));
    for (const folder of ['proc/self', GROUP]) mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(join(root, 'proc/self/cgroup'), '0::/system.slice/bestday-phone.service\n');
    writeFileSync(join(root, GROUP, 'cgroup.procs'), `${process.pid}\n71\n72\n73\n`);
    state(process.pid, 'D');
    state(71, 'D');
    state(72, 'D');
    state(73, 'S');
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('count, this daemon and those that merely sleep do not, until they are gone', () => {
    const leftOver = leftOverProcesses(AS_SERVICE, root);
    assert.equal(leftOver(), 2);
    state(71, 'Z');
    rmSync(join(root, 'proc/72'), { recursive: true });
    assert.equal(leftOver(), 0);
  });

  it('keep a daemon that was started again from adding more, and make it ask again', () => {
    const clock = new VirtualClock();
    const unreaped = new Unreaped(leftOverProcesses(AS_SERVICE, root));
    assert.equal(unreaped.isFull(clock), true);
    clock.advance(10_000);
    assert.equal(unreaped.isStuck(clock), true);
    state(71, 'Z');
    assert.equal(unreaped.isFull(clock), false);
    assert.equal(unreaped.isStuck(clock), false);
  });

  it('are not looked for outside of a service, nor missed where there are no control groups', () => {
    assert.equal(leftOverProcesses({}, root)(), 0);
    assert.equal(leftOverProcesses(AS_SERVICE, join(root, 'none'))(), 0);
  });
});
