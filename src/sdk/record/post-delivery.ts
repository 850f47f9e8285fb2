import { backoffMs } from '../../core/backoff.js';
import type { Clock } from '../../core/clock.js';
import { errorMessage } from '../../core/error-message.js';
import { within } from '../../core/within.js';
import { defaultClientLimits, type KeySource, keyOf } from '../client-options.js';
import { faultCodes } from '../codes.js';
import type { TidemarkEvent } from '../event.js';
import { type EventBatch, EventBatcher, halvesOf } from '../event-batcher.js';
import { retryAfterMax } from '../link.js';
import type { EncodedBody, Wire } from '../wire.js';
import type { Delivered, Delivery } from './delivery.js';

export interface PostOptions {
  readonly url: string;
  readonly key: KeySource;
  readonly producer: string;
  readonly bufferBytesMax: number;
  readonly batchEventsMax: number;
  readonly batchAgeMs: number;
  readonly random: () => number;
  readonly onProblem: (text: string) => void;
  readonly wire: Wire;
  readonly clock: Clock;
  /** Of whoever waits for a flush. */
  readonly holdingClock: Clock;
}

interface Batch {
  readonly events: number;
  readonly body: EncodedBody;
  /** `Idempotency-Key`: a batch that is sent again is counted once. */
  readonly name: string;
}

const requestMsMax = 30_000;
/** What is said of this body would be said of it again: all its events are bad, or it is too large. */
const bodyFaults = [400, 413, 422];
const retry = { delayMsMin: 200, delayMsMax: 30_000 } as const;

/** One POST a batch, one at a time, the oldest first; nothing stays open between them. */
export class PostDelivery implements Delivery {
  readonly #options: PostOptions;
  readonly #url: string;
  readonly #batcher: EventBatcher;
  readonly #batches: Batch[] = [];
  #bytes = 0;
  #batchCount = 0;
  #sending: Promise<void> | null = null;
  /** Ends a wait before the next try. */
  #hurry: (() => void) | null = null;
  #counts = { acked: 0, rejected: 0, dropped: 0, connections: 0, resent: 0 };
  #state: Delivered['state'] = 'connecting';

  constructor(options: PostOptions) {
    this.#options = options;
    const url = new URL(options.url);
    url.protocol = url.protocol.replace(/^ws/, 'http');
    url.pathname = `${url.pathname.replace(/\/(v1\/(stream|events))?$/, '')}/v1/events`;
    this.#url = url.href;
    const limits = {
      batchEventsMax: options.batchEventsMax,
      batchBytesMax: defaultClientLimits.batchBytesMax,
      batchAgeMsMax: options.batchAgeMs,
    };
    this.#batcher = new EventBatcher(options.clock, () => this.#seal(), limits);
  }

  offer(event: TidemarkEvent): void {
    if (this.#hasEnded()) {
      this.#counts.dropped += 1;
      return;
    }
    this.#batcher.add(event);
    if (this.#batcher.isFull()) this.#seal();
  }

  /** A function that is about to end cannot wait for room: the oldest batches are dropped. */
  room(): null {
    return null;
  }

  async flush(timeoutMs: number): Promise<void> {
    this.#seal();
    this.#hurry?.();
    await within(this.#options.holdingClock, this.#sending ?? Promise.resolve(), timeoutMs);
  }

  async close(timeoutMs: number): Promise<void> {
    await this.flush(timeoutMs);
    if (!this.#hasEnded()) this.#state = 'closed';
  }

  delivered(): Delivered {
    return { ...this.#counts, state: this.#state };
  }

  #hasEnded(): boolean {
    return /^(closed|ended)/.test(this.#state);
  }

  #seal(): void {
    if (this.#batcher.length > 0) this.#encode(this.#batcher.take());
    if (this.#sending === null && this.#batches.length > 0 && !this.#hasEnded()) this.#sending = this.#sendAll();
  }

  /** What cannot be encoded is rejected: halves, until the one event that is at fault stands alone. */
  #encode(batch: EventBatch): void {
    try {
      const body = this.#options.wire.body(batch);
      this.#batchCount += 1;
      this.#push({ events: batch.rows.length, body, name: `${this.#options.producer}-${this.#batchCount}` });
    } catch (error) {
      if (batch.rows.length > 1) {
        for (const half of halvesOf(batch)) this.#encode(half);
        return;
      }
      this.#counts.rejected += 1;
      this.#options.onProblem(`the event cannot be encoded: ${errorMessage(error)}`);
    }
  }

  /** The one that is under way is not dropped: it may be stored. */
  #push(batch: Batch): void {
    this.#batches.push(batch);
    this.#bytes += batch.body.bytes;
    const first = this.#sending === null ? 0 : 1;
    while (this.#bytes > this.#options.bufferBytesMax && this.#batches.length > first) {
      for (const { body, events } of this.#batches.splice(first, 1)) {
        this.#bytes -= body.bytes;
        this.#counts.dropped += events;
      }
    }
  }

  /** Says that it is over in the turn in which it finds nothing: what is sealed after that begins anew. */
  async #sendAll(): Promise<void> {
    let failures = 0;
    for (let [batch] = this.#batches; batch !== undefined && !this.#hasEnded(); [batch] = this.#batches) {
      const waitMs = await this.#send(batch);
      if (waitMs === null) {
        failures = 0;
        this.#batches.shift();
        this.#bytes -= batch.body.bytes;
        continue;
      }
      if (this.#hasEnded()) break;
      failures += 1;
      this.#counts.resent += 1;
      await this.#pause(Math.max(waitMs, backoffMs(retry, failures, this.#options.random)));
    }
    this.#sending = null;
  }

  /** Null: it is settled. Else how long the collector asks to wait, at least. */
  async #send({ body, events, name }: Batch): Promise<number | null> {
    this.#counts.connections += 1;
    try {
      const answer = await (this.#options.wire.fetch ?? fetch)(this.#url, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${keyOf(this.#options.key)}`,
          'content-type': body.contentType,
          'idempotency-key': name,
        },
        body: body.content as Uint8Array<ArrayBuffer> | string,
        signal: AbortSignal.timeout(requestMsMax),
      });
      const text = await answer.text();
      const said = answerIn(text);
      // Only the collector's own word is final: whoever stands between may say anything, for a while. But a body that
      // is too large for somebody on the way stays so.
      const isOfBody = answer.ok || bodyFaults.includes(answer.status);
      if (said !== null ? isOfBody : answer.status === 413) return this.#settle(events, text, said);
      const code = said?.code as string;
      if (faultCodes.test(code)) this.#state = `ended: ${code}`;
      this.#refused(`${answer.status} ${text}`);
      return 1_000 * Math.min(Number(answer.headers.get('retry-after')) || 0, retryAfterMax);
    } catch (error) {
      // Node's own says no more than that it failed; of a name with several addresses there is but a code.
      const { cause = error } = error as { readonly cause?: unknown };
      const told = errorMessage(cause) || (cause as { readonly code?: unknown }).code;
      this.#options.onProblem(`cannot reach the collector: ${told}`);
    }
    return 0;
  }

  #settle(events: number, text: string, answer: ReturnType<typeof answerIn>): null {
    this.#state = 'connected';
    const kept = Math.min(events, Number(answer?.accepted) || 0);
    this.#counts.acked += kept;
    this.#counts.rejected += events - kept;
    const errors = JSON.stringify(answer?.errors ?? []);
    if (errors !== '[]') this.#refused(errors);
    else if (kept < events) this.#refused(text);
    return null;
  }

  /** Whole events, or a field of one. */
  #refused(what: string): void {
    this.#options.onProblem(`the collector refuses: ${what.slice(0, 300)}`);
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimer(delayMs, resolve);
      this.#hurry = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}

/** Null: not what a collector answers to a batch. */
function answerIn(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const answer = Object(JSON.parse(text)) as Readonly<Record<string, unknown>>;
    return 'accepted' in answer || 'code' in answer ? answer : null;
  } catch {
    return null;
  }
}
