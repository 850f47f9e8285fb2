import type { EventIdList } from '../core/event-batch.js';

/** Lists of event ids in the order they were seen, as many of the newest as hold `idsMax` ids or more. */
export class RecentEventIds {
  readonly #idsMax: number;
  #lists: EventIdList[] = [];
  /** Lists before this index have been dropped. */
  #first = 0;
  #count = 0;

  constructor(idsMax: number) {
    this.#idsMax = idsMax;
  }

  add(ids: EventIdList): void {
    if (ids.low.length === 0) return;
    this.#lists.push(ids);
    this.#count += ids.low.length;
    for (;;) {
      const oldest = this.#lists[this.#first]!.low.length;
      if (this.#count - oldest < this.#idsMax) break;
      this.#count -= oldest;
      this.#first += 1;
    }
    if (this.#first * 2 <= this.#lists.length) return;
    this.#lists = this.#lists.slice(this.#first);
    this.#first = 0;
  }

  /** Oldest first. */
  lists(): readonly EventIdList[] {
    return this.#lists.slice(this.#first);
  }
}
