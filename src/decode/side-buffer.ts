type Numbers = Float64Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;

/** Lists of fewer bytes go by themselves. */
const bytesMin = 131_072;
const step = 262_144;

/**
 * One buffer for the lists that leave a thread with a batch (fingerprints, starts and ends, runs), which comes back and
 * holds those of another. A buffer a list instead is dropped by the thread that receives it: 150 bytes an event outside
 * the heap, for which its garbage collector runs, and which stay resident until it does.
 */
export class SideBuffer {
  #buffer: ArrayBuffer | null = null;
  #used = 0;
  /** Of the lists of this batch and of the one before, whether they found room or not. */
  #bytes = 0;
  #bytesBefore = 0;

  /**
   * `spare` may hold whatever. Where it is missing, or too small for the lists of the batch before, one is made if
   * those were large: batches grow with the load, and a small one would be handed round for ever.
   */
  begin(spare: ArrayBuffer | null): void {
    this.#bytesBefore = this.#bytes;
    this.#bytes = 0;
    this.#used = 0;
    this.#buffer = spare;
    if (this.#bytesBefore < bytesMin || (spare !== null && spare.byteLength >= this.#bytesBefore)) return;
    this.#buffer = new ArrayBuffer(Math.ceil((1.25 * this.#bytesBefore) / step) * step);
  }

  /** Gives away the buffer of the copies, null when there is none. */
  take(): ArrayBuffer | null {
    const buffer = this.#buffer;
    this.#buffer = null;
    return buffer;
  }

  /** The first `length` values: in the buffer, or in one of their own when it is full. */
  copy<List extends Numbers>(list: List, length: number): List {
    const bytes = length * list.BYTES_PER_ELEMENT;
    const at = this.#used;
    this.#bytes += bytes + 8;
    if (this.#buffer === null || length === 0 || at + bytes > this.#buffer.byteLength)
      return list.slice(0, length) as List;
    // Where numbers of eight bytes may begin.
    this.#used = (at + bytes + 7) & ~7;
    const type = list.constructor as new (buffer: ArrayBuffer, offset: number, length: number) => List;
    const copied = new type(this.#buffer, at, length);
    copied.set(list.subarray(0, length));
    return copied;
  }
}
