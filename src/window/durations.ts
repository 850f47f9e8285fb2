import { centroidQuantiles, singleValuesMax, toldPercentile } from '../core/percentile.js';
import { blockCells, blockCellsMax, type CellArena, type CellChunk, cellOffset } from './cell-arena.js';
import { compressCentroids, compressCentroidsTo, weightOf } from './merging-digest.js';
import type { SliceDelta } from './slice-delta.js';

/**
 * Durations of executions in ms: count, sum, min and max exact, the distribution as t-digest centroids.
 *
 * Centroids are appended to a block of their own as they come, raw, and merged only when the block is full: 512 cells
 * while a slice is the newest of its series, 192 afterwards (late batches). A slice that is no longer the newest is
 * sealed: compressed once, unless it has few values, and moved to the smallest block that holds it.
 */
export const durationsCells = 5;

export type DurationDelta = Pick<SliceDelta, 'durations' | 'durationSumMs' | 'durationMinMs' | 'durationMaxMs'>;

const count = 0;
const sum = 1;
const min = 2;
const max = 3;
/** Block reference × 1024 + number of centroids in it. */
const digest = 4;
const packing = 1024;

const lateCentroidsMax = 192;
/** Size rule of an open digest and of a read; see merging-digest.ts for the error it leaves. */
const openEpsilon = 0.03;
const sealedEpsilon = 0.04;

export function clearDurations(cells: Float64Array, at: number): void {
  cells[at + count] = 0;
  cells[at + sum] = 0;
  cells[at + min] = Number.POSITIVE_INFINITY;
  cells[at + max] = Number.NEGATIVE_INFINITY;
  cells[at + digest] = 0;
}

/** Hot path: once a batch, agent and width. */
export function addDurations(
  arena: CellArena,
  cells: Float64Array,
  at: number,
  delta: DurationDelta,
  newest: boolean,
): void {
  const { durations } = delta;
  if (durations.length === 0) return;
  cells[at + sum]! += delta.durationSumMs;
  if (delta.durationMinMs < cells[at + min]!) cells[at + min] = delta.durationMinMs;
  if (delta.durationMaxMs > cells[at + max]!) cells[at + max] = delta.durationMaxMs;
  let weight = 0;
  for (let index = 1; index < durations.length; index += 2) weight += durations[index]!;
  cells[at + count]! += weight;
  const packed = cells[at + digest]!;
  cells[at + digest] = appendCentroids(arena, packed, durations, newest ? blockCellsMax : lateCentroidsMax);
}

/**
 * Compresses the digest and moves it to the smallest block that holds it. Few values stay as they are: 100 take a block
 * of 1 kB, where their digest would take one of 384 bytes.
 */
export function sealDurations(arena: CellArena, cells: Float64Array, at: number): void {
  const packed = cells[at + digest]!;
  const ref = Math.floor(packed / packing);
  if (ref === 0) return;
  const used = packed % packing;
  const isSmall = cells[at + count]! <= singleValuesMax;
  const left = isSmall ? used : compressCentroids(arena.chunk(ref), cellOffset(ref), used, sealedEpsilon);
  cells[at + digest] = moved(arena, ref, left, left) * packing + left;
}

/** The digest's block, to be freed with its slice; 0 when there is none. */
export function digestRef(cells: Float64Array, at: number): number {
  return Math.floor(cells[at + digest]! / packing);
}

/** What the slices of one read add up to; one object serves all reads. */
export class DurationTotals {
  #count = 0;
  #sum = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  #centroids = 0;
  #scratch = scratchOf(4096);

  clear(): void {
    this.#count = 0;
    this.#sum = 0;
    this.#min = Number.POSITIVE_INFINITY;
    this.#max = Number.NEGATIVE_INFINITY;
    this.#centroids = 0;
  }

  sum(arena: CellArena, cells: Float64Array, at: number): void {
    this.#count += cells[at + count]!;
    this.#sum += cells[at + sum]!;
    this.#min = Math.min(this.#min, cells[at + min]!);
    this.#max = Math.max(this.#max, cells[at + max]!);
    const packed = cells[at + digest]!;
    const ref = Math.floor(packed / packing);
    if (ref !== 0) this.#gather(arena.chunk(ref), cellOffset(ref), packed % packing);
  }

  snapshot() {
    if (this.#count === 0) return { count: 0, avg: null, min: null, max: null, p50: null, p95: null, p99: null };
    const [p50, p95, p99] = this.#quantiles([0.5, 0.95, 0.99]) as [number, number, number];
    const avg = this.#sum / this.#count;
    return { count: this.#count, avg, min: this.#min, max: this.#max, p50, p95, p99 };
  }

  /** The durations at ascending `ranks`, null when there are none; ends the read: `clear` before the next. */
  quantiles(ranks: readonly number[]): number[] | null {
    return this.#count === 0 ? null : this.#quantiles(ranks);
  }

  #gather(chunk: CellChunk, first: number, centroids: number): void {
    const needed = this.#centroids + centroids;
    if (needed > this.#scratch.f64.length) {
      const larger = scratchOf(2 ** Math.ceil(Math.log2(needed)));
      larger.f64.set(this.#scratch.f64.subarray(0, this.#centroids));
      this.#scratch = larger;
    }
    this.#scratch.f64.set(chunk.f64.subarray(first, first + centroids), this.#centroids);
    this.#centroids = needed;
  }

  /**
   * Digests of several slices have their centroids at almost the same places: interpolating between neighbours of the
   * sorted union would climb in stairs (0.8 % at p50 of a log-normal). Merging them once more takes the stairs away
   * (0.2 %). Single values need no merging and stay exact: their percentiles are nearest ranks (core/percentile.ts).
   */
  #quantiles(ranks: readonly number[]): number[] {
    const scratch = this.#scratch;
    let left = this.#centroids;
    if (weightOf(scratch, 0, left) === left) scratch.f64.subarray(0, left).sort();
    else left = compressCentroids(scratch, 0, left, openEpsilon);
    const centroids = { pairs: scratch.f32, meanAt: 1, weightAt: 0, count: left };
    const extremes = { min: this.#min, max: this.#max };
    return (centroidQuantiles(centroids, ranks) ?? []).map((value) => toldPercentile(value, extremes));
  }
}

function scratchOf(cells: number): CellChunk {
  const f64 = new Float64Array(cells);
  return { f64, f32: new Float32Array(f64.buffer) };
}

/** Appends `mean, weight, …`; returns the new packed reference and number. */
function appendCentroids(arena: CellArena, packed: number, pairs: Float64Array, cellsMax: number): number {
  let ref = Math.floor(packed / packing);
  let used = packed % packing;
  let from = 0;
  while (from < pairs.length) {
    const capacity = ref === 0 ? 0 : arena.capacity(ref);
    if (used === capacity) {
      if (capacity < cellsMax) {
        ref = moved(arena, ref, used, Math.min(cellsMax, Math.max(used + (pairs.length - from) / 2, used * 1.5)));
      } else {
        const range = {
          start: cellOffset(ref),
          count: used,
          countMax: Math.floor(capacity * 0.75),
          epsilon: openEpsilon,
        };
        used = compressCentroidsTo(arena.chunk(ref), range);
      }
      continue;
    }
    const { f32 } = arena.chunk(ref);
    const until = Math.min(pairs.length, from + 2 * (capacity - used));
    used += (until - from) / 2;
    for (let to = 2 * (cellOffset(ref) + used) - (until - from); from < until; from += 2, to += 2) {
      f32[to] = pairs[from + 1]!;
      // A negative zero would sort as the largest value.
      f32[to + 1] = pairs[from]! + 0;
    }
  }
  return ref * packing + used;
}

/** The block with its first `used` cells in a block of at least `cells`; the same one when its size is right. */
function moved(arena: CellArena, ref: number, used: number, cells: number): number {
  if (ref !== 0 && arena.capacity(ref) === blockCells(cells)) return ref;
  const target = arena.allocate(cells);
  if (ref === 0) return target;
  const source = arena.chunk(ref).f64.subarray(cellOffset(ref), cellOffset(ref) + used);
  arena.chunk(target).f64.set(source, cellOffset(target));
  arena.free(ref);
  return target;
}
