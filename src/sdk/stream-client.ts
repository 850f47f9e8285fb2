import type { Clock } from '../core/clock.js';
import { holdingClock, systemRandom } from '../core/clock.js';
import { errorMessage } from '../core/error-message.js';
import { within } from '../core/within.js';
import {
  ClientError,
  type ClientLimits,
  type ClientOptions,
  type ClientStats,
  defaultClientLimits,
  type SendOutcome,
  streamUrl,
} from './client-options.js';
import { noticeCodes } from './codes.js';
import type { TidemarkEvent } from './event.js';
import { type EventBatch, EventBatcher, halvesOf } from './event-batcher.js';
import { FrameQueue, type QueuedFrame } from './frame-queue.js';
import { Link, type LinkOptions } from './link.js';
import type { ServerMessage } from './server-message.js';
import type { EncodedFrame, Wire } from './wire.js';

/** Bytes in the socket's own buffer beyond which nothing more is handed to it. */
const socketBufferBytesMax = 4_194_304;

/** A name is not made up here: pages have better chance than this client's. */
export type NamedOptions = ClientOptions & { readonly producer: string } & Pick<LinkOptions, 'isFinal'>;

interface FlushWaiter {
  /** Frames that must be acknowledged, of all that were ever queued. */
  readonly frames: number;
  readonly resolve: () => void;
  readonly reject: (error: ClientError) => void;
}

interface RoomWaiter {
  readonly bytes: number;
  readonly resolve: () => void;
}

/**
 * Events become batches, batches become numbered frames, and a frame is kept until the collector says that it is
 * on disk. Events are counted once however often the connection breaks: a resent frame keeps its number.
 */
export class StreamClient {
  readonly producer: string;
  readonly #options: ClientOptions;
  readonly #wire: Wire;
  readonly #limits: ClientLimits;
  readonly #clock: Clock;
  readonly #queue = new FrameQueue();
  readonly #batcher: EventBatcher;
  readonly #link: Link;
  /** Hello was heard on the present connection. */
  #ready = false;
  #credit = 0;
  #frameBytesMax = 1_048_576;
  /** Number of the next new frame; 0 until the first hello. */
  #nextSeq = 0;
  /** Of the newest frame in the store. */
  #storedSeq = 0;
  /** Why no event is taken any more. */
  #end: ClientError | null = null;
  #closing = false;
  readonly #flushWaiters: FlushWaiter[] = [];
  #roomWaiters: RoomWaiter[] = [];
  readonly #counts = {
    eventsQueued: 0,
    eventsAcknowledged: 0,
    eventsKept: 0,
    eventsRejected: 0,
    eventsDropped: 0,
    framesSent: 0,
    framesResent: 0,
    bytesSent: 0,
  };

  /** Connects at once and goes on until `close`. Reconnects by itself and resends what was not acknowledged. */
  constructor(options: NamedOptions, wire: Wire) {
    this.#wire = wire;
    const random = options.random ?? systemRandom;
    this.#options = options;
    this.#limits = { ...defaultClientLimits, ...options };
    this.#clock = options.clock ?? holdingClock;
    this.producer = options.producer;
    const keepsEvents = options.onReject !== undefined;
    this.#batcher = new EventBatcher(this.#clock, () => this.#pump(), { ...this.#limits, keepsEvents });
    const handlers = {
      message: (message: ServerMessage) => this.#hear(message),
      down: (error: ClientError) => this.#onDown(error),
    };
    const url = streamUrl(options.url, this.producer);
    const { key, holds = true } = options;
    for (const { seq, encoded, count } of options.store?.frames() ?? []) {
      this.#queue.push({ encoded, count, events: null, seq, sentMs: 0, rejected: false, refused: 0 });
      this.#storedSeq = seq;
      this.#counts.eventsQueued += count;
    }
    this.#link = new Link(handlers, this.#clock, random, { ...this.#limits, url, key, holds, wire });
  }

  /** Takes the event or says at once why not. */
  trySend(event: TidemarkEvent): SendOutcome {
    if (this.#closing || this.#end !== null) return 'closed';
    if (this.#isFull()) return 'full';
    this.#take(event);
    return 'queued';
  }

  /** Puts what was taken so far into the store, if there is one; at the end of a process nothing else can be done. */
  seal(): void {
    this.#seal();
  }

  /** Gives up the oldest frame that was never sent, to make room; how many events that were, 0 when there is none. */
  dropOldest(): number {
    // One that has a number may be stored, and a number may not be missing.
    if (this.#queue.peekUnsent()?.seq !== 0) return 0;
    const frame = this.#queue.dropNext();
    if (frame === undefined) return 0;
    this.#counts.eventsDropped += frame.count;
    return frame.count;
  }

  /** Bytes that wait for their acknowledgement; those of the batch that is being filled are estimated. */
  get bufferedBytes(): number {
    return this.#queue.bytes + this.#batcher.bytes;
  }

  /** Resolves when fewer bytes wait than that, or the client has ended. */
  room(bytes: number): Promise<void> {
    if (this.#end !== null || this.bufferedBytes < bytes) return Promise.resolve();
    return new Promise((resolve) => this.#roomWaiters.push({ bytes, resolve }));
  }

  /** Why no event is taken any more; null while they are. */
  get ended(): ClientError | null {
    return this.#end;
  }

  get isConnected(): boolean {
    return this.#ready;
  }

  /** Resolves when all that was queued before is acknowledged; rejects with ClientError when it never will be. */
  flush(): Promise<void> {
    this.#seal();
    this.#pump();
    const frames = this.#queue.pushed;
    if (this.#queue.acknowledged >= frames) return Promise.resolve();
    if (this.#end !== null) return Promise.reject(this.#end);
    return new Promise((resolve, reject) => this.#flushWaiters.push({ frames, resolve, reject }));
  }

  /** Takes no more events, waits up to `deadlineMs` for acks, disconnects; says how many events have none. */
  async close(deadlineMs = 10_000): Promise<{ readonly eventsUnacknowledged: number }> {
    this.#closing = true;
    this.admit();
    const flushed = this.flush().catch(() => undefined);
    await within(this.#clock, flushed, deadlineMs);
    this.#giveUp(new ClientError('closed', 'the client was closed', notRetryable));
    await this.#link.close();
    return { eventsUnacknowledged: this.#queue.events };
  }

  stats(): ClientStats {
    return {
      ...this.#counts,
      eventsUnacknowledged: this.#queue.events + this.#batcher.length,
      connections: this.#link.connections,
      credit: this.#credit,
    };
  }

  // ── from events to frames ─────────────────────────────────────────────────────────────────────────────────

  #isFull(): boolean {
    return this.bufferedBytes >= this.#limits.bufferBytesMax || this.#queue.length >= this.#limits.bufferFramesMax;
  }

  #take(event: TidemarkEvent): void {
    this.#batcher.add(event);
    this.#counts.eventsQueued += 1;
    if (!this.#batcher.isFull()) return;
    this.#seal();
    this.#pump();
  }

  #seal(): void {
    if (this.#batcher.length > 0) this.#enqueue(this.#batcher.take());
  }

  /** Halves what is too large or cannot be encoded, until the one event that is at fault stands alone. */
  #enqueue(batch: EventBatch): void {
    let problem = 'the event is larger than a frame may be';
    try {
      const encoded = this.#wire.encode(batch);
      if (encoded.bytes <= this.#frameBytesMax) {
        this.#push(encoded, batch);
        return;
      }
    } catch (error) {
      problem = `the event cannot be encoded: ${errorMessage(error)}`;
    }
    if (batch.rows.length > 1) {
      for (const half of halvesOf(batch)) this.#enqueue(half);
      return;
    }
    this.#counts.eventsRejected += 1;
    const refusal = { code: 'event_unsendable', path: '', message: problem, kept: false };
    this.#options.onRefused?.(refusal);
    const event = batch.events?.[0];
    if (event !== undefined) this.#options.onReject?.({ event, ...refusal });
  }

  /** With a store, a frame has its number when it is stored, and is read from there when it is sent. */
  #push(encoded: EncodedFrame, { rows, events }: EventBatch): void {
    const { store } = this.#options;
    const frame = { count: rows.length, sentMs: 0, rejected: false, refused: 0 };
    if (store === undefined) {
      this.#queue.push({ ...frame, encoded, events, seq: 0 });
      return;
    }
    const seq = this.#storedSeq + 1;
    const stored = store.put(seq, encoded, rows.length);
    if (stored === null) {
      this.#counts.eventsDropped += rows.length;
      return;
    }
    this.#storedSeq = seq;
    this.#queue.push({ ...frame, encoded: stored, events: null, seq });
  }

  // ── from frames to the socket ─────────────────────────────────────────────────────────────────────────────

  #maySend(): boolean {
    return this.#ready && this.#queue.inFlight < this.#credit && this.#link.bufferedBytes() <= socketBufferBytesMax;
  }

  /** Hot path: sends what credit allows, once a frame. */
  #pump(): void {
    while (this.#maySend()) {
      if (this.#queue.peekUnsent() === undefined && this.#batcher.isAged()) this.#seal();
      const frame = this.#queue.peekUnsent();
      if (frame === undefined) return;
      this.#transmit(frame);
    }
  }

  #transmit(frame: QueuedFrame): void {
    if (frame.seq === 0) frame.seq = this.#nextSeq;
    const data = this.#read(frame);
    if (data === null) return;
    if (frame.seq >= this.#nextSeq) {
      frame.sentMs = this.#clock.monotonicMs();
      this.#nextSeq = frame.seq + 1;
    } else {
      this.#counts.framesResent += 1;
    }
    this.#queue.markSent();
    this.#counts.framesSent += 1;
    this.#counts.bytesSent += data.length;
    this.#link.send(data);
  }

  /** Null: its store cannot give it back. It is dropped and told, and the collector takes the gap. */
  #read(frame: QueuedFrame): Uint8Array | string | null {
    try {
      return frame.encoded.stamped(frame.seq);
    } catch (error) {
      this.#queue.dropNext();
      this.#counts.eventsDropped += frame.count;
      const message = `${frame.count} stored events cannot be read: ${String(error)}`;
      this.#options.onRefused?.({ code: 'frame_unreadable', path: '', message, kept: false });
      if (this.#queue.length === 0) this.#settleStore(0);
      return null;
    }
  }

  /** Nothing up to `seq` is needed; with an empty queue nothing at all, whatever became of the rest. */
  #settleStore(seq: number): void {
    this.#options.store?.acknowledged(this.#queue.length === 0 ? Math.max(seq, this.#storedSeq) : seq);
  }

  // ── what the collector says ───────────────────────────────────────────────────────────────────────────────

  #hear(message: ServerMessage): void {
    if (this.#end !== null) return;
    if (message.op === 'hello') this.#onHello(message);
    else if (message.op === 'ack') this.#onAck(message.seq);
    else if (message.op === 'reject') this.#onReject(message);
    else if (message.op === 'credit') this.#onCredit(message.credit);
  }

  #onHello(hello: Extract<ServerMessage, { op: 'hello' }>): void {
    const storedNext = this.#options.store === undefined ? 0 : this.#storedSeq + 1;
    if (Math.max(this.#nextSeq, storedNext) > 0 && hello.last_seq >= Math.max(this.#nextSeq, storedNext)) {
      const message = 'another client has used the name of this producer';
      this.#giveUp(new ClientError('producer_conflict', message, notRetryable));
      void this.#link.close();
      return;
    }
    if (this.#nextSeq === 0) this.#nextSeq = hello.last_seq + 1;
    this.#credit = hello.credit;
    this.#frameBytesMax = hello.max_frame_bytes;
    this.#ready = true;
    this.#queue.rewind();
    this.#onAck(hello.last_seq);
  }

  #onCredit(credit: number): void {
    this.#credit = credit;
    this.#pump();
  }

  #onAck(seq: number): void {
    const nowMs = this.#clock.monotonicMs();
    for (const frame of this.#queue.acknowledge(seq)) {
      this.#link.markHealthy();
      this.#counts.eventsAcknowledged += frame.count;
      this.#counts.eventsKept += frame.count - frame.refused;
      this.#options.onAck?.({ seq: frame.seq, events: frame.count, latencyMs: nowMs - frame.sentMs });
    }
    while (this.#flushWaiters[0] !== undefined && this.#flushWaiters[0].frames <= this.#queue.acknowledged) {
      this.#flushWaiters.shift()?.resolve();
    }
    this.#settleStore(seq);
    this.admit();
    this.#pump();
  }

  #onReject(reject: Extract<ServerMessage, { op: 'reject' }>): void {
    const frame = this.#queue.find(reject.seq);
    if (frame === undefined || frame.rejected) return;
    frame.rejected = true;
    frame.refused = frame.count - reject.accepted;
    this.#counts.eventsRejected += frame.refused;
    for (const { index, code, path, message } of reject.errors) {
      const event = frame.events?.[index];
      const refusal = { code, path, message, kept: noticeCodes.test(code) };
      this.#options.onRefused?.(refusal);
      if (event !== undefined) this.#options.onReject?.({ event, ...refusal });
    }
  }

  /** There may be room, or none is needed any more: who waits for it goes on. */
  protected admit(): void {
    const waiting: RoomWaiter[] = [];
    for (const waiter of this.#roomWaiters) {
      if (this.#end === null && this.bufferedBytes >= waiter.bytes) waiting.push(waiter);
      else waiter.resolve();
    }
    this.#roomWaiters = waiting;
  }

  // ── the end of a connection, the end of the client ────────────────────────────────────────────────────────

  #onDown(error: ClientError): void {
    this.#ready = false;
    if (!error.retryable) this.#giveUp(error);
    if (this.#end?.code !== 'closed') this.#options.onError?.(error);
  }

  #giveUp(error: ClientError): void {
    if (this.#end !== null) return;
    this.#end = error;
    this.#ready = false;
    this.#batcher.stop();
    this.admit();
    for (const waiter of this.#flushWaiters.splice(0)) waiter.reject(error);
    if (error.code === 'producer_conflict') this.#options.onError?.(error);
  }
}

const notRetryable = { retryable: false } as const;
