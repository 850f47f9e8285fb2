import type { DecodedBatch } from '../core/event-batch.js';
import { type PackedSlices, packSlices, unpackSlices } from './packed-slices.js';

/** A decoded batch between threads. */
export interface PackedBatch extends Omit<DecodedBatch, 'slices'> {
  readonly slices: PackedSlices;
}

/** The batch as it leaves a thread, and the buffers that move with it instead of being copied. */
export function packBatch(decoded: DecodedBatch): { packed: PackedBatch; buffers: ArrayBufferLike[] } {
  const packed = { ...decoded, slices: packSlices(decoded.slices) };
  const { ids, runs, subjects, openings, heartbeats } = decoded.lifecycle;
  const buffers: ArrayBufferLike[] = [decoded.bytes, decoded.rows.buffer, packed.slices.numbers.buffer];
  for (const list of [ids, runs, subjects, openings, heartbeats]) if (list.length > 0) buffers.push(list.buffer);
  const { attempts, namings, events } = decoded.work;
  for (const list of [attempts, namings, events]) if (list.length > 0) buffers.push(list.buffer);
  if (decoded.eventIds !== null) {
    const { low, high, frame, event } = decoded.eventIds;
    buffers.push(low.buffer, high.buffer, frame.buffer, event.buffer);
  }
  if (decoded.live !== null) {
    const { json, ends, ranges } = decoded.live;
    buffers.push(json.buffer, ends.buffer, ranges.buffer);
  }
  return { packed, buffers };
}

export function unpackBatch(packed: PackedBatch): DecodedBatch {
  return { ...packed, slices: unpackSlices(packed.slices) };
}
