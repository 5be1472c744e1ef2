import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, release } from 'node:os';
import { promisify } from 'node:util';
import { cleanText } from '../../../common/src/system/redaction.ts';
import type { Finding } from './finding.ts';
import { cleanJournal } from './log-lines.ts';

const LOG_LINES = 2_000;

export interface BundleParts {
  readonly time: string;
  readonly version: string;
  /** As `config list` shows it: the key is never in it. */
  readonly settings: string;
  readonly findings: readonly Finding[];
  /** Undefined: no phone runs. */
  readonly status: unknown;
  readonly journal: readonly string[];
  readonly system: readonly string[];
}

/** One text file that a person can read before sending it. No key, no sound, no word that was said. */
export function bundleText({ time, version, settings, findings, status, journal, system }: BundleParts): string {
  const section = (name: string, lines: readonly string[]): string =>
    `==== ${name}\n${lines.map((line) => cleanText(line)).join('\n')}\n\n`;
  return [
    section('Best Day Phone, support bundle', [
      `made ${time} by version ${version}`,
      'Holds no key, no sound and no words. Read it before you send it.',
    ]),
    section('system', system),
    section(
      'checks',
      findings.map(
        ({ name, state, detail, todo }) =>
          `${state.padEnd(8)}${name.padEnd(16)}${detail}${todo === undefined ? '' : ` → ${todo}`}`,
      ),
    ),
    section('status', status === undefined ? ['no phone runs'] : JSON.stringify(status, undefined, 2).split('\n')),
    section('settings', settings.trimEnd().split('\n')),
    section(`log, the last ${LOG_LINES} lines`, journal),
  ].join('');
}

/** The log of the service; where the journal cannot be read, one line that says why. */
export async function readJournal(): Promise<string[]> {
  const units = [
    '-u',
    'bestday-phone.service',
    '-u',
    'bestday-phone-sound.service',
    '-u',
    'bestday-phone-self-test.service',
  ];
  try {
    const { stdout } = await promisify(execFile)(
      'journalctl',
      ['--no-pager', '--output=json', '--lines', String(LOG_LINES), ...units],
      { maxBuffer: 64 << 20, timeout: 20_000 },
    );
    return cleanJournal(stdout);
  } catch (error) {
    return [
      `the journal cannot be read: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message.split('\n')[0]}`,
    ];
  }
}

export function systemLines(): string[] {
  return [
    `kernel ${release()} ${arch()}, Node ${process.version}`,
    `system ${named('/etc/os-release', /^PRETTY_NAME="?([^"\n]*)/m)}`,
    `board ${named('/proc/device-tree/model', /^([^\0]*)/)}`,
    `up ${named('/proc/uptime', /^(\d+)/)} s`,
    `load ${named('/proc/loadavg', /^(.*)$/m)}`,
  ];
}

function named(file: string, pattern: RegExp): string {
  try {
    return pattern.exec(readFileSync(file, 'utf8'))?.[1] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}
