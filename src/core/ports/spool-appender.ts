import type { EventIdList } from '../event-batch.js';

/** A frame of a batch as its log remembers it. */
export interface SpoolFrame {
  readonly tenant: string;
  /** Empty: no position is kept for this frame. */
  readonly producer: string;
  /** 0 when `producer` is empty. */
  readonly seq: number;
  readonly rows: number;
}

export interface SpoolBatch {
  /** One Native block; may be empty when every event was rejected but positions must still advance. */
  readonly rows: Uint8Array;
  readonly rowCount: number;
  readonly rowsCrc: number;
  readonly receivedMs: number;
  readonly frames: readonly SpoolFrame[];
  /** Of the rows that have one; null when none has. Kept in the log, durable with the batch. */
  readonly eventIds: EventIdList | null;
}

export type AppendOutcome =
  /** Settles when the batch is on disk (rejects with `spool_failed`; then nothing of it is acknowledged). */
  | { readonly status: 'appended'; readonly durable: Promise<void> }
  /** Nothing was written. */
  | { readonly status: 'full' }
  | { readonly status: 'stopped' };

export interface SpoolAppender {
  /** Hot path: once a batch. Batches become durable in the order of the calls. */
  tryAppend(batch: SpoolBatch): AppendOutcome;
  /** Highest appended seq of a producer, 0 when it is not known. */
  lastSeq(tenant: string, producer: string): number;
  /** 0 (empty) … 1 (at the high watermark, appends are refused). Drives the credit. */
  fullness(): number;
  /** Called when appends are accepted again after a refusal. */
  onSpace(callback: () => void): void;
}
