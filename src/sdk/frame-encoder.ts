import { packMessage } from '../core/msgpack.js';
import type { TidemarkEvent } from './event.js';

/**
 * The positional frame of the wire protocol, as MessagePack: `{seq, columns: [name…], rows: [[value…]…]}`.
 *
 *   0x83                     map of three
 *   0xa3 's' 'e' 'q'         always the first key
 *   0xce uint32 | 0xcf u64   the number, written by `stampSeq` when the frame is sent for the first time
 *   …                        columns and rows, encoded once
 *
 * The number is not known when a frame is encoded: it follows what the collector says it holds. So the
 * encoder leaves `headerBytesMax` bytes in front and `stampSeq` fills as many of them as the number needs.
 */
const headerBytesMax = 14;
const mapOfThreeWithSeq = Uint8Array.of(0x83, 0xa3, 0x73, 0x65, 0x71);

/** Hot path: once a frame. Columns are the union of the events' fields, in the order they first appear. */
export function encodeFrame(events: readonly TidemarkEvent[]): Uint8Array {
  const body = packMessage(columnsOf(events));
  const frame = new Uint8Array(headerBytesMax + body.length - 1);
  // The first byte of the body is its own map header, a map of two; the stamped header replaces it.
  frame.set(body.subarray(1), headerBytesMax);
  return frame;
}

/** Names once, values in rows; a value that an event does not have is null. */
export function columnsOf(events: readonly TidemarkEvent[]): {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
} {
  const columnIndex = new Map<string, number>();
  const rows: unknown[][] = [];
  for (const event of events) rows.push(rowOf(event, columnIndex));
  for (const row of rows) padRow(row, columnIndex.size);
  return { columns: [...columnIndex.keys()], rows };
}

/** Writes the header in front of what `encodeFrame` made; returns the bytes to send, a view of `frame`. */
export function stampSeq(frame: Uint8Array, seq: number): Uint8Array {
  const short = seq < 2 ** 32;
  const start = short ? 4 : 0;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  frame.set(mapOfThreeWithSeq, start);
  view.setUint8(start + 5, short ? 0xce : 0xcf);
  if (short) view.setUint32(start + 6, seq);
  else view.setBigUint64(start + 6, BigInt(seq));
  return frame.subarray(start);
}

function rowOf(event: TidemarkEvent, columnIndex: Map<string, number>): unknown[] {
  const row: unknown[] = new Array(columnIndex.size).fill(null);
  for (const name in event) {
    const value = event[name as keyof TidemarkEvent];
    if (value === undefined || value === null) continue;
    let index = columnIndex.get(name);
    if (index === undefined) {
      index = columnIndex.size;
      columnIndex.set(name, index);
    }
    row[index] = value instanceof Date ? value.getTime() : value;
  }
  return row;
}

function padRow(row: unknown[], length: number): void {
  while (row.length < length) row.push(null);
}

/** About what an event takes in a frame, without encoding it: strings by length, anything else 9 bytes. */
export function estimateEventBytes(event: TidemarkEvent): number {
  let bytes = 4;
  for (const name in event) {
    const value: unknown = event[name as keyof TidemarkEvent];
    if (typeof value === 'string') bytes += value.length + 3;
    else if (value !== null && typeof value === 'object' && !(value instanceof Date)) bytes += estimateMapBytes(value);
    else bytes += 9;
  }
  return bytes;
}

function estimateMapBytes(map: object): number {
  let bytes = 3;
  for (const [key, value] of Object.entries(map)) {
    bytes += key.length + 2 + (typeof value === 'string' ? value.length + 3 : 9);
  }
  return bytes;
}
