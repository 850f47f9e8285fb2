import { z } from 'zod';
import type { AgentPerformanceRow } from '../../clickhouse/queries/agents/performance-row.js';
import { instant } from '../../core/time-text.js';
import {
  countSchema,
  instantSchema,
  millisecondsSchema,
  optionalNumberSchema,
  percentSchema,
} from '../answers/answer-schema.js';
import { percentDigits } from '../answers/answer-units.js';
import type { MetricRange } from '../request/metric-range.js';
import { successRate } from '../statistics/execution-rate.js';
import {
  isSignificant,
  type Significance,
  type TrendHalf,
  trendExecutionsMin,
  trendOf,
  trendP95PercentMin,
  trendPointsMin,
  trendVerdicts,
} from '../statistics/trend.js';
import { type Proportion, significancePMax } from '../statistics/two-proportion-test.js';
import { type ExecutionHalves, halvesVerdict } from './execution-halves.js';

const testSchema = z
  .strictObject({
    test: z.enum(['z', 'fisher']),
    z_score: optionalNumberSchema,
    p_value: z.number().min(0).max(1),
    significant: z.boolean(),
  })
  .meta({ id: 'SignificanceTest' });

const halfSchema = z
  .strictObject({
    from: instantSchema,
    to: instantSchema,
    total_executions: countSchema,
    successful_executions: countSchema,
    failed_executions: countSchema,
    success_rate: percentSchema,
    p95_ms: millisecondsSchema,
    above_pooled_p95: z.strictObject({ count: z.number().nonnegative(), of: z.number().nonnegative() }).nullable(),
  })
  .meta({ id: 'TrendHalf' });

/** The bounds differ where the order within a minute or a day made no difference, or is not kept any more. */
const executionHalfSchema = z
  .strictObject({ executions: countSchema, successful_min: countSchema, successful_max: countSchema })
  .meta({ id: 'ExecutionHalf' });

/** What `trendItem` makes. */
export const trendShape = {
  trend: z.enum(trendVerdicts).meta({
    description: 'The share that succeeded, of the later half of the executions against the earlier: by over 5 points.',
  }),
  trend_halves: z
    .strictObject({ first: executionHalfSchema, second: executionHalfSchema })
    .meta({ description: 'What trend was made from: the executions in the order of time, cut in the middle.' }),
  significant_trend: z.enum(trendVerdicts).meta({
    description: 'The later half of the time against the earlier: what changed enough, and not by chance.',
  }),
  trend_basis: z
    .strictObject({
      success_rate_change: optionalNumberSchema.meta({ description: 'Percentage points.' }),
      success_rate_test: testSchema.nullable(),
      p95_change_percent: optionalNumberSchema,
      p95_pooled_ms: millisecondsSchema,
      p95_test: testSchema.nullable(),
      thresholds: z.strictObject({
        executions: countSchema,
        success_rate_points: z.number(),
        p95_percent: z.number(),
        p_value: z.number(),
      }),
      first_half: halfSchema,
      second_half: halfSchema,
    })
    .meta({ id: 'TrendBasis', description: 'What significant_trend was made from.' })
    .nullable(),
};

/** Both verdicts of an answer, and beside each the numbers it was made from. */
export function trendItem(row: AgentPerformanceRow, range: MetricRange, halves: ExecutionHalves) {
  const { total, successful, first, firstSuccessfulMin: min, firstSuccessfulMax: max } = halves;
  return {
    trend: halvesVerdict(halves),
    trend_halves: {
      first: { executions: first, successful_min: min, successful_max: max },
      second: { executions: total - first, successful_min: successful - max, successful_max: successful - min },
    },
    ...significantTrend(row, range),
  };
}

/**
 * The verdict of tests, and every number it was made from. `trend_basis` is null where the range is one
 * day whose minutes have expired: nothing tells its halves apart.
 */
function significantTrend(row: AgentPerformanceRow, { span, splitMs }: MetricRange) {
  if (splitMs === null) {
    return { significant_trend: row.total === 0 ? 'no_data' : 'insufficient_data', trend_basis: null };
  }
  const { first, second } = halvesOf(row);
  const { verdict, successRate: rate, p95 } = trendOf(first, second);
  return {
    significant_trend: verdict,
    trend_basis: {
      success_rate_change: percentDigits(rate.points),
      success_rate_test: testItem(rate.significance),
      p95_change_percent: percentDigits(p95.percent),
      p95_pooled_ms: p95.pooledMs,
      p95_test: testItem(p95.significance),
      thresholds: {
        executions: trendExecutionsMin,
        success_rate_points: trendPointsMin,
        p95_percent: trendP95PercentMin,
        p_value: significancePMax,
      },
      first_half: halfItem(first, { fromMs: span.fromMs, toMs: splitMs }, p95.firstMs, p95.above?.first),
      second_half: halfItem(second, { fromMs: splitMs, toMs: span.toMs }, p95.secondMs, p95.above?.second),
    },
  };
}

function halvesOf(row: AgentPerformanceRow): { readonly first: TrendHalf; readonly second: TrendHalf } {
  const first = {
    total: row.first_total,
    successful: row.first_successful,
    failed: row.first_failed,
    successfulDurations: row.first_successful_duration_digest,
  };
  const second = {
    total: row.total - first.total,
    successful: row.successful - first.successful,
    failed: row.failed - first.failed,
    successfulDurations: row.second_successful_duration_digest,
  };
  return { first, second };
}

function testItem(significance: Significance | null) {
  if (significance === null) return null;
  const { test, zScore, pValue } = significance;
  return { test, z_score: zScore, p_value: pValue, significant: isSignificant(significance) };
}

function halfItem(
  half: TrendHalf,
  { fromMs, toMs }: MetricRange['span'],
  p95Ms: number | null,
  above: Proportion | undefined,
) {
  return {
    from: instant(fromMs),
    to: instant(toMs),
    total_executions: half.total,
    successful_executions: half.successful,
    failed_executions: half.failed,
    success_rate: percentDigits(successRate(half)),
    p95_ms: p95Ms,
    above_pooled_p95: above === undefined ? null : { count: above.successes, of: above.trials },
  };
}
