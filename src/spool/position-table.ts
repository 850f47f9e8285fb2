import { invariant } from '../core/invariant.js';

/** What is kept of a producer, as it stands in the table or in the journal. */
export interface Position {
  readonly low: number;
  readonly high: number;
  readonly seq: number;
  /** Time of receipt of the last frame, seconds since the epoch. */
  readonly usedS: number;
}

const none = -1;
/** Uses within this many seconds do not move an entry in the order of forgetting. */
const orderGrainS = 60;

/**
 * Highest seq by producer fingerprint, for at most `entriesMax` producers: 48 bytes a producer in typed arrays.
 * They have their full size from the start: doubling them held one append for 47 ms of CPU at 524,288 producers
 * (the longest is now 12 ms, a garbage collection), and the system gives memory only to the parts that are used.
 *
 * Open addressing with linear probing and backward-shift deletion; a doubly linked list holds the entries in
 * the order of their last use, and the oldest is forgotten when the table is full.
 *
 * An entry has two numbers: `seq` is the highest appended (perhaps not yet durable), `carried` the highest that
 * has left with a segment and is therefore only in the journal.
 */
export class PositionTable {
  readonly #entriesMax: number;
  readonly #onForgotten: () => void;
  /** Entry index + 1, or 0. Twice as many slots as entries or more. */
  readonly #slots: Int32Array;
  readonly #low: Uint32Array;
  readonly #high: Uint32Array;
  readonly #seq: Float64Array;
  readonly #carried: Float64Array;
  readonly #usedS: Uint32Array;
  readonly #older: Int32Array;
  readonly #newer: Int32Array;
  #oldest = none;
  #newest = none;
  /** Entries below this index have been used at some time; freed ones are linked through `#newer`. */
  #touched = 0;
  #free = none;
  #size = 0;
  #carriedSize = 0;

  constructor(entriesMax: number, onForgotten: () => void) {
    this.#entriesMax = entriesMax;
    this.#onForgotten = onForgotten;
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(entriesMax * 2)));
    this.#low = new Uint32Array(entriesMax);
    this.#high = new Uint32Array(entriesMax);
    this.#seq = new Float64Array(entriesMax);
    this.#carried = new Float64Array(entriesMax);
    this.#usedS = new Uint32Array(entriesMax);
    this.#older = new Int32Array(entriesMax);
    this.#newer = new Int32Array(entriesMax);
  }

  get size(): number {
    return this.#size;
  }

  /** Entries that `forEachCarried` visits. */
  get carriedSize(): number {
    return this.#carriedSize;
  }

  /** Highest seq, 0 when the producer is not known. */
  seqOf(low: number, high: number): number {
    const entry = this.#find(low, high);
    return entry === none ? 0 : this.#seq[entry]!;
  }

  /** Hot path: once a frame. Raises the position to `seq`; returns what it was, 0 when it was not known. */
  advance(low: number, high: number, seq: number, usedS: number): number {
    let entry = this.#find(low, high);
    if (entry === none) {
      entry = this.#insert(low, high);
      this.#usedS[entry] = usedS;
    } else if (usedS >= this.#usedS[entry]! + orderGrainS) {
      this.#unlink(entry);
      this.#linkNewest(entry);
      this.#usedS[entry] = usedS;
    }
    const before = this.#seq[entry]!;
    if (seq > before) this.#seq[entry] = seq;
    return before;
  }

  /** Takes an `advance` back. `seq` is what it returned. */
  restore(low: number, high: number, seq: number): void {
    const entry = this.#find(low, high);
    if (entry === none) return;
    if (seq === 0) this.#delete(entry);
    else this.#seq[entry] = seq;
  }

  /** Marks a durable position as kept by the journal; false when the producer has been forgotten meanwhile. */
  carry(low: number, high: number, seq: number): boolean {
    const entry = this.#find(low, high);
    if (entry === none) return false;
    const before = this.#carried[entry]!;
    if (before === 0) this.#carriedSize++;
    if (seq > before) this.#carried[entry] = seq;
    return true;
  }

  /** Forgets producers last used before `usedS`. */
  forgetBefore(usedS: number): void {
    while (this.#oldest !== none && this.#usedS[this.#oldest]! < usedS) this.#forget(this.#oldest);
  }

  /** Visits what the journal must hold, least recently used first. The table must not change meanwhile. */
  forEachCarried(visit: (low: number, high: number, seq: number, usedS: number) => void): void {
    for (let entry = this.#oldest; entry !== none; entry = this.#newer[entry]!) {
      const seq = this.#carried[entry]!;
      if (seq > 0) visit(this.#low[entry]!, this.#high[entry]!, seq, this.#usedS[entry]!);
    }
  }

  #find(low: number, high: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot]! - 1;
      if (entry === none) return none;
      if (this.#low[entry] === low && this.#high[entry] === high) return entry;
    }
  }

  #insert(low: number, high: number): number {
    if (this.#size >= this.#entriesMax) this.#forget(this.#oldest);
    let entry = this.#free;
    if (entry !== none) this.#free = this.#newer[entry]!;
    else entry = this.#touched++;
    this.#low[entry] = low;
    this.#high[entry] = high;
    this.#seq[entry] = 0;
    this.#carried[entry] = 0;
    this.#size++;
    this.#linkNewest(entry);
    this.#placeInSlot(entry);
    return entry;
  }

  #forget(entry: number): void {
    this.#delete(entry);
    this.#onForgotten();
  }

  #delete(entry: number): void {
    this.#clearSlot(entry);
    this.#unlink(entry);
    if (this.#carried[entry]! > 0) this.#carriedSize--;
    this.#newer[entry] = this.#free;
    this.#free = entry;
    this.#size--;
  }

  #placeInSlot(entry: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#low[entry]! & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = entry + 1;
  }

  /** Backward-shift deletion (Knuth, TAOCP 3, 6.4, algorithm R): closes the gap so that no probe stops early. */
  #clearSlot(entry: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let gap = this.#low[entry]! & mask;
    while (slots[gap] !== entry + 1) {
      invariant(slots[gap] !== 0, 'a producer entry has no slot');
      gap = (gap + 1) & mask;
    }
    for (let slot = (gap + 1) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.#low[slots[slot]! - 1]! & mask;
      if (((slot - home) & mask) < ((slot - gap) & mask)) continue;
      slots[gap] = slots[slot]!;
      gap = slot;
    }
    slots[gap] = 0;
  }

  #linkNewest(entry: number): void {
    this.#older[entry] = this.#newest;
    this.#newer[entry] = none;
    if (this.#newest === none) this.#oldest = entry;
    else this.#newer[this.#newest] = entry;
    this.#newest = entry;
  }

  #unlink(entry: number): void {
    const older = this.#older[entry]!;
    const newer = this.#newer[entry]!;
    if (older === none) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (newer === none) this.#newest = older;
    else this.#older[newer] = older;
  }
}
