import { createWriteStream } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { Command, InvalidArgumentError, Option } from 'commander';
import { insistOnVerifiedTls, TLS_SWITCH } from '../../common/src/link/verified-tls.ts';
import { systemClock } from '../../common/src/time/clock.ts';
import type { Timer } from '../../common/src/time/clock.ts';
import type { EndReason } from '../../protocol/src/index.ts';
import { ConnectError } from './connection/transport.ts';
import { Daemon } from './daemon.ts';
import type { DaemonOptions } from './daemon.ts';
import { AudioError } from './audio/ports.ts';
import { ControlError } from './controls/line.ts';
import { awaitSettings } from './standby.ts';
import { boardNames, loadBoard, soundOf } from './settings/board-profile.ts';
import type { Board } from './settings/board-profile.ts';
import { addConfig } from './cli/config.ts';
import { addControl } from './cli/control.ts';
import { addDevices } from './cli/devices.ts';
import { addDiagnosis } from './cli/diagnosis.ts';
import { FrameTrace } from '../../common/src/system/frame-trace.ts';
import { createLog } from '../../common/src/system/logging.ts';
import { version } from '../../common/src/system/package-root.ts';
import { watchEventLoop } from '../../common/src/system/event-loop.ts';
import { loadRunSettings, loadWhatHolds, settingFlags, SettingsError } from './settings/settings.ts';
import type { RunSettings, Settings, SettingsSources } from './settings/settings.ts';
import { writeSetting } from './settings/file.ts';
import { ownControlSocket } from './panel/runtime-folder.ts';
import { complain } from '../../common/src/system/terminal.ts';

/** `bestday-phone`: arguments → settings → daemon. The only file that ends the process. */

const Exit = { ok: 0, failed: 1, usage: 2 } as const;
/** systemd, a terminal and a technician all expect a stop within 2 s; a call that has not ended politely by then is cut off. */
const STOP_LIMIT_MS = 1_800;
const FRAMES_EVENT_MS = 1_000;

/** A run that ends for one of these reasons has failed. */
const LOST: ReadonlySet<EndReason> = new Set<EndReason>(['refused', 'unreachable', 'expired', 'protocol-error']);

interface RunFlags extends Readonly<Record<string, unknown>> {
  readonly settingsFile?: string;
  readonly eventsFd?: number;
  readonly frameTrace?: string;
}

async function run(flags: RunFlags): Promise<number> {
  // Before any WebAssembly is compiled: the Opus decoder stays with V8's baseline compiler. 22 us a frame instead of 16
  // is 0.3 ms a second, and saves 6 MB at the peak and 60 ms of compiling in the first seconds of a call.
  setFlagsFromString('--liftoff-only');
  const loaded = await settingsToRun({ flags, settingsFile: flags.settingsFile });
  const log = createLog({ level: loaded.settings.logLevel, format: loaded.settings.logFormat });
  if (insistOnVerifiedTls(process.env)) log.warn('tls.verified-all-the-same', { variable: TLS_SWITCH });
  for (const problem of loaded.problems) log.warn('settings.ignored', { reason: problem.message });
  const emit = flags.eventsFd === undefined ? undefined : eventWriter(flags.eventsFd);
  const frameTrace = flags.frameTrace === undefined ? undefined : new FrameTrace(flags.frameTrace);
  const daemon = await Daemon.start({ ...daemonOptions(loaded), log, watch: emit, frameTrace });
  const eventLoop = emit && watchEventLoop();
  const frames: Timer | undefined =
    emit &&
    systemClock.every(FRAMES_EVENT_MS, () =>
      emit({ type: 'frames', frames: daemon.counters, eventLoop: eventLoop?.() }),
    );
  const signalled = stopOnSignal(daemon);
  const exitCode = await Promise.race([signalled, outcome(daemon)]);
  frames?.cancel();
  await log.close();
  return exitCode;
}

/** A phone that stands in a room waits for what is missing or wrong, and says so on its lamp; a single run cannot. */
async function settingsToRun(sources: SettingsSources): Promise<RunSettings> {
  const load = async (): Promise<RunSettings> => {
    const loaded = await loadRunSettings(sources);
    // A board that cannot be read is a wrong setting too.
    if (loaded.settings.board !== undefined) loadBoard(loaded.settings.board);
    return loaded;
  };
  try {
    return await load();
  } catch (error) {
    const { settings, problems } = await loadWhatHolds(sources);
    const standsInARoom = settings.controls !== 'script' || process.env['NOTIFY_SOCKET'] !== undefined;
    if (!(error instanceof SettingsError) || !standsInARoom) throw error;
    const boards = boardsFor(settings.board, problems);
    return awaitSettings({
      clock: systemClock,
      log: createLog({ level: settings.logLevel, format: settings.logFormat }),
      version: version(),
      kind: settings.controls,
      boards,
      controlSocket: settings.controlSocket ?? ownControlSocket(process.env),
      sound: { audio: settings.audio, settings: audioSettings(settings, boards.length === 1 ? boards[0] : undefined) },
      language: settings.language,
      load,
    });
  }
}

/** The phone's board; all there are, where the one that was named is none: each has its lamp on the same pin. */
function boardsFor(name: string | undefined, problems: readonly SettingsError[]): readonly Board[] {
  if (name === undefined && !problems.some(({ setting }) => setting === 'board')) return [];
  try {
    if (name !== undefined) return [loadBoard(name)];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
  }
  return boardNames().map(loadBoard);
}

async function outcome(daemon: Daemon): Promise<number> {
  const { endReason } = await daemon.finished;
  await daemon.stop('shutdown');
  return LOST.has(endReason) ? Exit.failed : Exit.ok;
}

/** Resolves when a signal has come and the call has ended, or the time limit for that is over. */
function stopOnSignal(daemon: Daemon): Promise<number> {
  return new Promise((resolve) => {
    const stop = (): void => {
      systemClock.after(STOP_LIMIT_MS, () => resolve(Exit.ok));
      void daemon.stop('shutdown').then(() => resolve(Exit.ok));
    };
    process.once('SIGTERM', stop);
    process.once('SIGINT', stop);
  });
}

function daemonOptions({ settings, settingsFile, apiKey, ca }: RunSettings): Omit<DaemonOptions, 'log'> {
  const {
    server,
    deviceId,
    authHeader,
    authScheme,
    deviceHeader,
    audio,
    codec,
    bitrate,
    language,
    maxQueueMs,
    durationSeconds,
  } = settings;
  const board = settings.board === undefined ? undefined : loadBoard(settings.board);
  return {
    server: { url: server, deviceId, apiKey, ca, authHeader, authScheme, deviceHeader },
    firmware: version(),
    audio,
    controls: settings.controls,
    board,
    volume: settings.volume,
    // If the file cannot be written, only the level at the next start is lost.
    saveVolume: (level) => void writeSetting(settingsFile, 'volume', level).catch(() => {}),
    offHookMs: settings.offHookHours * 3_600_000,
    controlSocket: controlSocketOf(settings),
    audioSettings: audioSettings(settings, board),
    codec,
    bitrate,
    language,
    maxQueueMs,
    durationMs: durationSeconds === undefined ? undefined : durationSeconds * 1000,
    reportFile: settings.reportFile,
  };
}

function audioSettings(settings: Settings, board: Board | undefined): DaemonOptions['audioSettings'] {
  return {
    ...soundOf(settings, board),
    ...(settings.inputFile !== undefined && { inputFile: settings.inputFile }),
    inputRepeat: settings.inputRepeat,
    ...(settings.outputFile !== undefined && { outputFile: settings.outputFile }),
  };
}

/** A single call needs no socket unless one is asked for. */
function controlSocketOf({ controlSocket, controls }: Settings): string | undefined {
  return controlSocket ?? (controls === 'script' ? undefined : ownControlSocket(process.env));
}

/** JSON lines for a program that watches; when its end of the pipe closes, the phone goes on. */
function eventWriter(fd: number): (event: object) => void {
  const stream = createWriteStream('', { fd, autoClose: false });
  let gone = false;
  stream.on('error', () => {
    gone = true;
  });
  return (event) => {
    if (!gone) stream.write(`${JSON.stringify({ at: Math.round(performance.now()), ...event })}\n`);
  };
}

function program(done: (exitCode: Promise<number>) => void): Command {
  const root = new Command('bestday-phone')
    .description('the Best Day phone: one warm voice conversation, kept open')
    .version(version())
    .option('--settings-file <FILE>', 'settings file, in place of the usual one')
    .showHelpAfterError();
  const runCommand = root.command('run').description('hold a conversation, from now until it ends');
  for (const { flags, description } of settingFlags()) runCommand.option(flags, description);
  runCommand.addOption(
    new Option('--events-fd <N>', 'write what happens as JSON lines to this file descriptor').argParser(fileDescriptor),
  );
  runCommand.option(
    '--frame-trace <FILE>',
    'write what happens to each frame as JSON lines to this file, for measurements',
  );
  runCommand.action((_options, command: Command) => done(run(command.optsWithGlobals<RunFlags>())));
  addDevices(root, done);
  addConfig(root, done, Exit.usage);
  addControl(root, done);
  addDiagnosis(root, done);
  return root;
}

function fileDescriptor(text: string): number {
  const fd = Number(text);
  if (!Number.isInteger(fd) || fd < 1 || fd > 1023) throw new InvalidArgumentError('a file descriptor is 1 to 1023');
  return fd;
}

/** Errors a person can mend are one line; anything else is a defect and shows its stack. */
function explain(error: unknown): string {
  if (
    error instanceof SettingsError ||
    error instanceof AudioError ||
    error instanceof ConnectError ||
    error instanceof ControlError
  )
    return `bestday-phone: ${error.message}`;
  return `bestday-phone: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}

program((exitCode) => {
  exitCode.then(
    (code) => process.exit(code),
    (error: unknown) => {
      complain(`${explain(error)}\n`);
      process.exit(error instanceof SettingsError ? Exit.usage : Exit.failed);
    },
  );
}).parse();
