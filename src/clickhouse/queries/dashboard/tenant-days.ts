import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { dayText } from '../../../core/time-text.js';
import { integer64 } from '../sql/column-types.js';
import { rememberedRows } from '../sql/remembered-rows.js';
import { usageRow, usageSums } from '../sql/usage-columns.js';

/** Executions and usage of a whole tenant in one bucket, from the rows of a rollup that the query calls `bucket`. */
export const tenantSums = `
        sum(bucket.successful) AS successful,
        sum(bucket.failed) AS failed,
        sum(bucket.cancelled) AS cancelled,
        ${usageSums('bucket')}`;

export const tenantSumsRow = z.object({
  successful: integer64,
  failed: integer64,
  cancelled: integer64,
  ...usageRow,
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
export function readTenantDays(store: StoreReader, range: TenantRange): Promise<readonly TenantBucketRow[]> {
  const { fromMs, toMs } = range;
  return rememberedRows(store, row, {
    sources: [{ table: 'agent_performance_per_day_v1', days: { fromMs, toMs } }],
    name: 'tenant_days',
    sql: `
      SELECT toInt64(toUnixTimestamp(toDateTime(day, 'UTC'))) AS start_s, ${tenantSums}
      FROM agent_performance_per_day_v1 AS bucket
      WHERE tenant = {tenant:String} AND day >= {from_day:Date} AND day < {to_day:Date}
      GROUP BY day
      ORDER BY day`,
    params: { tenant: range.tenant, from_day: dayText(range.fromMs), to_day: dayText(range.toMs) },
  });
}
