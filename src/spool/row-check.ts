import { crc32 } from 'node:zlib';
import type { OpenFile } from './file-system.js';
import type { BatchRecord } from './segment-log.js';

const chunkBytes = 1024 * 1024;

/** Index of the first record whose rows in the data file are missing or do not match its CRC; -1 when all match. */
export async function firstBadRecord(data: OpenFile, records: readonly BatchRecord[]): Promise<number> {
  const size = await data.size();
  const buffer = Buffer.allocUnsafe(chunkBytes);
  for (const [index, record] of records.entries()) {
    if (record.dataOffset + record.dataLength > size) return index;
    if ((await rangeCrc(data, record, buffer)) !== record.rowsCrc) return index;
  }
  return -1;
}

async function rangeCrc(data: OpenFile, record: BatchRecord, buffer: Buffer): Promise<number> {
  const end = record.dataOffset + record.dataLength;
  let crc = 0;
  for (let at = record.dataOffset; at < end; ) {
    const target = buffer.subarray(0, Math.min(buffer.length, end - at));
    const count = await data.read(target, at);
    if (count === 0) return -1;
    crc = crc32(target.subarray(0, count), crc);
    at += count;
  }
  return crc;
}

/** Writes a range of a file onto itself, so that its pages count as changed and the next sync writes them. */
export async function rewriteRange(file: OpenFile, from: number, to: number): Promise<void> {
  const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, Math.max(0, to - from)));
  for (let at = from; at < to; ) {
    const count = await file.read(buffer.subarray(0, Math.min(buffer.length, to - at)), at);
    if (count === 0) return;
    await file.write([buffer.subarray(0, count)], at);
    at += count;
  }
}
