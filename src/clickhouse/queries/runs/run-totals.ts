import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { detailedUsageRow, detailedUsageSums } from '../sql/usage-columns.js';
import { workCounts, workCountsRow } from '../work/run-activity.js';

const row = z.object({
  run_id: z.string(),
  ...workCountsRow,
  ...detailedUsageRow,
});

export type RunTotalsRow = z.output<typeof row>;

export interface RunSelection {
  readonly tenant: string;
  readonly runIds: readonly string[];
}

/** What all events of each of some runs add up to; a run that no event names has no row. */
export function readRunTotals(store: StoreReader, { tenant, runIds }: RunSelection): Promise<RunTotalsRow[]> {
  return checkedRows(store, row, {
    name: 'run_totals',
    sql: `
      SELECT
        run_id,
        ${workCounts},
        ${detailedUsageSums('activity')}
      FROM agent_run_activity_v1 AS activity
      WHERE tenant = {tenant:String} AND run_id IN {run_ids:Array(String)}
      GROUP BY run_id`,
    params: { tenant, run_ids: runIds },
  });
}
