import { SecretSpread } from './secret-spread.js';

const sizeInitial = 1_024;
const absent = -1;

/**
 * Numbers by fingerprint: open addressing with linear probing (Knuth, The Art of Computer Programming 3, 6.4), at most
 * half full; a removal moves what was displaced back, so there are no marks of removed entries to search past. A Map
 * boxes each key: with 10,000 runs a look-up took 0.9 us there. Where a key begins is a secret, see `SecretSpread`.
 */
export class KeyTable {
  #keys = new Float64Array(sizeInitial);
  #values = new Int32Array(sizeInitial).fill(absent);
  #mask = sizeInitial - 1;
  #shift = Math.clz32(sizeInitial - 1);
  readonly #spread = new SecretSpread();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** -1 when it is not there. */
  get(key: number): number {
    for (let at = this.#home(key); ; at = (at + 1) & this.#mask) {
      const value = this.#values[at]!;
      if (value === absent || this.#keys[at] === key) return value;
    }
  }

  /** `key` is not there yet; `value` is not below 0. */
  add(key: number, value: number): void {
    if (2 * (this.#size + 1) > this.#keys.length) this.#grow();
    this.#size += 1;
    this.#place(key, value);
  }

  #place(key: number, value: number): void {
    let at = this.#home(key);
    while (this.#values[at] !== absent) at = (at + 1) & this.#mask;
    this.#keys[at] = key;
    this.#values[at] = value;
  }

  /** `key` is there. */
  remove(key: number): void {
    let hole = this.#home(key);
    while (this.#keys[hole] !== key || this.#values[hole] === absent) hole = (hole + 1) & this.#mask;
    for (let at = (hole + 1) & this.#mask; this.#values[at] !== absent; at = (at + 1) & this.#mask) {
      // An entry may go to the hole when its home is not behind it.
      const wayFromHome = (at - this.#home(this.#keys[at]!)) & this.#mask;
      if (wayFromHome < ((at - hole) & this.#mask)) continue;
      this.#keys[hole] = this.#keys[at]!;
      this.#values[hole] = this.#values[at]!;
      hole = at;
    }
    this.#values[hole] = absent;
    this.#size -= 1;
  }

  /** Forgets all; what a large load made large stays so. */
  clear(): void {
    if (this.#size > 0) this.#values.fill(absent);
    this.#size = 0;
  }

  /** Low and high word of a number of up to 53 bits; `%` of numbers this large is ten times slower. */
  #home(key: number): number {
    return this.#spread.slot(key | 0, (key * 2 ** -32) | 0, this.#shift);
  }

  #grow(): void {
    const keys = this.#keys;
    const values = this.#values;
    this.#keys = new Float64Array(2 * keys.length);
    this.#values = new Int32Array(2 * values.length).fill(absent);
    this.#mask = this.#keys.length - 1;
    this.#shift -= 1;
    values.forEach((value, at) => {
      if (value !== absent) this.#place(keys[at]!, value);
    });
  }
}
