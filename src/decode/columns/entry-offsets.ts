import { rowsInitial, rowsRetainedMax } from './column.js';
import { writeArray } from './number-columns.js';

/** Offsets of `Array` and `Map`: per row a UInt64, the entries of all rows up to and with it. */
export class EntryOffsets {
  #words = new Uint32Array(2 * rowsInitial);
  #rows = 0;
  #markedRows = 0;
  #markedEntries = 0;
  /** Entries of all rows. */
  entries = 0;

  /** The row has the entries from `entries` on, `count` of them. */
  append(row: number, count: number): void {
    this.#fillTo(row);
    this.entries += count;
    this.#words[2 * row] = this.entries;
    this.#rows = row + 1;
  }

  /** First entry of a row, and the one behind its last. Rows that were not appended have none. */
  startOf(row: number): number {
    return row === 0 ? 0 : this.endOf(row - 1);
  }

  endOf(row: number): number {
    return row < this.#rows ? this.#words[2 * row]! : this.entries;
  }

  #fillTo(row: number): void {
    for (let gap = this.#rows; gap < row; gap++) this.#words[2 * gap] = this.entries;
    this.#rows = row;
  }

  reserve(capacity: number): void {
    if (2 * capacity <= this.#words.length) return;
    const grown = new Uint32Array(2 * capacity);
    grown.set(this.#words);
    this.#words = grown;
  }

  mark(): void {
    this.#markedRows = this.#rows;
    this.#markedEntries = this.entries;
  }

  restore(): void {
    this.#rows = this.#markedRows;
    this.entries = this.#markedEntries;
  }

  write(out: Uint8Array, offset: number, rows: number): number {
    this.#fillTo(rows);
    return writeArray(out, offset, this.#words, 8 * rows);
  }

  clear(): void {
    this.#rows = 0;
    this.entries = 0;
    if (this.#words.length > 2 * rowsRetainedMax) this.#words = new Uint32Array(2 * rowsInitial);
  }
}
