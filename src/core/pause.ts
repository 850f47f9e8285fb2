import type { Clock, Timer } from './clock.js';

/** The pauses of a loop in the background, which can be cut short; one at a time. */
export class Pause {
  readonly #clock: Clock;
  #hasEnded = false;
  #wake: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves after `delayMs`, or when woken; at once after `end`. */
  async wait(delayMs: number): Promise<void> {
    if (this.#hasEnded) return;
    let timer: Timer | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = this.#clock.setTimer(delayMs, resolve);
    });
    timer?.cancel();
    this.#wake = null;
  }

  /** Ends the pause that is under way. */
  wake(): void {
    this.#wake?.();
  }

  /** Ends it and all further ones. */
  end(): void {
    this.#hasEnded = true;
    this.wake();
  }
}
