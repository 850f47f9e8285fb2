import type { DecodedBatch } from '../event-batch.js';
import type { LiveInterest } from '../live-batch.js';

export interface LiveSink {
  /** What subscribers want of the batches decoded from now on; null when there is none. */
  interest(): LiveInterest | null;
  /** Hot path: once a batch, after it is durable. */
  add(batch: Pick<DecodedBatch, 'lifecycle' | 'live'>): void;
}
