import type { ErrorCode } from '../core/errors.js';
import type { DecodedFrame, EventContext, FrameFormat, FrameRange } from '../core/event-batch.js';
import { invariant } from '../core/invariant.js';
import type { FrameLedger } from './frame-ledger.js';
import type { FrameOrigin } from './frame-origin.js';

export type FrameState =
  /** Received; nobody has looked into it yet. */
  | 'pending'
  /** To be kept: it adds rows and takes a position. */
  | 'append'
  /** Sent before: it adds nothing, and is acknowledged when its first sending is durable. */
  | 'duplicate'
  /** Nothing of it is kept; its origin hears so in its turn. */
  | 'refused'
  /** Its origin knows what became of it, and that is counted. */
  | 'settled';

export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
}

export interface NewFrame {
  readonly origin: FrameOrigin;
  readonly bytes: Uint8Array;
  readonly format: FrameFormat;
  readonly receivedMonotonicMs: number;
  /** Refused before decoding (too large, credit overrun): takes its turn, so that earlier frames are answered first. */
  readonly fault: Refusal | null;
  /** Sent before, as far as can be told without decoding. */
  readonly repeated: boolean;
}

/**
 * One frame on its way: where its bytes lie in the batch, and what is known of it so far. What can become of it:
 *
 *     pending ── admit ──▶ append, duplicate, refused      when its batch is decoded, in order of receipt
 *     refused ── answer ─▶ settled                         when what was received before it is durable, or lost
 *     append, duplicate ── answer ─▶ settled               when its batch is durable: acknowledged
 *     pending, append, duplicate ── refuse ─▶ settled      out of turn: it cannot wait, or its batch is lost
 *     append ── abandon ─▶ settled                         its origin was refused meanwhile
 *
 * So every frame is settled once, and that is where its outcome is counted.
 */
export class PendingFrame {
  readonly origin: FrameOrigin;
  readonly offset: number;
  readonly length: number;
  readonly fault: Refusal | null;
  /** Indices of events dropped by their event_id, ascending. */
  duplicateEvents: number[] = [];
  /** Indices of events that end what had ended otherwise before. */
  readonly conflictingEvents: number[] = [];
  /** What events left out and is known. */
  readonly contexts: EventContext[] = [];
  /** Its decoded form, from the batch's last decode. */
  result: DecodedFrame | null = null;
  readonly #format: FrameFormat;
  readonly #receivedMonotonicMs: number;
  readonly #repeated: boolean;
  #state: FrameState;
  #refusal: Refusal | null;
  #seq = 0;
  /** Events of it that were counted as received. */
  #events = 0;
  /** The last decode was to answer it only, and to add no row. */
  #silent = false;

  constructor(frame: NewFrame, offset: number) {
    this.origin = frame.origin;
    this.offset = offset;
    this.length = frame.bytes.byteLength;
    this.fault = frame.fault;
    this.#format = frame.format;
    this.#receivedMonotonicMs = frame.receivedMonotonicMs;
    this.#repeated = frame.repeated;
    this.#refusal = frame.fault;
    this.#state = frame.fault === null ? 'pending' : 'refused';
  }

  get state(): FrameState {
    return this.#state;
  }

  /** Position it was given; 0 until admitted, and for origins without a producer. */
  get seq(): number {
    return this.#seq;
  }

  /** The block of the last decode has rows of it that are not to be kept, or lacks those that are. */
  get isStale(): boolean {
    return this.fault === null && this.#silent === (this.#state === 'append');
  }

  /** It cannot wait until the collector takes frames again, and nothing of it was kept before. */
  get isTurnedAway(): boolean {
    return !this.origin.waits && (this.#state === 'pending' || this.#state === 'append');
  }

  /** What a worker is told of it. */
  range(): FrameRange {
    const { tenant, contentAllowed, user } = this.origin;
    this.#silent = this.#state === 'pending' ? this.#repeated : this.#state !== 'append';
    return {
      offset: this.offset,
      length: this.length,
      format: this.#format,
      tenant,
      contentAllowed,
      user,
      duplicate: this.#silent,
      duplicateEvents: this.duplicateEvents,
      conflictingEvents: this.conflictingEvents.sort(ascending),
      contexts: this.contexts.sort((left, right) => left.event - right.event),
    };
  }

  /** Hot path: once a frame. `lastSeq`: the highest of its producer, 0 when unknown. */
  admit(lastSeq: number, ledger: FrameLedger): void {
    if (this.fault !== null) {
      this.origin.condemn(this.fault.code);
      return;
    }
    invariant(this.#state === 'pending', 'a frame is admitted twice');
    const result = this.#mustResult();
    this.#events = result.events;
    ledger.receive(result.events);
    const admission = this.origin.admit(result, lastSeq);
    if (admission.kind === 'refuse') {
      this.#state = 'refused';
      this.#refusal = admission;
      this.origin.condemn(admission.code);
      return;
    }
    this.#state = admission.kind;
    this.#seq = admission.seq;
  }

  /** Hot path: once a frame, in its turn. What it repeats, or its rows, are durable. */
  answer(nowMs: number, ledger: FrameLedger): void {
    if (this.#state === 'settled') return;
    if (this.#refusal !== null) {
      this.#settleRefused(this.#refusal, ledger);
      return;
    }
    invariant(this.#state !== 'pending', 'a frame is answered before it was admitted');
    const answer = {
      seq: this.#seq,
      frame: this.#mustResult(),
      duplicate: this.#state === 'duplicate',
      duplicateEvents: this.duplicateEvents.length,
    };
    this.#state = 'settled';
    ledger.acknowledge(answer, nowMs - this.#receivedMonotonicMs);
    this.origin.acknowledge(answer);
  }

  /** Its batch is not kept, or it cannot wait. One that was to be refused is told its own reason. */
  refuse(refusal: Refusal, ledger: FrameLedger): void {
    if (this.#state !== 'settled') this.#settleRefused(this.#refusal ?? refusal, ledger);
  }

  /** It was admitted before its origin was refused: the origin has been told, and keeps no position behind that. */
  abandon(ledger: FrameLedger): void {
    const code = this.origin.faultedBy;
    invariant(this.#state === 'append' && code !== null, 'a frame is abandoned whose origin waits for its answer');
    this.#state = 'settled';
    ledger.refuse(code, this.#events);
  }

  #settleRefused({ code, message }: Refusal, ledger: FrameLedger): void {
    this.#state = 'settled';
    ledger.refuse(code, this.#events);
    this.origin.refuse(code, message);
  }

  #mustResult(): DecodedFrame {
    invariant(this.result !== null, 'a frame is settled before it is decoded');
    return this.result;
  }
}

function ascending(left: number, right: number): number {
  return left - right;
}
