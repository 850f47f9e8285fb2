import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, integer64, optionalFloat, optionalMs, optionalText, stringMap } from '../sql/column-types.js';
import { identityColumns, identityRow } from '../sql/identity-columns.js';
import { detailedUsageRow, detailedWorkUsageColumns } from '../sql/usage-columns.js';
import { runKind } from '../work/history-kind.js';
import { readMerged } from '../work/merged-rows.js';
import { mergedRuns, mergedWork } from '../work/merged-work.js';
import type { RunKey } from '../work/run-activity.js';
import { wholeColumns } from '../work/work-event.js';
import { workColumns, workRow } from '../work/work-row.js';

const row = z.object({
  ...workRow,
  agent_name: optionalText,
  agent_version: optionalText,
  parent_id: optionalText,
  ...identityRow,
  name: optionalText,
  finish_reason: optionalText,
  status: z.enum(['running', 'completed', 'failed', 'cancelled']),
  attempt: z.number().int(),
  updated_ms: epochMs,
  started_ms: optionalMs,
  ended_ms: optionalMs,
  duration_ms: optionalFloat,
  ...detailedUsageRow,
  cost_source: optionalText,
  usage_scope: z.enum(['own', 'rolled_up']),
  memory_mb: optionalFloat,
  confidence: optionalFloat,
  error_category: optionalText,
  error_code: optionalText,
  error_message: optionalText,
  inputs: stringMap,
  outputs: stringMap,
  labels: stringMap,
  conflicting_ends: integer64,
});

export type RunDetailRow = z.output<typeof row>;

/** A run as its own events tell it, undefined when this tenant has no event of a run of that id. */
export async function readRunDetail(store: StoreReader, key: RunKey): Promise<RunDetailRow | undefined> {
  const where = 'tenant = {tenant:String} AND run_id = {run_id:String}';
  const params = { tenant: key.tenant, run_id: key.runId };
  const columns = [...wholeColumns, 'usage_scope'] as const;
  const merged = await readMerged(store, runKind, { name: 'run_detail', where, params, columns });
  if (merged !== null) return merged[0] as RunDetailRow | undefined;
  const rows = await checkedRows(store, row, {
    name: 'run_detail',
    sql: `
      SELECT
        ${workColumns},
        agent_name, agent_version, parent_id, ${identityColumns}, name, finish_reason, status, attempt,
        toUnixTimestamp64Milli(ts) AS updated_ms,
        toUnixTimestamp64Milli(started_at) AS started_ms,
        toUnixTimestamp64Milli(ended_at) AS ended_ms,
        duration_ms, ${detailedWorkUsageColumns}, cost_source, usage_scope, memory_mb, confidence,
        error_category, error_code, error_message, inputs, outputs, labels, conflicting_ends
      FROM (${mergedWork(mergedRuns, { where })})`,
    params,
  });
  return rows[0];
}
