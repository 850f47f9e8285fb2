import { copyBytes } from '../../core/copy-bytes.js';
import { type Column, rowsInitial, rowsRetainedMax } from './column.js';

/**
 * Columns whose rows have a fixed width. A nullable one writes a byte a row first, 1 for NULL.
 * One class a width: a class over several kinds of typed array is three times slower to append to.
 */

/** `Nullable(Float64)`. */
export class Float64Column implements Column {
  values = new Float64Array(rowsInitial);
  nulls = new Uint8Array(rowsInitial).fill(1);

  append(row: number, value: number): void {
    this.values[row] = value;
    this.nulls[row] = 0;
  }

  reserve(capacity: number): void {
    if (capacity <= this.values.length) return;
    const { values } = this;
    this.values = new Float64Array(capacity);
    this.values.set(values);
    this.nulls = grownNulls(this.nulls, capacity);
  }

  mark(): void {}

  restore(markedRows: number, rows: number): void {
    this.values.fill(0, markedRows, rows);
    this.nulls.fill(1, markedRows, rows);
  }

  byteLength(rows: number): number {
    return 9 * rows;
  }

  write(out: Uint8Array, offset: number, rows: number): number {
    copyBytes(this.nulls.subarray(0, rows), out, offset);
    return writeArray(out, offset + rows, this.values, 8 * rows);
  }

  clear(rows: number): void {
    if (this.values.length <= rowsRetainedMax) {
      this.restore(0, rows);
      return;
    }
    this.values = new Float64Array(rowsInitial);
    this.nulls = new Uint8Array(rowsInitial).fill(1);
  }
}

/** `Enum8`, and `UInt8` of small numbers. */
export class EnumColumn implements Column {
  values = new Int8Array(rowsInitial);

  append(row: number, value: number): void {
    this.values[row] = value;
  }

  reserve(capacity: number): void {
    if (capacity <= this.values.length) return;
    const { values } = this;
    this.values = new Int8Array(capacity);
    this.values.set(values);
  }

  mark(): void {}

  restore(markedRows: number, rows: number): void {
    this.values.fill(0, markedRows, rows);
  }

  byteLength(rows: number): number {
    return rows;
  }

  write(out: Uint8Array, offset: number, rows: number): number {
    return writeArray(out, offset, this.values, rows);
  }

  clear(rows: number): void {
    if (this.values.length > rowsRetainedMax) this.values = new Int8Array(rowsInitial);
    else this.values.fill(0, 0, rows);
  }
}

/** `UInt16`. */
export class Uint16Column implements Column {
  values = new Uint16Array(rowsInitial);

  append(row: number, value: number): void {
    this.values[row] = value;
  }

  reserve(capacity: number): void {
    if (capacity <= this.values.length) return;
    const { values } = this;
    this.values = new Uint16Array(capacity);
    this.values.set(values);
  }

  mark(): void {}

  restore(markedRows: number, rows: number): void {
    this.values.fill(0, markedRows, rows);
  }

  byteLength(rows: number): number {
    return 2 * rows;
  }

  write(out: Uint8Array, offset: number, rows: number): number {
    return writeArray(out, offset, this.values, 2 * rows);
  }

  clear(rows: number): void {
    if (this.values.length > rowsRetainedMax) this.values = new Uint16Array(rowsInitial);
    else this.values.fill(0, 0, rows);
  }
}

/** Copies the first `bytes` bytes of a typed array; typed arrays are little-endian on every platform Node has. */
export function writeArray(out: Uint8Array, offset: number, values: ArrayBufferView, bytes: number): number {
  copyBytes(new Uint8Array(values.buffer, values.byteOffset, bytes), out, offset);
  return offset + bytes;
}

export function grownNulls(nulls: Uint8Array, capacity: number): Uint8Array<ArrayBuffer> {
  const grown = new Uint8Array(capacity).fill(1);
  grown.set(nulls);
  return grown;
}
