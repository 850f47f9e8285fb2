import { z } from 'zod';
import type { AgentPerformanceRow } from '../clickhouse/queries/agent-performance.js';
import {
  countSchema,
  instantSchema,
  millisecondsSchema,
  optionalNumberSchema,
  percentSchema,
} from './answer-schema.js';
import { instant, percentDigits } from './answer-units.js';
import { successRate } from './execution-rate.js';
import type { MetricRange } from './metric-range.js';
import {
  isSignificant,
  type Significance,
  type TrendHalf,
  trendExecutionsMin,
  trendOf,
  trendP95PercentMin,
  trendPointsMin,
  trendVerdicts,
} from './trend.js';
import { type Proportion, significancePMax } from './two-proportion-test.js';

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

/** What `trendItem` makes. */
export const trendShape = {
  trend: z.enum(trendVerdicts),
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
    .meta({ id: 'TrendBasis' })
    .nullable(),
};

/**
 * The verdict of an answer, and beside it every number it was made from. `trend_basis` is null where the range is one
 * day whose minutes have expired: nothing tells its halves apart.
 */
export function trendItem(row: AgentPerformanceRow, { span, splitMs }: MetricRange) {
  if (splitMs === null) return { trend: row.executions === 0 ? 'no_data' : 'insufficient_data', trend_basis: null };
  const { first, second } = halvesOf(row);
  const { verdict, successRate: rate, p95 } = trendOf(first, second);
  return {
    trend: verdict,
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
    total: row.first_executions,
    successful: row.first_successes,
    failed: row.first_failures,
    successDurations: row.first_success_digest,
  };
  const second = {
    total: row.executions - first.total,
    successful: row.successes - first.successful,
    failed: row.failures - first.failed,
    successDurations: row.second_success_digest,
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
