import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import type { Namespaces } from './namespaces.ts';

const PROGRAM = fileURLToPath(new URL('network-emulator.py', import.meta.url));

export const PHONE_IP = '10.77.0.1';
export const SERVER_IP = '10.77.0.2';

/** What the emulator counted in one direction. */
export interface DirectionStatistics {
  /** Packets that came, were lost by chance, dropped because a queue was full, handed on. */
  readonly rx: number;
  readonly lost: number;
  readonly overflow: number;
  readonly tx: number;
  readonly bytes: number;
  readonly lossPct: number;
  readonly meanDelayMs: number;
  /** How far behind its time it handed packets on: a busy machine shows here, and spoils the run. */
  readonly lateMs: { readonly p50: number; readonly p99: number; readonly max: number };
}

export interface EmulatorStatistics {
  /** From the phone to the server. */
  readonly up: DirectionStatistics;
  readonly down: DirectionStatistics;
  readonly priority: 'real-time' | 'high' | 'normal';
  readonly seconds: number;
}

export interface Emulator {
  /** Ends it. @returns what it counted */
  stop(): Promise<EmulatorStatistics>;
}

/**
 * Joins the two namespaces by a network of these manners; the phone is 10.77.0.1, the server 10.77.0.2.
 * @param flags see `network-emulator.py --help`
 * @throws {Error} with what the emulator says of the machine or of its flags
 */
export async function startEmulator(namespaces: Namespaces, flags: readonly string[]): Promise<Emulator> {
  const child = spawn('python3', [PROGRAM, namespaces.phone, namespaces.server, '--with-parent', ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  if ((await lines.next()).value !== 'ready') {
    await ended;
    throw new Error(complaint.trim().split('\n').at(-1) || 'the network emulator did not start');
  }
  return {
    async stop() {
      child.kill('SIGTERM');
      const statistics = (await lines.next()).value;
      await ended;
      if (statistics === undefined) throw new Error(`the network emulator broke down: ${complaint.trim()}`);
      return JSON.parse(statistics) as EmulatorStatistics;
    },
  };
}
