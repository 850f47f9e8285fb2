import { centroidPlace, centroidQuantiles } from '../../core/percentile.js';

/**
 * T-digests whose centroids the store handed out (`parseDigestState`): mean, weight, mean, weight, … of values in ms,
 * sorted by mean as the engine writes them.
 */
export type Centroids = Float64Array;

/** The digest of the values of both, sorted as each of them is and not compressed. */
export function mergedCentroids(first: Centroids, second: Centroids): Centroids {
  const merged = new Float64Array(first.length + second.length);
  let [fromFirst, fromSecond] = [0, 0];
  for (let at = 0; at < merged.length; at += 2) {
    const takesFirst =
      (first[fromFirst] ?? Number.POSITIVE_INFINITY) <= (second[fromSecond] ?? Number.POSITIVE_INFINITY);
    const [source, from] = takesFirst ? [first, fromFirst] : [second, fromSecond];
    merged[at] = source[from] ?? 0;
    merged[at + 1] = source[from + 1] ?? 0;
    if (takesFirst) fromFirst += 2;
    else fromSecond += 2;
  }
  return merged;
}

/** How many values a digest was made of. */
export function valuesOf(centroids: Centroids): number {
  let values = 0;
  for (let at = 1; at < centroids.length; at += 2) values += centroids[at] ?? 0;
  return values;
}

/** The value at a level (0…1); null when there are no centroids. */
export function quantileOf(centroids: Centroids, level: number): number | null {
  const pairs = { pairs: centroids, meanAt: 0, weightAt: 1, count: centroids.length / 2 };
  return centroidQuantiles(pairs, [level])?.[0] ?? null;
}

/**
 * How many values are above `value`, or at it too when `atToo`: the inverse of `quantileOf`. The
 * two differ where values repeat.
 */
export function valuesAbove(centroids: Centroids, value: number, atToo = false): number {
  const total = valuesOf(centroids);
  let before = 0;
  let left: { readonly end: number; readonly mean: number } | null = null;
  for (let at = 0; at < centroids.length; at += 2) {
    const mean = centroids[at] ?? 0;
    const place = centroidPlace(before, centroids[at + 1] ?? 0);
    if (mean > value || (atToo && mean === value)) {
      if (left === null) return total;
      const share = (value - left.mean) / (mean - left.mean);
      return total - (left.end + share * (place.start - left.end));
    }
    before = place.next;
    left = { end: place.end, mean };
  }
  return 0;
}
