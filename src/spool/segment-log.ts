import { crc32 } from 'node:zlib';
import type { EventIdList } from '../core/event-batch.js';
import { invariant } from '../core/invariant.js';
import type { SpoolBatch, SpoolFrame } from '../core/ports/spool-appender.js';
import { bytesOf, decodeIds } from './event-id-list.js';

/** Encoding and decoding of a segment's log. The layout is specified in `spool.ts`. */

const formatVersion = 1;
/** "TMLH" and "TMLR" in the byte order of the file. */
const headerMagic = 0x484c4d54;
const recordMagic = 0x524c4d54;
const recordMagicBytes = Buffer.from('TMLR', 'latin1');
/** magic, length, crc. */
const prefixBytes = 12;
/** Every record's payload begins with kind, segment tag and group offset. */
const recordHeadBytes = 9;
const batchKind = 1;
const endKind = 2;
/** A record of one batch is far smaller; a length above this is damage. */
const payloadBytesMax = 1 << 30;

/** Where a segment's durable bytes end, as a later segment's header remembers it. */
export interface SegmentEnd {
  readonly id: string;
  readonly dataBytes: number;
  readonly logBytes: number;
}

export interface LogHeader {
  readonly id: string;
  /** Year * 100 + month of every `received` in the segment, UTC. */
  readonly month: number;
  readonly columns: readonly { readonly name: string; readonly column: string }[];
  readonly ends: readonly SegmentEnd[];
}

export interface BatchRecord {
  readonly kind: 'batch';
  readonly logOffset: number;
  /** Log offset of the first record (0 for the header) that was written and synced together with this one. */
  readonly groupOffset: number;
  readonly dataOffset: number;
  readonly dataLength: number;
  readonly rowCount: number;
  readonly rowsCrc: number;
  readonly receivedMs: number;
  /** Where the record's frames begin, within the log. */
  readonly framesOffset: number;
  readonly endOffset: number;
}

export interface EndRecord {
  readonly kind: 'end';
  readonly logOffset: number;
  readonly groupOffset: number;
  readonly dataBytes: number;
  readonly rows: number;
}

/** Writes little-endian values into a buffer that grows. */
export class LogEncoder {
  /** A header of today's columns fits. */
  #buffer = Buffer.allocUnsafe(4 * 1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Valid until the next call that writes. */
  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  header(header: LogHeader): void {
    const start = this.#begin(headerMagic);
    this.#u16(formatVersion);
    this.#text(header.id);
    this.#u32(header.month);
    this.#u16(header.columns.length);
    for (const { name, column } of header.columns) {
      this.#text(name);
      this.#text(column);
    }
    this.#u16(header.ends.length);
    for (const end of header.ends) {
      this.#text(end.id);
      this.#f64(end.dataBytes);
      this.#f64(end.logBytes);
    }
    this.#finish(start);
  }

  /** Hot path: once a batch, a few dozen bytes a frame. */
  batch(batch: SpoolBatch, place: { readonly tag: number; groupOffset: number; dataOffset: number }): void {
    const start = this.#begin(recordMagic);
    this.#recordHead(batchKind, place.tag, place.groupOffset);
    this.#f64(place.dataOffset);
    this.#u32(batch.rows.length);
    this.#u32(batch.rowCount);
    this.#u32(batch.rowsCrc);
    this.#f64(batch.receivedMs);
    this.#u32(batch.frames.length);
    let tenant: string | null = null;
    for (const frame of batch.frames) {
      // A tenant is written when it differs from the frame before: frames of one tenant mostly come together.
      const repeated = frame.tenant === tenant;
      this.#u8(repeated ? 0 : 1);
      if (!repeated) this.#text(frame.tenant);
      this.#text(frame.producer);
      this.#f64(frame.seq);
      this.#u32(frame.rows);
      tenant = frame.tenant;
    }
    if (batch.eventIds !== null) this.#eventIds(batch.eventIds);
    this.#finish(start);
  }

  /** A record of another log, for the same rows at another place. */
  copy(
    log: Buffer,
    record: BatchRecord,
    place: { readonly tag: number; groupOffset: number; dataOffset: number },
  ): void {
    const start = this.#begin(recordMagic);
    this.#recordHead(batchKind, place.tag, place.groupOffset);
    this.#f64(place.dataOffset);
    const rest = log.subarray(record.logOffset + prefixBytes + recordHeadBytes + 8, record.endOffset);
    this.#reserve(rest.length);
    this.#length += rest.copy(this.#buffer, this.#length);
    this.#finish(start);
  }

  end(end: { readonly tag: number; logOffset: number; dataBytes: number; rows: number }): void {
    const start = this.#begin(recordMagic);
    this.#recordHead(endKind, end.tag, end.logOffset);
    this.#f64(end.dataBytes);
    this.#u32(end.rows);
    this.#finish(start);
  }

  #eventIds({ low, high }: EventIdList): void {
    this.#u32(low.length);
    this.#reserve(low.byteLength + high.byteLength);
    for (const words of [low, high]) {
      this.#buffer.set(bytesOf(words), this.#length);
      this.#length += words.byteLength;
    }
  }

  #begin(magic: number): number {
    this.#reserve(prefixBytes);
    const start = this.#length;
    this.#length += prefixBytes;
    this.#buffer.writeUInt32LE(magic, start);
    return start;
  }

  #recordHead(kind: number, tag: number, groupOffset: number): void {
    this.#u8(kind);
    this.#u32(tag);
    this.#u32(groupOffset);
  }

  #finish(start: number): void {
    const payload = this.#buffer.subarray(start + prefixBytes, this.#length);
    this.#buffer.writeUInt32LE(payload.length, start + 4);
    this.#buffer.writeUInt32LE(crc32(payload), start + 8);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + bytes));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }

  #u8(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
  }

  #u16(value: number): void {
    this.#reserve(2);
    this.#length = this.#buffer.writeUInt16LE(value, this.#length);
  }

  #u32(value: number): void {
    this.#reserve(4);
    this.#length = this.#buffer.writeUInt32LE(value, this.#length);
  }

  #f64(value: number): void {
    this.#reserve(8);
    this.#length = this.#buffer.writeDoubleLE(value, this.#length);
  }

  #text(text: string): void {
    this.#reserve(2 + text.length * 3);
    const start = this.#length + 2;
    let at = start;
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit > 0x7f) {
        at = start + this.#buffer.write(text, start, 'utf8');
        break;
      }
      this.#buffer[at++] = unit;
    }
    invariant(at - start <= 0xffff, 'a text of the spool log is longer than 65,535 bytes');
    this.#buffer.writeUInt16LE(at - start, this.#length);
    this.#length = at;
  }
}

/** Ties records to their segment: 32 bits of its id, whose last part is random. */
export function segmentTag(id: string): number {
  return crc32(id);
}

export function parseHeader(log: Buffer): { readonly header: LogHeader; readonly bytes: number } | null {
  const end = payloadEnd(log, 0, headerMagic);
  if (end === null) return null;
  const reader = new Reader(log, prefixBytes);
  if (reader.u16() !== formatVersion) return null;
  const id = reader.text();
  const month = reader.u32();
  const columns = Array.from({ length: reader.u16() }, () => ({ name: reader.text(), column: reader.text() }));
  const ends = Array.from({ length: reader.u16() }, () => ({
    id: reader.text(),
    dataBytes: reader.f64(),
    logBytes: reader.f64(),
  }));
  return { header: { id, month, columns, ends }, bytes: end };
}

/** The record at `offset` and where the next begins, or null when there is no intact record of this segment. */
export function parseRecord(
  log: Buffer,
  offset: number,
  tag: number,
): { readonly record: BatchRecord | EndRecord; readonly next: number } | null {
  const next = payloadEnd(log, offset, recordMagic);
  if (next === null || next - offset < prefixBytes + recordHeadBytes) return null;
  const reader = new Reader(log, offset + prefixBytes);
  const kind = reader.u8();
  if (reader.u32() !== tag) return null;
  const groupOffset = reader.u32();
  if (kind === endKind) {
    const record = {
      kind: 'end',
      logOffset: offset,
      groupOffset,
      dataBytes: reader.f64(),
      rows: reader.u32(),
    } as const;
    return { record, next };
  }
  if (kind !== batchKind) return null;
  const record = {
    kind: 'batch',
    logOffset: offset,
    groupOffset,
    dataOffset: reader.f64(),
    dataLength: reader.u32(),
    rowCount: reader.u32(),
    rowsCrc: reader.u32(),
    receivedMs: reader.f64(),
    framesOffset: reader.offset,
    endOffset: next,
  } as const;
  return { record, next };
}

/** Offset of the next place at or after `offset` that could be a record, -1 when there is none. */
export function nextRecordCandidate(log: Buffer, offset: number): number {
  return log.indexOf(recordMagicBytes, offset);
}

export function forEachFrame(log: Buffer, record: BatchRecord, visit: (frame: SpoolFrame) => void): void {
  const reader = new Reader(log, record.framesOffset);
  const count = reader.u32();
  let tenant = '';
  for (let index = 0; index < count; index++) {
    if (reader.u8() === 1) tenant = reader.text();
    visit({ tenant, producer: reader.text(), seq: reader.f64(), rows: reader.u32() });
  }
}

/** The event ids of a batch's rows; null when it has none, or is of a time when they were not kept. */
export function eventIdsOf(log: Buffer, record: BatchRecord): EventIdList | null {
  const reader = new Reader(log, record.framesOffset);
  for (let left = reader.u32(); left > 0; left--) {
    if (reader.u8() === 1) reader.skipText();
    reader.skipText();
    reader.offset += 12;
  }
  if (reader.offset === record.endOffset) return null;
  const count = reader.u32();
  return decodeIds(log, reader.offset, count);
}

/** End of an intact block (magic, length, CRC, payload) at `offset`, or null. */
function payloadEnd(log: Buffer, offset: number, magic: number): number | null {
  const start = offset + prefixBytes;
  if (start > log.length || log.readUInt32LE(offset) !== magic) return null;
  const length = log.readUInt32LE(offset + 4);
  const end = start + length;
  if (length > payloadBytesMax || end > log.length) return null;
  return crc32(log.subarray(start, end)) === log.readUInt32LE(offset + 8) ? end : null;
}

class Reader {
  offset: number;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer, offset: number) {
    this.#bytes = bytes;
    this.offset = offset;
  }

  u8(): number {
    return this.#bytes[this.offset++]!;
  }

  u16(): number {
    const value = this.#bytes.readUInt16LE(this.offset);
    this.offset += 2;
    return value;
  }

  u32(): number {
    const value = this.#bytes.readUInt32LE(this.offset);
    this.offset += 4;
    return value;
  }

  f64(): number {
    const value = this.#bytes.readDoubleLE(this.offset);
    this.offset += 8;
    return value;
  }

  skipText(): void {
    this.offset += 2 + this.#bytes.readUInt16LE(this.offset);
  }

  text(): string {
    const length = this.u16();
    const text = this.#bytes.toString('utf8', this.offset, this.offset + length);
    this.offset += length;
    return text;
  }
}
