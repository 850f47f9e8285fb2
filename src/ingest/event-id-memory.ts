import type { EventIdList } from '../core/event-batch.js';
import type { EventIdSink } from '../core/ports/event-id-sink.js';
import { SecretSpread } from '../core/secret-spread.js';

/**
 * Which event ids were seen, as 64-bit fingerprints in bounded memory: two generations of at most half of
 * `idsMax` each. When the younger is full it becomes the older, and what the older held is forgotten and
 * reported. A false "seen" needs two ids with the same 64 bits: below 1e-6 for 2 million ids.
 *
 * Each generation is an open-addressing table with linear probing, load at most 1/2 (Knuth, TAOCP 3, 6.4). A sender
 * chooses its ids and could compute their fingerprints, so where one begins is a secret of the table.
 */
export class EventIdMemory implements EventIdSink {
  readonly #generationMax: number;
  readonly #onForgotten: (count: number) => void;
  #young = new FingerprintTable();
  #old = new FingerprintTable();
  constructor(options: { readonly idsMax: number; readonly onForgotten: (count: number) => void }) {
    this.#generationMax = Math.max(1, Math.floor(options.idsMax / 2));
    this.#onForgotten = options.onForgotten;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** Hot path: once an event with an id. Remembers it; false when it was known already. */
  tryAdd(low: number, high: number): boolean {
    if (this.#old.has(low, high) || !this.#young.tryAdd(low, high)) return false;
    if (this.#young.size >= this.#generationMax) this.#rotate();
    return true;
  }

  /**
   * Hot path: once a few dozen ids. Fetches the slots of ids that are looked up next into the processor's cache: the
   * tables are larger than it, and one look-up after another waits for the memory each time, while these loads wait
   * together. What it answers means nothing, but loads whose values went nowhere would be left out.
   */
  prefetch({ low, high }: EventIdList, from: number, to: number): number {
    return this.#old.fetch(low, high, from, to) ^ this.#young.fetch(low, high, from, to);
  }

  /** Takes an id back whose event was not kept after all. */
  remove(low: number, high: number): void {
    if (!this.#young.remove(low, high)) this.#old.remove(low, high);
  }

  /** At start, oldest first: ids of events that earlier processes acknowledged. */
  restore({ low, high }: EventIdList): number {
    let added = 0;
    for (let index = 0; index < low.length; index++) if (this.tryAdd(low[index]!, high[index]!)) added++;
    return added;
  }

  forgotten(count: number): void {
    this.#onForgotten(count);
  }

  #rotate(): void {
    const forgotten = this.#old.size;
    const filled = this.#young;
    this.#young = this.#old;
    this.#young.clear(filled.capacity);
    this.#old = filled;
    if (forgotten > 0) this.#onForgotten(forgotten);
  }
}

const slotsInitial = 1_024;

/** Slots hold low and high half side by side; (0, 0) marks a free slot, so that fingerprint is kept as (1, 0). */
class FingerprintTable {
  #slots = new Uint32Array(2 * slotsInitial);
  #mask = slotsInitial - 1;
  #shift = Math.clz32(this.#mask);
  readonly #spread = new SecretSpread();
  size = 0;

  get capacity(): number {
    return this.#mask + 1;
  }

  /** Forgets all, and has at least so many slots: growing to them step by step costs as much as all else. */
  clear(capacity: number): void {
    if (capacity > this.capacity) this.#allot(capacity);
    else this.#slots.fill(0);
    this.size = 0;
  }

  fetch(lows: Uint32Array, highs: Uint32Array, from: number, to: number): number {
    const slots = this.#slots;
    const shift = this.#shift;
    let fetched = 0;
    for (let at = from; at < to; at++) fetched ^= slots[2 * this.#spread.slot(lows[at]!, highs[at]!, shift)]!;
    return fetched;
  }

  has(low: number, high: number): boolean {
    const wanted = low === 0 && high === 0 ? 1 : low;
    const slot = 2 * this.#find(wanted, high);
    return this.#slots[slot] !== 0 || this.#slots[slot + 1] !== 0;
  }

  tryAdd(low: number, high: number): boolean {
    const wanted = low === 0 && high === 0 ? 1 : low;
    const slot = 2 * this.#find(wanted, high);
    if (this.#slots[slot] !== 0 || this.#slots[slot + 1] !== 0) return false;
    this.#slots[slot] = wanted;
    this.#slots[slot + 1] = high;
    this.size += 1;
    if (this.size * 2 > this.#mask + 1) this.#grow();
    return true;
  }

  remove(low: number, high: number): boolean {
    const wanted = low === 0 && high === 0 ? 1 : low;
    const index = this.#find(wanted, high);
    if (this.#slots[2 * index] === 0 && this.#slots[2 * index + 1] === 0) return false;
    this.#clear(index);
    this.size -= 1;
    this.#reinsertAfter(index);
    return true;
  }

  /** The slot that holds the pair, or the free slot where it belongs. */
  #find(low: number, high: number): number {
    const slots = this.#slots;
    let index = this.#spread.slot(low, high, this.#shift);
    while (slots[2 * index] !== 0 || slots[2 * index + 1] !== 0) {
      if (slots[2 * index] === low && slots[2 * index + 1] === high) return index;
      index = (index + 1) & this.#mask;
    }
    return index;
  }

  /** Linear probing finds nothing behind a hole: the entries that follow it move to where they belong. */
  #reinsertAfter(hole: number): void {
    let index = (hole + 1) & this.#mask;
    for (;;) {
      const low = this.#slots[2 * index] ?? 0;
      const high = this.#slots[2 * index + 1] ?? 0;
      if (low === 0 && high === 0) return;
      this.#clear(index);
      const home = this.#find(low, high);
      this.#slots[2 * home] = low;
      this.#slots[2 * home + 1] = high;
      index = (index + 1) & this.#mask;
    }
  }

  #clear(index: number): void {
    this.#slots[2 * index] = 0;
    this.#slots[2 * index + 1] = 0;
  }

  /** `capacity`: a power of two. */
  #allot(capacity: number): void {
    this.#slots = new Uint32Array(2 * capacity);
    this.#mask = capacity - 1;
    this.#shift = Math.clz32(this.#mask);
  }

  #grow(): void {
    const before = this.#slots;
    this.#allot(2 * this.capacity);
    for (let slot = 0; slot < before.length; slot += 2) {
      const low = before[slot] ?? 0;
      const high = before[slot + 1] ?? 0;
      if (low === 0 && high === 0) continue;
      const home = this.#find(low, high);
      this.#slots[2 * home] = low;
      this.#slots[2 * home + 1] = high;
    }
  }
}
