import type { Clock } from '../core/clock.js';

/** A signal that fires when the caller's does, or when the time is over. */
export class Deadline {
  readonly durationMs: number;
  readonly signal: AbortSignal;
  passed = false;
  readonly #cancel: () => void;

  constructor(clock: Clock, durationMs: number, outer: AbortSignal | undefined) {
    const controller = new AbortController();
    this.durationMs = durationMs;
    this.signal = outer === undefined ? controller.signal : AbortSignal.any([controller.signal, outer]);
    const timer = clock.setTimer(durationMs, () => {
      this.passed = true;
      controller.abort();
    });
    this.#cancel = () => timer.cancel();
  }

  end(): void {
    this.#cancel();
  }
}
