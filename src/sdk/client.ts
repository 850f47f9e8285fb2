import { systemRandom } from '../core/clock.js';
import { type ClientOptions, defaultClientLimits, randomProducer, type SendOutcome } from './client-options.js';
import { refusalCodes } from './codes.js';
import type { TidemarkEvent } from './event.js';
import { StreamClient } from './stream-client.js';
import type { Wire } from './wire.js';

interface SendWaiter {
  readonly event: TidemarkEvent;
  readonly resolve: (outcome: SendOutcome) => void;
}

/** With a `send` that waits its turn; apart from what a page needs. */
export class TidemarkClient extends StreamClient {
  readonly #waiters: SendWaiter[] = [];
  readonly #waitersMax: number;

  constructor(options: ClientOptions, wire: Wire) {
    const producer = options.producer ?? randomProducer(options.random ?? systemRandom);
    const { key } = options;
    // Whoever waits for an answer gets it; but a key that is asked for each time may be another one the next time.
    const isFinal = (code: string) =>
      refusalCodes.test(code) && !(typeof key === 'function' && code.startsWith('key_'));
    super({ ...options, producer, isFinal }, wire);
    this.#waitersMax = options.waitingSendsMax ?? defaultClientLimits.waitingSendsMax;
  }

  /** Takes the event or says at once why not. */
  override trySend(event: TidemarkEvent): SendOutcome {
    return this.#waiters.length > 0 ? 'full' : super.trySend(event);
  }

  /** Waits for room when the buffer is full: awaiting it is the backpressure. `full` when too many wait already. */
  send(event: TidemarkEvent): Promise<SendOutcome> {
    const outcome = this.trySend(event);
    if (outcome !== 'full' || this.#waiters.length >= this.#waitersMax) return Promise.resolve(outcome);
    return new Promise((resolve) => this.#waiters.push({ event, resolve }));
  }

  protected override admit(): void {
    for (let [waiter] = this.#waiters; waiter !== undefined; [waiter] = this.#waiters) {
      const outcome = super.trySend(waiter.event);
      if (outcome === 'full') break;
      this.#waiters.shift();
      waiter.resolve(outcome);
    }
    super.admit();
  }
}
