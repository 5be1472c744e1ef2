import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../../../common/src/time/clock.ts';
import { after } from './fault.ts';
import type { Fault } from './fault.ts';

/** An HTTP server on a free port of this machine, gone with everything on it after `close`. */
export class FakeServer {
  readonly server: Server;

  constructor(handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>) {
    this.server = createServer((request, response) => {
      // A client that gives up is no failure of the fake.
      handle(request, response).catch(() => response.destroy());
    });
  }

  async listen(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }
}

export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Speech of `ms` at `rate`: s16 little-endian, every sample `level`, so that a test can tell who speaks. */
export function spoken(ms: number, rate: number, level: number): Buffer {
  const sound = Buffer.alloc(Math.round((ms * rate) / 1_000) * 2);
  for (let at = 0; at < sound.length; at += 2) sound.writeInt16LE(level, at);
  return sound;
}

/** 50 ms a letter is about how fast people speak. */
export function durationOf(text: string): number {
  return text.length * 50;
}

/** In pieces of an odd number of bytes, as networks do. */
function* pieces(sound: Buffer, bytes = 4_801): Generator<Buffer> {
  for (let at = 0; at < sound.length; at += bytes) yield sound.subarray(at, at + bytes);
}

/** Streams sound as a vendor does; of one that breaks off or stalls, the first half. */
export async function streamSound(
  response: ServerResponse,
  sound: Buffer,
  fault: Fault,
  clock: Clock,
  betweenMs: () => number,
): Promise<void> {
  const all = [...pieces(sound)];
  const until = fault === 'cut' || fault === 'stalled' ? Math.ceil(all.length / 2) : all.length;
  for (const piece of all.slice(0, until)) {
    response.write(piece);
    await after(clock, betweenMs());
  }
  if (fault === 'cut') return void setImmediate(() => response.destroy());
  if (fault !== 'stalled') response.end();
}
