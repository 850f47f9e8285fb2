import type { EventFingerprints } from '../core/event-batch.js';
import type { ByteSource } from './byte-range.js';
import { hashSaid } from './said-hash.js';
import type { SideBuffer } from './side-buffer.js';
import type { StagedEvent } from './staged-event.js';
import { hashWide, wide } from './wide-hash.js';

/**
 * 64-bit fingerprints of tenant and event_id, or of all that an end without one says.
 * The tenant's hash is the only seed, so that a fingerprint means the same
 * in every worker and after a restart.
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
    hashWide(tenant, 0, tenant.bytes.length, 0, 0);
    this.#tenantLow = wide.low;
    this.#tenantHigh = wide.high;
  }

  /** Hot path: once an event with an id. */
  add(source: ByteSource, offset: number, length: number, frame: number, event: number): void {
    hashWide(source, offset, length, this.#tenantLow, this.#tenantHigh);
    this.#push(frame, event);
  }

  /** Hot path: once an end without an id, which is known by what it says. */
  addSaid(said: StagedEvent, source: ByteSource, frame: number, event: number): void {
    hashSaid(said, source, this.#tenantLow, this.#tenantHigh);
    this.#push(frame, event);
  }

  #push(frame: number, event: number): void {
    if (this.#count === this.#capacity) this.#grow();
    const at = this.#count++;
    this.#low[at] = wide.low;
    this.#high[at] = wide.high;
    this.#frame[at] = frame;
    this.#event[at] = event;
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
  copy(side: SideBuffer): EventFingerprints | null {
    const count = this.#count;
    if (count === 0) return null;
    return {
      low: side.copy(this.#low, count),
      high: side.copy(this.#high, count),
      frame: side.copy(this.#frame, count),
      event: side.copy(this.#event, count),
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

function grown(list: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const next = new Uint32Array(2 * list.length);
  next.set(list);
  return next;
}
