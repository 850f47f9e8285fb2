import type { ErrorCode } from '../core/errors.js';
import type {
  DecodedBatch,
  DecodedFrame,
  EventContext,
  EventFingerprints,
  FrameBatch,
  FrameFormat,
  FrameRange,
} from '../core/event-batch.js';
import { invariant } from '../core/invariant.js';
import { type LiveInterest, noLifecycle } from '../core/live-batch.js';
import { noWork } from '../core/work-rows.js';
import type { FrameOrigin } from './frame-origin.js';
import type { ReceiptTime } from './receipt-clock.js';

/** What is to become of a frame, as far as it is known. */
type FrameState = 'pending' | 'append' | 'duplicate' | 'refused';

export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
}

/** One frame on its way: where its bytes lie in the batch, and what is known of it so far. */
export interface PendingFrame {
  readonly origin: FrameOrigin;
  readonly offset: number;
  readonly length: number;
  readonly format: FrameFormat;
  readonly receivedMonotonicMs: number;
  /** Refused before decoding (too large, credit overrun): takes its turn, so that earlier frames are answered first. */
  readonly fault: Refusal | null;
  /** What to tell the origin in this frame's turn; null while nothing is wrong, or when it was told already. */
  refusal: Refusal | null;
  /** Decode it for its answer only: it adds no row. Set for duplicates and refused frames. */
  silent: boolean;
  /** Indices of events dropped by their event_id. */
  duplicateEvents: number[];
  /** Indices of events that end what had ended otherwise before. */
  conflictingEvents: number[];
  /** What events left out and is known. */
  contexts: EventContext[];
  /** Position it was given; 0 until admitted, and for origins without a producer. */
  seq: number;
  state: FrameState;
  /** Events it holds, 0 until it was admitted. */
  events: number;
  /** Its decoded form, from the batch's last decode. */
  result: DecodedFrame | null;
}

export type NewFrame = { readonly bytes: Uint8Array } & Pick<
  PendingFrame,
  'origin' | 'format' | 'receivedMonotonicMs' | 'fault' | 'silent'
>;

/**
 * Frames collected end to end in one buffer until a worker takes them. The buffer goes to the worker and
 * comes back; while it is away `bytes` must not be touched.
 */
export class PendingBatch {
  readonly frames: PendingFrame[] = [];
  /** Null while the clock is not set: it is not decoded before. */
  receipt: ReceiptTime | null;
  decoded: DecodedBatch | null = null;
  /** Frames and events have been matched against what was seen; not done twice for one batch. */
  admitted = false;
  /** Fingerprints of the decode it was admitted by: those not marked as seen are remembered for this batch. */
  admittedIds: EventFingerprints | null = null;
  /** Ends that the memory of what is under way took from it (work/work-settlement.ts); null: it was not told yet. */
  settledEnds: number[] | null = null;
  /** How often it was told. */
  settlements = 0;
  /** CRC-32 of the rows as they are settled. */
  rowsCrc = 0;
  bytesUsed = 0;
  #bytes: ArrayBuffer;
  readonly #view: Uint8Array;

  constructor(bytes: ArrayBuffer, receipt: ReceiptTime | null) {
    this.#bytes = bytes;
    this.#view = new Uint8Array(bytes);
    this.receipt = receipt;
  }

  get bytes(): ArrayBuffer {
    return this.#bytes;
  }

  hasRoomFor(length: number): boolean {
    return this.bytesUsed + length <= this.#view.byteLength;
  }

  // Hot path: once a frame. The copy is what lets the socket take its buffer back.
  add(frame: NewFrame): void {
    const { bytes, origin, format, receivedMonotonicMs, fault, silent } = frame;
    const offset = this.bytesUsed;
    this.#view.set(bytes, offset);
    this.bytesUsed += bytes.byteLength;
    const length = bytes.byteLength;
    const state = fault === null ? 'pending' : 'refused';
    this.frames.push({
      origin,
      offset,
      length,
      format,
      receivedMonotonicMs,
      fault,
      refusal: fault,
      silent,
      duplicateEvents: [],
      conflictingEvents: [],
      contexts: [],
      seq: 0,
      events: 0,
      state,
      result: null,
    });
  }

  /** What a worker gets: the frames that have no fault of their own. Transfers the buffer away. */
  toFrameBatch(live: LiveInterest | null): FrameBatch {
    const ranges: FrameRange[] = [];
    for (const frame of this.frames) {
      if (frame.fault !== null) continue;
      const { offset, length, format, silent, duplicateEvents, conflictingEvents, contexts, origin } = frame;
      ranges.push({
        offset,
        length,
        format,
        tenant: origin.tenant,
        contentAllowed: origin.contentAllowed,
        user: origin.user,
        duplicate: silent,
        duplicateEvents,
        conflictingEvents: conflictingEvents.sort(ascending),
        contexts: contexts.sort((left, right) => left.event - right.event),
      });
    }
    return { bytes: this.#bytes, frames: ranges, ...this.mustReceipt(), live };
  }

  mustReceipt(): ReceiptTime {
    invariant(this.receipt !== null, 'a batch is decoded before it has a time of receipt');
    return this.receipt;
  }

  /** Takes the worker's answer and the buffer back. */
  setDecoded(decoded: DecodedBatch): void {
    this.decoded = decoded;
    this.#bytes = decoded.bytes;
    let index = 0;
    for (const frame of this.frames) {
      if (frame.fault === null) frame.result = decoded.frames[index++] ?? null;
    }
  }

  /** Nothing to decode: every frame is refused by itself. */
  setEmpty(): void {
    const none = new Uint8Array(0);
    this.setDecoded({
      bytes: this.#bytes,
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
    });
  }
}

function ascending(left: number, right: number): number {
  return left - right;
}
