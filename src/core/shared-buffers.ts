/**
 * Buffers of one size in memory that threads share, used again and again: at most `countMax` of them are ever made.
 * The garbage collector does not count such memory and so would not hurry to free it; hence none is ever dropped. Pages
 * that nobody has written to take no memory.
 */
export class SharedBuffers {
  readonly #bytes: number;
  readonly #free: SharedArrayBuffer[] = [];
  #unmade: number;

  constructor({ bytes, countMax }: { readonly bytes: number; readonly countMax: number }) {
    this.#bytes = bytes;
    this.#unmade = countMax;
  }

  /** Holds whatever. Null: all are in use. */
  tryTake(): SharedArrayBuffer | null {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#unmade === 0) return null;
    this.#unmade -= 1;
    return new SharedArrayBuffer(this.#bytes);
  }

  /** Whoever gives a buffer does not touch it any more. One that is not of these is left to the garbage collector. */
  give(buffer: ArrayBufferLike): void {
    if (buffer instanceof SharedArrayBuffer) this.#free.push(buffer);
  }
}
