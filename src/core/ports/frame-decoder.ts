import type { DecodedBatch, FrameBatch } from '../event-batch.js';

export interface FrameDecoder {
  /** Transfers `batch.bytes`; it comes back with the result. Rejects with CollectorError `overloaded` or `internal`. */
  decode(batch: FrameBatch): Promise<DecodedBatch>;
  /** The rows of a decoded batch, which nobody reads any more: their buffer may hold those of another. */
  takeBack(rows: Uint8Array<ArrayBuffer>): void;
  /** Its lists, likewise; null does nothing. */
  takeBackSide(side: ArrayBuffer | null): void;
  /** Workers that are idle now; 0 means a further batch would wait. */
  idleWorkers(): number;
}
