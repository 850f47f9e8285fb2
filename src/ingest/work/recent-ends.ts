/**
 * What ended lately and when, by key: a direct-mapped cache. A key has one place and is forgotten when another one
 * takes it, so that an end costs one write and the memory never grows. Key and time lie side by side, in one line of
 * the processor's cache: apart they cost a second miss an end.
 */
export class RecentEnds {
  readonly #mask: number;
  readonly #cells: Float64Array;

  /** `endsMax` is rounded up to a power of two; 16 bytes each. */
  constructor(endsMax: number) {
    const slots = 2 ** Math.ceil(Math.log2(Math.max(2, endsMax)));
    this.#mask = slots - 1;
    this.#cells = new Float64Array(2 * slots);
  }

  /** When it ended, NaN when it is not known to have. Hot path: once a start or end. */
  endOf(key: number): number {
    const at = 2 * (key & this.#mask);
    return this.#cells[at] === key ? this.#cells[at + 1]! : Number.NaN;
  }

  /** Fetches the places of keys that are looked up next, every `step`th of `keys`; see `EventIdMemory.prefetch`. */
  fetch(keys: Float64Array, from: number, to: number, step: number): number {
    let fetched = 0;
    for (let at = from; at < to; at += step) fetched += this.#cells[2 * (keys[at]! & this.#mask)]!;
    return fetched;
  }

  remember(key: number, endedMs: number): void {
    const at = 2 * (key & this.#mask);
    this.#cells[at] = key;
    this.#cells[at + 1] = endedMs;
  }

  forget(key: number): void {
    const at = 2 * (key & this.#mask);
    if (this.#cells[at] === key) this.#cells[at] = 0;
  }
}
