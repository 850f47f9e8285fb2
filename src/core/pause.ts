import type { Clock } from './clock.js';

/** The pauses of something in the background, which can be cut short. */
export class Pause {
  readonly #clock: Clock;
  readonly #wakes = new Set<() => void>();
  #hasEnded = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Resolves after `delayMs` (null: never by itself), or when woken; at once after `end`. */
  async wait(delayMs: number | null): Promise<void> {
    if (this.#hasEnded) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        timer?.cancel();
        this.#wakes.delete(wake);
        resolve();
      };
      const timer = delayMs === null ? null : this.#clock.setTimer(delayMs, wake);
      this.#wakes.add(wake);
    });
  }

  /** Ends the pauses that are under way. */
  wake(): void {
    for (const wake of this.#wakes) wake();
  }

  /** Ends them and all further ones. */
  end(): void {
    this.#hasEnded = true;
    this.wake();
  }
}
