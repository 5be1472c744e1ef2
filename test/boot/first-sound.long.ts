import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { median } from '../lib/statistics.ts';
import { SoundCard } from '../lib/sound-card.ts';
import { ask } from '../../device/src/panel/control-client.ts';
import { addDevice, exitOf, startPhone, startServer } from '../../scripts/programs.ts';
import type { RunningServer } from '../../scripts/programs.ts';
import { Ear } from './ear.ts';

const LIFTS = 5;
const LIMIT_MS = 500;

/** What the emulated board cannot tell: the phone's own time, on a processor that is none of software. */
describe('a warm phone, on this machine itself', function () {
  this.timeout(120_000);
  // Others' work on the same processor is not the phone's.
  this.retries(2);
  let folder: string;
  let server: RunningServer;
  let sound: SoundCard;
  let phone: ChildProcess;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bestday-lift-'));
    server = await startServer(join(folder, 'server'), 'ignore');
    sound = SoundCard.start();
    // The board's way to its card: arecord and aplay.
    const args = [
      '--controls',
      'socket',
      '--control-socket',
      join(folder, 'control.sock'),
      '--audio',
      'alsa',
      '--settings-file',
      join(folder, 'settings.json'),
    ];
    phone = startPhone(server, addDevice(join(folder, 'server')), args, ['ignore', 'ignore', 'ignore'], sound.env);
    await ready(join(folder, 'control.sock'));
  });
  after(async () => {
    phone?.kill('SIGTERM');
    if (phone !== undefined) await exitOf(phone);
    sound?.stop();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it(`is heard within ${LIMIT_MS} ms of the lift`, async () => {
    const soundsMs: number[] = [];
    const voicesMs: number[] = [];
    const ear = new Ear(sound);
    for (let lift = 0; lift < LIFTS; lift++) {
      await sleep(2_000);
      const liftedMs = performance.now();
      await ask(join(folder, 'control.sock'), { command: 'lift' });
      await sleep(3_000);
      soundsMs.push((ear.firstAbove(0, liftedMs) ?? Infinity) - liftedMs);
      voicesMs.push((ear.voiceSince(liftedMs) ?? Infinity) - liftedMs);
      await ask(join(folder, 'control.sock'), { command: 'hangup' });
    }
    console.log(
      `      lift to first sound ${soundsMs.map(Math.round).join(', ')} ms; to the first word ${voicesMs.map(Math.round).join(', ')} ms`,
    );
    assert.ok(median(soundsMs) < LIMIT_MS, soundsMs.join(' '));
  });
});

async function ready(socket: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (
      await ask(socket, { command: 'status' }).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return;
    await sleep(100);
  }
  throw new Error('the phone never listened');
}
