import type { WindowSlice } from '../core/event-batch.js';

/** What a batch, or a row of the minute rollup, adds to a slice. */
export type SliceDelta = Omit<WindowSlice, 'sliceMs' | 'durationBuckets'>;
