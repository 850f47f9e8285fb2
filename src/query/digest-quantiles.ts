/**
 * Quantiles of t-digests whose centroids the store handed out (`parseDigestState`): mean, weight, mean, weight, … of
 * values in ms, sorted by mean as the engine writes them. Positions and values are tied together as in the engine
 * (QuantileTDigest.h, `getImpl`), so that a p95 made here is the p95 its `quantilesTDigestMerge` answers for the same
 * centroids: a centroid lies at the middle of its weight, one of weight 1 is a value that takes all of its place, and
 * between two the value grows linearly.
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
  const first = centroids[0];
  if (first === undefined) return null;
  const position = level * valuesOf(centroids);
  let before = 0;
  let left = { end: 0, mean: first };
  for (let at = 0; at < centroids.length; at += 2) {
    const mean = centroids[at] ?? 0;
    const place = placeOf(before, centroids[at + 1] ?? 0);
    if (place.middle >= position) {
      if (position <= left.end) return left.mean;
      if (position >= place.start) return mean;
      return left.mean + ((position - left.end) / (place.start - left.end)) * (mean - left.mean);
    }
    before = place.next;
    left = { end: place.end, mean };
  }
  return left.mean;
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
    const place = placeOf(before, centroids[at + 1] ?? 0);
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

/** The stretch of positions at which the value is the mean of a centroid: its middle, or all of a single value. */
function placeOf(before: number, weight: number) {
  const middle = before + weight / 2;
  const half = weight === 1 ? 0.5 : 0;
  return { start: middle - half, middle, end: middle + half, next: before + weight };
}
