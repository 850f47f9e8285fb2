import { type Clock, systemClock } from '../../src/core/clock.js';

/** The system's clock, but for a wall that can be set; durations and timers are real. */
export class SteppedClock implements Clock {
  /** The wall clock minus the right time. */
  offsetMs = 0;

  nowMs(): number {
    return systemClock.nowMs() + this.offsetMs;
  }

  /** Sets the wall clock as an operator or a time server does. */
  set(wallMs: number): void {
    this.offsetMs = wallMs - systemClock.nowMs();
  }

  monotonicMs(): number {
    return systemClock.monotonicMs();
  }

  setTimer(delayMs: number, callback: () => void): ReturnType<Clock['setTimer']> {
    return systemClock.setTimer(delayMs, callback);
  }
}
