import type { Clock } from '../../core/clock.js';
import { dayMs } from '../../core/time-span.js';

/**
 * Events of the present UTC day of the wall clock. A clock that is set to another day, ahead or back, begins the count
 * of that day: one that was ahead by mistake must not bind what comes until then.
 */
export class DayCount {
  readonly #clock: Clock;
  #day: number;
  #events = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#day = this.#today();
  }

  count(): number {
    this.#turn();
    return this.#events;
  }

  add(events: number): void {
    this.#turn();
    this.#events += events;
  }

  /** What was counted of a day before this process began: it counts if that is today. */
  restore(day: number, events: number): void {
    this.#turn();
    if (day === this.#day) this.#events += events;
  }

  /** To the next day, at least one. */
  secondsLeft(): number {
    return Math.max(1, Math.ceil((dayMs - (this.#clock.nowMs() % dayMs)) / 1_000));
  }

  #turn(): void {
    const today = this.#today();
    if (today === this.#day) return;
    this.#day = today;
    this.#events = 0;
  }

  #today(): number {
    return Math.floor(this.#clock.nowMs() / dayMs);
  }
}
