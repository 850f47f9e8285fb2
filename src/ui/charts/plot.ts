import uPlot from 'uplot';
import { formatTick } from '../format/times.js';
import { themeColour } from './chart-colours.js';
import { isolatedOf, stackedTops } from './chart-data.js';
import type { TimeChartProps } from './chart-props.js';
import { bucketMsOf, isUtcDays, stepsOf } from './chart-scales.js';

/** Draws a chart into `element`. `latest` is asked for what may change while the chart stays. */
export function createPlot(
  element: HTMLElement,
  latest: () => TimeChartProps,
  onCursor: (index: number | null) => void,
): uPlot {
  const props = latest();
  const { times, bucketMs, range, cursorGroup, onRange, height = 180 } = props;
  const options: uPlot.Options = {
    width: Math.max(100, Math.floor(element.clientWidth)),
    height,
    padding: [8, 24, 0, 0],
    legend: { show: false },
    tzDate: (at) => (isUtcDays(times, bucketMs) ? uPlot.tzDate(new Date(at * 1_000), 'Etc/UTC') : new Date(at * 1_000)),
    cursor: {
      drag: { x: onRange !== undefined, y: false, setScale: false },
      points: { size: 6 },
      ...(cursorGroup === undefined ? {} : { sync: syncOf(cursorGroup) }),
    },
    scales: {
      x: { range: () => xRange(latest()) },
      y: { range: (_chart, min, max) => yRange(min, max, range) },
    },
    axes: axesOf(props),
    series: [{}, ...seriesOf(props, latest)],
    hooks: {
      setCursor: [(chart) => onCursor(chart.cursor.idx ?? null)],
      setSelect: [(chart) => selectRange(chart, latest())],
    },
  };
  return new uPlot(options, plotData(props), element);
}

/** A bucket is drawn in the middle of its time, so that what is nearest to the pointer is what it points into. */
export function plotData({ times, bucketMs, series, stacked = false }: TimeChartProps): uPlot.AlignedData {
  const half = bucketMsOf(times, bucketMs) / 2;
  const tops = stacked ? stackedTops(series) : series.map(({ values }) => [...values]);
  // The tallest is drawn first, those before it over it.
  if (stacked) tops.reverse();
  return [times.map((time) => (time.getTime() + half) / 1_000), ...tops] as uPlot.AlignedData;
}

/** Onto a bucket, in all charts of the group; null takes it away. */
export function moveCursor(
  chart: uPlot,
  { index, group }: { readonly index: number | null; readonly group: string | undefined },
): void {
  const at = index === null ? undefined : chart.data[0][index];
  for (const plot of group === undefined ? [chart] : uPlot.sync(group).plots) {
    const left = at === undefined ? -10 : plot.valToPos(at, 'x');
    plot.setCursor({ left, top: at === undefined ? -10 : plot.over.clientHeight / 2 });
  }
}

/** Charts of a group show one cursor; a range is drawn in one of them alone. */
function syncOf(key: string): uPlot.Cursor.Sync {
  return { key, filters: { pub: (type) => type !== 'mousedown' && type !== 'mouseup' } };
}

function axesOf({ times, bucketMs, format }: TimeChartProps): uPlot.Axis[] {
  const axis: uPlot.Axis = {
    stroke: themeColour('soft'),
    grid: { stroke: themeColour('line'), width: 1 },
    ticks: { stroke: themeColour('line'), width: 1, size: 4 },
    font: '11px system-ui',
    gap: 4,
  };
  const steps = stepsOf(format);
  const isUtc = isUtcDays(times, bucketMs);
  return [
    {
      ...axis,
      size: (_chart, values) => (values?.some((value) => String(value).includes('\n')) ? 36 : 22),
      values: (_chart, ticks, _axis, _space, incr) =>
        ticks.map((tick, index) => {
          const before = index === 0 ? undefined : new Date(ticks[index - 1]! * 1_000);
          return formatTick(new Date(tick * 1_000), { before, stepMs: incr * 1_000, isUtc });
        }),
    },
    {
      ...axis,
      size: 56,
      values: (_chart, ticks) => ticks.map((tick) => format(tick)),
      ...(steps === undefined ? {} : { incrs: [...steps] }),
    },
  ];
}

function seriesOf({ series, stacked = false, kind = 'line' }: TimeChartProps, latest: () => TimeChartProps) {
  const bars = uPlot.paths.bars!({ size: [0.8, 48] });
  const drawn = series.map(({ tone, name }, index): uPlot.Series => {
    const stroke = themeColour(tone);
    const look: uPlot.Series = { label: name, stroke, ...(stacked || kind === 'bars' ? { fill: stroke } : {}) };
    if (kind === 'bars') return { ...look, width: 0, paths: bars, points: { show: false } };
    const filter = () => isolatedOf(latest().series[index]?.values ?? []);
    return { ...look, width: 1.5, points: { show: true, size: 4, fill: stroke, filter } };
  });
  return stacked ? drawn.reverse() : drawn;
}

function selectRange(chart: uPlot, { times, bucketMs: given, onRange }: TimeChartProps): void {
  const { left, width } = chart.select;
  const first = times[0];
  if (width < 4 || onRange === undefined || first === undefined) return;
  const bucketMs = bucketMsOf(times, given);
  const whole = (round: (value: number) => number, at: number) =>
    new Date(first.getTime() + round((chart.posToVal(at, 'x') * 1_000 - first.getTime()) / bucketMs) * bucketMs);
  chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  onRange(whole(Math.floor, left), whole(Math.ceil, left + width));
}

function xRange({ times, bucketMs }: TimeChartProps): [number, number] {
  const first = times[0]?.getTime() ?? 0;
  const last = times.at(-1)?.getTime() ?? first;
  return [first / 1_000, (last + bucketMsOf(times, bucketMs)) / 1_000];
}

function yRange(min: number | null, max: number | null, wanted: TimeChartProps['range']): [number, number] {
  const low = Math.min(wanted?.[0] ?? 0, min ?? 0);
  const high = Math.max(wanted?.[1] ?? Number.NEGATIVE_INFINITY, max ?? 0);
  return [low, high > low ? high + (wanted?.[1] === high ? 0 : (high - low) * 0.05) : low + 1];
}
