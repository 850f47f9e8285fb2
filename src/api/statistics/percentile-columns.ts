import { toldPercentile } from '../../core/percentile.js';

/** Columns of a rollup that percentiles are told from. */
export interface PercentileColumns {
  readonly durations: number;
  readonly shortest_ms: number;
  readonly longest_ms: number;
  /** p50, p95 and p99 as the engine has them; null without durations. */
  readonly percentiles: readonly [number | null, number | null, number | null];
}

export const percentileColumns = ['durations', 'shortest_ms', 'longest_ms', 'percentiles'] as const;

/** p50, p95 and p99 in ms, null without durations. */
export function toldPercentiles(row: PercentileColumns): readonly [number | null, number | null, number | null] {
  const extremes = { min: row.shortest_ms, max: row.longest_ms };
  const told = (value: number | null) =>
    row.durations === 0 || value === null ? null : toldPercentile(value, extremes);
  const [p50, p95, p99] = row.percentiles;
  return [told(p50), told(p95), told(p99)];
}

/** The same of one percentile, between extremes that are null without durations. */
export function toldBetween(extremes: { readonly shortest_ms: number | null; readonly longest_ms: number | null }) {
  const { shortest_ms: min, longest_ms: max } = extremes;
  return (value: number | null): number | null =>
    value === null || min === null || max === null ? null : toldPercentile(value, { min, max });
}
