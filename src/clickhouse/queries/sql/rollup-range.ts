import type { TimeSpan } from '../../../core/time-span.js';

/** Times in ms since the epoch; a range is half open, and empty when its end is not after its start. */
export interface PerformanceRange {
  /** Whole UTC days, read from the day rollup. */
  readonly days: TimeSpan;
  /** Whole minutes, read from the minute rollup; at most three spans, which may touch but not reach into `days`. */
  readonly minutes: readonly TimeSpan[];
  /** Buckets that start before it make up the first half. */
  readonly splitMs: number;
  /** A UTC day inside `days` that is left out because `minutes` covers it. */
  readonly dayLeftOutMs: number | null;
}

/** Times in ms since the epoch; a span is half open, and empty when its end is not after its start. */
export interface ErrorRange {
  /** Whole UTC days, read from the error groups of days. */
  readonly days: TimeSpan;
  /** Read from the raw events; at most two spans, which do not reach into `days`. */
  readonly raw: readonly TimeSpan[];
  /** From the first to the last of them; null when nothing is left of the range. */
  readonly covered: TimeSpan | null;
}
