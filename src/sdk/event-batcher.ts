import type { Clock, Timer } from '../core/clock.js';
import type { TidemarkEvent } from './event.js';
import { estimateEventBytes } from './event-columns.js';

export interface BatcherOptions {
  readonly batchEventsMax: number;
  readonly batchBytesMax: number;
  readonly batchAgeMsMax: number;
}

/** The batch that is being filled. It is due by count, by estimated bytes, or when its first event is old enough. */
export class EventBatcher {
  readonly #clock: Clock;
  readonly #options: BatcherOptions;
  readonly #onAge: () => void;
  #events: TidemarkEvent[] = [];
  #bytes = 0;
  #timer: Timer | null = null;
  #isAged = false;

  constructor(clock: Clock, onAge: () => void, options: BatcherOptions) {
    this.#clock = clock;
    this.#onAge = onAge;
    this.#options = options;
  }

  get length(): number {
    return this.#events.length;
  }
  /** Estimated. */
  get bytes(): number {
    return this.#bytes;
  }

  isFull(): boolean {
    return this.#events.length >= this.#options.batchEventsMax || this.#bytes >= this.#options.batchBytesMax;
  }

  /** Old enough to go as soon as something can be sent; until then it keeps growing rather than make small frames. */
  isAged(): boolean {
    return this.#isAged;
  }

  add(event: TidemarkEvent): void {
    this.#events.push(event);
    this.#bytes += estimateEventBytes(event);
    if (this.#isAged) return;
    this.#timer ??= this.#clock.setTimer(this.#options.batchAgeMsMax, () => {
      this.#isAged = true;
      this.#onAge();
    });
  }

  /** Gives the events away and begins anew. */
  take(): TidemarkEvent[] {
    this.stop();
    const events = this.#events;
    this.#events = [];
    this.#bytes = 0;
    return events;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#isAged = false;
  }
}
