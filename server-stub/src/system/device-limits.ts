import type { Clock } from '../../../common/src/time/clock.ts';
import type { ServerLimits } from './limits.ts';
import { RateLimit } from './rate-limit.ts';

export type DeviceLimit = 'connections' | 'calls' | 'minutes';

/** What one device has had too much of, and when it may come back. */
export interface Limited {
  readonly limit: DeviceLimit;
  readonly waitMs: number;
}

/**
 * What each device may take of this process: a key that was stolen, or a phone that dials in a loop, costs no more than a
 * patient who talks all day. Only devices with a key are known here, so the registry bounds their number.
 */
export class DeviceLimits {
  readonly #clock: Clock;
  readonly #limits: ServerLimits;
  readonly #budgets = new Map<string, Record<DeviceLimit, RateLimit>>();

  constructor(clock: Clock, limits: ServerLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** A socket more. @returns undefined when it may be opened */
  connect(deviceId: string): Limited | undefined {
    return this.#take(deviceId, 'connections');
  }

  /** @returns undefined when a conversation may be begun; `begin` begins it */
  mayBegin(deviceId: string): Limited | undefined {
    const { calls, minutes } = this.#of(deviceId);
    if (minutes.waitMs() > 0) return { limit: 'minutes', waitMs: minutes.waitMs() };
    if (calls.waitMs() > 0) return { limit: 'calls', waitMs: calls.waitMs() };
    return undefined;
  }

  begin(deviceId: string): Limited | undefined {
    return this.mayBegin(deviceId) ?? this.#take(deviceId, 'calls');
  }

  /** A conversation, or what this process had of it, took so long. */
  talked(deviceId: string, ms: number): void {
    this.#of(deviceId).minutes.spend(ms / 60_000);
  }

  #take(deviceId: string, limit: 'connections' | 'calls'): Limited | undefined {
    const budget = this.#of(deviceId)[limit];
    return budget.take() ? undefined : { limit, waitMs: budget.waitMs() };
  }

  #of(deviceId: string): Record<DeviceLimit, RateLimit> {
    const known = this.#budgets.get(deviceId);
    if (known !== undefined) return known;
    const { connectionsPerMinute, callsPerMinute, minutesPerDay } = this.#limits;
    const budgets = {
      connections: new RateLimit(this.#clock, connectionsPerMinute, connectionsPerMinute / 60),
      calls: new RateLimit(this.#clock, callsPerMinute, callsPerMinute / 60),
      minutes: new RateLimit(this.#clock, minutesPerDay, minutesPerDay / DAY_S),
    };
    this.#budgets.set(deviceId, budgets);
    return budgets;
  }
}

const DAY_S = 86_400;
