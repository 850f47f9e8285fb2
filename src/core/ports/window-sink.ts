import type { WindowSlice } from '../event-batch.js';

export interface WindowSink {
  /** Hot path: once a batch, after it is durable. */
  add(slices: readonly WindowSlice[]): void;
}
