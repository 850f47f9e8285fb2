import type { DetailedUsageRow } from '../../clickhouse/queries/sql/usage-columns.js';

/** Numbers of a place: those of `DetailedUsageRow`, the cost first. */
const numbersEach = 8;

/** Sums of usage by place, as numbers in one list: a timeline has 20,000. A cost that is not known is NaN in it. */
export class UsageTotals {
  readonly #numbers: Float64Array;

  constructor(places: number) {
    this.#numbers = new Float64Array(places * numbersEach);
    for (let at = 0; at < this.#numbers.length; at += numbersEach) this.#numbers[at] = Number.NaN;
  }

  set(place: number, usage: DetailedUsageRow): void {
    const [numbers, at] = [this.#numbers, place * numbersEach];
    numbers[at] = usage.cost_micros ?? Number.NaN;
    numbers[at + 1] = usage.llm_calls;
    numbers[at + 2] = usage.tokens_in;
    numbers[at + 3] = usage.tokens_out;
    numbers[at + 4] = usage.tokens_unpriced;
    numbers[at + 5] = usage.tokens_cache_read;
    numbers[at + 6] = usage.tokens_cache_write;
    numbers[at + 7] = usage.tokens_reasoning;
  }

  /** Adds what one place has to another. A cost that is not known adds nothing to one that is. */
  add(to: number, from: number): void {
    const [numbers, at, other] = [this.#numbers, to * numbersEach, from * numbersEach];
    if (Number.isNaN(numbers[at]!)) numbers[at] = numbers[other]!;
    else if (!Number.isNaN(numbers[other]!)) numbers[at]! += numbers[other]!;
    for (let number = 1; number < numbersEach; number++) numbers[at + number]! += numbers[other + number]!;
  }

  of(place: number): DetailedUsageRow {
    const [numbers, at] = [this.#numbers, place * numbersEach];
    return {
      cost_micros: Number.isNaN(numbers[at]!) ? null : numbers[at]!,
      llm_calls: numbers[at + 1]!,
      tokens_in: numbers[at + 2]!,
      tokens_out: numbers[at + 3]!,
      tokens_unpriced: numbers[at + 4]!,
      tokens_cache_read: numbers[at + 5]!,
      tokens_cache_write: numbers[at + 6]!,
      tokens_reasoning: numbers[at + 7]!,
    };
  }
}
