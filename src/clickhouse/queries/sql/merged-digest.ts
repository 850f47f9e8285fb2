import { ByteReader, malformed } from './row-bytes.js';

/**
 * Merges states of `quantilesTDigest` as the engine does (QuantileTDigest.h, `merge` and `compress`), in its single
 * precision, so that a percentile made here is the one the engine makes, but for a unit in the last place of a Float32,
 * while the states hold 2,048 centroids or fewer together. Beyond, the engine compresses in between, and its answer
 * depends on the order in which its threads come to the states; here the order is that of time.
 *
 * A centroid is one cell of eight bytes: Float32 weight in the low word, Float32 mean in the high word. Read as a
 * double, cells of means >= 0 order by their mean; equal ones are the same. States are in order already, as is what was
 * merged before, so that few runs are to be merged.
 */

const unmergedMax = 2_048;
const { fround } = Math;

export class MergedDigest {
  #cells = new Float64Array(2 * unmergedMax + 1);
  #singles = new Float32Array(this.#cells.buffer);
  #spare = new Float64Array(0);
  #count = 0;
  #unmerged = 0;
  #weight = 0;

  /** Centroids of a state, as `DigestCells` has them. */
  add(centroids: Float64Array, from = 0, to = centroids.length): void {
    for (let at = from; at < to; at++) {
      this.#cells[this.#count] = centroids[at]!;
      this.#weight = fround(this.#weight + this.#singles[2 * this.#count]!);
      this.#count += 1;
      this.#unmerged += 1;
      if (this.#unmerged > unmergedMax) this.#compress();
    }
  }

  /** As it was made: its room, 33 kB, is used again. */
  clear(): void {
    this.#count = 0;
    this.#unmerged = 0;
    this.#weight = 0;
  }

  /** Values at ascending levels, as Float32 (`getManyFloat`); null without a centroid. */
  quantiles(levels: readonly number[]): (number | null)[] {
    this.#compress();
    return levels.map((level) => (this.#count === 0 ? null : this.#valueAt(fround(level * this.#weight))));
  }

  /** The rule of `core/percentile.ts`, in the engine's single precision. */
  #valueAt(position: number): number {
    const singles = this.#singles;
    let before = 0;
    let left = { place: 0, mean: singles[1]!, weight: singles[0]! };
    for (let at = 0; at < 2 * this.#count; at += 2) {
      const weight = singles[at]!;
      const mean = singles[at + 1]!;
      const place = fround(before + weight * 0.5);
      if (place >= position) {
        const from = left.weight === 1 ? fround(left.place + 0.5) : left.place;
        const to = weight === 1 ? fround(place - 0.5) : place;
        if (position <= from) return left.mean;
        if (position >= to) return mean;
        const share = fround(fround(position - from) / fround(to - from));
        return fround((1 - share) * left.mean + share * mean);
      }
      before = fround(before + weight);
      left = { place, mean, weight };
    }
    return left.mean;
  }

  /** As `add` takes them. */
  cells(): Float64Array {
    this.#compress();
    return this.#cells.slice(0, this.#count);
  }

  /** Mean, weight, mean, weight, … in the order of the means. */
  centroids(): Float64Array {
    this.#compress();
    const pairs = new Float64Array(2 * this.#count);
    for (let at = 0; at < pairs.length; at += 2) {
      pairs[at] = this.#singles[at + 1]!;
      pairs[at + 1] = this.#singles[at]!;
    }
    return pairs;
  }

  /** Merges neighbouring runs until one is left. Many short ones, as those of minutes, are left to the native sort. */
  #sort(): void {
    const count = this.#count;
    let ends = runEnds(this.#cells, count);
    if (ends.length > runsMax) {
      this.#cells.subarray(0, count).sort();
      return;
    }
    if (ends.length > 1 && this.#spare.length === 0) this.#spare = new Float64Array(this.#cells.length);
    while (ends.length > 1) {
      const merged: number[] = [];
      let from = 0;
      for (let run = 0; run < ends.length; run += 2) {
        const middle = ends[run]!;
        const end = ends[run + 1] ?? middle;
        mergeRuns(this.#cells, this.#spare, { from, middle, end });
        merged.push(end);
        from = end;
      }
      [this.#cells, this.#spare] = [this.#spare, this.#cells];
      ends = merged;
    }
    this.#singles = new Float32Array(this.#cells.buffer);
  }

  /** Neighbours join while the weight of both is at most 4·ε·q·(1−q)·n at the rank of either. */
  #compress(): void {
    if (this.#unmerged === 0) return;
    this.#sort();
    const singles = this.#singles;
    const total = this.#weight;
    const factor = fround(fround(total * fround(0.01)) * 4);
    const end = 2 * this.#count;
    let out = 0;
    let sum = 0;
    let weight = singles[0]!;
    let mean = singles[1]!;
    for (let at = 2; at < end; at += 2) {
      const right = singles[at]!;
      const rightMean = singles[at + 1]!;
      const left = fround(fround(sum + fround(weight * 0.5)) / total);
      const next = fround(fround(fround(sum + weight) + fround(right * 0.5)) / total);
      const atLeft = fround(left * fround(1 - left));
      const atNext = fround(next * fround(1 - next));
      const both = fround(weight + right);
      if (both <= fround(factor * Math.min(atLeft, atNext))) {
        weight = both;
        if (rightMean !== mean) mean = fround(mean + fround(fround(right * fround(rightMean - mean)) / weight));
      } else {
        singles[out] = weight;
        singles[out + 1] = mean;
        sum = fround(sum + weight);
        out += 2;
        weight = right;
        mean = rightMean;
      }
    }
    singles[out] = weight;
    singles[out + 1] = mean;
    this.#weight = fround(sum + weight);
    this.#count = out / 2 + 1;
    this.#unmerged = 0;
  }
}

/** Weight of all values of some digests, and of those that are at least this one. */
export function weightsFrom(digests: readonly Float64Array[], least: number): { all: number; above: number } {
  const weights = { all: 0, above: 0 };
  for (const cells of digests) {
    const singles = new Float32Array(cells.buffer, cells.byteOffset, 2 * cells.length);
    for (let at = 0; at < singles.length; at += 2) {
      weights.all += singles[at]!;
      if (singles[at + 1]! >= least) weights.above += singles[at]!;
    }
  }
  return weights;
}

const runsMax = 128;

/** Where each run of ascending cells ends; no more than one too many. */
function runEnds(cells: Float64Array, count: number): number[] {
  const ends: number[] = [];
  for (let at = 1; at < count && ends.length < runsMax; at++) if (cells[at]! < cells[at - 1]!) ends.push(at);
  ends.push(count);
  return ends;
}

interface Runs {
  readonly from: number;
  readonly middle: number;
  readonly end: number;
}

function mergeRuns(cells: Float64Array, into: Float64Array, { from, middle, end }: Runs): void {
  let left = from;
  let right = middle;
  for (let to = from; to < end; to++) {
    into[to] = right >= end || (left < middle && cells[left]! <= cells[right]!) ? cells[left++]! : cells[right++]!;
  }
}

/**
 * The cells of many states, in one array. A state is a varuint n, then n × (Float32 mean, Float32 weight),
 * little-endian.
 */
export class DigestCells {
  #cells = new Float64Array(64);
  #singles = new Float32Array(this.#cells.buffer);
  #count = 0;

  /** So many states, one after another, in base64; answers how many cells there are after each of them. */
  append(base64: string, states: number): number[] {
    return this.take(decoded.decode(base64), states);
  }

  /** The same of the bytes that are read next. */
  take(bytes: ByteReader, states: number): number[] {
    const ends: number[] = [];
    for (let state = 0; state < states; state++) {
      let count = 0;
      for (let factor = 1; ; factor *= 128) {
        if (bytes.left === 0) throw malformed('a state ends within its length');
        const byte = bytes.uint8();
        count += (byte & 0x7f) * factor;
        if (byte < 0x80) break;
      }
      if (8 * count > bytes.left) throw malformed(`${count} centroids are more than there are bytes`);
      this.#take(bytes, count);
      ends.push(this.#count);
    }
    return ends;
  }

  /** Those that were appended. */
  cells(): Float64Array {
    return this.#cells.slice(0, this.#count);
  }

  #take(bytes: ByteReader, count: number): void {
    this.#reserve(count);
    const singles = this.#singles;
    let to = 2 * this.#count;
    for (let taken = 0; taken < count; taken++) {
      const mean = bytes.float32();
      const weight = bytes.float32();
      if (!(mean >= 0 && weight > 0 && mean + weight < Number.POSITIVE_INFINITY)) {
        throw malformed(`a centroid has mean ${mean} and weight ${weight}`);
      }
      singles[to++] = weight;
      singles[to++] = mean;
    }
    this.#count += count;
  }

  #reserve(count: number): void {
    const needed = this.#count + count;
    if (needed <= this.#cells.length) return;
    const cells = new Float64Array(Math.max(needed, 2 * this.#cells.length));
    cells.set(this.#cells.subarray(0, this.#count));
    this.#cells = cells;
    this.#singles = new Float32Array(cells.buffer);
  }
}

/** The cells of each of so many states, as `DigestCells.append` takes them. */
export function unpackedDigests(base64: string, states: number): Float64Array[] {
  const digests = new DigestCells();
  const ends = digests.append(base64, states);
  const cells = digests.cells();
  return ends.map((end, at) => cells.slice(ends[at - 1] ?? 0, end));
}

/** Where every text of states is decoded, one after another. */
const decoded = new ByteReader();
