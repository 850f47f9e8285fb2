import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { type DetailedUsageRow, detailedUsageRow, detailedUsageSums } from '../sql/usage-columns.js';
import type { RunSelection } from './run-totals.js';

const row = z.object(detailedUsageRow);

/** The usage of some runs together: all that ended in them, except what is rolled up. Undefined without a row. */
export async function readRunsUsage(
  store: StoreReader,
  { tenant, runIds }: RunSelection,
): Promise<DetailedUsageRow | undefined> {
  const [usage] = await checkedRows(store, row, {
    name: 'runs_usage',
    sql: `
      SELECT ${detailedUsageSums('activity')}
      FROM agent_run_activity_v1 AS activity
      WHERE tenant = {tenant:String} AND run_id IN {run_ids:Array(String)}`,
    params: { tenant, run_ids: runIds },
  });
  return usage;
}
