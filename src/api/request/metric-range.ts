import type { ErrorRange, PerformanceRange } from '../../clickhouse/queries/sql/rollup-range.js';
import { RequestProblem } from '../../core/problem.js';
import { type RetentionDays, retentionDays } from '../../core/retention.js';
import { ceilTo, dayMs, floorTo, minuteMs, type TimeSpan } from '../../core/time-span.js';

export const metricTypes = ['realtime', 'aggregated'] as const;
export type MetricType = (typeof metricTypes)[number];

/** What an answer covers and how it is read. Half open, ms since the epoch. */
export interface MetricRange {
  readonly span: TimeSpan;
  /** Where the second half, which the trend compares with the first, begins; null when no table tells them apart. */
  readonly splitMs: number | null;
  readonly performance: PerformanceRange;
  /** How to read the halves when `performance` cannot tell them apart: one day has only one row. */
  readonly halves: PerformanceRange | null;
  readonly errors: ErrorRange;
}

/**
 * `realtime`: whole minutes. `aggregated`: whole UTC days. A span that is not whole is widened. The halves are those of
 * the time that has passed: a range up to tonight is split before now. Throws `parameter_invalid` for a realtime range
 * that begins or ends within a day of which only the day rollup is left.
 */
export function metricRange(
  asked: TimeSpan,
  metricType: MetricType,
  nowMs: number,
  kept: RetentionDays = retentionDays,
): MetricRange {
  return metricType === 'realtime' ? minuteRange(asked, { nowMs, kept }) : dayRange(asked, { nowMs, kept });
}

/** What is there to read: at what time, and how long each table is kept. */
interface Shelf {
  readonly nowMs: number;
  readonly kept: RetentionDays;
}

/** The last N x 24 hours up to and with the current minute, or the last N UTC days, today being one of them. */
export function latestSpan(days: number, metricType: MetricType, nowMs: number): TimeSpan {
  const toMs = ceilTo(nowMs + 1, metricType === 'realtime' ? minuteMs : dayMs);
  return { fromMs: toMs - days * dayMs, toMs };
}

/**
 * Whole days inside the range come from the day rollup, the rest from the minutes: what is left of the first and the
 * last day, and the day that holds the split. Counts are the same as from minutes alone, and 90 days read at most 90
 * rows and 4,320 minutes instead of 129,600.
 */
function minuteRange(asked: TimeSpan, shelf: Shelf): MetricRange {
  const { nowMs, kept } = shelf;
  const span = { fromMs: floorTo(asked.fromMs, minuteMs), toMs: ceilTo(asked.toMs, minuteMs) };
  const days = { fromMs: ceilTo(span.fromMs, dayMs), toMs: floorTo(span.toMs, dayMs) };
  const edges = edgesOf(span, days);
  const minutesFromMs = nowMs - kept.minutes * dayMs;
  if (edges.some((edge) => edge.fromMs < minutesFromMs)) throw minutesExpired(kept);
  const splitMs = splitOf(span, days, { nowMs, minutesFromMs });
  const splitDayMs = floorTo(splitMs ?? 0, dayMs);
  const dayIsSplit = splitMs !== null && splitMs !== splitDayMs && within(splitDayMs, days);
  const splitDay = { fromMs: splitDayMs, toMs: splitDayMs + dayMs };
  return {
    span,
    splitMs,
    performance: {
      days,
      minutes: dayIsSplit ? [...edges, splitDay] : edges,
      splitMs: splitMs ?? span.fromMs,
      dayLeftOutMs: dayIsSplit ? splitDayMs : null,
    },
    halves: null,
    errors: errorsUpToNow(span, days, edges, shelf),
  };
}

/** The parts of a span that are not whole days; both ends may lie in one day. */
function edgesOf(span: TimeSpan, days: TimeSpan): readonly TimeSpan[] {
  if (days.toMs < days.fromMs) return [span];
  const edges = [
    { fromMs: span.fromMs, toMs: days.fromMs },
    { fromMs: days.toMs, toMs: span.toMs },
  ];
  return edges.filter(({ fromMs, toMs }) => toMs > fromMs);
}

/** The middle, to the minute; where the minutes of its day have expired, the nearest midnight between the ends. */
function splitOf(
  span: TimeSpan,
  days: TimeSpan,
  { nowMs, minutesFromMs }: { readonly nowMs: number; readonly minutesFromMs: number },
): number | null {
  const passedToMs = ceilTo(nowMs + 1, minuteMs);
  const endMs = passedToMs > span.fromMs ? Math.min(span.toMs, passedToMs) : span.toMs;
  const middleMs = floorTo(span.fromMs + (endMs - span.fromMs) / 2, minuteMs);
  if (!within(floorTo(middleMs, dayMs), days) || floorTo(middleMs, dayMs) >= minutesFromMs) return middleMs;
  const midnightMs = floorTo(middleMs + dayMs / 2, dayMs);
  const nearestMs = [midnightMs, midnightMs - dayMs, midnightMs + dayMs].find(
    (timeMs) => timeMs > span.fromMs && timeMs < span.toMs,
  );
  return nearestMs ?? null;
}

/**
 * Days are split so that today, which is not over, is on the larger side: 3 and 4 of 7. A day by itself has two halves
 * only in minutes.
 */
function dayRange(asked: TimeSpan, shelf: Shelf): MetricRange {
  const { nowMs, kept } = shelf;
  const span = { fromMs: floorTo(asked.fromMs, dayMs), toMs: ceilTo(asked.toMs, dayMs) };
  const errors = errorsOfDays(span, [], shelf);
  const daysPassed = (Math.min(span.toMs, ceilTo(nowMs + 1, dayMs)) - span.fromMs) / dayMs;
  const range = (splitMs: number | null, halves: PerformanceRange | null): MetricRange => {
    const performance = { days: span, minutes: [], splitMs: splitMs ?? span.fromMs, dayLeftOutMs: null };
    return { span, splitMs, performance, halves, errors };
  };
  if (daysPassed > 1) return range(span.fromMs + Math.floor(daysPassed / 2) * dayMs, null);
  if (span.fromMs < nowMs - kept.minutes * dayMs) return range(null, null);
  const passedMs = nowMs > span.fromMs ? Math.min(nowMs - span.fromMs, dayMs) : dayMs;
  const splitMs = floorTo(span.fromMs + passedMs / 2, minuteMs);
  const noDays = { fromMs: span.fromMs, toMs: span.fromMs };
  return range(splitMs, { days: noDays, minutes: [span], splitMs, dayLeftOutMs: null });
}

/**
 * While the raw events of all of a realtime range are kept, they alone tell its errors, and what recovered up to now.
 */
function errorsUpToNow(span: TimeSpan, days: TimeSpan, edges: readonly TimeSpan[], shelf: Shelf): ErrorRange {
  if (span.fromMs < rawFromMs(shelf)) return errorsOfDays(days, edges, shelf);
  return { days: { fromMs: span.fromMs, toMs: span.fromMs }, raw: [span], covered: span };
}

/**
 * Whole days come from the error groups, and of the edges what the raw events still tell; an edge whose raw events have
 * expired is left out, and `covered` says so.
 */
function errorsOfDays(days: TimeSpan, edges: readonly TimeSpan[], shelf: Shelf): ErrorRange {
  const keptFromMs = ceilTo(shelf.nowMs - shelf.kept.errors * dayMs, dayMs);
  const keptDays = { fromMs: Math.max(days.fromMs, keptFromMs), toMs: days.toMs };
  const raw = edges.filter((edge) => edge.fromMs >= rawFromMs(shelf));
  const parts = [keptDays, ...raw].filter(({ fromMs, toMs }) => toMs > fromMs);
  const covered = {
    fromMs: Math.min(...parts.map((part) => part.fromMs)),
    toMs: Math.max(...parts.map((part) => part.toMs)),
  };
  return { days: keptDays, raw, covered: parts.length === 0 ? null : covered };
}

function rawFromMs({ nowMs, kept }: Shelf): number {
  return nowMs - kept.raw * dayMs;
}

function minutesExpired(kept: RetentionDays): RequestProblem {
  const message =
    `expected whole UTC days, or times of the last ${kept.minutes} days: what is older is kept ` +
    'by the day only; metric_type=aggregated widens the range to whole days';
  const items = ['from', 'to'].map((path) => ({ path, code: 'parameter_invalid', message }));
  return new RequestProblem('parameter_invalid', `cannot use the query parameters: "from", "to": ${message}`, items);
}

function within(timeMs: number, { fromMs, toMs }: TimeSpan): boolean {
  return timeMs >= fromMs && timeMs < toMs;
}
