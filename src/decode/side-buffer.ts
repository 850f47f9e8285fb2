import { copyBytes } from '../core/copy-bytes.js';

type Numbers = Float64Array | Uint32Array | Uint8Array;

/**
 * One buffer for the lists that leave a thread with a batch (fingerprints, starts and ends, runs), which comes back and
 * holds those of another. A buffer a list instead is dropped by the thread that receives it: 150 bytes an event outside
 * the heap, for which its garbage collector runs, and which stay resident until it does.
 */
export class SideBuffer {
  #buffer: ArrayBufferLike | null = null;
  #used = 0;

  /** `spare` may hold whatever; null: every list has a buffer of its own. */
  begin(spare: ArrayBufferLike | null): void {
    this.#used = 0;
    this.#buffer = spare;
  }

  /** Gives away the buffer of the copies, null when there is none. */
  take(): ArrayBufferLike | null {
    const buffer = this.#buffer;
    this.#buffer = null;
    return buffer;
  }

  /** The first `length` values: in the buffer, or in one of their own when it is full. */
  copy<List extends Numbers>(list: List, length: number): List {
    const bytes = length * list.BYTES_PER_ELEMENT;
    const at = this.#used;
    if (this.#buffer === null || length === 0 || at + bytes > this.#buffer.byteLength)
      return list.slice(0, length) as List;
    // Where numbers of eight bytes may begin.
    this.#used = (at + bytes + 7) & ~7;
    const type = list.constructor as new (buffer: ArrayBufferLike, offset: number, length: number) => List;
    const copied = new type(this.#buffer, at, length);
    copyBytes(bytesOf(list, bytes), bytesOf(copied, bytes), 0);
    return copied;
  }
}

function bytesOf(list: Numbers, bytes: number): Uint8Array {
  return new Uint8Array(list.buffer, list.byteOffset, bytes);
}
