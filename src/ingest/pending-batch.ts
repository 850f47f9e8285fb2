import { copyBytes } from '../core/copy-bytes.js';
import type { DecodedBatch, EventFingerprints, FrameBatch, FrameRange } from '../core/event-batch.js';
import { invariant } from '../core/invariant.js';
import { type LiveInterest, noLifecycle } from '../core/live-batch.js';
import { noWork, type WorkRows } from '../core/work-rows.js';
import { type NewFrame, PendingFrame } from './pending-frame.js';
import type { ReceiptTime } from './receipt-clock.js';

/** Frames collected end to end in one buffer. From when a worker is given it until it answers it is not written to. */
export class PendingBatch {
  readonly frames: PendingFrame[] = [];
  /** Null while the clock is not set: it is not decoded before. */
  receipt: ReceiptTime | null;
  decoded: DecodedBatch | null = null;
  /** Frames and events have been matched against what was seen; not done twice for one batch. */
  admitted = false;
  /** Fingerprints of the decode it was admitted by: those not marked as seen are remembered for this batch. */
  admittedIds: EventFingerprints | null = null;
  /** Notes which ends the memory of what is under way took (work/work-settlement.ts); null: it was not told yet. */
  settledWork: WorkRows | null = null;
  /** Where the lists of all its decodes lie: the fingerprints it was admitted by are read to the end. */
  readonly sides: ArrayBufferLike[] = [];
  /** How often it was told. */
  settlements = 0;
  /** CRC-32 of the rows as they are settled. */
  rowsCrc = 0;
  bytesUsed = 0;
  readonly bytes: ArrayBufferLike;
  readonly #view: Uint8Array;

  constructor(bytes: ArrayBufferLike, receipt: ReceiptTime | null) {
    this.bytes = bytes;
    this.#view = new Uint8Array(bytes);
    this.receipt = receipt;
  }

  /** Its block has rows that are not to be kept, or lacks some that are. */
  get isStale(): boolean {
    return this.frames.some((frame) => frame.isStale);
  }

  hasRoomFor(length: number): boolean {
    return this.bytesUsed + length <= this.#view.byteLength;
  }

  // Hot path: once a frame. The copy is what lets the socket take its buffer back.
  add(frame: NewFrame): void {
    copyBytes(frame.bytes, this.#view, this.bytesUsed);
    this.frames.push(new PendingFrame(frame, this.bytesUsed));
    this.bytesUsed += frame.bytes.byteLength;
  }

  /** What a worker gets: the frames that have no fault of their own. */
  toFrameBatch(live: LiveInterest | null): FrameBatch {
    const frames: FrameRange[] = [];
    for (const frame of this.frames) if (frame.fault === null) frames.push(frame.range());
    return { bytes: this.bytes, frames, ...this.mustReceipt(), live };
  }

  mustReceipt(): ReceiptTime {
    invariant(this.receipt !== null, 'a batch is decoded before it has a time of receipt');
    return this.receipt;
  }

  setDecoded(decoded: DecodedBatch): void {
    this.decoded = decoded;
    if (decoded.side !== null) this.sides.push(decoded.side);
    let index = 0;
    for (const frame of this.frames) if (frame.fault === null) frame.result = decoded.frames[index++] ?? null;
    invariant(index === decoded.frames.length, 'a worker has answered other frames than it was given');
  }

  mustDecoded(): DecodedBatch {
    invariant(this.decoded !== null, 'a batch is settled before it is decoded');
    return this.decoded;
  }

  /** Nothing to decode: every frame is refused by itself. */
  setEmpty(): void {
    const none = new Uint8Array(0);
    this.setDecoded({
      bytes: this.bytes,
      rows: none,
      rowCount: 0,
      rowsCrc: 0,
      frames: [],
      eventIds: null,
      slices: [],
      lifecycle: noLifecycle,
      work: noWork,
      live: null,
      clampedCount: 0,
      redactedCount: 0,
      unknownFieldCount: 0,
      side: null,
    });
  }
}
