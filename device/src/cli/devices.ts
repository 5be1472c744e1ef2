import type { Command } from 'commander';
import { listDevices } from '../audio/backends.ts';
import { say } from '../../../common/src/system/terminal.ts';

/** `bestday-phone devices`. */
export function addDevices(root: Command, done: (exitCode: Promise<number>) => void): void {
  root
    .command('devices')
    .description('list the microphones and speakers there are')
    .option('--json', 'as JSON')
    .action((options: { readonly json?: boolean }) => done(devices(options)));
}

async function devices(options: { readonly json?: boolean }): Promise<number> {
  const { devices: found, unavailable } = await listDevices();
  if (options.json) {
    say(`${JSON.stringify({ devices: found, unavailable }, undefined, 2)}\n`);
    return 0;
  }
  for (const device of found) {
    const marks = [
      device.inputs > 0 && 'microphone',
      device.outputs > 0 && 'speaker',
      device.isDefaultInput && 'default microphone',
      device.isDefaultOutput && 'default speaker',
    ];
    say(`${device.backend.padEnd(10)} ${device.id.padEnd(12)} ${device.name}  (${marks.filter(Boolean).join(', ')})\n`);
  }
  for (const { backend, why } of unavailable) say(`${backend.padEnd(10)} not available: ${why}\n`);
  return 0;
}
