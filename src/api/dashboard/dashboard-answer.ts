import type { AgentRegisterRow } from '../../clickhouse/queries/dashboard/agent-register.js';
import type { AgentStandingRow } from '../../clickhouse/queries/dashboard/agent-standings.js';
import type { TenantBucketRow } from '../../clickhouse/queries/dashboard/tenant-days.js';
import { dayMs, hourMs, type TimeSpan } from '../../core/time-span.js';
import { instant } from '../../core/time-text.js';
import { percentDigits } from '../answers/answer-units.js';
import { addedUsage, noUsage, usageAnswer } from '../answers/usage.js';
import { errorRate, successRate } from '../statistics/execution-rate.js';
import type { TroubledAgent } from './agent-issues.js';
import { type DashboardRanges, topPerformingFinishedMin } from './dashboard-ranges.js';

export interface DashboardRows {
  readonly register: AgentRegisterRow;
  /** By hour, the first of them in part when the 24 hours begin within it. */
  readonly hours: readonly TenantBucketRow[];
  readonly days: readonly TenantBucketRow[];
  /** In their order. */
  readonly top: readonly AgentStandingRow[];
  readonly issues: {
    readonly total: number;
    /** False when there were more agents to test than are tested. */
    readonly complete: boolean;
    readonly listed: readonly TroubledAgent[];
  };
  /** Of the agents at the top and of those with issues. */
  readonly names: ReadonlyMap<string, string | null>;
}

export function dashboardAnswer(rows: DashboardRows, ranges: DashboardRanges, nowMs: number) {
  const { register } = rows;
  const newestMs = register.total_agents === 0 ? null : register.newest_received_ms;
  const executions = {
    '24h': windowItem(rows.hours, ranges.day),
    '7d': windowItem(
      rows.days.filter(({ start_s }) => start_s * 1000 >= ranges.week.fromMs),
      ranges.week,
    ),
    '30d': windowItem(rows.days, ranges.month),
  };
  return {
    as_of: instant(nowMs),
    total_agents: register.total_agents,
    total_executions: {
      '24h': executions['24h'].total_executions,
      '7d': executions['7d'].total_executions,
      '30d': executions['30d'].total_executions,
    },
    average_success_rate: executions['30d'].average_success_rate ?? 0,
    top_performing_agents: topAgents(rows),
    agents_with_issues: troubledAgents(rows),
    execution_trends: series(rows.days, ranges.month, dayMs),
    agents: {
      total: register.total_agents,
      active_24h: register.active_24h,
      active_7d: register.active_7d,
      active_30d: register.active_30d,
    },
    executions,
    top_performing: { ...spanItem(ranges.week), finished_executions_min: topPerformingFinishedMin },
    with_issues: { total: rows.issues.total, complete: rows.issues.complete },
    hourly: series(rows.hours, ranges.hours, hourMs),
    freshness: {
      newest_received: newestMs === null ? null : instant(newestMs),
      age_ms: newestMs === null ? null : Math.max(0, nowMs - newestMs),
    },
  };
}

/** `buckets` are all of the span. */
function windowItem(buckets: readonly TenantBucketRow[], span: TimeSpan) {
  const sum = (of: (row: TenantBucketRow) => number) => buckets.reduce((total, row) => total + of(row), 0);
  const { success_rate, ...counts } = bucketItem({
    successful: sum(({ successful }) => successful),
    failed: sum(({ failed }) => failed),
    cancelled: sum(({ cancelled }) => cancelled),
    ...buckets.reduce(addedUsage, noUsage),
  });
  return { ...spanItem(span), average_success_rate: success_rate, ...counts };
}

type BucketSums = Omit<TenantBucketRow, 'start_s'>;

function bucketItem(row: BucketSums) {
  const { successful, failed, cancelled } = row;
  const counts = { total: successful + failed + cancelled, successful, failed };
  return {
    total_executions: counts.total,
    successful_executions: successful,
    failed_executions: failed,
    cancelled_executions: cancelled,
    success_rate: percentDigits(successRate(counts)),
    error_rate: percentDigits(errorRate(counts)),
    ...usageAnswer(row),
  };
}

/** Every bucket of the span; those without a row as zeros, at no known cost. */
function series(buckets: readonly TenantBucketRow[], span: TimeSpan, stepMs: number) {
  const byStart = new Map(buckets.map((row) => [row.start_s * 1000, row]));
  const length = (span.toMs - span.fromMs) / stepMs;
  return Array.from({ length }, (_, index) => {
    const startMs = span.fromMs + index * stepMs;
    return { at: instant(startMs), ...bucketItem(byStart.get(startMs) ?? noSums) };
  });
}

const noSums: BucketSums = { successful: 0, failed: 0, cancelled: 0, ...noUsage };

function topAgents({ top, names }: DashboardRows) {
  return top.map((row) => ({
    agent_id: row.agent_id,
    agent_name: names.get(row.agent_id) ?? null,
    total_executions: row.total,
    successful_executions: row.successful,
    failed_executions: row.failed,
    success_rate: percentDigits(successRate(row)),
    success_rate_lower_bound: percentDigits(100 * row.bound),
  }));
}

function troubledAgents({ issues: { listed }, names }: DashboardRows) {
  return listed.map(({ agentId, errorRate: rate, issues }) => ({
    agent_id: agentId,
    agent_name: names.get(agentId) ?? null,
    error_rate: percentDigits(rate),
    issues: issues.map(({ reason, message, numbers }) => ({ reason, message, ...numbers })),
  }));
}

function spanItem({ fromMs, toMs }: TimeSpan) {
  return { from: instant(fromMs), to: instant(toMs) };
}
