import type { Clock } from '../../core/clock.js';
import type { SegmentWriter } from '../../core/ports/segment-writer.js';
import { reopenDays } from '../maintenance/finalization-ledger.js';
import type { StoreWriter } from '../store-writer.js';

/**
 * A writer that makes finalized days due again before a segment that had lain aside comes back. What was finalized
 * meanwhile was made from its raw rows too, if the store had those; then the rollups that it is still missing from get
 * it a second time.
 */
export function reopeningDays(
  writer: SegmentWriter,
  { store, clock }: { readonly store: StoreWriter; readonly clock: Clock },
): SegmentWriter {
  return {
    async insert(segment) {
      if (segment.arrived !== undefined) {
        await reopenDays(store, { receivedFromMs: segment.firstReceivedMs, nowMs: clock.nowMs() });
      }
      await writer.insert(segment);
    },
    giveUp: (segment) => writer.giveUp(segment),
  };
}
