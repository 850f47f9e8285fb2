import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { integer64, optionalInteger64 } from '../sql/column-types.js';

const row = z.object({
  run: z.string(),
  ended_tasks: integer64,
  failed_tasks: integer64,
  started_steps: integer64,
  ended_steps: integer64,
  failed_steps: integer64,
  model_calls: integer64,
  input_tokens: integer64,
  output_tokens: integer64,
  cost: optionalInteger64,
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
        run_id AS run,
        sum(tasks_ended) AS ended_tasks,
        sum(tasks_failed) AS failed_tasks,
        sum(steps_started) AS started_steps,
        sum(steps_ended) AS ended_steps,
        sum(steps_failed) AS failed_steps,
        sum(toFloat64(llm_calls)) AS model_calls,
        sum(toFloat64(tokens_in)) AS input_tokens,
        sum(toFloat64(tokens_out)) AS output_tokens,
        sum(toFloat64(cost_micros)) AS cost
      FROM agent_run_activity_v1
      WHERE tenant = {tenant:String} AND run_id IN {run_ids:Array(String)}
      GROUP BY run_id`,
    params: { tenant, run_ids: runIds },
  });
}
