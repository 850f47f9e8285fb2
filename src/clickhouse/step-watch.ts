import { z } from 'zod';
import type { Clock } from '../core/clock.js';
import { Pause } from '../core/pause.js';
import { readingAsWriter } from './maintenance/rollup-repair.js';
import { checkedRows } from './queries/sql/checked-rows.js';
import { integer64 } from './queries/sql/column-types.js';
import type { StoreWriter } from './store-writer.js';

const row = z.object({ rows_read: integer64, rows_total: integer64, parts_to_do: integer64 });

const pollMs = 1_000;

interface StepWatch {
  end(): void;
}

/**
 * Tells how much of a statement that changes a large table is done, 0 to 1, while it runs: of the rows it reads, or of
 * the parts that a mutation has to write. Nothing is told when the store does not say.
 */
export function watchStep(
  { store, clock }: { readonly store: StoreWriter; readonly clock: Clock },
  onShare: (share: number) => void,
): StepWatch {
  const pause = new Pause(clock);
  const reader = readingAsWriter(store);
  let partsMax = 0;
  const look = async (): Promise<void> => {
    const [state] = await checkedRows(reader, row, {
      name: 'migration_progress',
      sql: `
        SELECT sum(read_rows) AS rows_read, sum(total_rows_approx) AS rows_total,
          (SELECT sum(parts_to_do) FROM system.mutations
            WHERE database = currentDatabase() AND NOT is_done) AS parts_to_do
        FROM system.processes WHERE query_kind IN ('Insert', 'Alter', 'Create')`,
      params: {},
    });
    if (state === undefined || pause.hasEnded) return;
    const { rows_read: read, rows_total: total, parts_to_do: parts } = state;
    partsMax = Math.max(partsMax, parts);
    // Of rows that are made up on the way nobody knows how many there will be.
    if (total > 0) onShare(Math.min(1, read / total));
    else if (partsMax > 0) onShare(1 - parts / partsMax);
  };
  void (async () => {
    for (await pause.wait(pollMs); !pause.hasEnded; await pause.wait(pollMs)) await look().catch(() => undefined);
  })();
  return { end: () => pause.end() };
}
