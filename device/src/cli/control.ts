import type { Command } from 'commander';
import { ask } from '../panel/control-client.ts';
import type { ControlAnswer, ControlRequest, PhoneStatus } from '../panel/control-protocol.ts';
import { knownControlSocket } from '../panel/runtime-folder.ts';
import { complain, say } from '../../../common/src/system/terminal.ts';

/** `bestday-phone status`, `lift`, `hangup`, `volume`: what a running phone is asked through its control socket. */

interface ControlFlags {
  readonly controlSocket?: string;
  readonly json?: boolean;
}

type Done = (exitCode: Promise<number>) => void;

export function addControl(root: Command, done: Done): void {
  const command = (name: string, description: string): Command =>
    root.command(name).description(description).option('--control-socket <PATH>', 'socket of the running phone');
  command('status', 'how the running phone is; exit code 1 when it needs help')
    .option('--json', 'as JSON')
    .action((flags: ControlFlags) => done(status(flags)));
  command('lift', 'lift the receiver (controls: keyboard or socket)').action((flags: ControlFlags) =>
    done(tell({ command: 'lift' }, flags)),
  );
  command('hangup', 'put the receiver down').action((flags: ControlFlags) => done(tell({ command: 'hangup' }, flags)));
  command('volume [level]', 'the loudness: 0 to 9, up, or down').action(
    (level: string | undefined, flags: ControlFlags) => done(volume(level, flags)),
  );
}

async function status(flags: ControlFlags): Promise<number> {
  const answer = await request({ command: 'status' }, flags);
  if (!answer.ok || answer.status === undefined) return refused(answer);
  say(flags.json ? `${JSON.stringify(answer.status, undefined, 2)}\n` : statusText(answer.status));
  return answer.status.needsHelp.length === 0 ? 0 : 1;
}

function statusText(status: PhoneStatus): string {
  const last =
    status.lastCall === null
      ? 'none'
      : `${status.lastCall.endReason} after ${Math.round(status.lastCall.durationMs / 1_000)} s`;
  const rows: readonly (readonly [string, string | number])[] = [
    ['phone', `${status.version} on ${status.board ?? 'no board profile'}, controls: ${status.controls}`],
    ['up', `${status.upSeconds} s`],
    ['receiver', status.lifted ? 'up' : 'down'],
    ['call', status.phase],
    ['sound', status.sound ?? 'closed'],
    ['volume', `${status.volume} of 9`],
    ['calls', `${status.calls}, last: ${last}`],
    ['light', status.led],
    ...(status.needsHelp.length === 0
      ? [['health', 'good'] as const]
      : status.needsHelp.map((what) => ['NEEDS HELP', what] as const)),
  ];
  return rows.map(([name, value]) => `${name.padEnd(11)}${value}\n`).join('');
}

async function volume(level: string | undefined, flags: ControlFlags): Promise<number> {
  const wanted = level === undefined || level === 'up' || level === 'down' ? level : Number(level);
  const answer = await request({ command: 'volume', ...(wanted !== undefined && { level: wanted }) }, flags);
  if (!answer.ok) return refused(answer);
  say(`${answer.volume}\n`);
  return 0;
}

async function tell(what: ControlRequest, flags: ControlFlags): Promise<number> {
  const answer = await request(what, flags);
  return answer.ok ? 0 : refused(answer);
}

function request(what: ControlRequest, flags: ControlFlags): Promise<ControlAnswer> {
  return ask(flags.controlSocket ?? knownControlSocket(process.env), what);
}

function refused(answer: ControlAnswer): number {
  complain(`bestday-phone: ${answer.ok ? 'the phone answered something else: it is another version' : answer.error}\n`);
  return 1;
}
