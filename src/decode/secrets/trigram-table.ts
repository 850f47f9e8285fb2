const slotBits = 10;

/** Three bytes as one number, the last lowest. */
export function trigram(first: number, second: number, third: number): number {
  return (first << 16) | (second << 8) | third;
}

/**
 * Entries by a trigram of each: one probe for text that holds none. Entries with one trigram follow one another in the
 * order in which they were given.
 */
export class TrigramTable {
  readonly #words: number[] = Array.from({ length: 1 << slotBits }, () => -1);
  readonly #firsts: number[] = Array.from({ length: 1 << slotBits }, () => -1);
  readonly #nexts: number[];

  /** Far fewer than the slots. */
  constructor(trigrams: readonly number[]) {
    this.#nexts = trigrams.map(() => -1);
    for (let entry = trigrams.length - 1; entry >= 0; entry--) {
      const slot = this.#slotOf(trigrams[entry]!);
      this.#words[slot] = trigrams[entry]!;
      this.#nexts[entry] = this.#firsts[slot]!;
      this.#firsts[slot] = entry;
    }
  }

  /** The first entry with these bytes, -1 when there is none. Hot path: once a byte that may end a literal. */
  first(word: number): number {
    return this.#firsts[this.#slotOf(word)]!;
  }

  next(entry: number): number {
    return this.#nexts[entry]!;
  }

  /** The slot of a trigram, or the free one where it would be. */
  #slotOf(word: number): number {
    let slot = slotOf(word, slotBits);
    while (this.#words[slot] !== word && this.#words[slot] !== -1) slot = (slot + 1) & ((1 << slotBits) - 1);
    return slot;
  }
}

const filterBits = 12;

/** Tells trigrams that are surely none of a set: one look-up and no comparison. */
export class TrigramFilter {
  readonly #slots: number[] = Array.from({ length: 1 << filterBits }, () => 0);

  constructor(trigrams: readonly number[]) {
    for (const word of trigrams) this.#slots[slotOf(word, filterBits)] = 1;
  }

  /** Hot path: once a byte by which a secret may be known. */
  mayHold(word: number): boolean {
    return this.#slots[slotOf(word, filterBits)] === 1;
  }
}

function slotOf(word: number, bits: number): number {
  return Math.imul(word, 0x9e3779b1) >>> (32 - bits);
}
