import type { Clock } from '../../core/clock.js';

/** What holds too much, more than half of the memory, is not asked for again for so long. */
export const largeForMs = 600_000;
const keysMax = 1_000;

/** Keys that are treated otherwise for a while. */
export class TimedKeys {
  readonly #clock: Clock;
  readonly #forMs: number;
  readonly #untilMs = new Map<string, number>();

  constructor(clock: Clock, forMs: number) {
    this.#clock = clock;
    this.#forMs = forMs;
  }

  add(key: string): void {
    if (this.#untilMs.size >= keysMax) this.#untilMs.clear();
    this.#untilMs.set(key, this.#clock.monotonicMs() + this.#forMs);
  }

  has(key: string): boolean {
    const untilMs = this.#untilMs.get(key);
    if (untilMs === undefined) return false;
    if (this.#clock.monotonicMs() < untilMs) return true;
    this.#untilMs.delete(key);
    return false;
  }
}
