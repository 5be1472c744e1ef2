import { seededRandom } from '../../common/src/time/random.ts';
import type { Random } from '../../common/src/time/random.ts';
import { jitterOf } from '../network/scenarios.ts';
import type { Scenario } from '../network/scenarios.ts';

const TRACE_STEP_MS = 20;

/** One way through a scenario's network, in virtual time: what `network-emulator.py` does to real packets. */
export class PacketPath {
  readonly #scenario: Scenario;
  readonly #random: Random;
  readonly #jitterMs: Float64Array | undefined;
  #lineFreeMs = 0;
  #latestMs = 0;

  constructor(scenario: Scenario, way: 'up' | 'down', seed: number) {
    this.#scenario = scenario;
    this.#random = seededRandom(2 * seed + (way === 'up' ? 0 : 1));
    this.#jitterMs = jitterOf(scenario, way, seed);
  }

  /** @returns when a packet sent at `nowMs` arrives; undefined when it is lost */
  arrival(nowMs: number, bytes: number): number | undefined {
    if (this.#random() < this.#scenario.lossPercent / 100) return undefined;
    const throughMs = this.#throughBottleneck(nowMs, bytes);
    if (throughMs === undefined) return undefined;
    const jitterMs = this.#jitterMs?.[Math.floor(nowMs / TRACE_STEP_MS) % this.#jitterMs.length] ?? 0;
    this.#latestMs = Math.max(this.#latestMs, this.#afterStall(throughMs + this.#scenario.delayMs + jitterMs));
    return this.#latestMs;
  }

  #throughBottleneck(nowMs: number, bytes: number): number | undefined {
    const { bottleneck } = this.#scenario;
    if (bottleneck === undefined) return nowMs;
    const bytesPerMs = bottleneck.kbitPerSecond / 8;
    const waitingBytes = Math.max(0, this.#lineFreeMs - nowMs) * bytesPerMs;
    if (waitingBytes + bytes > bottleneck.queueKiB * 1_024) return undefined;
    this.#lineFreeMs = Math.max(nowMs, this.#lineFreeMs) + bytes / bytesPerMs;
    return this.#lineFreeMs;
  }

  #afterStall(atMs: number): number {
    const { stall } = this.#scenario;
    if (stall === undefined) return atMs;
    const phaseMs = atMs % stall.everyMs;
    return phaseMs < stall.everyMs - stall.lengthMs ? atMs : atMs + stall.everyMs - phaseMs;
  }
}
