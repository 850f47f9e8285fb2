import type { Clock } from '../../core/clock.js';
import { within } from '../../core/within.js';
import type { KeySource, Rejection } from '../client-options.js';
import type { TidemarkEvent } from '../event.js';
import { type NamedOptions, StreamClient } from '../stream-client.js';
import type { Wire } from '../wire.js';
import type { Delivered, Delivery } from './delivery.js';
import type { Overflow } from './options.js';

export interface StreamOptions {
  readonly url: string;
  readonly key: KeySource;
  readonly producer: string;
  readonly overflow: Overflow;
  readonly bufferBytesMax: number;
  readonly batchEventsMax: number;
  readonly batchAgeMs: number;
  readonly onProblem: (text: string) => void;
  readonly wire: Wire;
  readonly clock: Clock;
  /** Of whoever waits for a flush. */
  readonly holdingClock: Clock;
}

/** The longest that timers know. */
const holdMs = 2 ** 31 - 1;

/** Over the WebSocket: frames with numbers, kept until they are acknowledged. */
export class StreamDelivery implements Delivery {
  readonly #client: StreamClient;
  readonly #options: StreamOptions;
  #dropped = 0;
  #isClosed = false;

  constructor(options: StreamOptions) {
    this.#options = options;
    const { overflow, bufferBytesMax } = options;
    // What cannot wait may exceed the bound once over.
    const bytesMax = overflow === 'block' ? 2 * bufferBytesMax : bufferBytesMax;
    this.#client = new StreamClient({ ...streamClientOptions(options), bufferBytesMax: bytesMax }, options.wire);
  }

  offer(event: TidemarkEvent): void {
    let outcome = this.#client.trySend(event);
    while (outcome === 'full' && this.#options.overflow === 'drop' && this.#client.dropOldest() > 0) {
      outcome = this.#client.trySend(event);
    }
    if (outcome !== 'queued') this.#dropped += 1;
  }

  room(): Promise<void> | null {
    if (this.#options.overflow !== 'block' || this.#client.bufferedBytes < this.#options.bufferBytesMax) return null;
    // Holds the process meanwhile: what waits is work of its own, and would be cut off.
    const hold = this.#options.holdingClock.setTimer(holdMs, () => undefined);
    return this.#client.room(this.#options.bufferBytesMax).then(() => hold.cancel());
  }

  async flush(timeoutMs: number): Promise<void> {
    const flushed = this.#client.flush().catch(() => undefined);
    await within(this.#options.holdingClock, flushed, timeoutMs);
  }

  async close(timeoutMs: number): Promise<void> {
    await this.flush(timeoutMs);
    this.#isClosed = true;
    await this.#client.close(0);
  }

  delivered(): Delivered {
    const stats = this.#client.stats();
    return {
      acked: stats.eventsKept,
      rejected: stats.eventsRejected,
      dropped: this.#dropped + stats.eventsDropped,
      connections: stats.connections,
      resent: stats.framesResent,
      state: this.#state(),
    };
  }

  #state(): Delivered['state'] {
    if (this.#isClosed) return 'closed';
    const { ended } = this.#client;
    if (ended !== null) return `ended: ${ended.code}`;
    return this.#client.isConnected ? 'connected' : 'connecting';
  }
}

/** Those of every client whose owner must not be held up. */
export function streamClientOptions(options: StreamOptions): NamedOptions {
  const { batchAgeMs: batchAgeMsMax, onProblem } = options;
  return {
    ...options,
    holds: false,
    batchAgeMsMax,
    onError: ({ code, message }) => onProblem(`${code}: ${message}`),
    onRefused: (refusal) => onProblem(textOf(refusal)),
  };
}

function textOf({ code, path, message, kept }: Omit<Rejection, 'event'>): string {
  return `an event is ${kept ? 'kept without a field' : 'refused'}: ${code} ${path} ${message}`;
}
