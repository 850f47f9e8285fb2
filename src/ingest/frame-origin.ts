import { createHash } from 'node:crypto';
import type { ErrorCode } from '../core/errors.js';
import type { DecodedFrame } from '../core/event-batch.js';

/**
 * Where a frame came from: a WebSocket session or an HTTP request. The pipeline asks it in order of
 * receipt which position a frame takes, and tells it, in the same order, what became of the frame.
 */
export interface FrameOrigin {
  readonly tenant: string;
  readonly contentAllowed: boolean;
  /** The user its key is bound to, null for none. */
  readonly user: string | null;
  /** Empty: no position is kept and nothing of this origin can be told to be a duplicate. */
  readonly producer: string;
  /** True: its frames wait while the spool is full (credit is 0). False: they are refused then. */
  readonly waits: boolean;
  /** Why `refuse` was called: nothing that follows may be kept, or positions would skip the refused frame. */
  readonly faultedBy: ErrorCode | null;
  /** A frame will be refused when its turn to be answered comes; `admit` refuses what follows it from now on. */
  condemn(code: ErrorCode): void;
  /** Called once a frame, before anything of it is kept. `lastSeq` is the producer's highest, 0 when unknown. */
  admit(frame: DecodedFrame, lastSeq: number): Admission;
  /** The frame is durable, or was before. Answers may wait until `flush`. */
  acknowledge(result: FrameResult): void;
  /** Nothing of the frame is kept; from then on the origin has `faultedBy`. */
  refuse(code: ErrorCode, message: string): void;
  /** A batch is settled: `answered` frames of this origin were acknowledged or refused in it. */
  flush(answered: number): void;
}

/** Users choose the names of their producers for themselves: each has positions of its own. */
export function userProducer(producer: string, user: string | null): string {
  if (user === null || producer === '') return producer;
  return `user:${createHash('sha256')
    .update(JSON.stringify([user, producer]))
    .digest('base64url')}`;
}

export type Admission =
  | { readonly kind: 'append'; readonly seq: number }
  | { readonly kind: 'duplicate'; readonly seq: number }
  | { readonly kind: 'refuse'; readonly code: ErrorCode; readonly message: string };

export interface FrameResult {
  readonly seq: number;
  readonly frame: DecodedFrame;
  readonly duplicate: boolean;
  /** Events dropped because their event_id was seen before; they are among `frame.accepted`. */
  readonly duplicateEvents: number;
}
