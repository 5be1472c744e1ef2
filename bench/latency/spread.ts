import type { Random } from '../../common/src/time/random.ts';

/** Latencies of services are skewed to the right; this is about what streaming speech services publish (p95 : p50 ≈ 1.5). */
const SIGMA = 0.25;
const Z95 = 1.645;

/** Log-normal. @param budgetMs its 95th percentile, or its median */
export function spread(random: Random, budgetMs: number, as: 'p95' | 'median'): () => number {
  const median = as === 'median' ? budgetMs : budgetMs / Math.exp(SIGMA * Z95);
  return () => median * Math.exp(SIGMA * gauss(random));
}

function gauss(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
