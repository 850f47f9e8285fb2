import { packMessage } from '../core/msgpack.js';
import type { EventColumns } from './event-columns.js';

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

/** Hot path: once a frame. */
export function encodeFrame({ columns, rows }: EventColumns): Uint8Array {
  const body = packMessage({ columns, rows });
  const frame = new Uint8Array(headerBytesMax + body.length - 1);
  // The first byte of the body is its own map header, a map of two; the stamped header replaces it.
  frame.set(body.subarray(1), headerBytesMax);
  return frame;
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
