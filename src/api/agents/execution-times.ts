import { rounded } from '../answers/answer-units.js';
import { type PercentileColumns, toldPercentiles } from '../statistics/percentile-columns.js';

interface DurationColumns extends PercentileColumns {
  readonly duration_sum_ms: number;
}

/** `executionTimesSchema` of what a rollup or a group has. */
export function executionTimes(row: DurationColumns) {
  const timed = row.duration_count > 0;
  const [p50, p95, p99] = toldPercentiles(row);
  return {
    avg_ms: timed ? rounded(row.duration_sum_ms / row.duration_count) : null,
    min_ms: timed ? row.duration_min_ms : null,
    max_ms: timed ? row.duration_max_ms : null,
    p50_ms: p50,
    p95_ms: p95,
    p99_ms: p99,
  };
}
