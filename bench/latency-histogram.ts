/** Buckets grow by 2 %, from 1 us: a quantile is off by at most 2 %. Small enough to be sent between processes. */
const growth = Math.log(1.02);
const bucketsMax = 1_400;

export class LatencyHistogram {
  readonly #counts = new Float64Array(bucketsMax);
  #total = 0;

  /** Hot path: once a frame. */
  record(valueMs: number, count = 1): void {
    const bucket = Math.min(
      bucketsMax - 1,
      Math.max(0, Math.floor(Math.log(Math.max(valueMs, 0.001) * 1_000) / growth)),
    );
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
    this.#total += count;
  }

  get total(): number {
    return this.#total;
  }

  /** Upper bound of the bucket that holds the quantile, in ms; null when nothing was recorded. */
  quantile(level: number): number | null {
    if (this.#total === 0) return null;
    const wanted = Math.ceil(level * this.#total);
    let seen = 0;
    for (let bucket = 0; bucket < bucketsMax; bucket += 1) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= wanted) return Math.exp((bucket + 1) * growth) / 1_000;
    }
    return null;
  }

  /** Pairs of bucket and count, the empty ones left out. */
  toPairs(): [number, number][] {
    return [...this.#counts.entries()].filter(([, count]) => count > 0);
  }

  static fromPairs(pairs: readonly (readonly [number, number])[]): LatencyHistogram {
    const histogram = new LatencyHistogram();
    for (const [bucket, count] of pairs) {
      histogram.#counts[bucket] = count;
      histogram.#total += count;
    }
    return histogram;
  }
}
