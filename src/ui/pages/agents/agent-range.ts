import type { TimeRange } from '../../parts/range-picker.js';

export const agentRanges = ['1d', '7d', '30d', '90d'] as const;
type AgentRangeName = (typeof agentRanges)[number];
export const metricTypes = ['realtime', 'aggregated'] as const;
export type MetricType = (typeof metricTypes)[number];

/** What the metrics, errors and groups of an agent are asked for. */
export type RangeQuery = { readonly time_range: AgentRangeName } | { readonly from: string; readonly to?: string };

/** A range of a name the API knows keeps it: it goes along with the time. */
export function rangeQuery({ name, from, to }: TimeRange): RangeQuery {
  const known = agentRanges.find((range) => range === name);
  if (known !== undefined) return { time_range: known };
  return to === undefined ? { from } : { from, to };
}

/** What tells one range from another, while time goes by. */
export function rangeKey({ name, from, to }: TimeRange): readonly unknown[] {
  return name === null ? [from, to] : [name];
}

const minuteMs = 60_000;
const dayMs = 86_400_000;

const seriesSteps = ['1m', '5m', '1h', '1d'] as const;
export type SeriesStep = (typeof seriesSteps)[number];
export const stepMs: Readonly<Record<SeriesStep, number>> = {
  '1m': minuteMs,
  '5m': 5 * minuteMs,
  '1h': 60 * minuteMs,
  '1d': dayMs,
};

/** Minutes are kept so long. */
const minutesKeptMs = 90 * dayMs;
/** As many bars as can be told apart on a wide screen; the API gives some five times as many. */
const bucketsMax = 2_100;
/** What is read easily: the steps chosen when nobody chose one. */
const bucketsWanted = 200;

/** Steps that a range can be shown in, the finest first. */
export function stepsOfRange(
  range: TimeRange,
  of: { readonly type: MetricType; readonly nowMs: number },
): SeriesStep[] {
  const { fromMs, lengthMs } = lengthOf(range, of.nowMs);
  // Whole days, wherever the range begins.
  if (of.type === 'aggregated') return ['1d'];
  const isFine = of.nowMs - fromMs < minutesKeptMs;
  const fit = seriesSteps.filter(
    (step) => (step === '1d' || isFine) && stepMs[step] < lengthMs && lengthMs / stepMs[step] <= bucketsMax,
  );
  return fit.length === 0 ? [isFine ? '1m' : '1d'] : fit;
}

/** The step asked for where it fits, else the finest that reads easily. */
export function stepOfRange(
  range: TimeRange,
  of: { readonly type: MetricType; readonly nowMs: number; readonly wanted: string },
): SeriesStep {
  const steps = stepsOfRange(range, of);
  const { lengthMs } = lengthOf(range, of.nowMs);
  return (
    steps.find((step) => step === of.wanted) ??
    steps.find((step) => lengthMs / stepMs[step] <= bucketsWanted) ??
    steps.at(-1)!
  );
}

/** Where the series begins and ends: aggregated numbers are of whole UTC days, today being the last of N. */
export function seriesBounds(
  range: TimeRange,
  { type, nowMs }: { readonly type: MetricType; readonly nowMs: number },
): { readonly from: string; readonly to?: string } {
  const { name, from, to } = range;
  if (name === null) return to === undefined ? { from } : { from, to };
  const { fromMs } = lengthOf(range, nowMs);
  if (type === 'aggregated') return { from: new Date(fromMs + dayMs).toISOString().slice(0, 10) };
  return { from: new Date(Math.floor(fromMs / minuteMs) * minuteMs).toISOString() };
}

function lengthOf(
  { name, from, to }: TimeRange,
  nowMs: number,
): { readonly fromMs: number; readonly lengthMs: number } {
  const fromMs = name === null ? Date.parse(from) : nowMs - namedMs(name);
  const toMs = to === undefined ? nowMs : Math.min(nowMs, Date.parse(to));
  return { fromMs, lengthMs: Math.max(0, toMs - fromMs) };
}

function namedMs(name: string): number {
  const units: Readonly<Record<string, number>> = { m: minuteMs, h: 60 * minuteMs, d: dayMs };
  return Number.parseInt(name, 10) * (units[name.at(-1)!] ?? dayMs);
}
