import { type OutcomeCounts, successRate } from './execution-rate.js';

export type TrendVerdict = 'improving' | 'declining' | 'stable' | 'insufficient_data' | 'no_data';

export interface Trend {
  readonly verdict: TrendVerdict;
  /** Success rate of the second half less that of the first, in percentage points; null when one has no rate. */
  readonly changePoints: number | null;
}

/** Executions below which a range has no trend. */
export const trendExecutionsMin = 10;
/** A change of success rate up to this many percentage points is `stable`. */
export const trendPointsMin = 5;

/** Compares the success rate of the two halves of a range. A half in which nothing succeeded or failed has none. */
export function trendOf(first: OutcomeCounts, second: OutcomeCounts): Trend {
  const before = successRate(first);
  const after = successRate(second);
  const changePoints = before === null || after === null ? null : after - before;
  const total = first.total + second.total;
  if (total === 0) return { verdict: 'no_data', changePoints };
  if (total < trendExecutionsMin || changePoints === null) return { verdict: 'insufficient_data', changePoints };
  if (changePoints > trendPointsMin) return { verdict: 'improving', changePoints };
  return { verdict: changePoints < -trendPointsMin ? 'declining' : 'stable', changePoints };
}
