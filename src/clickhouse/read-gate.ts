import { CollectorError } from '../core/errors.js';

/**
 * How many reads run at once, and how many may wait, in order. The engine runs on the same cores as ingest:
 * reads wait here, where they are counted and cancellable, instead of there.
 */
export class ReadGate {
  readonly #concurrencyMax: number;
  readonly #waitingMax: number;
  readonly #waiting = new Set<() => void>();
  #running = 0;

  constructor(limits: { readonly concurrencyMax: number; readonly waitingMax: number }) {
    this.#concurrencyMax = limits.concurrencyMax;
    this.#waitingMax = limits.waitingMax;
  }

  /** Runs `read` in its turn. Rejects with `overloaded` when too many wait, with the reason of an abort before it. */
  async run<T>(signal: AbortSignal, read: () => Promise<T>): Promise<T> {
    await this.#enter(signal);
    try {
      return await read();
    } finally {
      this.#leave();
    }
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  #enter(signal: AbortSignal): Promise<void> {
    if (this.#running < this.#concurrencyMax) {
      this.#running++;
      return Promise.resolve();
    }
    if (this.#waiting.size >= this.#waitingMax) {
      const reads = `${this.#running} reads under way and ${this.#waiting.size} waiting`;
      return Promise.reject(new CollectorError('overloaded', `cannot read the store: ${reads}`));
    }
    return new Promise((resolve, reject) => {
      const turn = () => {
        signal.removeEventListener('abort', abandon);
        resolve();
      };
      const abandon = () => {
        this.#waiting.delete(turn);
        reject(signal.reason);
      };
      signal.addEventListener('abort', abandon, { once: true });
      this.#waiting.add(turn);
    });
  }

  /** Hands the place to whoever waits longest. */
  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#running--;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
