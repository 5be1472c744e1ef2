import { execFile } from 'node:child_process';
import { readFileSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { ask } from '../panel/control-client.ts';
import type { Check } from './finding.ts';
import { judgeDisk, judgeTemperature, judgeThrottling } from './judges.ts';

const TEMPERATURE = '/sys/class/thermal/thermal_zone0/temp';
const THROTTLED = '/sys/devices/platform/soc/soc:firmware/get_throttled';

/** @param settingsFile where settings are kept: that disk must have room */
export function systemChecks(settingsFile: string, controlSocket: string): Check[] {
  return [
    { name: 'phone', disturbs: false, run: () => checkPhone(controlSocket) },
    { name: 'disk', disturbs: false, run: async () => checkDisk(settingsFile) },
    { name: 'temperature', disturbs: false, run: async () => checkTemperature() },
    { name: 'power', disturbs: false, run: checkPower },
  ];
}

async function checkPhone(controlSocket: string): ReturnType<Check['run']> {
  try {
    const answer = await ask(controlSocket, { command: 'status' });
    if (!answer.ok || answer.status === undefined)
      return {
        state: 'fail',
        detail: 'it gives no status',
        todo: 'is it another version? systemctl restart bestday-phone',
      };
    // What the last self-test found is asked anew here.
    const { needsHelp, phase } = answer.status;
    return needsHelp.length === 0
      ? { state: 'ok', detail: `runs, ${phase}` }
      : { state: 'warn', detail: needsHelp.join('; '), todo: 'the lines below say more' };
  } catch (error) {
    return { state: 'warn', detail: (error as Error).message, todo: 'systemctl start bestday-phone' };
  }
}

function checkDisk(settingsFile: string): Awaited<ReturnType<Check['run']>> {
  for (let folder = dirname(settingsFile); ; folder = dirname(folder)) {
    try {
      const { bavail, blocks, bsize } = statfsSync(folder);
      return judgeDisk(bavail * bsize, blocks * bsize);
    } catch (error) {
      // The folder is made with the first setting.
      if (folder === dirname(folder)) return { state: 'fail', detail: (error as Error).message };
    }
  }
}

function checkTemperature(): Awaited<ReturnType<Check['run']>> {
  try {
    return judgeTemperature(Number(readFileSync(TEMPERATURE, 'utf8')) / 1_000);
  } catch {
    return { state: 'skipped', detail: 'this machine does not tell' };
  }
}

async function checkPower(): ReturnType<Check['run']> {
  const text = await throttled();
  const bits = parseInt(/(?:0x)?([0-9a-f]+)\s*$/i.exec(text ?? '')?.[1] ?? '', 16);
  return Number.isNaN(bits) ? { state: 'skipped', detail: 'no Raspberry Pi firmware here' } : judgeThrottling(bits);
}

async function throttled(): Promise<string | undefined> {
  try {
    return readFileSync(THROTTLED, 'utf8');
  } catch {
    return promisify(execFile)('vcgencmd', ['get_throttled'], { timeout: 2_000 }).then(
      ({ stdout }) => stdout,
      () => undefined,
    );
  }
}
