import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, integer64, optionalFloat, optionalMs, optionalText, stringMap } from '../sql/column-types.js';
import { usageColumns, usageRow } from '../sql/usage-columns.js';
import { mergedRuns, mergedWork } from '../work/merged-work.js';
import type { RunKey } from '../work/run-activity.js';

const row = z.object({
  agent: z.string(),
  agent_name: optionalText,
  agent_version: optionalText,
  parent_id: optionalText,
  flow_id: optionalText,
  crew_id: optionalText,
  engagement_id: optionalText,
  user_id: optionalText,
  session_id: optionalText,
  name: optionalText,
  state: z.enum(['running', 'completed', 'failed', 'cancelled']),
  attempt: z.number().int(),
  updated_ms: epochMs,
  received_ms: epochMs,
  start_ms: epochMs,
  started_ms: optionalMs,
  ended_ms: optionalMs,
  took_ms: optionalFloat,
  ...usageRow,
  scope: z.enum(['own', 'rolled_up']),
  memory_mb: optionalFloat,
  confidence: optionalFloat,
  category: optionalText,
  error_code: optionalText,
  message: optionalText,
  inputs: stringMap,
  outputs: stringMap,
  labels: stringMap,
  conflicting_ends: integer64,
});

export type RunDetailRow = z.output<typeof row>;

/** A run as its own events tell it, undefined when this tenant has no event of a run of that id. */
export async function readRunDetail(store: StoreReader, key: RunKey): Promise<RunDetailRow | undefined> {
  const rows = await checkedRows(store, row, {
    name: 'run_detail',
    sql: `
      SELECT
        agent_id AS agent, agent_name, agent_version, parent_id, flow_id, crew_id, engagement_id, user_id, session_id,
        name,
        toString(status) AS state,
        attempt,
        toUnixTimestamp64Milli(ts) AS updated_ms,
        toUnixTimestamp64Milli(received) AS received_ms,
        toUnixTimestamp64Milli(start) AS start_ms,
        toUnixTimestamp64Milli(started_at) AS started_ms,
        toUnixTimestamp64Milli(ended_at) AS ended_ms,
        duration_ms AS took_ms,
        ${usageColumns},
        toString(usage_scope) AS scope,
        memory_mb, confidence,
        toString(error_category) AS category,
        error_code,
        error_message AS message,
        inputs, outputs, labels,
        conflicting_ends
      FROM (${mergedWork(mergedRuns, { where: 'tenant = {tenant:String} AND run_id = {run_id:String}' })})`,
    params: { tenant: key.tenant, run_id: key.runId },
  });
  return rows[0];
}
