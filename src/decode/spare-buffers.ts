/** Smaller ones are not worth the moving; what one batch has made very large is given up. */
const bytesMin = 262_144;
const bytesMax = 4_194_304;

/**
 * Buffers that nobody uses now, at most `countMax` of up to 4 MiB. Memory outside the heap that is dropped instead has
 * the garbage collector of the thread that drops it run whenever 64 MiB of it have gathered: with the rows of batches,
 * at 130,000 events a second, three times a second.
 */
export class SpareBuffers {
  readonly #countMax: number;
  readonly #buffers: ArrayBuffer[] = [];

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  /** Whoever gives a buffer does not touch it any more. */
  give(buffer: ArrayBuffer): void {
    if (buffer.byteLength < bytesMin || buffer.byteLength > bytesMax) return;
    if (this.#buffers.length < this.#countMax) this.#buffers.push(buffer);
  }

  take(): ArrayBuffer | null {
    return this.#buffers.pop() ?? null;
  }
}
