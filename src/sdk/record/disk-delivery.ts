import { mkdirSync, readdirSync } from 'node:fs';
import type { Timer } from '../../core/clock.js';
import { within } from '../../core/within.js';
import type { TidemarkEvent } from '../event.js';
import { StreamClient } from '../stream-client.js';
import type { Delivered, Delivery } from './delivery.js';
import { disown, own, takeOver, touch, touchMs } from './disk-owner.js';
import { DiskStore } from './disk-store.js';
import { type StreamOptions, streamClientOptions } from './stream-delivery.js';

export interface DiskOptions extends StreamOptions {
  readonly directory: string;
  /** What the producers of one name are called by; each process has one of its own. */
  readonly producer: string;
  readonly diskBytesMax: number;
  readonly random: () => number;
}

interface Lane {
  readonly producer: string;
  readonly store: DiskStore;
  readonly client: StreamClient;
}

/** Shorter than a producer may be, by what tells the processes of one name apart. */
const producerPattern = /^[A-Za-z0-9_-]{1,55}$/;

/**
 * Over the WebSocket, through files that outlive the process. What an earlier process of the same name left there, and
 * nobody has, is sent under that process's own producer and numbers, so that nothing of it counts twice.
 */
export class DiskDelivery implements Delivery {
  readonly #options: DiskOptions;
  readonly #own: Lane;
  #left: Lane[];
  readonly #ending = new Set<Promise<void>>();
  readonly #gone = { acked: 0, rejected: 0, dropped: 0, queued: 0, connections: 0, resent: 0 };
  #touching: Timer;
  #dropped = 0;
  #isClosed = false;

  /** Throws when the directory cannot be made or written to. */
  constructor(options: DiskOptions) {
    this.#options = options;
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    if (!producerPattern.test(options.producer)) throw new Error(`producer is not ${producerPattern.source}`);
    this.#left = this.#abandoned().flatMap((producer) => this.#openLeft(producer));
    const producer = `${options.producer}-${Math.floor(options.random() * 2 ** 40)
      .toString(36)
      .padStart(8, '0')}`;
    own(options.directory, producer);
    this.#own = this.#open(producer);
    this.#touching = this.#touchLater();
  }

  /** Events that were found here at the start. */
  get found(): number {
    return this.#gone.queued + this.#left.reduce((sum, { client }) => sum + client.stats().eventsQueued, 0);
  }

  offer(event: TidemarkEvent): void {
    if (this.#own.client.trySend(event) !== 'queued') this.#dropped += 1;
  }

  room(): null {
    return null;
  }

  async flush(timeoutMs: number): Promise<void> {
    this.persist();
    const flushed = [this.#own, ...this.#left].map(({ client }) => client.flush().catch(() => undefined));
    await within(this.#options.holdingClock, Promise.all(flushed), timeoutMs);
    this.#putAway();
  }

  /** What was told so far is in the files when this returns. */
  persist(): void {
    this.#own.client.seal();
  }

  async close(timeoutMs: number): Promise<void> {
    await this.flush(timeoutMs);
    this.#isClosed = true;
    this.#touching.cancel();
    await Promise.all([...this.#ending, ...[this.#own, ...this.#left].map((lane) => this.#end(lane))]);
  }

  delivered(): Delivered {
    const { ended, isConnected } = this.#own.client;
    const sum = { ...this.#gone, dropped: this.#gone.dropped + this.#dropped };
    for (const { client } of [this.#own, ...this.#left]) addStats(sum, client);
    const { queued: _, ...counts } = sum;
    const open = isConnected ? 'connected' : 'connecting';
    return { ...counts, state: this.#isClosed ? 'closed' : ended !== null ? `ended: ${ended.code}` : open };
  }

  #abandoned(): string[] {
    const { directory, producer, clock } = this.#options;
    const nowMs = clock.nowMs();
    const ofProducer = new RegExp(`^(${producer}-[0-9a-z]{8})\\.(owner|\\d{16}\\.frames)$`);
    const names = readdirSync(directory).flatMap((name) => ofProducer.exec(name)?.[1] ?? []);
    return [...new Set(names)].filter((name) => takeOver(directory, name, nowMs));
  }

  /** What cannot be read is left where it is, and told. */
  #openLeft(producer: string): Lane[] {
    try {
      return [this.#open(producer)];
    } catch (error) {
      disown(this.#options.directory, producer, { isEmpty: false });
      this.#options.onProblem(`cannot read what ${producer} left in ${this.#options.directory}: ${String(error)}`);
      return [];
    }
  }

  #open(producer: string): Lane {
    const { directory, diskBytesMax: bytesMax, bufferBytesMax: memoryBytesMax, onProblem } = this.#options;
    const store = new DiskStore({ directory, producer, bytesMax, memoryBytesMax, onProblem });
    const limits = { bufferBytesMax: Number.POSITIVE_INFINITY, bufferFramesMax: Number.POSITIVE_INFINITY };
    const options = { ...streamClientOptions(this.#options), ...limits, producer, store };
    return { producer, store, client: new StreamClient(options, this.#options.wire) };
  }

  /** Ends the lanes of earlier processes that have nothing left. */
  #putAway(): void {
    const done = this.#left.filter(({ store }) => store.isEmpty);
    this.#left = this.#left.filter((lane) => !done.includes(lane));
    for (const lane of done) {
      addStats(this.#gone, lane.client);
      const ended = this.#end(lane).finally(() => this.#ending.delete(ended));
      this.#ending.add(ended);
    }
  }

  async #end({ client, store, producer }: Lane): Promise<void> {
    await client.close(0);
    disown(this.#options.directory, producer, store);
    store.close();
  }

  #touchLater(): Timer {
    return this.#options.clock.setTimer(touchMs, () => {
      this.#putAway();
      try {
        for (const { producer } of [this.#own, ...this.#left])
          touch(this.#options.directory, producer, this.#options.clock.nowMs());
      } catch (error) {
        this.#options.onProblem(`cannot write to ${this.#options.directory}: ${String(error)}`);
      }
      this.#touching = this.#touchLater();
    });
  }
}

interface Sum {
  acked: number;
  rejected: number;
  dropped: number;
  queued: number;
  connections: number;
  resent: number;
}

function addStats(sum: Sum, client: StreamClient): void {
  const stats = client.stats();
  sum.acked += stats.eventsKept;
  sum.rejected += stats.eventsRejected;
  sum.dropped += stats.eventsDropped;
  sum.queued += stats.eventsQueued;
  sum.connections += stats.connections;
  sum.resent += stats.framesResent;
}
