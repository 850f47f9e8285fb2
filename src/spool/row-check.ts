import { crc32 } from 'node:zlib';
import type { OpenFile } from './file-system.js';
import type { BatchRecord } from './segment-log.js';

const chunkBytes = 1024 * 1024;

/** Index of the first record whose rows in the data file are missing or do not match its CRC; -1 when all match. */
export async function firstBadRecord(data: OpenFile, records: readonly BatchRecord[]): Promise<number> {
  const longest = records.reduce((most, { dataLength }) => Math.max(most, dataLength), 0);
  const buffer = bufferFor(longest);
  for (const [index, record] of records.entries()) {
    if (!(await rowsMatch(data, record, buffer))) return index;
  }
  return -1;
}

/** Whether the rows of `record` are all there and match its CRC. */
export async function rowsMatch(
  data: OpenFile,
  record: BatchRecord,
  buffer = bufferFor(record.dataLength),
): Promise<boolean> {
  let crc = 0;
  const read = await readRange(data, rangeOf(record), buffer, (bytes) => {
    crc = crc32(bytes, crc);
  });
  return read === record.dataLength && crc === record.rowsCrc;
}

function bufferFor(bytes: number): Buffer {
  return Buffer.allocUnsafe(Math.min(chunkBytes, bytes));
}

export interface ByteRange {
  readonly offset: number;
  readonly bytes: number;
}

export function rangeOf({ dataOffset: offset, dataLength: bytes }: BatchRecord): ByteRange {
  return { offset, bytes };
}

/** Reads a range piece by piece, as far as the file goes; returns how many bytes that were. */
async function readRange(
  file: OpenFile,
  { offset, bytes }: ByteRange,
  buffer: Buffer,
  take: (bytes: Buffer) => Promise<void> | void,
): Promise<number> {
  let at = offset;
  while (at < offset + bytes) {
    const count = await file.read(buffer.subarray(0, Math.min(buffer.length, offset + bytes - at)), at);
    if (count === 0) break;
    await take(buffer.subarray(0, count));
    at += count;
  }
  return at - offset;
}

/** Copies a range to the end of another file of `to.bytes` bytes, as far as it goes; returns its CRC and its bytes. */
export async function copyRange(
  file: OpenFile,
  range: ByteRange,
  to: { readonly file: OpenFile; readonly bytes: number },
): Promise<{ readonly crc: number; readonly bytes: number }> {
  const buffer = bufferFor(range.bytes);
  let crc = 0;
  let at = to.bytes;
  const bytes = await readRange(file, range, buffer, async (piece) => {
    crc = crc32(piece, crc);
    await to.file.write([piece], at);
    at += piece.length;
  });
  return { crc, bytes };
}

/** Writes a range of a file onto itself, so that its pages count as changed and the next sync writes them. */
export async function rewriteRange(file: OpenFile, from: number, to: number): Promise<void> {
  const buffer = bufferFor(Math.max(0, to - from));
  for (let at = from; at < to; ) {
    const count = await file.read(buffer.subarray(0, Math.min(buffer.length, to - at)), at);
    if (count === 0) return;
    await file.write([buffer.subarray(0, count)], at);
    at += count;
  }
}
