import type { Clock } from '../core/clock.js';
import { type ErrorCode, errorTable } from '../core/errors.js';
import type { DecodedFrame } from '../core/event-batch.js';
import type { Socket, SocketHandlers } from '../core/ports/socket-route.js';
import type { Admission, FrameOrigin, FrameResult } from './frame-origin.js';
import type { HeldConnection, KeyBudget } from './limits/key-budget.js';
import { peekSeq } from './peek-seq.js';
import type { IngestPipeline } from './pipeline.js';
import { SeqGaps } from './seq-gaps.js';
import { encodeStreamMessage, type StreamEncoding, type StreamMessage } from './stream-message.js';

/** How long a larger credit stays good after a smaller one was announced: a frame may be that long on its way. */
const creditGraceMs = 30_000;
const gapRangesMax = 64;
/** A share of the key's budget that has grown by as much is told. */
const riseMin = 4;

export interface SessionDeps {
  readonly clock: Clock;
  readonly pipeline: Pick<IngestPipeline, 'submit' | 'submitFault'>;
  readonly socket: Socket;
  /** Highest appended seq of the producer, 0 when unknown. */
  readonly lastSeq: () => number;
  /** The session is over and none of its frames is under way. */
  readonly onFinished: (session: StreamSession) => void;
  readonly onClosedWith: (code: ErrorCode) => void;
  /** Of the key, shared by all its connections. */
  readonly budget: KeyBudget;
  /** The connection has skipped so often that its oldest gap is no longer known. */
  readonly onGapForgotten: () => void;
}

export interface SessionOptions {
  readonly tenant: string;
  readonly producer: string;
  /** What its position is kept under; the name of the producer unless given. */
  readonly position?: string;
  readonly contentAllowed: boolean;
  readonly user?: string | null;
  readonly encoding: StreamEncoding;
  readonly frameBytesMax: number;
  readonly creditMax: number;
}

/**
 * One connection of one producer: numbers, credit, answers. Its frames go through the pipeline, which
 * keeps their order; whatever is refused here takes its turn there too, so earlier frames are answered first.
 */
export class StreamSession implements FrameOrigin, SocketHandlers, HeldConnection {
  readonly tenant: string;
  readonly producer: string;
  readonly contentAllowed: boolean;
  readonly user: string | null;
  readonly waits = true;
  readonly #deps: SessionDeps;
  readonly #options: SessionOptions;
  readonly #gaps: SeqGaps;
  #encoding: StreamEncoding;
  /** Who numbers the frames: decided by the first one. */
  #numbering: 'client' | 'server' | null = null;
  #unanswered = 0;
  /** What the collector offers every connection, and what is left to the key of this one. */
  #offered: number;
  #keyCredit: number;
  /** Frames that may still come although the key has none left: those that were on their way when it was told. */
  #framesUnderWay = 0;
  #credit: number;
  /** A client may not have heard of a smaller credit, or has frames on the wire: the larger one holds for a while. */
  #creditBefore: number;
  #creditBeforeUntilMs = 0;
  #ackSeq = 0;
  #ackedSeq = 0;
  #sentSeq = 0;
  /** The client was told that the connection ends by this. */
  #faultedBy: ErrorCode | null = null;
  /** A frame on its way will end the connection. */
  #condemnedBy: ErrorCode | null = null;
  #refusing = false;
  /** The client was told why the connection ends: nothing is sent behind that. */
  #ended = false;
  #closed = false;
  #greeted = false;
  /** Answers wait unread beyond the outbound limit. */
  #tooSlow = false;

  constructor(deps: SessionDeps, options: SessionOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#gaps = new SeqGaps({ rangesMax: gapRangesMax, onForgotten: deps.onGapForgotten });
    this.tenant = options.tenant;
    this.producer = options.position ?? options.producer;
    this.contentAllowed = options.contentAllowed;
    this.user = options.user ?? null;
    this.#encoding = options.encoding;
    this.#offered = options.creditMax;
    this.#credit = options.creditMax;
    this.#creditBefore = options.creditMax;
    deps.budget.join();
    this.#keyCredit = deps.budget.creditFor(this);
  }

  get faultedBy(): ErrorCode | null {
    return this.#faultedBy;
  }

  condemn(code: ErrorCode): void {
    this.#condemnedBy ??= code;
    this.#refusing = true;
  }

  /** The connection is gone or going, and nothing of it is under way. */
  get finished(): boolean {
    return this.#closed && this.#unanswered === 0;
  }

  /** Tells the client where it stands; what it sends from here on is counted against `credit`. */
  greet(credit: number): void {
    if (this.#closed) return;
    this.#greeted = true;
    this.#offered = credit;
    this.#setCredit(this.#creditNow());
    const { producer, frameBytesMax } = this.#options;
    const lastSeq = this.#deps.lastSeq();
    this.#ackedSeq = lastSeq;
    this.#send({ op: 'hello', producer, last_seq: lastSeq, credit: this.#credit, max_frame_bytes: frameBytesMax });
  }

  announceCredit(credit: number): void {
    this.#offered = credit;
    this.#announce();
  }

  /** Its turn has come among the connections of its key. */
  resume(creditFrames: number): void {
    this.#keyCredit = creditFrames;
    this.#announce();
  }

  // Hot path: once a frame.
  message(bytes: Uint8Array, isBinary: boolean): void {
    if (this.#refusing || this.#closed) return;
    this.#encoding = isBinary ? 'msgpack' : 'json';
    const { pipeline, budget } = this.#deps;
    this.#unanswered += 1;
    if (budget.isLimited && this.#isBeyondBudget(bytes.byteLength)) return;
    if (bytes.byteLength > this.#options.frameBytesMax) {
      this.#submitFault(
        'frame_too_large',
        `the frame has ${bytes.byteLength} bytes of at most ${this.#options.frameBytesMax}`,
      );
      return;
    }
    const limit = this.#creditLimit();
    if (this.#unanswered > limit) {
      this.#submitFault('credit_overrun', `${this.#unanswered} frames are unacknowledged, the credit is ${limit}`);
      return;
    }
    const format = this.#encoding;
    const seq = peekSeq(bytes, format);
    pipeline.submit({ origin: this, bytes, format, duplicate: seq !== null && this.#wasSent(seq) });
  }

  /** The collector ends the connection. */
  end(code: ErrorCode): void {
    this.#refusing = true;
    this.#closeWith(code, errorTable[code].meaning);
  }

  closed(_code: number): void {
    if (!this.#closed) this.#deps.budget.leave(this);
    this.#closed = true;
    if (this.#unanswered === 0) this.#deps.onFinished(this);
  }

  /** A newer connection of the same producer took over: nothing more is read from this one. */
  replace(): void {
    this.#refusing = true;
    this.#closeWith('producer_replaced', errorTable.producer_replaced.meaning);
  }

  admit(frame: DecodedFrame, lastSeq: number): Admission {
    if (this.#condemnedBy !== null) {
      return { kind: 'refuse', code: this.#condemnedBy, message: 'an earlier frame was refused' };
    }
    if (frame.fault !== null) return { kind: 'refuse', ...frame.fault };
    const numbering = frame.seq === null ? 'server' : 'client';
    this.#numbering ??= numbering;
    if (this.#numbering !== numbering) {
      const message =
        numbering === 'server' ? 'a frame without seq follows numbered ones' : 'a frame with seq follows ones without';
      return { kind: 'refuse', code: 'seq_missing', message };
    }
    const seq = frame.seq ?? lastSeq + 1;
    if (seq <= lastSeq) {
      if (this.#gaps.has(seq))
        return { kind: 'refuse', code: 'seq_regressed', message: `seq ${seq} was skipped before` };
      return { kind: 'duplicate', seq };
    }
    if (seq > lastSeq + 1) this.#gaps.add(lastSeq + 1, seq - 1);
    return { kind: 'append', seq };
  }

  acknowledge(result: FrameResult): void {
    const { seq, frame } = result;
    if (frame.errors.length > 0) this.#send({ op: 'reject', seq, accepted: frame.accepted, errors: frame.errors });
    this.#ackSeq = Math.max(this.#ackSeq, seq);
    const { budget } = this.#deps;
    if (!budget.isLimited || result.duplicate) return;
    budget.takeEvents(frame.events, frame.accepted - result.duplicateEvents);
  }

  refuse(code: ErrorCode, message: string): void {
    if (this.#faultedBy !== null) return;
    this.#faultedBy = code;
    this.condemn(code);
    this.#sendAck();
    this.#closeWith(code, message);
  }

  flush(answered: number): void {
    this.#unanswered -= answered;
    // Before the ack, which would let the client send on.
    if (this.#deps.budget.isLimited || this.#keyCredit !== Number.POSITIVE_INFINITY) this.#followBudget();
    this.#sendAck();
    if (this.finished) this.#deps.onFinished(this);
  }

  #wasSent(seq: number): boolean {
    if (seq <= this.#sentSeq || seq <= this.#deps.lastSeq()) return true;
    this.#sentSeq = seq;
    return false;
  }

  /** Refused in its turn: the quota of the day is spent, or it comes although the key had no credit. */
  #isBeyondBudget(bytes: number): boolean {
    const { budget } = this.#deps;
    const spent = budget.spent();
    if (spent !== null) {
      this.#submitFault(spent.code, spent.message);
      return true;
    }
    if (this.#keyCredit === 0) {
      this.#framesUnderWay -= 1;
      if (this.#framesUnderWay < 0) {
        this.#submitFault('credit_overrun', 'the key has no credit now, and more came than could be on its way');
        return true;
      }
    }
    budget.takeBytes(bytes);
    return false;
  }

  /** Falls at once; rises when its turn comes, or by so much that it is worth a message. */
  #followBudget(): void {
    if (this.#keyCredit === 0 || this.#closed) return;
    const credit = this.#deps.budget.creditFor(this);
    if (credit >= this.#keyCredit && credit < riseMin * this.#keyCredit) return;
    if (credit === 0) this.#framesUnderWay = Math.max(this.#creditLimit(), this.#credit);
    this.#keyCredit = credit;
    this.#announce();
  }

  #creditNow(): number {
    return Math.min(this.#offered, this.#keyCredit);
  }

  #announce(): void {
    const credit = this.#creditNow();
    if (!this.#greeted || this.#closed || credit === this.#credit) return;
    this.#setCredit(credit);
    this.#send({ op: 'credit', credit });
  }

  #submitFault(code: ErrorCode, message: string): void {
    this.#refusing = true;
    this.#deps.pipeline.submitFault(this, { code, message });
  }

  #creditLimit(): number {
    if (this.#creditBefore <= this.#credit) return this.#credit;
    return this.#deps.clock.monotonicMs() < this.#creditBeforeUntilMs ? this.#creditBefore : this.#credit;
  }

  #setCredit(credit: number): void {
    this.#creditBefore = Math.max(this.#creditLimit(), this.#credit);
    this.#creditBeforeUntilMs = this.#deps.clock.monotonicMs() + creditGraceMs;
    this.#credit = credit;
  }

  /** Duplicates are acknowledged again, so an ack may repeat; it never goes back. */
  #sendAck(): void {
    if (this.#ackSeq === 0) return;
    this.#ackedSeq = Math.max(this.#ackedSeq, this.#ackSeq);
    this.#ackSeq = 0;
    this.#send({ op: 'ack', seq: this.#ackedSeq });
  }

  #closeWith(code: ErrorCode, message: string): void {
    if (this.#closed || this.#ended) return;
    this.#deps.onClosedWith(code);
    const later = code === 'event_quota_spent' ? { retry_after: this.#deps.budget.day.secondsLeft() } : {};
    this.#send({ op: 'error', code, message, ...later });
    this.#ended = true;
    this.#deps.socket.close(errorTable[code].closeCode ?? 1011, code);
  }

  #send(message: StreamMessage): void {
    if (this.#closed || this.#ended || this.#tooSlow) return;
    if (this.#deps.socket.send(encodeStreamMessage(message, this.#encoding)) !== 'dropped') return;
    // The server closes it; an error message would not get through either.
    this.#tooSlow = true;
    this.#refusing = true;
    this.#deps.onClosedWith('client_too_slow');
  }
}
