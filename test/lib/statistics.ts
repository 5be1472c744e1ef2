/** Figures of a list of measurements. Of an empty list they are NaN. */

export interface Distribution {
  readonly median: number;
  readonly p95: number;
  readonly max: number;
}

export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

export function mean(values: Iterable<number>): number {
  let [sum, count] = [0, 0];
  for (const value of values) {
    sum += value;
    count++;
  }
  return sum / count;
}

/** Of an even number of values the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted(ascending);
  const middle = sorted.length >> 1;
  return mean(sorted.slice(sorted.length % 2 === 1 ? middle : middle - 1, middle + 1));
}

/** Nearest rank: the least value that `share` of all do not exceed. */
export function quantile(values: readonly number[], share: number): number {
  return ofSorted(values.toSorted(ascending), share);
}

export function distribution(values: readonly number[]): Distribution {
  const sorted = values.toSorted(ascending);
  return { median: ofSorted(sorted, 0.5), p95: ofSorted(sorted, 0.95), max: ofSorted(sorted, 1) };
}

/** Rounded to a tenth, as reports show them. */
export function percentiles(values: readonly number[]): Percentiles {
  const sorted = values.toSorted(ascending);
  const at = (share: number): number => Math.round(ofSorted(sorted, share) * 10) / 10;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** Of the straight line through the points (least squares): y for each x. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const meanX = mean(points.map(([x]) => x));
  const meanY = mean(points.map(([, y]) => y));
  const covariance = mean(points.map(([x, y]) => (x - meanX) * (y - meanY)));
  return covariance / mean(points.map(([x]) => (x - meanX) ** 2));
}

function ofSorted(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

function ascending(one: number, other: number): number {
  return one - other;
}
