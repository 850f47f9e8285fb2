import { z } from 'zod';
import type { RetentionDays } from '../../core/retention.js';
import { ceilTo, dayMs, floorTo, minuteMs, type TimeSpan } from '../../core/time-span.js';
import { instantSchema, textSchema } from '../answers/answer-schema.js';
import { latestSpan, type MetricRange, type MetricType, metricRange, metricTypes } from '../request/metric-range.js';
import { wordParameter } from '../request/parameters.js';
import { type DateBound, dateParameter, endOf } from '../request/time-parameters.js';

const timeRanges = ['1d', '7d', '30d', '90d'] as const;
export type TimeRange = (typeof timeRanges)[number];

const defaultRange: TimeRange = '7d';
const daysOf: Readonly<Record<TimeRange, number>> = { '1d': 1, '7d': 7, '30d': 30, '90d': 90 };

export const timeRangeSchema = z.enum(timeRanges).nullable().meta({ description: 'Null when from and to were given.' });

/** How answers repeat the agent and range that were asked for. */
export const askedShape = {
  agent_id: textSchema,
  time_range: timeRangeSchema,
  metric_type: z.enum(metricTypes),
  from: instantSchema,
  to: instantSchema,
};

interface SpanShape {
  readonly time_range?: TimeRange | undefined;
  readonly from?: DateBound | undefined;
  readonly to?: DateBound | undefined;
}

interface RangeShape extends SpanShape {
  readonly metric_type: MetricType;
}

/** `time_range`, or `from` and `to`: the shape of a schema that `checkRange` then looks at. */
export function spanShape(rangeDaysMax: number) {
  const words = `expected one of ${timeRanges.join(', ')}, or ${otherwise(rangeDaysMax)}`;
  return {
    time_range: z.enum(timeRanges, { error: words }).optional(),
    from: dateParameter.optional(),
    to: dateParameter.optional(),
  };
}

/** The same, and `metric_type`. */
export function rangeShape(rangeDaysMax: number) {
  return { ...spanShape(rangeDaysMax), metric_type: wordParameter(metricTypes).default('realtime') };
}

/** For `superRefine`: adds what is wrong with the parameters together; each message names what is allowed. */
export function checkRange(rangeDaysMax: number, nowMs: () => number) {
  return (given: SpanShape, context: z.RefinementCtx) => {
    const allowed = `one of ${timeRanges.join(', ')} as time_range, or ${otherwise(rangeDaysMax)}`;
    const add = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (given.time_range !== undefined && (given.from !== undefined || given.to !== undefined)) {
      add('time_range', `expected ${allowed}, not both`);
    } else if (given.from === undefined) {
      if (given.to !== undefined) add('from', `expected a date or time besides to: ${allowed}`);
    } else {
      const { fromMs, toMs } = spanOf(given.from, given.to, nowMs());
      if (toMs <= fromMs) add(given.to === undefined ? 'from' : 'to', `expected a time after from: ${allowed}`);
      else if (toMs - fromMs > rangeDaysMax * dayMs) add('from', `expected a shorter range: ${allowed}`);
    }
  };
}

function otherwise(rangeDaysMax: number): string {
  return `from and to, each a date or an RFC 3339 time, at most ${rangeDaysMax} days apart`;
}

/** The range that was asked for, `7d` when none was. Throws as `metricRange`. */
export function rangeOf(given: RangeShape, nowMs: number, kept: RetentionDays): MetricRange {
  return metricRange(askedSpan(given, given.metric_type, nowMs), given.metric_type, nowMs, kept);
}

/** To the minute, as `realtime` metrics have it. */
export function minuteSpanOf(given: SpanShape, nowMs: number): TimeSpan {
  const { fromMs, toMs } = askedSpan(given, 'realtime', nowMs);
  return { fromMs: floorTo(fromMs, minuteMs), toMs: ceilTo(toMs, minuteMs) };
}

function askedSpan(given: SpanShape, metricType: MetricType, nowMs: number): TimeSpan {
  const days = daysOf[given.time_range ?? defaultRange];
  return given.from === undefined ? latestSpan(days, metricType, nowMs) : spanOf(given.from, given.to, nowMs);
}

/** How an answer names its range: the word that was asked for, null for `from` and `to`. */
export function rangeName(given: SpanShape): TimeRange | null {
  return given.from === undefined ? (given.time_range ?? defaultRange) : null;
}

/** Half open. Without `to`: until now. */
function spanOf(from: DateBound, to: DateBound | undefined, nowMs: number): TimeSpan {
  return { fromMs: from.fromMs, toMs: to === undefined ? nowMs + 1 : endOf(to) };
}
