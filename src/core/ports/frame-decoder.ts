import type { DecodedBatch, FrameBatch } from '../event-batch.js';

export interface FrameDecoder {
  /** Nobody writes to `batch.bytes` until it is settled. Rejects with CollectorError `overloaded` or `internal`. */
  decode(batch: FrameBatch): Promise<DecodedBatch>;
  /** The rows of a decoded batch, which nobody reads any more: their buffer may hold those of another. */
  takeBack(rows: Uint8Array): void;
  /** Where its lists lie, likewise. */
  takeBackSide(side: ArrayBufferLike): void;
  /** Workers that are idle now; 0 means a further batch would wait. */
  idleWorkers(): number;
}
