import type { z } from 'zod';
import { invariant } from '../../core/invariant.js';
import { dayMs, hourMs, minuteMs, type TimeSpan } from '../../core/time-span.js';
import { type DateBound, dateParameter, endOf } from './time-parameters.js';

const defaultDays = 7;

/** Points of one series: a week of hours. */
const bucketsMax = 169;

/** Buckets begin at multiples of their length since the epoch; weeks and months would begin on odd days. */
const bucketSteps = [
  { name: '1m', stepMs: minuteMs },
  { name: '5m', stepMs: 5 * minuteMs },
  { name: '15m', stepMs: 15 * minuteMs },
  { name: '1h', stepMs: hourMs },
  { name: '6h', stepMs: 6 * hourMs },
  { name: '1d', stepMs: dayMs },
  { name: '10d', stepMs: 10 * dayMs },
  { name: '100d', stepMs: 100 * dayMs },
] as const;

export const bucketNames = bucketSteps.map(({ name }) => name);

interface RangeShape {
  readonly from?: DateBound | undefined;
  readonly to?: DateBound | undefined;
}

export const failureRangeShape = { from: dateParameter.optional(), to: dateParameter.optional() };

/** Half open: a date as `to` is the end of that day, a time is itself the end. Without `from`: seven days. */
export function failureSpan({ from, to }: RangeShape, nowMs: number): TimeSpan {
  const toMs = to === undefined ? nowMs + 1 : endOf(to);
  return { fromMs: from?.fromMs ?? Math.max(0, toMs - defaultDays * dayMs), toMs };
}

/** For `superRefine`: a range that is empty or longer than `rangeDaysMax` is refused. */
export function checkFailureRange(rangeDaysMax: number, nowMs: () => number) {
  return (given: RangeShape, context: z.RefinementCtx) => {
    const { fromMs, toMs } = failureSpan(given, nowMs());
    const add = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (toMs <= fromMs) add(given.to === undefined ? 'from' : 'to', 'expected a range that ends after its start');
    else if (toMs - fromMs > rangeDaysMax * dayMs) add('from', `expected a range of at most ${rangeDaysMax} days`);
  };
}

export interface Buckets {
  readonly name: (typeof bucketNames)[number];
  readonly stepMs: number;
  /** Start of each, ms since the epoch; the first may begin before the range, the last end after it. */
  readonly startsMs: readonly number[];
}

/** The shortest buckets of which at most `bucketsMax` cover the span. */
export function bucketsOf({ fromMs, toMs }: TimeSpan): Buckets {
  for (const { name, stepMs } of bucketSteps) {
    const first = Math.floor(fromMs / stepMs);
    const count = Math.ceil(toMs / stepMs) - first;
    if (count > bucketsMax) continue;
    return { name, stepMs, startsMs: Array.from({ length: count }, (_, index) => (first + index) * stepMs) };
  }
  invariant(false, `a range of ${toMs - fromMs} ms is longer than any may be`);
}
