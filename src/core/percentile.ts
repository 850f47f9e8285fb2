/**
 * One rule for every percentile, wherever it is made: here from values and from the windows' digests, in the store by
 * `quantilesTDigest` (QuantileTDigest.h, `getImpl`), whose positions and values these are.
 *
 * The position of level q among n values is q·n. A centroid lies at the middle of its weight, one of weight 1 is a
 * value that takes all of its place, and between two centroids the value grows linearly. Where every value is a
 * centroid of its own, that is the nearest rank: the ⌈q·n⌉-th smallest value. Every digest keeps at least
 * `singleValuesMax` values as they are (the engine's 200), so up to there a percentile is exact in all ways; beyond, it
 * is the estimate of the digest that was asked.
 *
 * Digests hold Float32. A percentile is told with the fewest digits that stand for its Float32, which are those that
 * were sent when they were at most 7 (123.456, not 123.45600128173828), and never leaves the exact minimum and maximum.
 */
export const singleValuesMax = 100;

/** Centroids, sorted by mean, of pairs of which one is the mean and the other the weight; places in `pairs`. */
export interface CentroidPairs {
  readonly pairs: ArrayLike<number>;
  /** First mean, and the weight that belongs to it. */
  readonly meanAt: number;
  readonly weightAt: number;
  readonly count: number;
}

/** The values at ascending levels, 0 to 1; null when there are no centroids. */
export function centroidQuantiles(centroids: CentroidPairs, levels: readonly number[]): number[] | null {
  const { pairs, meanAt, weightAt, count } = centroids;
  if (count === 0) return null;
  let total = 0;
  for (let at = 0; at < count; at++) total += pairs[weightAt + 2 * at]!;
  let at = 0;
  let before = 0;
  let left = { end: 0, mean: pairs[meanAt]! };
  return levels.map((level) => {
    const position = positionOf(level, total);
    for (; at < count; at++) {
      const mean = pairs[meanAt + 2 * at]!;
      const place = centroidPlace(before, pairs[weightAt + 2 * at]!);
      if (place.middle >= position) {
        if (position <= left.end) return left.mean;
        if (position >= place.start) return mean;
        return left.mean + ((position - left.end) / (place.start - left.end)) * (mean - left.mean);
      }
      before = place.next;
      left = { end: place.end, mean };
    }
    return left.mean;
  });
}

/** The stretch of positions at which the value is the mean of a centroid: its middle, or all of a single value. */
export function centroidPlace(before: number, weight: number) {
  const middle = before + weight / 2;
  const half = weight === 1 ? 0.5 : 0;
  return { start: middle - half, middle, end: middle + half, next: before + weight };
}

/** The ⌈level·n⌉-th smallest of ascending values, as a digest of them would tell it; null without values. */
export function nearestRank(sorted: ArrayLike<number>, level: number): number | null {
  const count = sorted.length;
  if (count === 0) return null;
  const value = sorted[Math.max(1, Math.ceil(positionOf(level, count))) - 1]!;
  return toldPercentile(value, { min: sorted[0]!, max: sorted[count - 1]! });
}

/** With the fewest digits that stand for its Float32, between the exact minimum and maximum of the values. */
export function toldPercentile(value: number, { min, max }: { readonly min: number; readonly max: number }): number {
  return Math.min(max, Math.max(min, float32Digits(value)));
}

/** The shortest decimal that is `value` as a Float32. */
export function float32Digits(value: number): number {
  const single = Math.fround(value);
  if (!Number.isFinite(single)) return value;
  for (let digits = 6; digits < 9; digits++) {
    const told = Number(single.toPrecision(digits));
    if (Math.fround(told) === single) return told;
  }
  return Number(single.toPrecision(9));
}

/** As the engine has it: 0.07 · 100 is 7, which it is not in a double. */
function positionOf(level: number, count: number): number {
  return Math.fround(level * count);
}
