import { toldPercentile } from '../../core/percentile.js';

/** Columns of a rollup that percentiles are told from. */
export interface PercentileColumns {
  readonly duration_count: number;
  readonly duration_min_ms: number;
  readonly duration_max_ms: number;
  /** p50, p95 and p99 as the engine has them; null without durations. */
  readonly percentiles: readonly [number | null, number | null, number | null];
}

export const percentileColumns = ['duration_count', 'duration_min_ms', 'duration_max_ms', 'percentiles'] as const;

/** p50, p95 and p99 in ms, null without durations. */
export function toldPercentiles(row: PercentileColumns): readonly [number | null, number | null, number | null] {
  const extremes = { min: row.duration_min_ms, max: row.duration_max_ms };
  const told = (value: number | null) =>
    row.duration_count === 0 || value === null ? null : toldPercentile(value, extremes);
  const [p50, p95, p99] = row.percentiles;
  return [told(p50), told(p95), told(p99)];
}

/** Extremes that are null without durations. */
interface DurationExtremes {
  readonly min_duration_ms: number | null;
  readonly max_duration_ms: number | null;
}

/** The same of one percentile, between such extremes. */
export function toldBetween({ min_duration_ms: min, max_duration_ms: max }: DurationExtremes) {
  return (value: number | null): number | null =>
    value === null || min === null || max === null ? null : toldPercentile(value, { min, max });
}
