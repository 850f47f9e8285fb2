/**
 * The only source of time and randomness of the product, so that a test can hold both still.
 * `nowMs` is wall time (ms since the epoch, may step); `monotonicMs` never goes back and is for durations.
 */
export interface Clock {
  nowMs(): number;
  monotonicMs(): number;
  /** Calls back once after `delayMs`; the timer does not keep the process alive. */
  setTimer(delayMs: number, callback: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

// Written out for both, not one made from the other: what a page does not use is then left out of its download.
const nowMs = (): number => Date.now();
const monotonicMs = (): number => performance.now();

export const systemClock: Clock = {
  nowMs,
  monotonicMs,
  setTimer(delayMs, callback) {
    const handle = setTimeout(callback, delayMs);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};

/** As the system clock, but its timers keep the process alive: for a client that still has something to deliver. */
export const holdingClock: Clock = {
  nowMs,
  monotonicMs,
  setTimer(delayMs, callback) {
    const handle = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Resolves after `delayMs` of the clock. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(delayMs, resolve);
  });
}

/** A number in [0, 1); injected wherever chance is used, so that a seed can replace it. */
export type Random = () => number;

export const systemRandom: Random = () => Math.random();
