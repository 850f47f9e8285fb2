/**
 * Which numbers one connection has skipped, as ranges, so that a frame which goes back can be told from
 * one that is sent again: a skipped number was never taken, and treating it as seen would lose its events.
 * At most `rangesMax` ranges; the oldest is forgotten and reported: a number of it would pass for a duplicate.
 */
export class SeqGaps {
  readonly #ranges: { readonly first: number; readonly last: number }[] = [];
  readonly #rangesMax: number;
  readonly #onForgotten: () => void;

  constructor(options: { readonly rangesMax: number; readonly onForgotten: () => void }) {
    this.#rangesMax = options.rangesMax;
    this.#onForgotten = options.onForgotten;
  }

  add(first: number, last: number): void {
    this.#ranges.push({ first, last });
    if (this.#ranges.length <= this.#rangesMax) return;
    this.#ranges.shift();
    this.#onForgotten();
  }

  has(seq: number): boolean {
    return this.#ranges.some((range) => seq >= range.first && seq <= range.last);
  }
}
