import 'uplot/dist/uPlot.min.css';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import { onSchemeChange, themeColour } from './chart-colours.js';

export interface ChartSeries {
  readonly name: string;
  /** One a time; null where nothing is known: the line has a gap there. */
  readonly values: readonly (number | null)[];
  /** A colour of the theme, such as `good`. */
  readonly tone: string;
}

export interface TimeChartProps {
  /** Read aloud: what the chart shows. */
  readonly label: string;
  /** Starts of the buckets, in order. */
  readonly times: readonly Date[];
  readonly series: readonly ChartSeries[];
  /** Each value stands on those of the series before it. */
  readonly stacked?: boolean;
  readonly kind?: 'line' | 'bars';
  /** What a value reads, on the axis and under the cursor. */
  readonly format: (value: number | null | undefined) => string;
  /** The axis reaches at least from and to here. */
  readonly range?: readonly [min: number | null, max: number | null];
  /** Charts of one name share a cursor. */
  readonly cursorGroup?: string;
  /** Given: a range that is drawn with the pointer is handed over, and not zoomed into. */
  readonly onRange?: (from: Date, to: Date) => void;
  /** Pixels. */
  readonly height?: number;
}

/** A chart over time. The numbers under the cursor stand in its legend; without a cursor they are the last ones. */
export function TimeChart(props: TimeChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const { label, times, series } = props;
  // biome-ignore lint/correctness/useExhaustiveDependencies: what the chart shows is what it is made for
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    let chart = draw(element, latest.current);
    const redraw = () => {
      chart.destroy();
      chart = draw(element, latest.current);
    };
    const resize = new ResizeObserver(() => {
      const width = Math.floor(element.clientWidth);
      if (width > 0 && width !== chart.width) chart.setSize({ width, height: chart.height });
    });
    resize.observe(element);
    const unwatch = onSchemeChange(redraw);
    return () => {
      resize.disconnect();
      unwatch();
      chart.destroy();
    };
  }, [times, series]);
  return <div ref={box} role="img" aria-label={label} className="chart min-w-0" />;
}

function draw(element: HTMLElement, props: TimeChartProps): uPlot {
  const { times, series, stacked = false, kind = 'line', format, range, cursorGroup, onRange, height = 180 } = props;
  const seconds = times.map((time) => time.getTime() / 1_000);
  const tops = stacked ? stackedTops(series) : series.map(({ values }) => [...values]);
  const soft = themeColour('soft');
  const line = themeColour('line');
  const axis = {
    stroke: soft,
    grid: { stroke: line, width: 1 },
    ticks: { stroke: line, width: 1 },
    font: '11px system-ui',
  };
  const order = series.map((_, index) => index);
  // The tallest is drawn first, those before it over it.
  if (stacked) order.reverse();
  const bars = uPlot.paths.bars!({ size: [0.8, 60] });
  const options: uPlot.Options = {
    width: Math.max(100, Math.floor(element.clientWidth)),
    height,
    padding: [8, 8, 0, 0],
    cursor: {
      drag: { x: onRange !== undefined, y: false, setScale: false },
      points: { size: 6 },
      ...(cursorGroup === undefined ? {} : { sync: { key: cursorGroup } }),
    },
    scales: { y: { range: (_chart, min, max) => yRange(min, max, range) } },
    axes: [axis, { ...axis, size: 64, values: (_chart, ticks) => ticks.map((tick) => format(tick)) }],
    series: [
      { value: (_chart, at) => (at === null ? '' : new Date(at * 1_000).toLocaleString('en-GB')) },
      ...order.map((index) => {
        const { name, tone, values } = series[index]!;
        const stroke = themeColour(tone);
        const fill = stacked || kind === 'bars' ? stroke : undefined;
        return {
          label: name,
          stroke,
          width: kind === 'bars' ? 0 : 1.5,
          points: { show: values.filter((value) => value !== null).length < 2 },
          value: (_chart: uPlot, _top: number, _series: number, at: number | null) =>
            format(values[at ?? values.length - 1]),
          ...(fill === undefined ? {} : { fill }),
          ...(kind === 'bars' ? { paths: bars } : {}),
        };
      }),
    ],
    hooks: {
      setSelect: [
        (chart) => {
          if (chart.select.width < 4 || onRange === undefined) return;
          const from = chart.posToVal(chart.select.left, 'x');
          const to = chart.posToVal(chart.select.left + chart.select.width, 'x');
          chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          onRange(new Date(from * 1_000), new Date(to * 1_000));
        },
      ],
    },
  };
  return new uPlot(options, [seconds, ...order.map((index) => tops[index]!)] as uPlot.AlignedData, element);
}

function stackedTops(series: readonly ChartSeries[]): (number | null)[][] {
  const sums: number[] = [];
  return series.map(({ values }) =>
    values.map((value, at) => {
      sums[at] = (sums[at] ?? 0) + (value ?? 0);
      return sums[at];
    }),
  );
}

function yRange(min: number | null, max: number | null, wanted: TimeChartProps['range']): [number, number] {
  const low = Math.min(wanted?.[0] ?? 0, min ?? 0);
  const high = Math.max(wanted?.[1] ?? Number.NEGATIVE_INFINITY, max ?? 0);
  return [low, high > low ? high + (wanted?.[1] === high ? 0 : (high - low) * 0.05) : low + 1];
}
