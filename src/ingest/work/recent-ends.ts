/**
 * What ended lately and when, by key: a direct-mapped cache. A key has one place and is forgotten when another one
 * takes it, so that an end costs one write and the memory never grows.
 */
export class RecentEnds {
  readonly #mask: number;
  readonly #keys: Float64Array;
  readonly #endedMs: Float64Array;

  /** `endsMax` is rounded up to a power of two; 16 bytes each. */
  constructor(endsMax: number) {
    const slots = 2 ** Math.ceil(Math.log2(Math.max(2, endsMax)));
    this.#mask = slots - 1;
    this.#keys = new Float64Array(slots);
    this.#endedMs = new Float64Array(slots);
  }

  /** When it ended, NaN when it is not known to have. Hot path: once a start or end. */
  endOf(key: number): number {
    const slot = key & this.#mask;
    return this.#keys[slot] === key ? this.#endedMs[slot]! : Number.NaN;
  }

  remember(key: number, endedMs: number): void {
    const slot = key & this.#mask;
    this.#keys[slot] = key;
    this.#endedMs[slot] = endedMs;
  }

  forget(key: number): void {
    const slot = key & this.#mask;
    if (this.#keys[slot] === key) this.#keys[slot] = 0;
  }
}
