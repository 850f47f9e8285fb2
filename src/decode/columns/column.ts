import { invariant } from '../../core/invariant.js';
import { type ByteSource, createByteSource } from '../byte-range.js';

/**
 * A column of a Native block under construction. Rows are appended sparsely: a row that is not appended
 * holds the column's default (empty, 0 or NULL), so an absent field costs nothing. Builders are reused from
 * batch to batch; their buffers grow by doubling and are given up when one batch made them very large.
 *
 * `mark` remembers the state before a frame, `restore` goes back to it when the frame turns out malformed.
 */
export interface Column {
  /** Room for `capacity` rows, where rows have a fixed place. */
  reserve(capacity: number): void;
  mark(): void;
  /** `rows`: all rows so far, those to be forgotten included; `markedRows`: those to be kept. */
  restore(markedRows: number, rows: number): void;
  /** Bytes of the column's data for the first `rows` rows. */
  byteLength(rows: number): number;
  /** Writes all of them, over whatever is there, and answers the offset behind them. */
  write(out: Uint8Array, offset: number, rows: number): number;
  /** Forgets all rows. */
  clear(rows: number): void;
}

/** Rows for which a fixed-width builder has room at first, and above which it lets go of its memory. */
export const rowsInitial = 4_096;
export const rowsRetainedMax = 65_536;
export const bytesRetainedMax = 4_194_304;

/** A buffer of the next capacity that holds `needed` bytes, with the first `used` bytes of `source`. */
export function grownSource(source: ByteSource, used: number, needed: number): ByteSource {
  invariant(needed < 0x7fff_ffff, 'a column of a batch stays below 2 GiB');
  let capacity = Math.max(1_024, source.bytes.length);
  while (capacity < needed) capacity *= 2;
  const grown = createByteSource(new ArrayBuffer(capacity));
  grown.bytes.set(source.bytes.subarray(0, used));
  return grown;
}

/** Bytes of an unsigned LEB128 number, as Native writes lengths. */
export function varuintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

export function writeVaruint(out: Uint8Array, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) out[at++] = (rest % 0x80) | 0x80;
  out[at++] = rest;
  return at;
}
