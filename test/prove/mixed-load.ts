import type { Random } from '../../src/core/clock.js';
import { StreamProducer } from '../support/stream-producer.js';
import { EventMix, type MixedEvent } from './event-mix.js';

export interface MixedLoadOptions {
  readonly key: string;
  /** Where the collector is, now. */
  readonly url: () => string;
  readonly streamUrl: () => string;
  /** Begins the names of its producers and of what they report. */
  readonly name: string;
  readonly eventsPerFrame: number;
  readonly pauseMs: number;
}

/**
 * Clients of their own ledger: three on WebSockets, one by HTTP with an idempotency key. Each sends a frame again
 * until it is acknowledged, and never one that was.
 */
export class MixedLoad {
  readonly #mixes: EventMix[] = [];
  readonly #streams: StreamProducer[] = [];
  readonly #posting: PostingProducer;
  readonly #running: Promise<unknown>;

  constructor(random: Random, options: MixedLoadOptions) {
    const { name, key, pauseMs } = options;
    const startMs = Date.now();
    const mixOf = (producer: string, hasEventIds: boolean) => {
      const mix = new EventMix(random, { ...options, producer, hasEventIds, stepMs: 3, startMs });
      this.#mixes.push(mix);
      return mix;
    };
    for (const index of [0, 1, 2]) {
      const producer = `${name}s${index}`;
      const mix = mixOf(producer, index === 0);
      const frame = (seq: number) => ({ seq, events: mix.frame(seq), good: options.eventsPerFrame });
      const how = { key, random, repeatRatio: 0.1, pauseMs, url: options.streamUrl, frame };
      this.#streams.push(new StreamProducer({ name: producer, ...how }));
    }
    this.#posting = new PostingProducer(mixOf(`${name}h`, true), { ...options, producer: `${name}h` });
    this.#running = Promise.all([...this.#streams.map((stream) => stream.run()), this.#posting.run()]);
  }

  /** Frames acknowledged by every producer, at least. */
  get acknowledgedFrames(): number {
    return Math.min(this.#posting.acknowledged, ...this.#streams.map(({ acknowledged }) => acknowledged));
  }

  get acknowledgedEvents(): number {
    const { acknowledged } = this.#posting;
    const frames = this.#streams.reduce((sum, stream) => sum + stream.acknowledged, acknowledged);
    return frames * (this.#mixes[0]?.frame(1).length ?? 0);
  }

  /** No new frames; resolves when all that was sent is acknowledged. */
  async finish(): Promise<void> {
    for (const stream of this.#streams) stream.finish();
    this.#posting.finish();
    await this.#running;
  }

  /** Ends it, whatever is acknowledged. */
  abandon(): void {
    for (const stream of this.#streams) stream.abandon();
    this.#posting.abandon();
  }

  /** After `finish`: what the store has to hold, each once. */
  events(): MixedEvent[] {
    return this.#mixes.flatMap(({ frames }, index) => {
      const sent = this.#streams[index]?.acknowledged ?? this.#posting.acknowledged;
      return frames.slice(0, sent).flat();
    });
  }

  /** Promises that were not kept, in words. */
  complaints(): string[] {
    return this.#streams.flatMap(({ forgottenAcks, ackOrderViolations, rejectsBySeq }) => [
      ...forgottenAcks,
      ...ackOrderViolations,
      ...[...rejectsBySeq.keys()].map((seq) => `frame ${seq} was rejected`),
    ]);
  }
}

/** Posts one request after another; each until it is accepted. */
class PostingProducer {
  readonly #mix: EventMix;
  readonly #options: MixedLoadOptions & { readonly producer: string };
  #isFinishing = false;
  #isAbandoned = false;
  acknowledged = 0;

  constructor(mix: EventMix, options: MixedLoadOptions & { readonly producer: string }) {
    this.#mix = mix;
    this.#options = options;
  }

  finish(): void {
    this.#isFinishing = true;
  }

  abandon(): void {
    this.#isFinishing = true;
    this.#isAbandoned = true;
  }

  async run(): Promise<void> {
    while (!this.#isFinishing) {
      const seq = this.acknowledged + 1;
      const body = JSON.stringify(this.#mix.frame(seq));
      while (!this.#isAbandoned && !(await this.#isAccepted(seq, body))) await pause(50);
      if (this.#isAbandoned) return;
      this.acknowledged = seq;
      await pause(this.#options.pauseMs);
    }
  }

  async #isAccepted(seq: number, body: string): Promise<boolean> {
    const { url, key, producer } = this.#options;
    const headers = {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      'idempotency-key': `${producer}-${seq}`,
    };
    try {
      const signal = AbortSignal.timeout(5_000);
      const answer = await fetch(`${url()}/v1/events`, { method: 'POST', headers, body, signal });
      const text = await answer.text();
      if (answer.status === 400) throw new TypeError(`cannot use the load's own event: ${text}`);
      return answer.status === 202;
    } catch (error) {
      if (error instanceof TypeError && error.message.startsWith('cannot use')) throw error;
      return false;
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
