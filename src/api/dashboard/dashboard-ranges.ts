import { dayMs, floorTo, hourMs, type TimeSpan } from '../../core/time-span.js';
import { latestSpan } from '../request/metric-range.js';

const dashboardHours = 24;
const dashboardDays = 30;
/** Executions of the week that succeeded or failed, below which an agent is not ranked. */
export const topPerformingFinishedMin = 20;
const weekDays = 7;
const baselineDays = 7;

/** Half open, ms since the epoch. */
export interface DashboardRanges {
  /** The last 24 hours up to and with the current minute. */
  readonly day: TimeSpan;
  /** UTC days, today being the last of them. */
  readonly week: TimeSpan;
  readonly month: TimeSpan;
  /** Whole hours, the current one being the last of them; inside `day`. */
  readonly hours: TimeSpan;
  /** Yesterday and today: what holds `day` in whole UTC days. */
  readonly recent: TimeSpan;
  /** The whole UTC days before yesterday; they end before `day` begins. */
  readonly baseline: TimeSpan;
}

/**
 * What a dashboard covers. Only the last 24 hours are read to the minute: a week and a month from minutes would read
 * two more days of every agent, 150 ms of CPU with 1,000 agents, so they are whole days, as `aggregated` metrics are.
 */
export function dashboardRanges(nowMs: number): DashboardRanges {
  const hoursToMs = floorTo(nowMs, hourMs) + hourMs;
  const recent = latestSpan(2, 'aggregated', nowMs);
  return {
    day: latestSpan(1, 'realtime', nowMs),
    week: latestSpan(weekDays, 'aggregated', nowMs),
    month: latestSpan(dashboardDays, 'aggregated', nowMs),
    hours: { fromMs: hoursToMs - dashboardHours * hourMs, toMs: hoursToMs },
    recent,
    baseline: { fromMs: recent.fromMs - baselineDays * dayMs, toMs: recent.fromMs },
  };
}
