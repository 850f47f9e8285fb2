import { SecretSpread } from './secret-spread.js';

const sizeInitial = 1_024;
const absent = -1;

/**
 * Numbers by fingerprint: open addressing with linear probing (Knuth, The Art of Computer Programming 3, 6.4), at most
 * half full; a removal moves what was displaced back, so there are no marks of removed entries to search past. A Map
 * boxes each key: with 10,000 runs a look-up took 0.9 us there. Where a key begins is a secret, see `SecretSpread`.
 */
export class KeyTable {
  /** A key and its value side by side, in one line of the processor's cache. */
  #cells = new Float64Array(2 * sizeInitial).fill(absent);
  #mask = sizeInitial - 1;
  #shift = Math.clz32(sizeInitial - 1);
  readonly #spread = new SecretSpread();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** -1 when it is not there. */
  get(key: number): number {
    const cells = this.#cells;
    for (let at = this.#home(key); ; at = (at + 1) & this.#mask) {
      const value = cells[2 * at + 1]!;
      if (value === absent || cells[2 * at] === key) return value;
    }
  }

  /**
   * Fetches the slots of keys that are looked up next into the processor's cache: every `step`th of `keys`. What it
   * answers means nothing; see `EventIdMemory.prefetch`.
   */
  fetch(keys: Float64Array, from: number, to: number, step: number): number {
    let fetched = 0;
    for (let at = from; at < to; at += step) fetched += this.#cells[2 * this.#home(keys[at]!)]!;
    return fetched;
  }

  /** `key` is not there yet; `value` is an integer not below 0. */
  add(key: number, value: number): void {
    if (2 * (this.#size + 1) > this.#mask + 1) this.#grow();
    this.#size += 1;
    this.#place(key, value);
  }

  #place(key: number, value: number): void {
    const cells = this.#cells;
    let at = this.#home(key);
    while (cells[2 * at + 1] !== absent) at = (at + 1) & this.#mask;
    cells[2 * at] = key;
    cells[2 * at + 1] = value;
  }

  /** `key` is there. */
  remove(key: number): void {
    const cells = this.#cells;
    let hole = this.#home(key);
    while (cells[2 * hole] !== key || cells[2 * hole + 1] === absent) hole = (hole + 1) & this.#mask;
    for (let at = (hole + 1) & this.#mask; cells[2 * at + 1] !== absent; at = (at + 1) & this.#mask) {
      // An entry may go to the hole when its home is not behind it.
      const wayFromHome = (at - this.#home(cells[2 * at]!)) & this.#mask;
      if (wayFromHome < ((at - hole) & this.#mask)) continue;
      cells[2 * hole] = cells[2 * at]!;
      cells[2 * hole + 1] = cells[2 * at + 1]!;
      hole = at;
    }
    cells[2 * hole + 1] = absent;
    this.#size -= 1;
  }

  /** Forgets all; what a large load made large stays so. */
  clear(): void {
    if (this.#size > 0) this.#cells.fill(absent);
    this.#size = 0;
  }

  /** Low and high word of a number of up to 53 bits; `%` of numbers this large is ten times slower. */
  #home(key: number): number {
    return this.#spread.slot(key | 0, (key * 2 ** -32) | 0, this.#shift);
  }

  #grow(): void {
    const before = this.#cells;
    this.#cells = new Float64Array(2 * before.length).fill(absent);
    this.#mask = before.length - 1;
    this.#shift -= 1;
    for (let at = 0; at < before.length; at += 2) {
      if (before[at + 1] !== absent) this.#place(before[at]!, before[at + 1]!);
    }
  }
}
