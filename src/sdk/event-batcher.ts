import type { Clock, Timer } from '../core/clock.js';
import type { TidemarkEvent } from './event.js';
import { ColumnsBuilder, type EventColumns } from './event-columns.js';

export interface BatcherOptions {
  readonly batchEventsMax: number;
  readonly batchBytesMax: number;
  readonly batchAgeMsMax: number;
  /** Somebody wants to see again the events that are refused. */
  readonly keepsEvents?: boolean;
}

export interface EventBatch extends EventColumns {
  /** By row; null when nobody asks for them. */
  readonly events: readonly TidemarkEvent[] | null;
}

/** The batch that is being filled. It is due by count, by estimated bytes, or when its first event is old enough. */
export class EventBatcher {
  readonly #clock: Clock;
  readonly #options: BatcherOptions;
  readonly #onAge: () => void;
  readonly #columns = new ColumnsBuilder();
  #events: TidemarkEvent[] | null;
  #bytes = 0;
  #timer: Timer | null = null;
  #isAged = false;

  constructor(clock: Clock, onAge: () => void, options: BatcherOptions) {
    this.#clock = clock;
    this.#onAge = onAge;
    this.#options = options;
    this.#events = options.keepsEvents === true ? [] : null;
  }

  get length(): number {
    return this.#columns.length;
  }
  /** Estimated. */
  get bytes(): number {
    return this.#bytes;
  }

  isFull(): boolean {
    return this.#columns.length >= this.#options.batchEventsMax || this.#bytes >= this.#options.batchBytesMax;
  }

  /** Old enough to go as soon as something can be sent; until then it keeps growing rather than make small frames. */
  isAged(): boolean {
    return this.#isAged;
  }

  add(event: TidemarkEvent): void {
    this.#bytes += this.#columns.add(event);
    this.#events?.push(event);
    if (this.#isAged) return;
    this.#timer ??= this.#clock.setTimer(this.#options.batchAgeMsMax, () => {
      this.#isAged = true;
      this.#onAge();
    });
  }

  /** Gives the events away and begins anew. */
  take(): EventBatch {
    this.stop();
    const events = this.#events;
    if (events !== null) this.#events = [];
    this.#bytes = 0;
    return { ...this.#columns.take(), events };
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#isAged = false;
  }
}

/** Of a batch of more than one event, which as a whole is too large or cannot be encoded. */
export function halvesOf({ columns, rows, events }: EventBatch): readonly [EventBatch, EventBatch] {
  const half = Math.ceil(rows.length / 2);
  return [
    { columns, rows: rows.slice(0, half), events: events?.slice(0, half) ?? null },
    { columns, rows: rows.slice(half), events: events?.slice(half) ?? null },
  ];
}
