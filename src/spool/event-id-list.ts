import type { EventIdList } from '../core/event-batch.js';

/** A copy of `count` ids, all low halves before all high ones. */
export function decodeIds(content: Buffer, offset: number, count: number): EventIdList {
  const low = new Uint32Array(count);
  const high = new Uint32Array(count);
  bytesOf(low).set(content.subarray(offset, offset + 4 * count));
  bytesOf(high).set(content.subarray(offset + 4 * count, offset + 8 * count));
  return { low, high };
}

/** In the processor's order of bytes, which is little-endian wherever there is a binary of the engine or the server. */
export function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
