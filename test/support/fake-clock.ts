import type { Clock, Timer } from '../../src/core/clock.js';

interface PendingTimer {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock that stands still until `advance` is called; timers then fire in order of their due time. */
export class FakeClock implements Clock {
  #nowMs: number;
  #monotonicMs = 0;
  #order = 0;
  readonly #timers = new Set<PendingTimer>();

  constructor(nowMs = Date.UTC(2026, 0, 15, 12)) {
    this.#nowMs = nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = { dueMs: this.#monotonicMs + delayMs, order: this.#order++, callback };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** Steps wall time alone, as an NTP correction does. */
  stepWall(deltaMs: number): void {
    this.#nowMs += deltaMs;
  }

  advance(deltaMs: number): void {
    const end = this.#monotonicMs + deltaMs;
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.dueMs <= end);
      const next = due.sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#moveTo(Math.max(next.dueMs, this.#monotonicMs));
      next.callback();
    }
    this.#moveTo(end);
  }

  pendingTimers(): number {
    return this.#timers.size;
  }

  #moveTo(monotonicMs: number): void {
    this.#nowMs += monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
  }
}
