import type { DecodedBatch } from '../core/event-batch.js';
import { type PackedSlices, packSlices, unpackSlices } from './packed-slices.js';

/** A decoded batch between threads. */
export interface PackedBatch extends Omit<DecodedBatch, 'slices'> {
  readonly slices: PackedSlices;
}

/** The batch as it leaves a thread, and the buffers that move with it instead of being copied. */
export function packBatch(decoded: DecodedBatch): { packed: PackedBatch; buffers: ArrayBufferLike[] } {
  const packed = { ...decoded, slices: packSlices(decoded.slices) };
  const buffers = [decoded.bytes, decoded.rows.buffer, packed.slices.numbers.buffer];
  if (decoded.eventIds !== null) {
    const { low, high, frame, event } = decoded.eventIds;
    buffers.push(low.buffer, high.buffer, frame.buffer, event.buffer);
  }
  return { packed, buffers };
}

export function unpackBatch(packed: PackedBatch): DecodedBatch {
  return { ...packed, slices: unpackSlices(packed.slices) };
}
