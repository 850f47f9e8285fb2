import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { integer64, optionalInteger64 } from '../sql/column-types.js';
import type { RunSelection } from './run-totals.js';

const row = z.object({
  model_calls: integer64,
  input_tokens: integer64,
  output_tokens: integer64,
  cost: optionalInteger64,
});

export type RunsUsageRow = z.output<typeof row>;

/** The usage of some runs together: all that ended in them, except what is rolled up. */
export async function readRunsUsage(store: StoreReader, { tenant, runIds }: RunSelection): Promise<RunsUsageRow> {
  const [usage] = await checkedRows(store, row, {
    name: 'runs_usage',
    sql: `
      SELECT
        sum(toFloat64(llm_calls)) AS model_calls,
        sum(toFloat64(tokens_in)) AS input_tokens,
        sum(toFloat64(tokens_out)) AS output_tokens,
        sum(toFloat64(cost_micros)) AS cost
      FROM agent_run_activity_v1
      WHERE tenant = {tenant:String} AND run_id IN {run_ids:Array(String)}`,
    params: { tenant, run_ids: runIds },
  });
  return usage ?? { model_calls: 0, input_tokens: 0, output_tokens: 0, cost: null };
}
