import 'uplot/dist/uPlot.min.css';
import { type KeyboardEvent, useEffect, useRef, useState } from 'react';
import type uPlot from 'uplot';
import { formatBucket } from '../format/times.js';
import { onSchemeChange } from './chart-colours.js';
import type { TimeChartProps } from './chart-props.js';
import { bucketMsOf } from './chart-scales.js';
import { createPlot, moveCursor, plotData } from './plot.js';

/**
 * A chart over time. The numbers under the cursor stand in its legend; without a cursor they are the last ones. The
 * cursor goes with the pointer and with the arrow keys. New data are drawn into the chart that is there.
 */
export function TimeChart(props: TimeChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [cursor, setCursor] = useState<number | null>(null);
  const [byKeys, setByKeys] = useState(false);
  const { label, times, series } = props;
  const shape = shapeOf(props);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a chart is made anew when its shape is another one
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const draw = () => {
      chart.current?.destroy();
      chart.current = createPlot(element, () => latest.current, setCursor);
    };
    draw();
    const resize = new ResizeObserver(() => {
      const width = Math.floor(element.clientWidth);
      const plot = chart.current;
      if (plot !== null && width > 0 && width !== plot.width) plot.setSize({ width, height: plot.height });
    });
    resize.observe(element);
    const unwatch = onSchemeChange(draw);
    return () => {
      resize.disconnect();
      unwatch();
      chart.current?.destroy();
      chart.current = null;
    };
  }, [shape]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is drawn is taken from what was given last
  useEffect(() => chart.current?.setData(plotData(latest.current)), [times, series]);
  const move = (event: KeyboardEvent) => {
    const to = keyTarget(event.key, cursor, times.length);
    if (to === undefined || chart.current === null) return;
    event.preventDefault();
    setByKeys(true);
    moveCursor(chart.current, { index: to, group: props.cursorGroup });
  };
  return (
    <div className="min-w-0">
      <div
        ref={box}
        role="img"
        aria-label={label}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys move the cursor over the values
        tabIndex={0}
        onKeyDown={move}
        onPointerMove={() => setByKeys(false)}
        className="chart min-w-0"
      />
      <Legend {...props} at={cursor} isSpoken={byKeys} />
    </div>
  );
}

function Legend({
  times,
  bucketMs,
  series,
  format,
  at,
  isSpoken,
}: TimeChartProps & { readonly at: number | null; readonly isSpoken: boolean }) {
  const index = at === null || at >= times.length ? times.length - 1 : at;
  const time = times[index];
  return (
    <p
      aria-live={isSpoken ? 'polite' : 'off'}
      data-at={time?.toISOString()}
      className="flex flex-wrap gap-x-3 ps-14 text-xs text-soft"
    >
      <span className="tabular whitespace-nowrap">{time && formatBucket(time, bucketMsOf(times, bucketMs))}</span>
      {series.map(({ name, tone, values }) => (
        <span key={name} className="inline-flex items-center gap-1 whitespace-nowrap">
          <span
            aria-hidden="true"
            className="inline-block h-0.5 w-2.5 rounded-full"
            style={{ background: `var(--color-${tone})` }}
          />
          <bdi className="max-w-48 truncate">{name}</bdi>{' '}
          <b className="tabular font-medium text-ink">{format(values[index])}</b>
        </span>
      ))}
    </p>
  );
}

/** What a chart cannot change once it is drawn. */
function shapeOf({
  series,
  stacked,
  kind,
  range,
  cursorGroup,
  height,
  times,
  bucketMs,
  onRange,
  format,
}: TimeChartProps): string {
  const names = series.map(({ name, tone }) => [name, tone]);
  return JSON.stringify([
    names,
    stacked,
    kind,
    range,
    cursorGroup,
    height,
    bucketMsOf(times, bucketMs),
    !onRange,
    format.name,
  ]);
}

/** Where a key takes the cursor; null takes it away, undefined is no key of ours. */
function keyTarget(key: string, cursor: number | null, count: number): number | null | undefined {
  const last = count - 1;
  if (key === 'ArrowLeft') return Math.max(0, (cursor ?? count) - 1);
  if (key === 'ArrowRight') return Math.min(last, (cursor ?? -1) + 1);
  if (key === 'Home') return 0;
  if (key === 'End') return last;
  return key === 'Escape' ? null : undefined;
}
