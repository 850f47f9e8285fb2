import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { dayText } from '../../../core/time-text.js';
import { checkedRows } from '../sql/checked-rows.js';
import { integer64, optionalInteger64 } from '../sql/column-types.js';

/** Executions and usage of a whole tenant in one bucket; sums under names that no column has. */
export const tenantSums = `
        sum(successful) AS successes,
        sum(failed) AS failures,
        sum(cancelled) AS cancellations,
        sum(toFloat64(llm_calls)) AS model_calls,
        sum(toFloat64(tokens_in)) AS input_tokens,
        sum(toFloat64(tokens_out)) AS output_tokens,
        sum(toFloat64(cost_micros)) AS cost`;

export const tenantSumsRow = z.object({
  successes: integer64,
  failures: integer64,
  cancellations: integer64,
  model_calls: integer64,
  input_tokens: integer64,
  output_tokens: integer64,
  cost: optionalInteger64,
});

const row = tenantSumsRow.extend({ start_s: integer64 });

/** `start_s`: start of the bucket, seconds since the epoch. */
export type TenantBucketRow = z.output<typeof row>;

export interface TenantRange {
  readonly tenant: string;
  /** Half open, ms since the epoch. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** Executions and usage of a tenant by UTC day, from the day rollup; a day without events has no row. */
export function readTenantDays(store: StoreReader, range: TenantRange): Promise<TenantBucketRow[]> {
  return checkedRows(store, row, {
    name: 'tenant_days',
    sql: `
      SELECT toInt64(toUnixTimestamp(toDateTime(day, 'UTC'))) AS start_s, ${tenantSums}
      FROM agent_performance_per_day_v1
      WHERE tenant = {tenant:String} AND day >= {from_day:Date} AND day < {to_day:Date}
      GROUP BY day
      ORDER BY day`,
    params: { tenant: range.tenant, from_day: dayText(range.fromMs), to_day: dayText(range.toMs) },
  });
}
