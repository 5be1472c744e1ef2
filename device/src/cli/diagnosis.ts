import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { systemClock } from '../../../common/src/time/clock.ts';
import { transportTo } from '../connection/transports.ts';
import { ask } from '../panel/control-client.ts';
import { MAX_DETAIL } from '../panel/control-protocol.ts';
import type { PhoneStatus } from '../panel/control-protocol.ts';
import { findingLine, hasFailed, runChecks } from '../diagnosis/finding.ts';
import type { Check, Finding } from '../diagnosis/finding.ts';
import { networkChecks } from '../diagnosis/network-checks.ts';
import { soundChecks } from '../diagnosis/sound-checks.ts';
import { bundleText, readJournal, systemLines } from '../diagnosis/support-bundle.ts';
import { systemChecks } from '../diagnosis/system-checks.ts';
import { loadBoard, soundOf } from '../settings/board-profile.ts';
import type { Board } from '../settings/board-profile.ts';
import { configCommand } from '../settings/config-command.ts';
import { silentLog } from '../../../common/src/system/log.ts';
import { version } from '../../../common/src/system/package-root.ts';
import { knownControlSocket } from '../panel/runtime-folder.ts';
import { loadRunSettings, loadWhatHolds, SettingsError, settingFlags } from '../settings/settings.ts';
import type { RunSettings, SettingName, SettingsSources } from '../settings/settings.ts';
import { say } from '../../../common/src/system/terminal.ts';

/** `bestday-phone doctor`, `self-test` and `support-bundle`. */

type Done = (exitCode: Promise<number>) => void;
type Flags = Readonly<Record<string, unknown>>;

const SETTINGS_OF_CHECKS: readonly SettingName[] = [
  'server',
  'deviceId',
  'apiKeyFile',
  'caFile',
  'audio',
  'inputDevice',
  'outputDevice',
  'board',
  'controlSocket',
];

export function addDiagnosis(root: Command, done: Done): void {
  const command = (name: string, description: string): Command => {
    const added = root.command(name).description(description);
    for (const { flags, description: each } of settingFlags(SETTINGS_OF_CHECKS)) added.option(flags, each);
    return added;
  };
  command('doctor', 'check all that a conversation needs; exit code 1 when something fails')
    .option('--json', 'as JSON')
    .action((_flags, sub: Command) => done(doctor(sub.optsWithGlobals())));
  command('self-test', "the checks that disturb nobody; the phone's light shows what they find")
    .option('--json', 'as JSON')
    .action((_flags, sub: Command) => done(selfTest(sub.optsWithGlobals())));
  command('support-bundle', 'write a file for those who help: no key, no sound, no words')
    .option('--output <FILE>', 'where to; - for standard output')
    .action((_flags, sub: Command) => done(supportBundle(sub.optsWithGlobals())));
}

async function doctor(flags: Flags): Promise<number> {
  return reported(flags, await check(flags, flags['json'] === true ? () => {} : print));
}

async function selfTest(flags: Flags): Promise<number> {
  return reported(flags, await check(flags, flags['json'] === true ? () => {} : print, false));
}

/** To the phone too, for its light and its metrics; unless another phone's settings were checked, given by flags. */
async function reported(flags: Flags, findings: readonly Finding[]): Promise<number> {
  if (flags['json'] === true) say(`${JSON.stringify(findings, undefined, 2)}\n`);
  if (!SETTINGS_OF_CHECKS.some((name) => name !== 'controlSocket' && flags[name] !== undefined)) {
    const told = findings.map(({ name, state, detail, measured }) => ({
      name,
      state,
      detail: detail.slice(0, MAX_DETAIL),
      measured,
    }));
    // No phone that runs: there is no light to show it.
    await ask(socketOf(flags), { command: 'checked', findings: told }).catch(() => undefined);
  }
  return hasFailed(findings) ? 1 : 0;
}

async function supportBundle(flags: Flags): Promise<number> {
  const findings = await check(flags, () => {}, false);
  const { output: settings } = await configCommand({ action: 'list' }, sourcesOf(flags));
  const time = new Date(systemClock.wallTime()).toISOString();
  const file =
    typeof flags['output'] === 'string'
      ? flags['output']
      : `bestday-support-${time.slice(0, 19).replace(/[-:]/g, '')}.txt`;
  const text = bundleText({
    time,
    version: version(),
    settings,
    findings,
    status: await statusOf(socketOf(flags)),
    journal: await readJournal(),
    system: systemLines(),
  });
  if (file === '-') {
    say(text);
    return 0;
  }
  writeFileSync(file, text, { mode: 0o600 });
  say(`${file}\n`);
  return 0;
}

function print(finding: Finding): void {
  say(findingLine(finding));
}

/** @param disturbing false: sound is left out. While a call is up it is left out in any case. */
async function check(flags: Flags, found: (finding: Finding) => void, disturbing = true): Promise<Finding[]> {
  const sources = sourcesOf(flags);
  const { settings, settingsFile, problems } = await loadWhatHolds(sources);
  const socket = socketOf(flags);
  const inCall = (await statusOf(socket))?.lifted === true;
  const before: Finding[] = problems.map(({ message }) => ({
    name: 'settings',
    state: 'warn',
    detail: message,
    todo: 'bestday-phone config set …',
  }));
  before.forEach(found);
  const board = settings.board === undefined ? undefined : boardOrNone(settings.board);
  const sound = { ...soundOf(settings, board), clock: systemClock, log: silentLog };
  const checks = [
    ...systemChecks(settingsFile, socket),
    ...soundChecks({ clock: systemClock, audio: settings.audio, settings: sound }),
    ...(await serverChecks(sources)),
  ].map((each) => (each.disturbs && (inCall || !disturbing) ? skipped(each, inCall) : each));
  return [...before, ...(await runChecks(checks, systemClock, found))];
}

/** Without its profile the rest is checked all the same. */
function boardOrNone(name: string): Board | undefined {
  try {
    return loadBoard(name);
  } catch (error) {
    if (error instanceof SettingsError) return undefined;
    throw error;
  }
}

function skipped(check: Check, inCall: boolean): Check {
  return {
    ...check,
    run: () =>
      Promise.resolve({
        state: 'skipped',
        detail: inCall ? 'a call is up' : 'it would be heard; `bestday-phone doctor` does it',
      }),
  };
}

/** Without server, id or key there is one finding: what is missing. */
async function serverChecks(sources: SettingsSources): Promise<Check[]> {
  try {
    return networkChecks(await linkOf(sources));
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return [
      {
        name: 'identity',
        disturbs: false,
        run: () =>
          Promise.resolve({
            state: 'fail',
            detail: error.message,
            todo: 'give the phone its server, device id and API key',
          }),
      },
    ];
  }
}

async function linkOf(sources: SettingsSources): Promise<Parameters<typeof networkChecks>[0]> {
  const { settings, apiKey, ca }: RunSettings = await loadRunSettings(sources);
  const { server, deviceId, authHeader, authScheme, deviceHeader } = settings;
  const transport = transportTo({
    url: server,
    deviceId,
    apiKey,
    ca,
    authHeader,
    authScheme,
    deviceHeader,
    clientId: 'doctor',
  });
  return { clock: systemClock, server, ca, transport };
}

function sourcesOf(flags: Flags): SettingsSources {
  return { flags, settingsFile: flags['settingsFile'] as string | undefined };
}

function socketOf(flags: Flags): string {
  const given = flags['controlSocket'] ?? process.env['BESTDAY_CONTROL_SOCKET'];
  return typeof given === 'string' && given !== '' ? given : knownControlSocket(process.env);
}

async function statusOf(socket: string): Promise<PhoneStatus | undefined> {
  return ask(socket, { command: 'status' }).then(
    (answer) => (answer.ok ? answer.status : undefined),
    () => undefined,
  );
}
