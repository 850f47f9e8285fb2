/** Its inner part is one `memcpy`, on every Node. */
const fill = Buffer.prototype.fill;

/**
 * Copies all of `source` to `at` of `target`, where there is room, also to and from memory that threads share. There
 * `Uint8Array.set` copies byte by byte unless both begin at a multiple of eight: 3.7 GB/s instead of 30 to 100.
 */
export function copyBytes(source: Uint8Array, target: Uint8Array, at: number): void {
  if (source.length > 0) fill.call(target, source, at, at + source.length);
}
