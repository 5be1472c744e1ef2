import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import type { Clock } from '../../../common/src/time/clock.ts';
import { answerHealth } from './health.ts';
import type { Unreadiness } from './health.ts';

/**
 * What operators ask, on a listener of its own that phones do not reach: `/metrics`, `/healthz` and `/readyz`, over plain
 * HTTP. It answers until the process ends.
 */
export function adminServer({ metrics, unreadiness, failed }: AdminOptions): Server {
  const server = createServer(TIMEOUTS, (request, response) => {
    answer(request, response, metrics, unreadiness).catch((error: unknown) => {
      failed(error);
      if (!response.headersSent) reply(response, 500, 'failed');
    });
  });
  server.on('clientError', (_error, socket) => socket.destroy());
  return server;
}

export interface AdminOptions {
  readonly metrics: Metrics;
  readonly unreadiness: () => readonly Unreadiness[];
  readonly failed: (error: unknown) => void;
}

export type Metrics = Pick<Registry, 'metrics' | 'contentType'>;

/** The same metrics, made once a second at most, however many ask for them. */
export function cachedMetrics(metrics: Metrics, clock: Clock): Metrics {
  let made: { readonly text: Promise<string>; readonly atMs: number } | undefined;
  return {
    contentType: metrics.contentType,
    metrics() {
      if (made === undefined || clock.now() - made.atMs >= FRESH_MS) {
        made = { text: metrics.metrics(), atMs: clock.now() };
        // A failure is told to those who wait for it, and to nobody else.
        made.text.catch(() => {
          made = undefined;
        });
      }
      return made.text;
    },
  };
}

const FRESH_MS = 1_000;
const TIMEOUTS = { headersTimeout: 5_000, requestTimeout: 5_000, connectionsCheckingInterval: 2_000 };

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  metrics: Metrics,
  unreadiness: AdminOptions['unreadiness'],
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return reply(response, 405, 'GET only');
  const path = (request.url ?? '').split('?', 1)[0]!;
  if (answerHealth(path, response, unreadiness)) return;
  if (path !== '/metrics') return reply(response, 404, 'no such page: there are /metrics, /healthz and /readyz');
  reply(response, 200, await metrics.metrics(), metrics.contentType);
}

function reply(
  response: ServerResponse,
  status: number,
  body: string,
  contentType = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'Content-Type': contentType, ...(status === 405 && { Allow: 'GET, HEAD' }) });
  response.end(body.endsWith('\n') ? body : `${body}\n`);
}
