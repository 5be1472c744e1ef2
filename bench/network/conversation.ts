import { mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CallReport } from '../../device/src/conversation/report.ts';
import type { FrameTraceLine } from '../../common/src/system/frame-trace.ts';
import { addDevice, exitOf, ROOT, startPhone, startServer } from '../../scripts/programs.ts';
import { SERVER_IP, startEmulator } from '../../test/lib/network/emulator.ts';
import type { EmulatorStatistics } from '../../test/lib/network/emulator.ts';
import { readTrace } from './measure.ts';
import { inside, openNamespaces } from '../../test/lib/network/namespaces.ts';
import type { CongestionControl, Namespaces } from '../../test/lib/network/namespaces.ts';
import { aheadOfOthers } from '../lib/real-time.ts';
import { emulatorFlags, jitterOf } from './scenarios.ts';
import type { Scenario } from './scenarios.ts';

export interface ConversationOptions {
  readonly scenario: Scenario;
  readonly seconds: number;
  readonly seed: number;
  readonly congestionControl: CongestionControl;
  /** For logs, traces and the heard sound; emptied first. */
  readonly folder: string;
}

export interface HeldConversation {
  readonly report: CallReport;
  readonly phone: readonly FrameTraceLine[];
  readonly server: readonly FrameTraceLine[];
  /** The server's ladder of what the phone sent. */
  readonly uplinkFrames: Readonly<Record<string, number>>;
  readonly network: EmulatorStatistics;
  readonly congestionControl: string;
}

/**
 * A conversation between the two real programs, each in its own namespace, over `wss` and the scenario's network: the
 * recorded caller, over and over, and the offline companion.
 * @throws {Error} with the log to look into
 */
export async function holdConversation(options: ConversationOptions): Promise<HeldConversation> {
  rmSync(options.folder, { recursive: true, force: true });
  mkdirSync(join(options.folder, 'server'), { recursive: true, mode: 0o700 });
  const namespaces = openNamespaces(options.congestionControl);
  // Ends what runs inside too.
  process.once('exit', () => namespaces.close());
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    process.once(signal, () => process.exit(code));
  try {
    const emulator = await startEmulator(
      namespaces,
      emulatorFlags(options.scenario, options.seed, writeTraces(options)),
    );
    await runPrograms(options, namespaces);
    const network = await emulator.stop();
    return { ...readResults(options.folder), network, congestionControl: namespaces.congestionControl };
  } finally {
    namespaces.close();
  }
}

function writeTraces({ scenario, seed, folder }: ConversationOptions): { up: string; down: string } | undefined {
  if (scenario.jitter === undefined) return undefined;
  const write = (way: 'up' | 'down'): string => {
    const file = join(folder, `jitter-${way}.txt`);
    writeFileSync(
      file,
      jitterOf(scenario, way, seed)!
        .map((ms) => Math.round(ms * 100) / 100)
        .join('\n'),
    );
    return file;
  };
  return { up: write('up'), down: write('down') };
}

async function runPrograms({ folder, seconds }: ConversationOptions, namespaces: Namespaces): Promise<void> {
  const file = (name: string): string => join(folder, name);
  const device = addDevice(file('server'));
  const server = await startServer(
    file('server'),
    openSync(file('server.log'), 'w'),
    ['--host', SERVER_IP, '--frame-trace', file('server.trace')],
    [...inside(namespaces.server), ...aheadOfOthers()],
  );
  try {
    const phone = startPhone(
      server,
      device,
      [
        '--audio',
        'file',
        '--input',
        join(ROOT, 'device/demo/caller.wav'),
        '--input-repeat',
        'forever',
        '--output',
        file('heard.wav'),
        '--duration',
        String(seconds),
        '--report',
        file('call.json'),
        '--settings-file',
        file('settings.json'),
        '--frame-trace',
        file('phone.trace'),
      ],
      ['ignore', 'ignore', openSync(file('phone.log'), 'w')],
      process.env,
      [...inside(namespaces.phone), ...aheadOfOthers()],
    );
    const code = await exitOf(phone);
    if (code !== 0) throw new Error(`the phone ended with ${code}; its log: ${file('phone.log')}`);
    await goodbyeArrived(file('server.log'));
  } finally {
    await server.stop();
  }
}

/** The phone's kernel still sends its last words, again where they are lost; the server's account comes with them. */
async function goodbyeArrived(serverLog: string): Promise<void> {
  for (let waited = 0; waited < 10_000 && lastLine(serverLog, 'conversation.ended') === undefined; waited += 200)
    await sleep(200);
}

function lastLine(log: string, event: string): string | undefined {
  return readFileSync(log, 'utf8')
    .split('\n')
    .findLast((line) => line.includes(event));
}

function readResults(folder: string): Omit<HeldConversation, 'network' | 'congestionControl'> {
  const ended = lastLine(join(folder, 'server.log'), 'conversation.ended');
  const fields = ended === undefined ? {} : (JSON.parse(ended.slice(ended.indexOf('{'))) as Record<string, unknown>);
  return {
    report: JSON.parse(readFileSync(join(folder, 'call.json'), 'utf8')) as CallReport,
    phone: readTrace(join(folder, 'phone.trace')),
    server: readTrace(join(folder, 'server.trace')),
    uplinkFrames: Object.fromEntries(COUNTERS.map((name) => [name, Number(fields[name] ?? 0)])),
  };
}

const COUNTERS = ['received', 'played', 'recoveredByFec', 'concealed', 'comfortNoise', 'shed', 'late', 'duplicate'];
