import { ReadGate } from '../../read-gate.js';
import { ClickHouseException } from '../clickhouse-exception.js';

/** Lets at most `width` requests run at once and at most `waitingMax` wait, in order of arrival. */
export class RequestLane {
  readonly #gate: ReadGate;
  readonly #width: number;

  constructor({ name, width, waitingMax }: LaneOptions) {
    this.#width = width;
    const bounds = `${width} running and ${waitingMax} waiting`;
    const full = `Too many simultaneous ${name}. Maximum: ${bounds}.`;
    const gone = 'Query was cancelled before it began.';
    this.#gate = new ReadGate(
      { concurrencyMax: width, tenantConcurrencyMax: width, waitingMax, tenantWaitingMax: waitingMax },
      {
        full: () => new ClickHouseException('TOO_MANY_SIMULTANEOUS_QUERIES', full),
        abandoned: () => new ClickHouseException('QUERY_WAS_CANCELLED', gone),
      },
    );
  }

  get running(): number {
    return this.#gate.running;
  }

  get waiting(): number {
    return this.#gate.waiting;
  }

  /** Whether the next one runs at once. */
  get hasRoom(): boolean {
    return this.#gate.running < this.#width;
  }

  /** Rejects with TOO_MANY_SIMULTANEOUS_QUERIES at once, with QUERY_WAS_CANCELLED when `signal` aborts before. */
  run<T>(signal: AbortSignal, task: () => Promise<T>): Promise<T> {
    return this.#gate.run('', signal, task);
  }
}

interface LaneOptions {
  readonly name: string;
  readonly width: number;
  readonly waitingMax: number;
}
