import { RequestProblem } from '../../core/problem.js';
import { type RetentionDays, retentionDays } from '../../core/retention.js';
import { ceilTo, dayMs, floorTo, hourMs, type TimeSpan } from '../../core/time-span.js';
import { instant } from '../../core/time-text.js';
import { type DateBound, endOf } from './time-parameters.js';

const stepMsOf = { '1m': 60_000, '5m': 300_000, '1h': hourMs, '1d': dayMs } as const;

export type SeriesStep = keyof typeof stepMsOf;

export const seriesSteps = ['1m', '5m', '1h', '1d'] as const satisfies readonly SeriesStep[];

/** Points of one answer: a week of minutes. */
const seriesPointsMax = 10_080;

/** How far back a range without a start begins: a day of minutes and hours, a month of days. */
const defaultDaysOf: Readonly<Record<SeriesStep, number>> = { '1m': 1, '5m': 1, '1h': 1, '1d': 30 };

export interface SeriesRequest {
  readonly step: SeriesStep;
  readonly from: DateBound | undefined;
  readonly to: DateBound | undefined;
  readonly rangeDaysMax: number;
  readonly retention?: RetentionDays;
}

export interface SeriesRange extends TimeSpan {
  readonly stepMs: number;
}

/**
 * Whole buckets of the step that hold the asked range, which is half open: a date as `to` is the end of that day, a
 * time is itself the end. A range ends at the latest with the bucket of now. Throws `parameter_invalid` for a range
 * that is empty, longer than `rangeDaysMax`, has more than `seriesPointsMax` buckets, or begins before the minute
 * rollup that the step is read from.
 */
export function seriesRange(request: SeriesRequest, nowMs: number): SeriesRange {
  const { step, from, to } = request;
  const stepMs = stepMsOf[step];
  const lastMs = ceilTo(nowMs + 1, stepMs);
  const endMs = to === undefined ? lastMs : endOf(to);
  const toMs = Math.min(ceilTo(endMs, stepMs), lastMs);
  const fromMs = from === undefined ? Math.max(0, toMs - defaultDaysOf[step] * dayMs) : floorTo(from.fromMs, stepMs);
  if (fromMs >= lastMs) throw refused('from', 'expected a time that is not in the future');
  if ((from?.fromMs ?? fromMs) >= endMs) throw refused('to', 'expected a time after from');
  const cause = causeAgainst({ fromMs, toMs, stepMs }, request, nowMs);
  if (cause !== null) throw refused('from', cause);
  return { fromMs, toMs, stepMs };
}

/** Why a range cannot be answered in its step, and what can; null when it can. */
function causeAgainst(
  range: SeriesRange,
  { step, rangeDaysMax, retention = retentionDays }: SeriesRequest,
  nowMs: number,
): string | null {
  const { fromMs, toMs, stepMs } = range;
  if (toMs - fromMs > rangeDaysMax * dayMs) return `expected a range of at most ${rangeDaysMax} days`;
  const oldestMs = nowMs - retention.minutes * dayMs;
  if (fromMs < oldestMs && stepMs < dayMs) {
    const oldest = instant(ceilTo(oldestMs, stepMs));
    return `steps below a day are kept ${retention.minutes} days: expected step=1d, or ${oldest} or later`;
  }
  const points = (toMs - fromMs) / stepMs;
  if (points <= seriesPointsMax) return null;
  const fits = seriesSteps.find((larger) => (toMs - fromMs) / stepMsOf[larger] <= seriesPointsMax);
  return `${points} points of ${step} are more than ${seriesPointsMax}: expected a shorter range, or step=${fits}`;
}

function refused(path: 'from' | 'to', cause: string): RequestProblem {
  const items = [{ path, code: 'parameter_invalid', message: cause }];
  return new RequestProblem('parameter_invalid', `cannot use the query parameters: "${path}": ${cause}`, items);
}
