import { AgingClock } from '../core/aging-clock.js';
import type { Clock } from '../core/clock.js';
import type { PositionTable } from './position-table.js';

/**
 * Forgets producers of which nothing was received for long. Not by a wall clock that has just jumped ahead: forty days
 * would forget them all, and what they then send again would be counted twice.
 */
export class PositionExpiry {
  readonly #aging: AgingClock;
  readonly #table: PositionTable;
  readonly #ageMsMax: number;
  #newestReceivedMs = 0;

  constructor(
    deps: { readonly clock: Clock; readonly table: PositionTable },
    { producerAgeMsMax }: { readonly producerAgeMsMax: number },
  ) {
    this.#aging = new AgingClock(deps);
    this.#table = deps.table;
    this.#ageMsMax = producerAgeMsMax;
  }

  /** The newest time of receipt the directory knew at the start, ms since the epoch; 0 when it knew none. */
  get newestReceivedMs(): number {
    return this.#newestReceivedMs;
  }

  /** `receivedMs`: times of receipt of earlier processes. */
  start(receivedMs: Iterable<number>): void {
    for (const each of receivedMs) this.#newestReceivedMs = Math.max(this.#newestReceivedMs, each);
    if (this.#newestReceivedMs > 0) this.#aging.start(this.#newestReceivedMs);
    this.forgetOld();
  }

  forgetOld(): void {
    this.#table.forgetBefore(Math.floor((this.#aging.nowMs() - this.#ageMsMax) / 1_000));
  }
}
