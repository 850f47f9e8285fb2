import type { Clock } from '../../core/clock.js';

interface Kept<Reading> {
  readonly reading: Reading;
  readonly readMs: number;
  readonly size: number;
}

/**
 * Readings whose first page was answered, for the pages that follow: those are of the same moment then, and the store
 * is not asked again for what was cut in pages only after it was read whole. The oldest are let go.
 */
export class KeptReadings<Reading> {
  readonly #clock: Clock;
  readonly #ageMsMax: number;
  readonly #sizeMax: number;
  readonly #kept = new Map<string, Kept<Reading>>();
  #size = 0;

  constructor(clock: Clock, limits: { readonly ageMsMax: number; readonly sizeMax: number }) {
    this.#clock = clock;
    this.#ageMsMax = limits.ageMsMax;
    this.#sizeMax = limits.sizeMax;
  }

  get(key: string): Reading | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    if (this.#clock.monotonicMs() - kept.readMs <= this.#ageMsMax) return kept.reading;
    this.drop(key);
    return undefined;
  }

  /** `size`: in the unit of `sizeMax`; what is larger than that is not kept. */
  keep(key: string, reading: Reading, size: number): void {
    this.drop(key);
    if (size > this.#sizeMax) return;
    this.#kept.set(key, { reading, size, readMs: this.#clock.monotonicMs() });
    this.#size += size;
    for (const oldest of this.#kept.keys()) {
      if (this.#size <= this.#sizeMax) return;
      this.drop(oldest);
    }
  }

  drop(key: string): void {
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#kept.delete(key);
    this.#size -= kept.size;
  }
}
