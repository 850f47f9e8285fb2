import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, integer64 } from '../sql/column-types.js';
import { fewRows } from '../sql/few-rows.js';
import { detailedUsageRow, detailedUsageSums } from '../sql/usage-columns.js';

export interface RunKey {
  readonly tenant: string;
  readonly runId: string;
}

/** Tasks that ended and attempts of steps, as `agent_run_activity_v1` counts them. */
export const workCountsRow = {
  tasks_ended: integer64,
  tasks_failed: integer64,
  steps_started: integer64,
  steps_ended: integer64,
  steps_failed: integer64,
};

/** Their sums over rows that the query calls `activity`. */
export const workCounts = Object.keys(workCountsRow)
  .map((column) => `sum(activity.${column}) AS ${column}`)
  .join(', ');

const row = z.object({
  /** At most 64. */
  agents: z.array(z.string()),
  events: integer64,
  ...workCountsRow,
  ...detailedUsageRow,
  first_event_ms: epochMs,
  last_event_ms: epochMs,
  last_received_ms: epochMs,
});

export type RunActivityRow = z.output<typeof row>;

/** What all events of a run add up to, undefined when no event of this tenant names it. */
export async function readRunActivity(store: StoreReader, key: RunKey): Promise<RunActivityRow | undefined> {
  const rows = await checkedRows(store, row, {
    name: 'run_activity',
    sql: `
      SELECT
        arraySort(groupUniqArrayArray(64)(activity.agents)) AS agents,
        sum(activity.events) AS events,
        ${workCounts},
        ${detailedUsageSums('activity')},
        toUnixTimestamp64Milli(min(first_ts)) AS first_event_ms,
        toUnixTimestamp64Milli(max(last_ts)) AS last_event_ms,
        toUnixTimestamp64Milli(max(last_received)) AS last_received_ms
      FROM agent_run_activity_v1 AS activity
      WHERE tenant = {tenant:String} AND run_id = {run_id:String}
      GROUP BY run_id`,
    params: { tenant: key.tenant, run_id: key.runId },
    settings: fewRows,
  });
  return rows[0];
}
