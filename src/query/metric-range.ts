import type { PerformanceRange, TimeSpan } from '../clickhouse/queries/agent-performance.js';

export const timeRanges = ['1d', '7d', '30d', '90d'] as const;
export type TimeRange = (typeof timeRanges)[number];
export const metricTypes = ['realtime', 'aggregated'] as const;
export type MetricType = (typeof metricTypes)[number];

const daysOf: Readonly<Record<TimeRange, number>> = { '1d': 1, '7d': 7, '30d': 30, '90d': 90 };
const minuteMs = 60_000;
const dayMs = 86_400_000;

/** What an answer covers and how it is read. Half open, ms since the epoch. */
export interface MetricRange {
  readonly span: TimeSpan;
  /** Where the second half, which the trend compares with the first, begins. */
  readonly splitMs: number;
  readonly performance: PerformanceRange;
  /** How to read the halves when `performance` cannot tell them apart: one day has only one row. */
  readonly halves: PerformanceRange | null;
}

/**
 * `realtime`: the last N x 24 hours up to and with the current minute, from the first whole minute. `aggregated`: the
 * last N UTC days, today being one of them.
 */
export function metricRange(timeRange: TimeRange, metricType: MetricType, nowMs: number): MetricRange {
  return metricType === 'realtime' ? rollingRange(daysOf[timeRange], nowMs) : dayRange(daysOf[timeRange], nowMs);
}

/**
 * Whole days inside the range come from the day rollup, the rest from the minutes: the first day, the day that holds
 * the split, and today. Counts are the same as from minutes alone, and 90 days read at most 90 rows and 4,320 minutes
 * instead of 129,600.
 */
function rollingRange(days: number, nowMs: number): MetricRange {
  const toMs = ceilTo(nowMs + 1, minuteMs);
  const fromMs = toMs - days * dayMs;
  const splitMs = fromMs + (days * dayMs) / 2;
  const splitDayMs = floorTo(splitMs, dayMs);
  const firstDayEndMs = floorTo(fromMs, dayMs) + dayMs;
  const lastDayMs = floorTo(toMs, dayMs);
  const edges: readonly TimeSpan[] = [
    { fromMs, toMs: Math.min(firstDayEndMs, toMs) },
    { fromMs: Math.max(splitDayMs, fromMs), toMs: Math.min(splitDayMs + dayMs, toMs) },
    { fromMs: Math.max(lastDayMs, fromMs), toMs },
  ];
  return {
    span: { fromMs, toMs },
    splitMs,
    performance: {
      days: { fromMs: firstDayEndMs, toMs: lastDayMs },
      minutes: edges,
      splitMs,
      dayLeftOutMs: splitDayMs,
    },
    halves: null,
  };
}

/** Days are split so that today, which is not over, is on the larger side: 3 and 4 of 7. */
function dayRange(days: number, nowMs: number): MetricRange {
  const todayMs = floorTo(nowMs, dayMs);
  const span = { fromMs: todayMs - (days - 1) * dayMs, toMs: todayMs + dayMs };
  if (days > 1) {
    const splitMs = span.fromMs + Math.floor(days / 2) * dayMs;
    return { span, splitMs, performance: { days: span, minutes: [], splitMs, dayLeftOutMs: null }, halves: null };
  }
  // Today so far has two halves only in minutes.
  const splitMs = floorTo(todayMs + (nowMs - todayMs) / 2, minuteMs);
  const noDays = { fromMs: todayMs, toMs: todayMs };
  return {
    span,
    splitMs,
    performance: { days: span, minutes: [], splitMs, dayLeftOutMs: null },
    halves: { days: noDays, minutes: [span], splitMs, dayLeftOutMs: null },
  };
}

function floorTo(timeMs: number, stepMs: number): number {
  return Math.floor(timeMs / stepMs) * stepMs;
}

function ceilTo(timeMs: number, stepMs: number): number {
  return Math.ceil(timeMs / stepMs) * stepMs;
}
