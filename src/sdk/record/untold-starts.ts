import type { Clock, Timer } from '../../core/clock.js';
import { type Listed, OpenList } from './open-list.js';

/** Something under way that can say that it began. */
export interface Untold extends Listed {
  /** Of the monotonic clock. */
  readonly beganAtMs: number;
  tellStart(): void;
}

/**
 * Steps under way whose start is not told yet. Most end within milliseconds, and an end can tell everything: one event
 * in place of two. A step that takes longer is told while it is under way, at an age between `ageMs` and twice that;
 * all are when that is 0.
 */
export class UntoldStarts extends OpenList<Untold> {
  readonly #clock: Clock;
  readonly #ageMs: number;
  #timer: Timer | null = null;

  constructor(clock: Clock, ageMs: number) {
    super();
    this.#clock = clock;
    this.#ageMs = ageMs;
  }

  override add(step: Untold): void {
    if (this.#ageMs <= 0) {
      step.tellStart();
      return;
    }
    super.add(step);
    this.#timer ??= this.#wait();
  }

  /** The starts of all that are at least so old. */
  tell(ageMs = 0): void {
    const bornMs = this.#clock.monotonicMs() - ageMs;
    for (const step of this.entries.filter(({ beganAtMs }) => beganAtMs <= bornMs)) {
      this.remove(step);
      step.tellStart();
    }
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #wait(): Timer {
    return this.#clock.setTimer(this.#ageMs, () => {
      this.tell(this.#ageMs);
      this.#timer = this.entries.length > 0 ? this.#wait() : null;
    });
  }
}
