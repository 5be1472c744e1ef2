import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { sendTo } from '../../src/cluster/processes.ts';
import { TemporaryFolder } from '../../../test/lib/temporary-folder.ts';

describe('a message to another server process', () => {
  const folder = new TemporaryFolder();
  after(() => folder.remove());

  it('that was killed a moment ago ends nobody else', async () => {
    const child = fork(folder.write('child.cjs', "process.send('up'); setInterval(() => {}, 1_000);"), {
      execArgv: [],
    });
    await once(child, 'message');
    const errors: unknown[] = [];
    child.on('error', (error) => errors.push(error));
    child.kill('SIGKILL');
    // The event loop stands still until the kernel has closed the channel, so that nobody here has noticed.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    assert.equal(child.connected, true);
    sendTo({ isConnected: () => child.connected, send: child.send.bind(child) }, { type: 'bus' });
    await once(child, 'exit');
    assert.deepEqual(errors, []);
  });
});
