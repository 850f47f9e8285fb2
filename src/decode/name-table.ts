import { invariant } from '../core/invariant.js';
import { type ByteSource, createByteSource, shortWord } from './byte-range.js';

/** Names of at most 24 bytes are told apart by their length and six overlapping words. */
const nameBytesMax = 24;
const nameWords = 6;
const slotBits = 9;

/**
 * A closed set of ASCII names, found by their bytes without making a string. The multiplier is searched
 * at construction so that no two names share a slot: a lookup is one probe and at most six word compares.
 */
export class NameTable {
  readonly #slots: number[] = Array.from({ length: 1 << slotBits }, () => -1);
  readonly #multiplier: number;
  readonly #lengths: number[];
  readonly #words: number[];

  /** `names` in the order of the indices `find` answers. */
  constructor(names: readonly string[]) {
    this.#lengths = names.map(() => 0);
    this.#words = Array.from({ length: nameWords * names.length }, () => 0);
    names.forEach((name, index) => {
      this.#describe(name, index);
    });
    this.#multiplier = this.#findMultiplier(names);
  }

  /** Index of the name with these bytes, -1 when there is none. Hot path: once a key. */
  find(source: ByteSource, offset: number, length: number): number {
    if (length > nameBytesMax || length === 0) return -1;
    const view = source.view;
    const long = length >= 4;
    const head = long ? view.getInt32(offset, true) : shortWord(source, offset, length);
    const tail = long ? view.getInt32(offset + length - 4, true) : 0;
    const index = this.#slots[slotOf(head, tail, length, this.#multiplier)]!;
    if (index < 0 || this.#lengths[index] !== length) return -1;
    const words = this.#words;
    const at = nameWords * index;
    if (words[at] !== head || words[at + 1] !== tail) return -1;
    if (length <= 8) return index;
    const matches =
      words[at + 2] === view.getInt32(offset + 4, true) && words[at + 3] === view.getInt32(offset + length - 8, true);
    if (!matches || length <= 16) return matches ? index : -1;
    const middleMatches =
      words[at + 4] === view.getInt32(offset + 8, true) && words[at + 5] === view.getInt32(offset + length - 12, true);
    return middleMatches ? index : -1;
  }

  #describe(name: string, index: number): void {
    const encoded = new TextEncoder().encode(name);
    const { length } = encoded;
    invariant(length > 0 && length <= nameBytesMax, `name ${name} has 1 to ${nameBytesMax} bytes`);
    const source = createByteSource(encoded.buffer);
    const long = length >= 4;
    const words = this.#words;
    const at = nameWords * index;
    this.#lengths[index] = length;
    words[at] = long ? source.view.getInt32(0, true) : shortWord(source, 0, length);
    words[at + 1] = long ? source.view.getInt32(length - 4, true) : 0;
    words[at + 2] = length > 8 ? source.view.getInt32(4, true) : 0;
    words[at + 3] = length > 8 ? source.view.getInt32(length - 8, true) : 0;
    words[at + 4] = length > 16 ? source.view.getInt32(8, true) : 0;
    words[at + 5] = length > 16 ? source.view.getInt32(length - 12, true) : 0;
  }

  #findMultiplier(names: readonly string[]): number {
    for (let attempt = 1; attempt < 10_000; attempt++) {
      const multiplier = Math.imul(attempt, 0x9e3779b1) | 1;
      if (this.#fill(names.length, multiplier)) return multiplier;
    }
    invariant(false, 'no multiplier separates the names of a table');
  }

  #fill(count: number, multiplier: number): boolean {
    this.#slots.fill(-1);
    for (let index = 0; index < count; index++) {
      const words = this.#words;
      const slot = slotOf(words[nameWords * index]!, words[nameWords * index + 1]!, this.#lengths[index]!, multiplier);
      if (this.#slots[slot] !== -1) return false;
      this.#slots[slot] = index;
    }
    return true;
  }
}

function slotOf(head: number, tail: number, length: number, multiplier: number): number {
  return Math.imul(head ^ Math.imul(tail + length, 0x85ebca6b), multiplier) >>> (32 - slotBits);
}
