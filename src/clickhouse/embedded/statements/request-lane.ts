import { ClickHouseException } from '../clickhouse-exception.js';

/** Lets at most `width` requests run at once and at most `waitingMax` wait, in order of arrival. */
export class RequestLane {
  readonly #name: string;
  readonly #width: number;
  readonly #waitingMax: number;
  readonly #waiting = new Set<() => void>();
  #running = 0;

  constructor(options: { readonly name: string; readonly width: number; readonly waitingMax: number }) {
    this.#name = options.name;
    this.#width = options.width;
    this.#waitingMax = options.waitingMax;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Throws TOO_MANY_SIMULTANEOUS_QUERIES at once, or QUERY_WAS_CANCELLED when `signal` aborts before the turn. */
  async run<T>(signal: AbortSignal, task: () => Promise<T>): Promise<T> {
    if (this.#running < this.#width) this.#running++;
    else await this.#turn(signal);
    try {
      return await task();
    } finally {
      const next = this.#waiting.values().next().value;
      if (next === undefined) this.#running--;
      else next();
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    if (this.#waiting.size >= this.#waitingMax) {
      const bounds = `${this.#width} running and ${this.#waitingMax} waiting`;
      const problem = `Too many simultaneous ${this.#name}. Maximum: ${bounds}.`;
      throw new ClickHouseException('TOO_MANY_SIMULTANEOUS_QUERIES', problem);
    }
    return new Promise((resolve, reject) => {
      const admit = () => {
        this.#waiting.delete(admit);
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.delete(admit);
        reject(new ClickHouseException('QUERY_WAS_CANCELLED', 'The client went away before the query began.'));
      };
      this.#waiting.add(admit);
      if (signal.aborted) leave();
      else signal.addEventListener('abort', leave, { once: true });
    });
  }
}
