import cluster from 'node:cluster';
import type { Worker } from 'node:cluster';
import { AggregatorRegistry } from 'prom-client';
import type { Registry, RegistryContentType } from 'prom-client';
import type { Log } from '../../../common/src/system/log.ts';
import { systemClock } from '../../../common/src/time/clock.ts';
import type { Letter, Mail } from './shared-timelines.ts';

/**
 * One listener, several processes (Node's own `cluster`): the first process takes the connections and deals them out in
 * turn. A conversation lives in the process that its phone reached; a phone that comes back may reach another, which
 * claims the conversation from the store.
 */

/** What a process that serves tells the first one, once. */
interface Listening {
  readonly listening: string;
}
type Question = { readonly metricsFor: number };
/** From one process that serves to another; the first one passes it on. */
interface Post {
  readonly to: number | 'others';
  readonly letter: Letter;
}
interface Delivery {
  readonly from: number;
  readonly letter: Letter;
}
type Answer = { readonly metricsOf: number; readonly text: string };

export interface Processes {
  /** Ends them in order; resolves when all are gone. */
  stop(): Promise<void>;
}

/** True in a process that was started by `startProcesses`. */
export function servesForAnother(): boolean {
  return cluster.isWorker;
}

/**
 * Starts this same program `count` times; one that dies is replaced.
 * @param said called once with the line that a single server would have printed
 * @throws {Error} when the first one does not come up
 */
export async function startProcesses(count: number, log: Log, said: (line: string) => void): Promise<Processes> {
  let stopping = false;
  const aggregate = new AggregatorRegistry();
  const start = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const worker = cluster.fork();
      worker.on('message', (message: Listening | Question | Post) => {
        if ('listening' in message) resolve(message.listening);
        if ('metricsFor' in message) void answer(worker, message.metricsFor, aggregate);
        if ('letter' in message) deliver(worker.id, message);
      });
      worker.on('exit', (code, signal) => {
        reject(new Error(`a server process ended with ${code} before it listened`));
        if (stopping) return;
        deliver(worker.id, { to: 'others', letter: { type: 'gone' } });
        log.error('process.ended', { pid: worker.process.pid, code, signal });
        systemClock.after(RESTART_AFTER_MS, () => {
          if (!stopping) start().catch(() => {});
        });
      });
    });
  // The first alone: it makes what all share (the certificate).
  const line = await start();
  await Promise.all(Array.from({ length: count - 1 }, start));
  said(line);
  return {
    async stop() {
      stopping = true;
      await Promise.all(
        serving().map(
          (worker) =>
            new Promise<void>((resolve) => {
              worker.once('exit', () => resolve());
              worker.process.kill('SIGTERM');
            }),
        ),
      );
    },
  };
}

/** From a process that serves. */
export function tellListening(line: string): void {
  const message: Listening = { listening: line };
  process.send?.(message);
}

/** The metrics of all processes, whichever of them is asked. @param own what this process counts */
export function sharedMetrics(own: Registry): Pick<Registry, 'metrics' | 'contentType'> {
  // Its making lets the first process ask this one.
  void new AggregatorRegistry();
  AggregatorRegistry.setRegistries([own]);
  let asked = 0;
  const waiting = new Map<number, (text: string) => void>();
  process.on('message', (message: Partial<Answer>) => {
    if (message.metricsOf === undefined) return;
    waiting.get(message.metricsOf)?.(message.text ?? '');
    waiting.delete(message.metricsOf);
  });
  return {
    contentType: own.contentType,
    metrics: () =>
      new Promise((resolve) => {
        const question: Question = { metricsFor: ++asked };
        waiting.set(asked, resolve);
        process.send?.(question);
      }),
  };
}

/** Of a process that serves. */
export function mailOfProcess(): Mail {
  return {
    send(to, letter) {
      const post: Post = { to, letter };
      process.send?.(post);
    },
    listen(receive) {
      process.on('message', (message: Partial<Delivery>) => {
        if (message.letter !== undefined) receive(message.from!, message.letter);
      });
    },
  };
}

function deliver(from: number, { to, letter }: Post): void {
  const receivers = serving().filter(({ id }) => (to === 'others' ? id !== from : id === to));
  const delivery: Delivery = { from, letter: letter.type === 'find' ? { ...letter, of: receivers.length } : letter };
  for (const receiver of receivers) if (receiver.isConnected()) receiver.send(delivery);
}

function serving(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}

async function answer(
  worker: Worker,
  metricsOf: number,
  aggregate: Pick<AggregatorRegistry<RegistryContentType>, 'clusterMetrics'>,
): Promise<void> {
  const text = await aggregate.clusterMetrics().catch(() => '# a process did not answer in time\n');
  const message: Answer = { metricsOf, text };
  if (worker.isConnected()) worker.send(message);
}

const RESTART_AFTER_MS = 500;
