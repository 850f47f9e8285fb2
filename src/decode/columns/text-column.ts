import { copyBytes } from '../../core/copy-bytes.js';
import { type ByteSource, copyRange, createByteSource } from '../byte-range.js';
import { bytesRetainedMax, type Column, grownSource, writeVaruint } from './column.js';

const bytesInitial = 65_536;

/** `String`: per row a varuint length and the bytes. Also the values of maps and arrays, whose rows are entries. */
export class TextColumn implements Column {
  #data: ByteSource = createByteSource(new ArrayBuffer(bytesInitial));
  #end = 0;
  #rows = 0;
  #markedEnd = 0;
  #markedRows = 0;

  /** Hot path: once a text. */
  append(row: number, source: ByteSource, offset: number, length: number): void {
    const needed = this.#end + (row - this.#rows) + length + 8;
    if (needed > this.#data.bytes.length) this.#data = grownSource(this.#data, this.#end, needed);
    const data = this.#data;
    let end = this.#end;
    for (let gap = this.#rows; gap < row; gap++) data.bytes[end++] = 0;
    if (length < 0x80) data.bytes[end++] = length;
    else end = writeVaruint(data.bytes, end, length);
    copyRange(source, offset, data, end, length);
    this.#end = end + length;
    this.#rows = row + 1;
  }

  /** Reads the rows back within the batch. */
  cursor(): TextCursor {
    return new TextCursor(this.#data, this.#rows);
  }

  reserve(): void {}

  mark(): void {
    this.#markedEnd = this.#end;
    this.#markedRows = this.#rows;
  }

  restore(): void {
    this.#end = this.#markedEnd;
    this.#rows = this.#markedRows;
  }

  byteLength(rows: number): number {
    return this.#end + rows - this.#rows;
  }

  write(out: Uint8Array, offset: number, rows: number): number {
    copyBytes(this.#data.bytes.subarray(0, this.#end), out, offset);
    const end = offset + this.byteLength(rows);
    for (let at = offset + this.#end; at < end; at++) out[at] = 0;
    return end;
  }

  clear(): void {
    this.#end = 0;
    this.#rows = 0;
    if (this.#data.bytes.length > bytesRetainedMax) this.#data = createByteSource(new ArrayBuffer(bytesInitial));
  }
}

/** The texts of a column in ascending order of rows. Valid until the column is appended to. */
export class TextCursor {
  readonly source: ByteSource;
  readonly #rows: number;
  #row = -1;
  #next = 0;
  /** Where the text of the row lies in `source`. */
  offset = 0;
  length = 0;

  constructor(source: ByteSource, rows: number) {
    this.source = source;
    this.#rows = rows;
  }

  /** Hot path: once a row. `row` is not below the one before. Rows that were not appended are empty. */
  seek(row: number): void {
    if (row >= this.#rows) {
      this.length = 0;
      return;
    }
    const { bytes } = this.source;
    while (this.#row < row) {
      let at = this.#next;
      let length = bytes[at++]!;
      if (length >= 0x80) {
        length &= 0x7f;
        for (let factor = 0x80; ; factor *= 0x80) {
          const byte = bytes[at++]!;
          length += (byte & 0x7f) * factor;
          if (byte < 0x80) break;
        }
      }
      this.offset = at;
      this.length = length;
      this.#next = at + length;
      this.#row++;
    }
  }
}
