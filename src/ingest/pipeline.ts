import type { Clock } from '../core/clock.js';
import { CollectorError, type ErrorCode, errorMessage } from '../core/errors.js';
import type { FrameFormat } from '../core/event-batch.js';
import type { ExecutionInstruments, IngestInstruments } from '../core/instruments.js';
import { invariant } from '../core/invariant.js';
import type { Logger } from '../core/logger.js';
import type { FrameDecoder } from '../core/ports/frame-decoder.js';
import type { LiveSink } from '../core/ports/live-sink.js';
import type { SpoolAppender } from '../core/ports/spool-appender.js';
import type { WindowSink } from '../core/ports/window-sink.js';
import { SharedBuffers } from '../core/shared-buffers.js';
import { type AdmissionDeps, admitBatch, forgetEventIds, readmitBatch } from './admission.js';
import type { EventIdMemory } from './event-id-memory.js';
import { FrameLedger } from './frame-ledger.js';
import type { FrameOrigin } from './frame-origin.js';
import { PendingBatch } from './pending-batch.js';
import type { Refusal } from './pending-frame.js';
import type { ReceiptClock } from './receipt-clock.js';
import type { WorkMemory } from './work/work-memory.js';
import { settleWork, unsettleWork } from './work/work-settlement.js';

export interface PipelineDeps {
  readonly decoder: FrameDecoder;
  readonly spool: SpoolAppender;
  readonly windows: WindowSink;
  readonly live: LiveSink;
  readonly eventIds: EventIdMemory;
  readonly work: WorkMemory;
  readonly clock: Clock;
  /** Dates every batch. */
  readonly receipt: ReceiptClock;
  readonly logger: Logger;
  readonly instruments: IngestInstruments & ExecutionInstruments;
}

export interface PipelineOptions {
  /** Bytes of frames collected into one batch; also the size of each buffer. */
  readonly batchBytesMax: number;
  /** Batches with the workers or waiting for them. */
  readonly batchesInFlightMax: number;
  /** Bytes of frames received and not yet answered at which no more credit is given. */
  readonly bytesInFlightMax: number;
}

/** A frame as it is handed in; `bytes` is copied before `submit` returns. */
export interface SubmittedFrame {
  readonly origin: FrameOrigin;
  readonly bytes: Uint8Array;
  readonly format: FrameFormat;
  /** Sent before, as far as can be told without decoding. */
  readonly duplicate: boolean;
}

/**
 * The life of a frame after its receipt: collected into a batch, decoded in the pool, admitted in order of
 * receipt, appended to the spool, answered when it is on disk. Batches are settled in the order they were
 * begun, however the workers finish them, so frames of one producer keep their order without bookkeeping
 * of their own.
 *
 * A batch in which something turns out to be a duplicate or refused is decoded a second time without it:
 * its rows are one block, and this is rare. When the spool is full the queue stands still: WebSocket
 * frames wait under credit 0, requests over HTTP are refused, and both go on by themselves. So it is while the wall
 * clock is not set: no batch is decoded before it has a time of receipt.
 */
export class IngestPipeline {
  readonly #deps: PipelineDeps;
  readonly #options: PipelineOptions;
  readonly #ledger: FrameLedger;
  readonly #admission: AdmissionDeps;
  readonly #buffers: SharedBuffers;
  /** Begun and not appended, oldest first; the last may still be collecting. */
  readonly #queue: PendingBatch[] = [];
  #collecting: PendingBatch | null = null;
  /** Full batches that wait for a worker. */
  readonly #waiting: PendingBatch[] = [];
  #decoding = 0;
  /** Given to the workers and not settled. */
  #batchesHeld = 0;
  #dispatchScheduled = false;
  #bytesInFlight = 0;
  #framesInFlight = 0;
  #framesAnswered = 0;
  #bytesAnswered = 0;
  #stalled = false;
  /** Settles as the last append does: what is appended before it is durable by then. */
  #durableTail: Promise<void> = Promise.resolve();
  #onSettled: () => void = () => {};
  #onDrained: (() => void)[] = [];

  constructor(deps: PipelineDeps, options: PipelineOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#ledger = new FrameLedger(deps.instruments);
    const { batchBytesMax, batchesInFlightMax, bytesInFlightMax } = options;
    // All that credit allows, and those with the workers, which need not be full.
    const countMax = Math.ceil(bytesInFlightMax / batchBytesMax) + batchesInFlightMax;
    this.#buffers = new SharedBuffers({ bytes: batchBytesMax, countMax });
    this.#admission = { spool: deps.spool, eventIds: deps.eventIds, ledger: this.#ledger };
    deps.spool.onSpace(() => {
      this.#stalled = false;
      this.#advance();
      this.#onSettled();
    });
    deps.receipt.onSet(() => {
      this.#dispatch();
      this.#onSettled();
    });
  }

  /** Bytes of frames received and not yet answered. */
  get bytesInFlight(): number {
    return this.#bytesInFlight;
  }

  /** Frames since the start, and their bytes; not those that had a fault of their own. */
  get answered(): { readonly frames: number; readonly bytes: number } {
    return { frames: this.#framesAnswered, bytes: this.#bytesAnswered };
  }

  /** Events counted as received whose outcome is not counted yet. */
  get eventsUnderway(): number {
    return this.#ledger.eventsUnderway;
  }

  /** The spool takes nothing now. */
  get stalled(): boolean {
    return this.#stalled;
  }

  /** The wall clock is not set, so nothing is acknowledged now. */
  get clockUnset(): boolean {
    return this.#deps.receipt.mustWait();
  }

  /** Called after each answered batch and when frames must wait or go on; one listener. */
  onSettled(callback: () => void): void {
    this.#onSettled = callback;
  }

  // Hot path: once a frame.
  submit(frame: SubmittedFrame): void {
    this.#add(frame, null);
  }

  /** A frame that is refused by itself; takes its turn so that the frames before it are answered first. */
  submitFault(origin: FrameOrigin, fault: { readonly code: ErrorCode; readonly message: string }): void {
    this.#add({ origin, bytes: emptyBytes, format: 'msgpack', duplicate: false }, fault);
  }

  /** Resolves when no frame is under way. */
  drained(): Promise<void> {
    if (this.#framesInFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onDrained.push(resolve));
  }

  #add(frame: SubmittedFrame, fault: Refusal | null): void {
    const { origin, bytes, format, duplicate: repeated } = frame;
    if (this.#collecting !== null && !this.#collecting.hasRoomFor(bytes.byteLength)) {
      this.#waiting.push(this.#collecting);
      this.#collecting = null;
    }
    this.#collecting ??= this.#beginBatch(bytes.byteLength);
    const receivedMonotonicMs = this.#deps.clock.monotonicMs();
    this.#collecting.add({ origin, bytes, format, fault, repeated, receivedMonotonicMs });
    this.#deps.instruments.frameBytes.inc(bytes.byteLength);
    this.#bytesInFlight += bytes.byteLength;
    this.#framesInFlight += 1;
    this.#scheduleDispatch();
  }

  #beginBatch(bytesMin: number): PendingBatch {
    const { batchBytesMax } = this.#options;
    const shared = bytesMin <= batchBytesMax ? this.#buffers.tryTake() : null;
    if (shared === null) this.#deps.instruments.batchesUnshared.inc();
    const bytes = shared ?? new ArrayBuffer(Math.max(batchBytesMax, bytesMin));
    const batch = new PendingBatch(bytes, this.#deps.receipt.tryRead());
    this.#queue.push(batch);
    return batch;
  }

  /** Once a turn of the event loop: everything that arrived in it goes out together. */
  #scheduleDispatch(): void {
    if (this.#dispatchScheduled) return;
    this.#dispatchScheduled = true;
    setImmediate(() => {
      this.#dispatchScheduled = false;
      this.#dispatch();
    });
  }

  /** Full batches keep one in the pool's queue, so that no worker idles; a part of one goes to an idle worker only. */
  #dispatch(): void {
    while (this.#waiting.length > 0 && this.#decoding < this.#options.batchesInFlightMax && this.#mayHoldMore()) {
      if (!this.#isDated(this.#waiting[0]!)) return;
      this.#batchesHeld += 1;
      this.#decode(this.#waiting.shift()!);
    }
    if (this.#waiting.length > 0 || this.#collecting === null || this.#deps.decoder.idleWorkers() === 0) return;
    const batch = this.#collecting;
    if (!this.#mayHoldMore() || !this.#isDated(batch)) return;
    this.#collecting = null;
    this.#batchesHeld += 1;
    this.#decode(batch);
  }

  /** Decoded, a batch takes three times the memory of its frames: most of what waits for the disk waits before that. */
  #mayHoldMore(): boolean {
    return this.#batchesHeld < heldPerInFlight * this.#options.batchesInFlightMax;
  }

  /** Without a time of receipt, what cannot wait is refused. */
  #isDated(batch: PendingBatch): boolean {
    batch.receipt ??= this.#deps.receipt.tryRead();
    if (batch.receipt !== null) return true;
    for (const { frames } of this.#queue.filter(({ receipt }) => receipt === null)) {
      for (const frame of frames) if (frame.isTurnedAway) frame.refuse(clockUnset, this.#ledger);
    }
    this.#onSettled();
    return false;
  }

  #decode(batch: PendingBatch): void {
    this.#decoding += 1;
    unsettleWork(batch, this.#deps.work);
    this.#takeBackRows(batch);
    batch.decoded = null;
    const frameBatch = batch.toFrameBatch(this.#deps.live.interest());
    const decoded = frameBatch.frames.length === 0 ? Promise.resolve(null) : this.#deps.decoder.decode(frameBatch);
    decoded
      .then(
        (result) => (result === null ? batch.setEmpty() : batch.setDecoded(result)),
        (error: unknown) => {
          this.#deps.logger.error({ cause: errorMessage(error), frames: batch.frames.length }, 'cannot decode batch');
          this.#queue.splice(this.#queue.indexOf(batch), 1);
          this.#fail(batch, error);
        },
      )
      .then(() => {
        this.#decoding -= 1;
        this.#advance();
        this.#dispatch();
      });
  }

  /** Appends batches from the oldest on, as far as they are decoded and the spool takes them. */
  #advance(): void {
    for (;;) {
      const batch = this.#queue[0];
      if (batch === undefined || batch.decoded === null || this.#stalled) return;
      const again = batch.admitted ? readmitBatch(batch, this.#admission) : admitBatch(batch, this.#admission);
      batch.admitted = true;
      if (again || (batch.settledWork === null && settleWork(batch, batch.decoded, this.#deps))) {
        this.#decode(batch);
        return;
      }
      if (!this.#tryAppend(batch)) return;
    }
  }

  /** False when the spool is full: the batch stays at the head of the queue. */
  #tryAppend(batch: PendingBatch): boolean {
    const kept = batch.frames.filter((frame) => frame.state === 'append');
    if (kept.length > 0) {
      const { rows, rowCount, eventIds } = batch.mustDecoded();
      const { rowsCrc } = batch;
      const frames = kept.map(({ origin, seq, result }) => ({
        tenant: origin.tenant,
        producer: origin.producer,
        seq,
        rows: result?.rows ?? 0,
      }));
      const { receivedMs } = batch.mustReceipt();
      const outcome = this.#deps.spool.tryAppend({ rows, rowCount, rowsCrc, receivedMs, frames, eventIds });
      if (outcome.status === 'full') {
        this.#stall();
        return false;
      }
      if (outcome.status === 'stopped') {
        this.#queue.shift();
        this.#fail(batch, new CollectorError('stopping', 'the collector is shutting down'));
        return true;
      }
      this.#durableTail = outcome.durable;
    }
    this.#queue.shift();
    const durable = this.#durableTail;
    durable.then(
      () => this.#acknowledge(batch),
      (error: unknown) => {
        // What was appended has failed with it; the next batch starts from what is durable.
        if (this.#durableTail === durable) this.#durableTail = Promise.resolve();
        this.#fail(batch, error);
      },
    );
    return true;
  }

  /** Requests are refused at once, wherever they are in the queue; frames of a WebSocket wait. */
  #stall(): void {
    this.#stalled = true;
    for (const batch of this.#queue) {
      const refused = new Set(batch.frames.filter((frame) => frame.isTurnedAway));
      if (refused.size > 0) forgetEventIds(batch, this.#deps.eventIds, (frame) => refused.has(frame));
      for (const frame of refused) frame.refuse(spoolFull, this.#ledger);
    }
    this.#onSettled();
  }

  #acknowledge(batch: PendingBatch): void {
    const { instruments, windows, live, clock } = this.#deps;
    const nowMs = clock.monotonicMs();
    for (const frame of batch.frames) frame.answer(nowMs, this.#ledger);
    const decoded = batch.mustDecoded();
    const { slices, clampedCount, redactedCount, unknownFieldCount } = decoded;
    windows.add(slices);
    live.add(decoded);
    for (const slice of slices) instruments.recordExecutions(slice);
    instruments.eventsClamped.inc(clampedCount);
    instruments.valuesRedacted.inc(redactedCount);
    instruments.fieldsUnknown.inc(unknownFieldCount);
    this.#finish(batch);
  }

  /** Nothing of the batch is kept: every frame that was not refused already is told so. */
  #fail(batch: PendingBatch, error: unknown): void {
    forgetEventIds(batch, this.#deps.eventIds, () => true);
    unsettleWork(batch, this.#deps.work);
    const code = error instanceof CollectorError ? error.code : 'internal';
    const failure = { code, message: 'nothing of this frame was kept; send it again' } as const;
    for (const frame of batch.frames) frame.refuse(failure, this.#ledger);
    this.#finish(batch);
  }

  #finish(batch: PendingBatch): void {
    this.#batchesHeld -= 1;
    this.#bytesInFlight -= batch.bytesUsed;
    this.#framesInFlight -= batch.frames.length;
    this.#bytesAnswered += batch.bytesUsed;
    for (const { fault } of batch.frames) if (fault === null) this.#framesAnswered += 1;
    invariant(this.#framesInFlight >= 0, 'more frames were answered than received');
    const answered = new Map<FrameOrigin, number>();
    for (const { origin } of batch.frames) answered.set(origin, (answered.get(origin) ?? 0) + 1);
    for (const [origin, count] of answered) origin.flush(count);
    this.#buffers.give(batch.bytes);
    this.#takeBackRows(batch);
    for (const side of batch.sides) this.#deps.decoder.takeBackSide(side);
    if (this.#waiting.length > 0 || this.#collecting !== null) this.#scheduleDispatch();
    if (this.#framesInFlight === 0) for (const resolve of this.#onDrained.splice(0)) resolve();
    this.#onSettled();
  }

  /** The batch was not appended, or its append is settled: the spool is done with its rows. */
  #takeBackRows({ decoded }: PendingBatch): void {
    if (decoded !== null) this.#deps.decoder.takeBack(decoded.rows);
  }
}

/** Batches that are decoded and not on disk yet, for each that may be with the workers. */
const heldPerInFlight = 3;
const emptyBytes = new Uint8Array(0);
const spoolFull: Refusal = { code: 'spool_full', message: 'the spool is full; nothing of this request was kept' };
const clockUnset: Refusal = {
  code: 'clock_unset',
  message: 'the wall clock of the collector is not set; nothing of this request was kept',
};
