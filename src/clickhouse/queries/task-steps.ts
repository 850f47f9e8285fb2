import { z } from 'zod';
import type { StoreReader } from '../../core/ports.js';
import { checkedRows } from './checked-rows.js';
import { epochMs, integer64, optionalFloat, optionalMs, optionalText } from './column-types.js';
import type { TaskKey } from './task-detail.js';

const row = z.object({
  step: z.string(),
  try_number: z.number().int(),
  state: z.enum(['running', 'completed', 'failed']),
  agent: z.string(),
  parent: optionalText,
  label: optionalText,
  kind: optionalText,
  begin_ms: epochMs,
  started_ms: optionalMs,
  ended_ms: optionalMs,
  took_ms: optionalFloat,
  model_calls: integer64,
  input_tokens: integer64,
  output_tokens: integer64,
  cost: integer64,
  sureness: optionalFloat,
  category: optionalText,
  code: optionalText,
  failure: optionalText,
});

export type TaskStepRow = z.output<typeof row>;

/**
 * The step attempts of a task in the order of their start, each in its latest state: an end wins over a start
 * whatever came first, then the later event time, then the later receipt. A name, kind or parent that only the
 * start carried is kept.
 */
export function readTaskSteps(
  store: StoreReader,
  key: TaskKey,
  options: { readonly limit: number },
): Promise<TaskStepRow[]> {
  return checkedRows(store, row, {
    name: 'task_steps',
    sql: `
      SELECT
        step_id AS step,
        attempt AS try_number,
        multiIf(argMax(type, rank) = 'step.started', 'running',
                argMax(type, rank) = 'step.completed', 'completed', 'failed') AS state,
        argMax(agent_id, rank) AS agent,
        argMaxIf(parent_id, rank, parent_id != '') AS parent,
        argMaxIf(name, rank, name != '') AS label,
        argMaxIf(toString(step_kind), rank, step_kind != '') AS kind,
        toUnixTimestamp64Milli(min(coalesce(started_at, ts))) AS begin_ms,
        toUnixTimestamp64Milli(min(coalesce(started_at, if(type = 'step.started', ts, NULL)))) AS started_ms,
        toUnixTimestamp64Milli(max(coalesce(ended_at, if(type = 'step.started', NULL, ts)))) AS ended_ms,
        argMax(tuple(duration_ms), rank).1 AS took_ms,
        argMax(llm_calls, rank) AS model_calls,
        argMax(tokens_in, rank) AS input_tokens,
        argMax(tokens_out, rank) AS output_tokens,
        argMax(cost_micros, rank) AS cost,
        argMax(tuple(confidence), rank).1 AS sureness,
        argMax(toString(error_category), rank) AS category,
        argMax(error_code, rank) AS code,
        argMax(error_message, rank) AS failure
      FROM (
        SELECT *, (type != 'step.started', ts, received) AS rank FROM agent_events_raw_v1
        WHERE tenant = {tenant:String} AND task_id = {task_id:String}
          AND type IN ('step.started', 'step.completed', 'step.failed')
      )
      GROUP BY step_id, attempt
      ORDER BY begin_ms, step, try_number
      LIMIT {limit:UInt32}`,
    params: { tenant: key.tenant, task_id: key.taskId, limit: options.limit },
  });
}
