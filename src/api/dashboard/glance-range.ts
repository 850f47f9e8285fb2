import type { GlanceRange } from '../../clickhouse/queries/dashboard/tenant-glance.js';
import {
  baselineDurationsMin,
  baselineFinishedMin,
  errorRateMax,
  errorRatePointsMin,
  p95RatioMin,
  recentDurationsMin,
  recentFinishedMin,
} from './agent-issues.js';
import { type DashboardRanges, topPerformingFinishedMin } from './dashboard-ranges.js';

export const topPerformingMax = 10;
/** Standard errors of a 95 % interval. */
const wilsonZScore = 1.959963984540054;
/** Agents tested for each kind of issue: those that fail most, and those that slowed down most. */
export const failingAgentsMax = 500;
export const slowAgentsMax = 200;

/** What the store is asked for a dashboard. */
export function glanceRange(tenant: string, ranges: DashboardRanges): GlanceRange {
  return {
    tenant,
    day: ranges.day,
    week: ranges.week,
    month: ranges.month,
    failing: {
      baseline: ranges.baseline,
      finishedMin: recentFinishedMin,
      baselineFinishedMin,
      errorRateMin: errorRateMax,
      risePointsMin: errorRatePointsMin,
      agentsMax: failingAgentsMax,
    },
    standings: {
      baselineDayMs: ranges.baseline.fromMs,
      recentDayMs: ranges.recent.fromMs,
      rankedDayMs: ranges.week.fromMs,
      endDayMs: ranges.week.toMs,
      ranking: { finishedMin: topPerformingFinishedMin, placesMax: topPerformingMax, zScore: wilsonZScore },
      slowness: {
        recentMin: recentDurationsMin,
        baselineMin: baselineDurationsMin,
        ratioMin: p95RatioMin,
        agentsMax: slowAgentsMax,
      },
    },
  };
}
