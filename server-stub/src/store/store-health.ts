import type { Log } from '../../../common/src/system/log.ts';
import type { Clock } from '../../../common/src/time/clock.ts';
import type { ServerStats } from '../system/stats.ts';

/** Counts a store's outages, and logs each twice: when it began and when it was over. */
export class StoreHealth {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #stats: Pick<ServerStats, 'storeOutages' | 'storeFailures'>;
  #failingSinceMs: number | undefined;

  constructor(clock: Clock, log: Log, stats: Pick<ServerStats, 'storeOutages' | 'storeFailures'>) {
    this.#clock = clock;
    this.#log = log;
    this.#stats = stats;
  }

  get failing(): boolean {
    return this.#failingSinceMs !== undefined;
  }

  succeeded(): void {
    if (this.#failingSinceMs === undefined) return;
    this.#log.info('store.back', { afterMs: Math.round(this.#clock.now() - this.#failingSinceMs) });
    this.#failingSinceMs = undefined;
  }

  failed(error: unknown): void {
    this.#stats.storeFailures++;
    if (this.#failingSinceMs !== undefined) return;
    this.#failingSinceMs = this.#clock.now();
    this.#stats.storeOutages++;
    this.#log.warn('store.unreachable', {
      reason: reasonOf(error),
      meaning: 'conversations go on, but cannot be resumed by another process until the store is back',
    });
  }
}

/** A code, or Redis's own word for it (`WRONGPASS`, `OOM`): its sentences may quote what it was sent. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code } = error as NodeJS.ErrnoException;
  return code ?? /^[A-Z]{2,}\b/.exec(error.message)?.[0] ?? error.name;
}
