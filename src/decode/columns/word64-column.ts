import { copyBytes } from '../../core/copy-bytes.js';
import { type Column, rowsInitial, rowsRetainedMax } from './column.js';
import { grownNulls, writeArray } from './number-columns.js';

/**
 * `UInt64`, and `DateTime64(3)` as its Int64 of milliseconds, nullable or not: integers from 0 to 2^53 - 1, or hashes
 * of 64 bits, as two 32-bit words, the low one first. A BigInt64Array is ten times slower to write.
 */
export class Word64Column implements Column {
  #words = new Uint32Array(2 * rowsInitial);
  #nulls: Uint8Array | null;

  constructor(nullable: boolean) {
    this.#nulls = nullable ? new Uint8Array(rowsInitial).fill(1) : null;
  }

  append(row: number, value: number): void {
    const words = this.#words;
    words[2 * row] = value;
    words[2 * row + 1] = value / 0x1_0000_0000;
    if (this.#nulls !== null) this.#nulls[row] = 0;
  }

  /** Any 64 bits. */
  appendWords(row: number, low: number, high: number): void {
    this.#words[2 * row] = low;
    this.#words[2 * row + 1] = high;
  }

  /** 16 hex digits of a row that was appended by words; empty for 0. */
  hexAt(row: number): string {
    const low = this.#words[2 * row]!;
    const high = this.#words[2 * row + 1]!;
    return low === 0 && high === 0 ? '' : hexWord(high) + hexWord(low);
  }

  valueAt(row: number): number {
    return this.#words[2 * row + 1]! * 0x1_0000_0000 + this.#words[2 * row]!;
  }

  isNull(row: number): boolean {
    return this.#nulls !== null && this.#nulls[row] === 1;
  }

  /** All rows of `rows` get the same value. */
  fill(value: number, rows: number): void {
    for (let row = 0; row < rows; row++) this.append(row, value);
  }

  reserve(capacity: number): void {
    if (2 * capacity <= this.#words.length) return;
    const grown = new Uint32Array(2 * capacity);
    grown.set(this.#words);
    this.#words = grown;
    if (this.#nulls !== null) this.#nulls = grownNulls(this.#nulls, capacity);
  }

  mark(): void {}

  restore(markedRows: number, rows: number): void {
    this.#words.fill(0, 2 * markedRows, 2 * rows);
    this.#nulls?.fill(1, markedRows, rows);
  }

  byteLength(rows: number): number {
    return (this.#nulls === null ? 8 : 9) * rows;
  }

  write(out: Uint8Array, offset: number, rows: number): number {
    if (this.#nulls === null) return writeArray(out, offset, this.#words, 8 * rows);
    copyBytes(this.#nulls.subarray(0, rows), out, offset);
    return writeArray(out, offset + rows, this.#words, 8 * rows);
  }

  clear(rows: number): void {
    if (this.#words.length <= 2 * rowsRetainedMax) {
      this.restore(0, rows);
      return;
    }
    this.#words = new Uint32Array(2 * rowsInitial);
    if (this.#nulls !== null) this.#nulls = new Uint8Array(rowsInitial).fill(1);
  }
}

function hexWord(word: number): string {
  return word.toString(16).padStart(8, '0');
}
