import type { Clock } from './clock.js';

export interface AgingClockOptions {
  /** Wall time that is further than this ahead of what has passed is a jump. */
  readonly jumpMsMin: number;
  /** How long the wall clock must stay ahead before a jump is believed; time that passes while the process runs. */
  readonly believedAfterMs: number;
}

const defaultAgingClockOptions: AgingClockOptions = { jumpMsMin: 3_600_000, believedAfterMs: 86_400_000 };

/**
 * The time by which things are deleted or forgotten because of their age. It is the wall clock's, but for a jump ahead,
 * of the running clock or since the last time known at the start: that is believed after a day. A clock that is set
 * forty days ahead by mistake and mended within a day deletes nothing; a machine that was off for forty days deletes
 * a day later what it would have deleted at once. A step back is followed at once: then less is deleted.
 */
export class AgingClock {
  readonly #clock: Clock;
  readonly #options: AgingClockOptions;
  /** Wall time that is believed, and when that was. */
  #believedMs: number;
  #atMonotonicMs: number;
  /** Since when the wall clock is ahead of what is believed; null when it is not. */
  #aheadSinceMs: number | null = null;
  #latestMs = 0;

  constructor({ clock }: { readonly clock: Clock }, options: AgingClockOptions = defaultAgingClockOptions) {
    this.#clock = clock;
    this.#options = options;
    this.#believedMs = clock.nowMs();
    this.#atMonotonicMs = clock.monotonicMs();
  }

  /** A time of the past, as the disk tells it: a wall clock that is far ahead of it is not believed yet. */
  start(knownMs: number): void {
    this.#latestMs = Math.max(this.#latestMs, knownMs);
    if (this.#clock.nowMs() - knownMs <= this.#options.jumpMsMin) return;
    this.#believedMs = knownMs;
    this.#atMonotonicMs = this.#clock.monotonicMs();
  }

  /** What was kept until then may be deleted: never later than the wall clock. */
  nowMs(): number {
    const wallMs = this.#clock.nowMs();
    const monotonicMs = this.#clock.monotonicMs();
    const passedMs = this.#believedMs + monotonicMs - this.#atMonotonicMs;
    const isAhead = wallMs - passedMs > this.#options.jumpMsMin;
    this.#aheadSinceMs = isAhead ? (this.#aheadSinceMs ?? monotonicMs) : null;
    if (this.#aheadSinceMs !== null && monotonicMs - this.#aheadSinceMs < this.#options.believedAfterMs) {
      return this.#told(passedMs);
    }
    this.#aheadSinceMs = null;
    this.#believedMs = wallMs;
    this.#atMonotonicMs = monotonicMs;
    return this.#told(wallMs);
  }

  /** What was kept until then may have been deleted already, at some time when the clock was ahead. */
  latestMs(): number {
    return Math.max(this.nowMs(), this.#latestMs);
  }

  #told(timeMs: number): number {
    this.#latestMs = Math.max(this.#latestMs, timeMs);
    return timeMs;
  }
}
