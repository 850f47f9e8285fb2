import type { WindowSlice } from './event-batch.js';

/** What the store holds of one agent for one minute, or for one 10-minute span of an older hour. */
export interface WindowRestoreRow extends Omit<WindowSlice, 'sliceMs' | 'durationBuckets'> {
  readonly startMs: number;
  readonly spanMs: number;
}

/** Fills the live windows after a restart from what the store held of the batches received before it. */
export interface WindowRestorer {
  /**
   * Adds whole agents, all rows of an agent in one call, most recently active agents first. An agent that was
   * restored before is left alone, so a restore that failed half-way can be run again from its beginning.
   * `full`: no further agent fits; the rest is not worth reading.
   */
  restore(rows: readonly WindowRestoreRow[]): 'taken' | 'full';
}
