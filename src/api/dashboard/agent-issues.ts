import type { AgentStandingRow } from '../../clickhouse/queries/dashboard/agent-standings.js';
import type { FailingAgentRow } from '../../clickhouse/queries/dashboard/tenant-minutes.js';
import type { TimeSpan } from '../../core/time-span.js';
import { instant } from '../../core/time-text.js';
import { percentDigits } from '../answers/answer-units.js';
import { type Centroids, valuesOf } from '../statistics/digest-quantiles.js';
import { errorRate, type OutcomeCounts } from '../statistics/execution-rate.js';
import { type Significance, type TrendHalf, trendOf } from '../statistics/trend.js';
import type { DashboardRanges } from './dashboard-ranges.js';

/**
 * A change this unlikely to be chance is a regression. Far below the usual 0.05, because every agent is tested each
 * time somebody looks: among 1,000 steady agents it raises a false alarm in one look of ten, 0.05 would raise 50 in
 * every look.
 */
const issuePMax = 0.0001;
/** Executions of the last 24 hours that succeeded or failed, below which nothing is said of an agent's error rate. */
export const recentFinishedMin = 20;
/** The same of the baseline, below which nothing is compared with it. */
export const baselineFinishedMin = 50;
/** A rise of the error rate below this many percentage points is no issue, however significant. */
export const errorRatePointsMin = 5;
/** At or above this many percent an error rate is an issue by itself. */
export const errorRateMax = 20;
/** Successes with a duration below which a p95 is not compared; of the recent days, and of the baseline. */
export const recentDurationsMin = 50;
export const baselineDurationsMin = 100;
/** A p95 below this multiple of the baseline's is no issue, however significant. */
export const p95RatioMin = 1.5;

const issueReasons = ['error_rate_high', 'error_rate_regression', 'p95_regression'] as const;
type IssueReason = (typeof issueReasons)[number];

/** Why an agent is on the list, and the numbers it was decided by. */
interface AgentIssue {
  readonly reason: IssueReason;
  readonly message: string;
  readonly numbers: Readonly<Record<string, unknown>>;
}

interface Compared<Side> {
  readonly recent: Side;
  readonly baseline: Side;
}

const noDurations: Centroids = new Float64Array();
const noCounts: OutcomeCounts = { total: 0, successful: 0, failed: 0 };

export interface TroubledAgent {
  readonly agentId: string;
  /** Percent, of the last 24 hours; null where it is no candidate for it. */
  readonly errorRate: number | null;
  readonly issues: readonly AgentIssue[];
}

/** Agents the store found by thresholds alone; which of them have an issue is decided here. */
export interface IssueCandidates {
  readonly failing: readonly FailingAgentRow[];
  readonly slow: readonly AgentStandingRow[];
}

/** In the order of the candidates: the most failures first, then the largest rise of p95. */
export function agentIssues({ failing, slow }: IssueCandidates, ranges: DashboardRanges): TroubledAgent[] {
  const errorSpans = { recent: ranges.day, baseline: ranges.baseline };
  const p95Spans = { recent: ranges.recent, baseline: ranges.baseline };
  const found = new Map<string, AgentIssue[]>();
  const rates = new Map<string, number | null>();
  for (const row of failing) {
    const recent = outcomes(row.successful, row.failed);
    const baseline = outcomes(row.baseline_successful, row.baseline_failed);
    found.set(row.agent_id, errorRateIssues({ recent, baseline }, errorSpans));
    rates.set(row.agent_id, errorRate(recent));
  }
  for (const row of slow) {
    const durations = { recent: row.recent_digest, baseline: row.baseline_digest };
    found.set(row.agent_id, [...(found.get(row.agent_id) ?? []), ...p95Issues(durations, p95Spans)]);
  }
  const agents = [...found].map(([agentId, issues]) => ({ agentId, errorRate: rates.get(agentId) ?? null, issues }));
  return agents.filter(({ issues }) => issues.length > 0);
}

/** Of executions that succeeded or failed. */
function outcomes(successful: number, failed: number): OutcomeCounts {
  return { total: successful + failed, successful, failed };
}

/** What is wrong with the error rate of an agent: that it is high, that it rose, or both. */
function errorRateIssues(counts: Compared<OutcomeCounts>, spans: Compared<TimeSpan>): AgentIssue[] {
  const rate = errorRate(counts.recent);
  if (rate === null || finished(counts.recent) < recentFinishedMin) return [];
  const recent = countsItem(counts.recent, spans.recent);
  const issues: AgentIssue[] = [];
  if (rate >= errorRateMax) {
    issues.push({
      reason: 'error_rate_high',
      message: `${percent(rate)} of ${finished(counts.recent)} executions failed in the last 24 hours.`,
      numbers: { recent, error_rate_max: errorRateMax },
    });
  }
  const before = errorRate(counts.baseline);
  if (before === null || finished(counts.baseline) < baselineFinishedMin) return issues;
  const significance = trendOf(half(counts.baseline), half(counts.recent)).successRate.significance;
  if (rate - before < errorRatePointsMin || !isRegression(significance)) return issues;
  issues.push({
    reason: 'error_rate_regression',
    message: `The error rate rose from ${percent(before)} to ${percent(rate)} in the last 24 hours.`,
    numbers: {
      recent,
      baseline: countsItem(counts.baseline, spans.baseline),
      change_points: percentDigits(rate - before),
      p_value: significance?.pValue ?? null,
    },
  });
  return issues;
}

/** Whether successes got slower: the p95 of sorted centroids of their durations, in ms. */
function p95Issues(durations: Compared<Centroids>, spans: Compared<TimeSpan>): AgentIssue[] {
  const [recentCount, baselineCount] = [valuesOf(durations.recent), valuesOf(durations.baseline)];
  if (recentCount < recentDurationsMin || baselineCount < baselineDurationsMin) return [];
  const before: TrendHalf = { ...noCounts, successfulDurations: durations.baseline };
  const { firstMs, secondMs, pooledMs, above, significance } = trendOf(before, {
    ...noCounts,
    successfulDurations: durations.recent,
  }).p95;
  if (firstMs === null || secondMs === null || above === null) return [];
  if (secondMs < p95RatioMin * firstMs || !isRegression(significance)) return [];
  const ratio = firstMs === 0 ? null : secondMs / firstMs;
  const days = 'since yesterday, against the 7 days before';
  return [
    {
      reason: 'p95_regression',
      message: `The p95 of successes rose from ${milliseconds(firstMs)} to ${milliseconds(secondMs)} ${days}.`,
      numbers: {
        recent: { ...spanItem(spans.recent), durations: recentCount, above: above.second.successes, p95_ms: secondMs },
        baseline: {
          ...spanItem(spans.baseline),
          durations: baselineCount,
          above: above.first.successes,
          p95_ms: firstMs,
        },
        ratio,
        compared_at_ms: pooledMs,
        p_value: significance?.pValue ?? null,
      },
    },
  ];
}

function isRegression(significance: Significance | null): boolean {
  return significance !== null && significance.pValue <= issuePMax;
}

function half(counts: OutcomeCounts): TrendHalf {
  return { ...counts, successfulDurations: noDurations };
}

function finished({ successful, failed }: OutcomeCounts): number {
  return successful + failed;
}

function countsItem(counts: OutcomeCounts, span: TimeSpan) {
  return {
    ...spanItem(span),
    successful_executions: counts.successful,
    failed_executions: counts.failed,
    error_rate: percentDigits(errorRate(counts)),
  };
}

function spanItem({ fromMs, toMs }: TimeSpan) {
  return { from: instant(fromMs), to: instant(toMs) };
}

function percent(rate: number): string {
  return `${rate.toFixed(1)} %`;
}

function milliseconds(ms: number): string {
  return ms < 1_000 ? `${Number(ms.toPrecision(3))} ms` : `${Number((ms / 1_000).toPrecision(3))} s`;
}
