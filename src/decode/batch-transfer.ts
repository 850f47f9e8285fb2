import type { DecodedBatch } from '../core/event-batch.js';
import { type PackedSlices, packSlices, unpackSlices } from './packed-slices.js';

/** A decoded batch between threads. */
export interface PackedBatch extends Omit<DecodedBatch, 'slices'> {
  readonly slices: PackedSlices;
}

/** The batch as it leaves a thread, and the buffers that move with it instead of being copied. */
export function packBatch(decoded: DecodedBatch): { packed: PackedBatch; buffers: ArrayBufferLike[] } {
  const packed = { ...decoded, slices: packSlices(decoded.slices) };
  const moved = new Set<ArrayBufferLike>([decoded.bytes, decoded.rows.buffer, packed.slices.numbers.buffer]);
  if (decoded.side !== null) moved.add(decoded.side);
  const { ids, runs, subjects, openings, heartbeats } = decoded.lifecycle;
  for (const list of [ids, runs, subjects, openings, heartbeats]) if (list.length > 0) moved.add(list.buffer);
  const { attempts, namings, events } = decoded.work;
  for (const list of [attempts, namings, events]) if (list.length > 0) moved.add(list.buffer);
  if (decoded.eventIds !== null) {
    const { low, high, frame, event } = decoded.eventIds;
    for (const list of [low, high, frame, event]) moved.add(list.buffer);
  }
  if (decoded.live !== null) {
    const { json, ends, ranges } = decoded.live;
    for (const list of [json, ends, ranges]) moved.add(list.buffer);
  }
  return { packed, buffers: [...moved] };
}

export function unpackBatch(packed: PackedBatch): DecodedBatch {
  return { ...packed, slices: unpackSlices(packed.slices) };
}
