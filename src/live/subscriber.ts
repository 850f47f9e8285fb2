import type { LiveInstruments } from '../core/instruments.js';
import { droppedMessage, type LiveMessage } from './live-message.js';

/** Where a subscriber's messages go: a WebSocket or a streamed answer. */
export interface LiveOutlet {
  /** False: taken, but nothing more until the subscriber is told `drained`. */
  send(message: LiveMessage): boolean;
  /** No further message comes: the collector stops. */
  end(): void;
}

export interface SubscriberOptions {
  /** Bytes of messages that wait for a slow reader; beyond it the oldest are dropped. */
  readonly queueBytesMax: number;
}

/**
 * One subscriber and what waits for it. While its socket takes no more, messages are queued up to a limit; then the
 * oldest go, so that a reader that comes back sees the present. Before the first message behind the gap it is told how
 * many events it lost, and gets a snapshot, since the state it had put together from events is no longer whole.
 * Messages are shared by all subscribers of a filter, so a queue holds references.
 */
export class Subscriber {
  readonly #outlet: LiveOutlet;
  readonly #instruments: LiveInstruments;
  readonly #snapshot: () => LiveMessage;
  readonly #options: SubscriberOptions;
  readonly #queue: LiveMessage[] = [];
  #queueBytes = 0;
  #blocked = false;
  #dropped = 0;
  #gap = false;
  #ended = false;

  constructor(
    deps: { readonly outlet: LiveOutlet; readonly instruments: LiveInstruments; readonly snapshot: () => LiveMessage },
    options: SubscriberOptions,
  ) {
    this.#outlet = deps.outlet;
    this.#instruments = deps.instruments;
    this.#snapshot = deps.snapshot;
    this.#options = options;
  }

  /** Bytes that wait here; what the socket holds comes on top, at most one message and what the system buffers. */
  get queueBytes(): number {
    return this.#queueBytes;
  }

  offer(message: LiveMessage): void {
    if (this.#ended) return;
    if (!this.#blocked) {
      this.#send(message);
      return;
    }
    this.#queue.push(message);
    this.#queueBytes += message.json.byteLength;
    while (this.#queueBytes > this.#options.queueBytesMax) this.#dropOldest();
  }

  #dropOldest(): void {
    const oldest = this.#queue.shift();
    if (oldest === undefined) return;
    this.#queueBytes -= oldest.json.byteLength;
    this.#dropped += oldest.events;
    this.#gap = true;
    if (oldest.events > 0) this.#instruments.eventsDropped.inc({ reason: 'slow' }, oldest.events);
  }

  /** The outlet takes messages again. */
  drained(): void {
    this.#blocked = false;
    if (this.#gap) this.#tellGap();
    while (!this.#blocked && !this.#ended) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#queueBytes -= next.json.byteLength;
      this.#send(next);
    }
  }

  #tellGap(): void {
    const count = this.#dropped;
    this.#dropped = 0;
    this.#gap = false;
    if (count > 0) this.#send(droppedMessage(count));
    const snapshot = this.#snapshot();
    if (!this.#blocked) this.#send(snapshot);
    else this.#queueFirst(snapshot);
  }

  #queueFirst(message: LiveMessage): void {
    this.#queue.unshift(message);
    this.#queueBytes += message.json.byteLength;
  }

  #send(message: LiveMessage): void {
    if (message.events > 0) this.#instruments.eventsSent.inc(message.events);
    this.#blocked = !this.#outlet.send(message);
  }

  /** Idempotent. What still waited is counted as dropped. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    let events = 0;
    for (const message of this.#queue.splice(0)) events += message.events;
    this.#queueBytes = 0;
    if (events > 0) this.#instruments.eventsDropped.inc({ reason: 'closed' }, events);
  }

  /** The collector stops. */
  goAway(): void {
    this.end();
    this.#outlet.end();
  }
}
