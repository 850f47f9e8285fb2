import { float32Digits } from '../../core/percentile.js';
import { type Centroids, mergedCentroids, quantileOf, valuesAbove, valuesOf } from './digest-quantiles.js';
import { type OutcomeCounts, successRate } from './execution-rate.js';
import { fisherExactTest } from './fisher-exact-test.js';
import { type Proportion, significancePMax, twoProportionTest } from './two-proportion-test.js';

export const trendVerdicts = ['improving', 'declining', 'stable', 'insufficient_data', 'no_data'] as const;
export type TrendVerdict = (typeof trendVerdicts)[number];

/** What a trend needs to know of one half of a range. */
export interface TrendHalf extends OutcomeCounts {
  /** Centroids of the durations of its successful executions, in ms. */
  readonly successfulDurations: Centroids;
}

export interface Trend {
  readonly verdict: TrendVerdict;
  readonly successRate: RateChange;
  readonly p95: P95Change;
}

interface RateChange {
  /** Success rate of the second half less that of the first, in percentage points; null when one has no rate. */
  readonly points: number | null;
  readonly significance: Significance | null;
}

interface P95Change {
  /** p95 of the durations of successes in each half, in ms; null when none carries a duration. */
  readonly firstMs: number | null;
  readonly secondMs: number | null;
  /** Change from the first to the second in percent; null when one is missing or the first is 0. */
  readonly percent: number | null;
  /** p95 of both halves together, in ms: the value the halves are compared at; null when one has no durations. */
  readonly pooledMs: number | null;
  /** Of each half, how many of its durations are above it; or at it too, where hardly any is above. */
  readonly above: { readonly first: Proportion; readonly second: Proportion } | null;
  readonly significance: Significance | null;
}

export interface Significance {
  /** `z`: two-proportion z-test. `fisher`: the exact test, where the normal approximation would not hold. */
  readonly test: 'z' | 'fisher';
  readonly zScore: number | null;
  /** Two-sided. */
  readonly pValue: number;
}

/** Executions below which a range has no trend. */
export const trendExecutionsMin = 10;
/** A change of success rate up to this many percentage points is no trend, however significant. */
export const trendPointsMin = 5;
/**
 * Nor is a change of p95 up to this many percent. The p95 of 1,000 log-normal durations (sigma 1) scatters by 7 %, so
 * the difference of two by 10 %; with many durations the test would find changes of 2 % that nobody acts on.
 */
export const trendP95PercentMin = 15;

const p95Level = 0.95;
/** The usual condition of the z-test: every cell of the table is expected to hold as many. */
const expectedCellMin = 5;

/**
 * Compares the halves of a range by success rate and by the p95 of the durations of successes. Each is a trend when it
 * changed by more than a threshold that makes it worth a decision, and significantly, so that it is not chance.
 * `declining` when either got worse; `improving` when one got better and neither worse.
 */
export function trendOf(first: TrendHalf, second: TrendHalf): Trend {
  const rate = rateChange(first, second);
  const p95 = p95Change(first.successfulDurations, second.successfulDurations);
  return { verdict: verdictOf(first.total + second.total, rate, p95), successRate: rate, p95 };
}

function verdictOf(executions: number, rate: RateChange, p95: P95Change): TrendVerdict {
  if (executions === 0) return 'no_data';
  if (executions < trendExecutionsMin) return 'insufficient_data';
  if (rate.significance === null && p95.significance === null) return 'insufficient_data';
  // A longer duration is worse.
  const changes = [
    isSignificant(rate.significance) ? direction(rate.points, trendPointsMin) : 0,
    isSignificant(p95.significance) ? -direction(p95.percent, trendP95PercentMin) : 0,
  ];
  if (changes.includes(-1)) return 'declining';
  return changes.includes(1) ? 'improving' : 'stable';
}

export function isSignificant(significance: Significance | null): boolean {
  return significance !== null && significance.pValue < significancePMax;
}

function direction(change: number | null, changeMin: number): number {
  return change === null || Math.abs(change) <= changeMin ? 0 : Math.sign(change);
}

/** A half in which nothing succeeded or failed has no rate. */
function rateChange(first: OutcomeCounts, second: OutcomeCounts): RateChange {
  const before = successRate(first);
  const after = successRate(second);
  if (before === null || after === null) return { points: null, significance: null };
  return { points: after - before, significance: significanceOf(finished(first), finished(second)) };
}

function finished({ successful, failed }: OutcomeCounts): Proportion {
  return { successes: successful, trials: successful + failed };
}

/**
 * The quantile test: when both halves have one distribution, a value above the pooled p95 is as likely in one as in the
 * other, so the shares above it are compared as any two proportions. It holds for any distribution.
 * Source: W. J. Conover, Practical Nonparametric Statistics (3rd ed.), §4.3: the median test, at another quantile.
 */
function p95Change(first: Centroids, second: Centroids): P95Change {
  const [firstMs, secondMs] = [quantileOf(first, p95Level), quantileOf(second, p95Level)];
  const pooled = mergedCentroids(first, second);
  const pooledMs = quantileOf(pooled, p95Level);
  if (firstMs === null || secondMs === null || pooledMs === null) {
    return { firstMs, secondMs, percent: null, pooledMs: null, above: null, significance: null };
  }
  // Where values repeat, few or none are above the p95: then those at it are told from those below.
  const expected = (1 - p95Level) * valuesOf(pooled);
  const atToo = valuesAbove(pooled, pooledMs) < expected / 2;
  const above = { first: shareAbove(first, pooledMs, atToo), second: shareAbove(second, pooledMs, atToo) };
  return {
    firstMs: float32Digits(firstMs),
    secondMs: float32Digits(secondMs),
    percent: firstMs === 0 ? null : (100 * (secondMs - firstMs)) / firstMs,
    pooledMs: float32Digits(pooledMs),
    above,
    significance: significanceOf(above.first, above.second),
  };
}

function shareAbove(centroids: Centroids, value: number, atToo: boolean): Proportion {
  return { successes: Math.round(valuesAbove(centroids, value, atToo)), trials: Math.round(valuesOf(centroids)) };
}

/** Null when one has no trials. */
function significanceOf(first: Proportion, second: Proportion): Significance | null {
  const tested = twoProportionTest(first, second);
  if (tested === null) return null;
  const trials = first.trials + second.trials;
  const successes = first.successes + second.successes;
  const smallestCell = (Math.min(first.trials, second.trials) * Math.min(successes, trials - successes)) / trials;
  if (smallestCell >= expectedCellMin) return { test: 'z', zScore: tested.zScore, pValue: tested.pValue };
  return { test: 'fisher', zScore: null, pValue: fisherExactTest(first, second) };
}
