import { createHash } from 'node:crypto';
import { CollectorError, type ErrorCode } from '../core/errors.js';
import type { DecodedFrame, FrameFormat } from '../core/event-batch.js';
import type { Principal } from '../core/ports/authenticator.js';
import { RequestProblem } from '../core/problem.js';
import { idempotencyKeyCharactersMax } from './events-operation.js';
import { type Admission, type FrameOrigin, type FrameResult, userProducer } from './frame-origin.js';
import type { IngestPipeline } from './pipeline.js';

export interface RequestFramesOptions {
  /** Bytes received and not answered, over all connections, above which a request is turned away. */
  readonly bytesInFlightMax: number;
}

export interface RequestFrame {
  readonly principal: Pick<Principal, 'tenant' | 'contentAllowed' | 'user'>;
  /** Empty: a retry cannot be told from a new request. */
  readonly producer: string;
  readonly bytes: Uint8Array;
  readonly format: FrameFormat;
  /** What must be the same under one key; `bytes` if absent. */
  readonly said?: Uint8Array;
}

/** Frames that come one at a time and wait for their answer, as HTTP requests do. */
export class RequestFrames {
  readonly #pipeline: IngestPipeline;
  readonly #options: RequestFramesOptions;

  constructor(pipeline: IngestPipeline, options: RequestFramesOptions) {
    this.#pipeline = pipeline;
    this.#options = options;
  }

  /** Throws `clock_unset`, `spool_full` or `overloaded` while no frame is taken. */
  mustHaveRoom(): void {
    if (this.#pipeline.clockUnset) {
      throw new CollectorError(
        'clock_unset',
        'the wall clock of the collector is not set; send the request again later',
      );
    }
    if (this.#pipeline.stalled) {
      throw new CollectorError('spool_full', 'the spool is full; send the request again later');
    }
    if (this.#pipeline.bytesInFlight >= this.#options.bytesInFlightMax) {
      throw new CollectorError('overloaded', 'more events are under way than the collector may hold; send again later');
    }
  }

  /** Resolves when the frame is on disk, or was before; rejects with `CollectorError` when nothing of it is kept. */
  submit({ principal, producer, bytes, format, said = bytes }: RequestFrame): Promise<FrameResult> {
    return new Promise((resolve, reject) => {
      const origin = new RequestOrigin(
        principal,
        { producer, seq: producer === '' ? 0 : seqOf(said) },
        { resolve, reject },
      );
      this.#pipeline.submit({ origin, bytes, format, duplicate: false });
    });
  }
}

/**
 * The producer of a request with an `Idempotency-Key`: it has one frame, numbered by what was said (`seqOf`), so that
 * its memory is the producers': durable, bounded, carried over a restart. The key is hashed, since it may be long or
 * personal. `purpose` keeps the keys of one endpoint apart from those of another; empty for `POST /v1/events`. Without
 * a key: empty.
 */
export function requestProducer(key: string | undefined, purpose = ''): string {
  if (key === undefined) return '';
  if (key === '' || key.length > idempotencyKeyCharactersMax) {
    throw new RequestProblem('parameter_invalid', 'the Idempotency-Key header is empty or too long', [
      { path: 'Idempotency-Key', code: 'string_too_long', message: `1 to ${idempotencyKeyCharactersMax} characters` },
    ]);
  }
  const hashed = purpose === '' ? key : JSON.stringify([purpose, key]);
  return `http:${createHash('sha256').update(hashed).digest('base64url')}`;
}

const seqRefused =
  'seq numbers the frames of a WebSocket; leave it out, and send an Idempotency-Key to make a retry safe';
/**
 * 52 bits of the body's SHA-256, above 1: what a position has room for. Two bodies pass for one with a chance of
 * 1 in 4.5 * 10^15.
 */
function seqOf(said: Uint8Array): number {
  const hash = createHash('sha256').update(said).digest();
  return 2 + (hash.readUInt32LE(0) & 0xf_ffff) * 2 ** 32 + hash.readUInt32LE(4);
}

interface Settle {
  readonly resolve: (result: FrameResult) => void;
  readonly reject: (error: CollectorError) => void;
}

/**
 * One request's frame. A number in the body is refused: requests come in no order, so that the later of two would make
 * the earlier one a duplicate; only the header makes a retry safe.
 */
class RequestOrigin implements FrameOrigin {
  readonly tenant: string;
  readonly contentAllowed: boolean;
  readonly user: string | null;
  readonly producer: string;
  readonly waits = false;
  readonly #seq: number;
  readonly #settle: Settle;
  #faultedBy: ErrorCode | null = null;

  constructor(
    principal: RequestFrame['principal'],
    position: { readonly producer: string; readonly seq: number },
    settle: Settle,
  ) {
    this.tenant = principal.tenant;
    this.contentAllowed = principal.contentAllowed;
    this.user = principal.user ?? null;
    this.producer = userProducer(position.producer, this.user);
    this.#seq = position.seq;
    this.#settle = settle;
  }

  get faultedBy(): ErrorCode | null {
    return this.#faultedBy;
  }

  admit(frame: DecodedFrame, lastSeq: number): Admission {
    if (frame.fault !== null) return { kind: 'refuse', ...frame.fault };
    if (frame.seq !== null) return { kind: 'refuse', code: 'seq_refused', message: seqRefused };
    if (this.producer === '') return { kind: 'append', seq: 0 };
    const seq = this.#seq;
    if (lastSeq === 0) return { kind: 'append', seq };
    if (lastSeq === seq) return { kind: 'duplicate', seq };
    const message = 'this Idempotency-Key was sent before with another body; nothing of this request was kept';
    return { kind: 'refuse', code: 'idempotency_mismatch', message };
  }

  acknowledge(result: FrameResult): void {
    this.#settle.resolve(result);
  }

  condemn(_code: ErrorCode): void {}

  refuse(code: ErrorCode, message: string): void {
    this.#faultedBy = code;
    this.#settle.reject(new CollectorError(code, message));
  }

  flush(): void {}
}
