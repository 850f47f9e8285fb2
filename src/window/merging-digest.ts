import { invariant } from '../core/invariant.js';

/**
 * A merging t-digest over packed centroids (T. Dunning, O. Ertl: "Computing Extremely Accurate Quantiles Using
 * t-Digests", arXiv:1902.04023, section 3, the merging variant).
 *
 * A centroid is one 8-byte cell: Float32 weight in the low word, Float32 mean in the high word. Read as a double, cells
 * of means ≥ 0 order by their mean, so the native sort of a Float64Array sorts centroids without a comparator (40 ns
 * each instead of 250). Float32 keeps 7 digits of a mean and whole weights up to 2^24; totals are counted elsewhere.
 *
 * Size rule: a centroid around rank q of n holds at most 4·ε·q·(1−q)·n, the paper's k2 and ClickHouse's choice.
 *
 * Why not k1, and why not the `tdigest` package (a red-black tree of objects): 100,000 values of Pareto(1.2) in 12
 * digests, merged; CPU for each value pushed, and the worst error of p50 / p95 / p99 over the seeds in percent:
 *   this, ε = 0.03        163 centroids    75 ns   0.26 / 0.55 / 0.83
 *   k1, δ = 200           122 centroids    82 ns   0.07 / 0.93 / 3.66
 *   k1, δ = 300           188 centroids   103 ns   0.05 / 0.62 / 1.58
 *   tdigest 0.1.3         493 centroids   657 ns   0.04 / 0.09 / 0.94
 * A k1 centroid at p99 spans 60 % of what lies above it (δ = 100), a k2 centroid 12 % (ε = 0.03), which is what a heavy
 * tail needs. `tdigest` needs three times the memory; merging a day of 144 digests takes it 35 ms (here 1.4 ms) and
 * leaves 1.1 % at p99 of a log-normal; it shuffles at random, so the same events give another answer each time.
 */

// Every platform Node runs on is little-endian; the packed order depends on it.
invariant(new Uint8Array(new Uint16Array([1]).buffer)[0] === 1, 'centroids are packed for a little-endian machine');

/** Cells with both views on the same bytes. */
export interface CentroidCells {
  readonly f64: Float64Array;
  readonly f32: Float32Array;
}

/**
 * Sorts `count` centroids from cell `start` and merges neighbours within the size rule, in place.
 * Returns how many remain: about ln(4·ε·n) / (2·ε), never more than `count`.
 */
export function compressCentroids(cells: CentroidCells, start: number, count: number, epsilon: number): number {
  if (count < 2) return count;
  const { f64, f32 } = cells;
  f64.subarray(start, start + count).sort();
  const total = weightOf(cells, start, count);
  const factor = (4 * epsilon) / total;
  const end = 2 * (start + count);
  let out = 2 * start;
  let weight = f32[out]!;
  let mean = f32[out + 1]!;
  let before = 0;
  for (let at = out + 2; at < end; at += 2) {
    const merged = weight + f32[at]!;
    const middle = before + merged / 2;
    if (merged <= factor * middle * (total - middle)) {
      mean += ((f32[at + 1]! - mean) * f32[at]!) / merged;
      weight = merged;
    } else {
      f32[out] = weight;
      f32[out + 1] = mean;
      out += 2;
      before += weight;
      weight = f32[at]!;
      mean = f32[at + 1]!;
    }
  }
  f32[out] = weight;
  f32[out + 1] = mean;
  return out / 2 + 1 - start;
}

/** Compresses until at most `countMax` centroids remain, coarser than `epsilon` where that is needed. */
export function compressCentroidsTo(
  cells: CentroidCells,
  range: { readonly start: number; readonly count: number; readonly countMax: number; readonly epsilon: number },
): number {
  let epsilon = range.epsilon;
  let count = compressCentroids(cells, range.start, range.count, epsilon);
  while (count > range.countMax) {
    epsilon *= 1.5;
    count = compressCentroids(cells, range.start, count, epsilon);
  }
  return count;
}

export function weightOf(cells: CentroidCells, start: number, count: number): number {
  const { f32 } = cells;
  let total = 0;
  for (let at = 2 * start; at < 2 * (start + count); at += 2) total += f32[at]!;
  return total;
}
