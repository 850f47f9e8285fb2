import type { DecodedBatch } from '../core/event-batch.js';
import { type PackedSlices, packSlices, unpackSlices } from './packed-slices.js';

/**
 * A decoded batch between threads: nothing is transferred, since V8 checks every access of a thread to a typed array
 * once one of its buffers was detached, which costs decoding a tenth. What is large lies in memory that both threads
 * share, if there was room; the rest is copied.
 */
export interface PackedBatch extends Omit<DecodedBatch, 'slices' | 'bytes'> {
  readonly slices: PackedSlices;
}

export function packBatch({ bytes: _, ...decoded }: DecodedBatch): PackedBatch {
  return { ...decoded, slices: packSlices(decoded.slices) };
}

/** What of a batch that comes from another thread was copied to get here. */
export function copiedParts({ rows, eventIds, lifecycle, work }: DecodedBatch): readonly ('rows' | 'lists')[] {
  const lists = [eventIds, lifecycle, work].flatMap((group) => Object.values(group ?? {}).filter(isList));
  return [...(isCopied(rows) ? (['rows'] as const) : []), ...(lists.some(isCopied) ? (['lists'] as const) : [])];
}

function isList(value: unknown): value is ArrayBufferView {
  return ArrayBuffer.isView(value);
}

function isCopied({ buffer, byteLength }: ArrayBufferView): boolean {
  return byteLength > 0 && !(buffer instanceof SharedArrayBuffer);
}

/** `bytes`: of the batch as it was given. */
export function unpackBatch(packed: PackedBatch, bytes: ArrayBufferLike): DecodedBatch {
  return { ...packed, bytes, slices: unpackSlices(packed.slices) };
}
