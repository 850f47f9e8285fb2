import type { SpoolSegment } from './spool-reader.js';

export interface SegmentWriter {
  /**
   * Inserts a segment as one block with its id as token; resolves when the store has it durably, complete and once.
   * A call for a segment whose earlier call failed, or was cut short by a crash, completes what that one began.
   * Rejects with CollectorError: `store_rejected` (permanent), `store_overloaded`, `store_unreachable`, `store_failed`.
   */
  insert(segment: SpoolSegment): Promise<void>;
  /**
   * What the store has of a segment that is put aside: to be given back with it, should it ever come back. Null when
   * it has nothing of it, or tells so by the segment's token. Rejects as `insert`.
   */
  giveUp(segment: SpoolSegment): Promise<string | null>;
}
