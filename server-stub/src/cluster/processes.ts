import cluster from 'node:cluster';
import type { Worker } from 'node:cluster';
import { AggregatorRegistry } from 'prom-client';
import type { Registry, RegistryContentType } from 'prom-client';
import type { Log } from '../../../common/src/system/log.ts';
import { systemClock } from '../../../common/src/time/clock.ts';
import type { BusMessage, ProcessBus } from './shared-timelines.ts';

/**
 * One listener, several processes (Node's own `cluster`): the first process takes the connections and deals them out to
 * workers in turn. A conversation lives in the worker that its phone reached; a phone that comes back may reach another
 * worker, which claims the conversation from the store.
 */

export interface Processes {
  /** Ends them in order; resolves when all are gone. */
  stop(): Promise<void>;
  /** They look at the files that may have been renewed. */
  reload(): void;
}

/** True in a process that `startProcesses` started. */
export function isWorker(): boolean {
  return cluster.isWorker;
}

/**
 * Starts this same program `count` times; a worker that dies is replaced.
 * @param listening called once with the line that a single server would have printed
 * @throws {Error} when the first worker does not come up
 */
export async function startProcesses(count: number, log: Log, listening: (line: string) => void): Promise<Processes> {
  let stopping = false;
  const aggregate = new AggregatorRegistry();
  const start = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const worker = cluster.fork();
      worker.on('message', (message: FromWorker) => {
        if (message.type === 'listening') resolve(message.line);
        if (message.type === 'metrics') void sendMetrics(worker, message.request, aggregate);
        if (message.type === 'bus') passOn(worker.id, message.to, message.message);
      });
      // prom-client sends to it too, and without a callback.
      worker.on('error', gone);
      worker.on('exit', (code, signal) => {
        reject(new Error(`a server process ended with ${code} before it listened`));
        if (stopping) return;
        passOn(worker.id, 'others', { type: 'gone' });
        log.error('process.ended', { pid: worker.process.pid, code, signal });
        systemClock.after(RESTART_AFTER_MS, () => {
          if (!stopping) start().catch(() => {});
        });
      });
    });
  // One alone first: it makes what all share (the certificate).
  const line = await start();
  await Promise.all(Array.from({ length: count - 1 }, start));
  listening(line);
  return {
    reload() {
      for (const worker of workers()) worker.process.kill('SIGHUP');
    },
    async stop() {
      stopping = true;
      await Promise.all(workers().map(stopWorker));
    },
  };
}

/** From a worker. */
export function reportListening(line: string): void {
  sendToFirst({ type: 'listening', line });
}

/** In a worker: the metrics of all workers together. @param own the metrics of this one */
export function sharedMetrics(own: Registry): Pick<Registry, 'metrics' | 'contentType'> {
  // Constructing one lets the first process ask this one for its metrics.
  void new AggregatorRegistry();
  AggregatorRegistry.setRegistries([own]);
  let requests = 0;
  const waiting = new Map<number, (text: string) => void>();
  process.on('message', (message: ToWorker) => {
    if (message.type !== 'metrics') return;
    waiting.get(message.request)?.(message.text);
    waiting.delete(message.request);
  });
  return {
    contentType: own.contentType,
    metrics: () =>
      new Promise((resolve) => {
        const request = ++requests;
        waiting.set(request, resolve);
        sendToFirst({ type: 'metrics', request });
      }),
  };
}

/** In a worker. */
export function workerBus(): ProcessBus {
  return {
    send: (to, message) => sendToFirst({ type: 'bus', to, message }),
    listen(receive) {
      process.on('message', (message: ToWorker) => {
        if (message.type === 'bus') receive(message.from, message.message);
      });
    },
  };
}

/** Other messages on the same channel are prom-client's. */
type FromWorker =
  | { readonly type: 'listening'; readonly line: string }
  | { readonly type: 'metrics'; readonly request: number }
  | { readonly type: 'bus'; readonly to: number | 'others'; readonly message: BusMessage };
type ToWorker =
  | { readonly type: 'metrics'; readonly request: number; readonly text: string }
  | { readonly type: 'bus'; readonly from: number; readonly message: BusMessage };

function sendToFirst(message: FromWorker): void {
  process.send?.(message, undefined, undefined, gone);
}

/**
 * To a process that may have been killed a moment ago: nobody has noticed yet, and the write fails with EPIPE. Without a
 * callback that is an 'error' event, which would end this process too, and with it every conversation.
 */
export function sendTo(worker: Pick<Worker, 'isConnected' | 'send'>, message: object): void {
  if (worker.isConnected()) worker.send(message, undefined, gone);
}

/** Its 'exit' follows, and says all there is to say. */
function gone(): void {}

function passOn(from: number, to: number | 'others', message: BusMessage): void {
  const receivers = workers().filter(({ id }) => (to === 'others' ? id !== from : id === to));
  const counted = message.type === 'find' ? { ...message, of: receivers.length } : message;
  for (const receiver of receivers) sendTo(receiver, { type: 'bus', from, message: counted });
}

async function sendMetrics(
  worker: Worker,
  request: number,
  aggregate: Pick<AggregatorRegistry<RegistryContentType>, 'clusterMetrics'>,
): Promise<void> {
  const text = await aggregate.clusterMetrics().catch(() => '# a process did not answer in time\n');
  sendTo(worker, { type: 'metrics', request, text });
}

function workers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}

function stopWorker(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    worker.once('exit', () => resolve());
    worker.process.kill('SIGTERM');
  });
}

const RESTART_AFTER_MS = 500;
