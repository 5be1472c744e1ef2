import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { WebSocket } from 'ws';
import { FRAME_MS } from '../../protocol/src/index.ts';
import { systemClock } from '../../protocol/src/index.ts';
import { generatorLimit } from './generator-limit.ts';
import type { GeneratorLimit } from './generator-limit.ts';

/** A process full of bare sockets that send frames of the same size at the same pace as phones do. */
export interface RelayClientsOrder {
  readonly url: string;
  readonly caFile: string;
  readonly count: number;
  readonly frameBytes: number;
  readonly rampMs: number;
}

export interface RelayClientsNews {
  readonly roundTripMs: readonly number[];
  readonly limit: GeneratorLimit;
}

/** Of all round trips, one in this many is kept. */
const SAMPLE = 20;

process.once('message', ({ url, caFile, count, frameBytes, rampMs }: RelayClientsOrder) => {
  const roundTripMs: number[] = [];
  const ca = readFileSync(caFile, 'utf8');
  for (let index = 0; index < count; index++) setTimeout(() => talk(new WebSocket(url, { ca, perMessageDeflate: false }), frameBytes, roundTripMs), (rampMs / count) * index);
  setTimeout(() => {
    roundTripMs.length = 0;
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const cpu = process.cpuUsage();
    const startMs = performance.now();
    process.once('message', () => {
      const news: RelayClientsNews = { roundTripMs, limit: generatorLimit(delay, process.cpuUsage(cpu), performance.now() - startMs) };
      process.send?.(news, () => process.exit(0));
    });
  }, rampMs);
});

function talk(socket: WebSocket, frameBytes: number, roundTripMs: number[]): void {
  let received = 0;
  socket.on('open', () => systemClock.every(FRAME_MS, () => {
    const frame = Buffer.alloc(frameBytes);
    frame.writeDoubleLE(performance.now());
    socket.send(frame);
  }));
  socket.on('message', (data: Buffer) => {
    if (received++ % SAMPLE === 0) roundTripMs.push(performance.now() - data.readDoubleLE());
  });
}
