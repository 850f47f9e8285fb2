import type { EventFingerprints } from '../core/event-batch.js';
import { type ByteSource, shortWord } from './byte-range.js';

/**
 * 64-bit fingerprints of tenant and event_id. The hash is MurmurHash3 in the manner of its x86 variants
 * (Austin Appleby, public domain): two 32-bit lanes with constants of their own over words of four bytes,
 * mixed with each other at the end. It has no seed, so that a fingerprint means the same in every worker and
 * after a restart. Among 10^7 ids the chance of any collision is 3 in 10^6.
 */
export class FingerprintList {
  #capacity = 1_024;
  #low = new Uint32Array(this.#capacity);
  #high = new Uint32Array(this.#capacity);
  #frame = new Uint32Array(this.#capacity);
  #event = new Uint32Array(this.#capacity);
  #count = 0;
  #markedCount = 0;
  #tenantLow = 0;
  #tenantHigh = 0;

  /** The tenant of the events that follow. */
  beginTenant(tenant: ByteSource): void {
    this.#tenantLow = 0;
    this.#tenantHigh = 0;
    this.#hash(tenant, 0, tenant.bytes.length);
    this.#tenantLow = low;
    this.#tenantHigh = high;
  }

  /** Hot path: once an event with an id. */
  add(source: ByteSource, offset: number, length: number, frame: number, event: number): void {
    if (this.#count === this.#capacity) this.#grow();
    this.#hash(source, offset, length);
    const at = this.#count++;
    this.#low[at] = low;
    this.#high[at] = high;
    this.#frame[at] = frame;
    this.#event[at] = event;
  }

  #hash(source: ByteSource, offset: number, length: number): void {
    let one = this.#tenantLow ^ length;
    let two = this.#tenantHigh ^ length;
    const words = length >> 2;
    for (let word = 0; word < words; word++) {
      const value = source.view.getInt32(offset + 4 * word, true);
      one = laneOne(one, value);
      two = laneTwo(two, value);
    }
    const rest = length & 3;
    if (rest > 0) {
      const value = shortWord(source, offset + length - rest, rest);
      one = laneOne(one, value);
      two = laneTwo(two, value);
    }
    one = (one + two) | 0;
    two = (two + one) | 0;
    one = finish(one);
    two = finish(two);
    low = (one + two) | 0;
    high = (two + low) | 0;
  }

  mark(): void {
    this.#markedCount = this.#count;
  }

  restore(): void {
    this.#count = this.#markedCount;
  }

  clear(): void {
    this.#count = 0;
  }

  /** Copies of exactly the entries so far, or null when there is none. */
  copy(): EventFingerprints | null {
    const count = this.#count;
    if (count === 0) return null;
    return {
      low: this.#low.slice(0, count),
      high: this.#high.slice(0, count),
      frame: this.#frame.slice(0, count),
      event: this.#event.slice(0, count),
    };
  }

  #grow(): void {
    this.#capacity *= 2;
    this.#low = grown(this.#low);
    this.#high = grown(this.#high);
    this.#frame = grown(this.#frame);
    this.#event = grown(this.#event);
  }
}

/** What `#hash` answers: module variables, since a returned pair would be an object an event. */
let low = 0;
let high = 0;

function laneOne(hash: number, word: number): number {
  let mixed = Math.imul(word, 0x239b961b);
  mixed = (mixed << 15) | (mixed >>> 17);
  const state = hash ^ Math.imul(mixed, 0xab0e9789);
  return (Math.imul((state << 19) | (state >>> 13), 5) + 0x561ccd1b) | 0;
}

function laneTwo(hash: number, word: number): number {
  let mixed = Math.imul(word, 0x38b34ae5);
  mixed = (mixed << 17) | (mixed >>> 15);
  const state = hash ^ Math.imul(mixed, 0xa1e38b93);
  return (Math.imul((state << 15) | (state >>> 17), 5) + 0x96cd1c35) | 0;
}

function finish(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

function grown(list: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const next = new Uint32Array(2 * list.length);
  next.set(list);
  return next;
}
