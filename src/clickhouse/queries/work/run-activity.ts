import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, integer64, optionalInteger64 } from '../sql/column-types.js';

export interface RunKey {
  readonly tenant: string;
  readonly runId: string;
}

const row = z.object({
  senders: z.array(z.string()),
  all_events: integer64,
  ended_tasks: integer64,
  failed_tasks: integer64,
  started_steps: integer64,
  ended_steps: integer64,
  failed_steps: integer64,
  model_calls: integer64,
  input_tokens: integer64,
  output_tokens: integer64,
  cost: optionalInteger64,
  first_ms: epochMs,
  last_ms: epochMs,
  received_ms: epochMs,
});

export type RunActivityRow = z.output<typeof row>;

/** What all events of a run add up to, undefined when no event of this tenant names it. */
export async function readRunActivity(store: StoreReader, key: RunKey): Promise<RunActivityRow | undefined> {
  const rows = await checkedRows(store, row, {
    name: 'run_activity',
    sql: `
      SELECT
        arraySort(groupUniqArrayArray(64)(agents)) AS senders,
        sum(events) AS all_events,
        sum(tasks_ended) AS ended_tasks,
        sum(tasks_failed) AS failed_tasks,
        sum(steps_started) AS started_steps,
        sum(steps_ended) AS ended_steps,
        sum(steps_failed) AS failed_steps,
        sum(toFloat64(llm_calls)) AS model_calls,
        sum(toFloat64(tokens_in)) AS input_tokens,
        sum(toFloat64(tokens_out)) AS output_tokens,
        sum(toFloat64(cost_micros)) AS cost,
        toUnixTimestamp64Milli(min(first_ts)) AS first_ms,
        toUnixTimestamp64Milli(max(last_ts)) AS last_ms,
        toUnixTimestamp64Milli(max(last_received)) AS received_ms
      FROM agent_run_activity_v1
      WHERE tenant = {tenant:String} AND run_id = {run_id:String}
      GROUP BY run_id`,
    params: { tenant: key.tenant, run_id: key.runId },
  });
  return rows[0];
}
