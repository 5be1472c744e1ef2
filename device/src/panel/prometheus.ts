import { chmodSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';

/** One Prometheus metric of the phone. */
export interface Metric {
  /** Without the prefix; a counter's ends in `_total`. */
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly samples: readonly Sample[];
}

export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

const PREFIX = 'bestday_phone_';

/** The text format, version 0.0.4. */
export function prometheusText(metrics: readonly Metric[]): string {
  return (
    metrics
      .map(({ name, type, help, samples }) =>
        [
          `# HELP ${PREFIX}${name} ${help}`,
          `# TYPE ${PREFIX}${name} ${type}`,
          ...samples.map(({ labels, value }) => `${PREFIX}${name}${labelText(labels)} ${value}`),
        ].join('\n'),
      )
      .join('\n') + '\n'
  );
}

function labelText(labels: Readonly<Record<string, string>> = {}): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n')}"`,
  );
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/**
 * `GET /metrics` on a unix socket: `curl --unix-socket /run/bestday-phone/metrics.sock http://phone/metrics`.
 * No port is open on a phone.
 */
export class MetricsServer {
  readonly #server: Server;

  static async start(path: string, collect: () => readonly Metric[]): Promise<MetricsServer> {
    rmSync(path, { force: true });
    const metrics = new MetricsServer(collect);
    await new Promise<void>((resolve, reject) => metrics.#server.once('error', reject).listen(path, resolve));
    chmodSync(path, 0o660);
    return metrics;
  }

  private constructor(collect: () => readonly Metric[]) {
    this.#server = createServer({ requestTimeout: 5_000, headersTimeout: 5_000 }, (request, response) => {
      const found = request.method === 'GET' && request.url === '/metrics';
      response.writeHead(found ? 200 : 404, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' });
      response.end(found ? prometheusText(collect()) : 'only GET /metrics is here\n');
    });
    this.#server.maxConnections = 8;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
