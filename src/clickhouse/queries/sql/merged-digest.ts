import { CollectorError } from '../../../core/errors.js';

/**
 * Merges states of `quantilesTDigest` as the engine does (QuantileTDigest.h, `merge` and `compress`), in its single
 * precision, so that a percentile made here is the one the engine makes, but for a unit in the last place of a Float32,
 * while the states hold 2,048 centroids or fewer together. Beyond, the engine compresses in between, and its answer
 * depends on the order in which its threads come to the states; here the order is that of time.
 *
 * A centroid is one cell of eight bytes: Float32 weight in the low word, Float32 mean in the high word. Read as a
 * double, cells of means >= 0 order by their mean, so the native sort of a Float64Array sorts them.
 */

const unmergedMax = 2_048;
const { fround } = Math;

export class MergedDigest {
  readonly #cells = new Float64Array(2 * unmergedMax + 1);
  readonly #singles = new Float32Array(this.#cells.buffer);
  #count = 0;
  #unmerged = 0;
  #weight = 0;

  /** Centroids of a state, as `packedCentroids` writes them. */
  add(centroids: Float64Array): void {
    for (let at = 0; at < centroids.length; at++) {
      this.#cells[this.#count] = centroids[at]!;
      this.#weight = fround(this.#weight + this.#singles[2 * this.#count]!);
      this.#count += 1;
      this.#unmerged += 1;
      if (this.#unmerged > unmergedMax) this.#compress();
    }
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

  /** Neighbours join while the weight of both is at most 4·ε·q·(1−q)·n at the rank of either. */
  #compress(): void {
    if (this.#unmerged === 0) return;
    const singles = this.#singles;
    this.#cells.subarray(0, this.#count).sort();
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

/** States one after another: each a varuint n, then n × (Float32 mean, Float32 weight), little-endian. */
export class PackedStates {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** The cells of the next one. Throws `internal` when there is none, or what is there is none. */
  next(): Float64Array {
    const bytes = this.#bytes;
    let count = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[this.#at++];
      if (byte === undefined) throw malformed('a state ends within its length');
      count += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
    }
    if (this.#at + 8 * count > bytes.length) throw malformed(`${count} centroids are more than there are bytes`);
    const cells = new Float64Array(count);
    const singles = new Float32Array(cells.buffer);
    for (let to = 0; to < 2 * count; to += 2) {
      const mean = bytes.readFloatLE(this.#at);
      const weight = bytes.readFloatLE(this.#at + 4);
      if (!(mean >= 0 && weight > 0 && mean + weight < Number.POSITIVE_INFINITY)) {
        throw malformed(`a centroid has mean ${mean} and weight ${weight}`);
      }
      singles[to] = weight;
      singles[to + 1] = mean;
      this.#at += 8;
    }
    return cells;
  }
}

function malformed(cause: string): CollectorError {
  return new CollectorError('internal', `cannot read digest states: ${cause}`);
}
