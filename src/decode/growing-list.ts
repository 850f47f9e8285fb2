import type { TextCursor } from './columns/text-column.js';
import type { SideBuffer } from './side-buffer.js';

type Numbers = Float64Array | Uint32Array;

/** A typed array that doubles when it is full, reused from batch to batch and copied out at its exact length. */
export class GrowingList<List extends Numbers> {
  readonly #type: new (
    length: number,
  ) => List;
  readonly #lengthRetainedMax: number;
  values: List;
  length = 0;

  constructor(type: new (length: number) => List, lengthInitial: number) {
    this.#type = type;
    this.#lengthRetainedMax = 64 * lengthInitial;
    this.values = new type(lengthInitial);
  }

  /** Offset of `count` further values, all 0. */
  extend(count: number): number {
    const at = this.length;
    this.length = at + count;
    if (this.length > this.values.length) this.#grow();
    return at;
  }

  push(value: number): void {
    const at = this.extend(1);
    this.values[at] = value;
  }

  #grow(): void {
    let capacity = 2 * this.values.length;
    while (capacity < this.length) capacity *= 2;
    const grown = new this.#type(capacity);
    grown.set(this.values);
    this.values = grown;
  }

  copy(side: SideBuffer): List {
    return side.copy(this.values, this.length);
  }

  clear(): void {
    if (this.values.length > this.#lengthRetainedMax) this.values = new this.#type(this.#lengthRetainedMax >> 6);
    else this.values.fill(0, 0, this.length);
    this.length = 0;
  }
}

const idBytesInitial = 4_096;
const idBytesRetainedMax = 1_048_576;

/** Ids end to end. */
export class IdList {
  #bytes = new Uint8Array(idBytesInitial);
  length = 0;

  /** The end of the id; it starts where the list ended. */
  append({ source, offset, length }: TextCursor): number {
    if (this.length + length > this.#bytes.length) this.#grow(this.length + length);
    this.#bytes.set(source.bytes.subarray(offset, offset + length), this.length);
    this.length += length;
    return this.length;
  }

  #grow(needed: number): void {
    let capacity = 2 * this.#bytes.length;
    while (capacity < needed) capacity *= 2;
    const grown = new Uint8Array(capacity);
    grown.set(this.#bytes);
    this.#bytes = grown;
  }

  copy(side: SideBuffer): Uint8Array {
    return side.copy(this.#bytes, this.length);
  }

  clear(): void {
    if (this.#bytes.length > idBytesRetainedMax) this.#bytes = new Uint8Array(idBytesInitial);
    this.length = 0;
  }
}
