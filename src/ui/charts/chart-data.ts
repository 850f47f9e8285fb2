import type { ChartSeries } from './chart-props.js';

/** Each value on top of those of the series before it. */
export function stackedTops(series: readonly Pick<ChartSeries, 'values'>[]): (number | null)[][] {
  const sums: number[] = [];
  return series.map(({ values }) =>
    values.map((value, at) => {
      sums[at] = (sums[at] ?? 0) + (value ?? 0);
      return sums[at];
    }),
  );
}

/** Values that have no neighbour to draw a line to: they are drawn as points, or nobody would see them. */
export function isolatedOf(values: readonly (number | null)[]): number[] {
  const isKnown = (at: number) => values[at] !== null && values[at] !== undefined;
  return [...values.keys()].filter((at) => isKnown(at) && !isKnown(at - 1) && !isKnown(at + 1));
}
