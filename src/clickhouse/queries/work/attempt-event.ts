import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { quoteString } from '../../sql-text.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, integer64, optionalFloat, optionalInteger64, optionalMs, stringMap } from '../sql/column-types.js';
import { workTypes } from './attempt-row.js';
import type { WorkScope } from './work-scope.js';

const row = z.object({
  type: z.enum(workTypes),
  task_id: z.string(),
  step_id: z.string(),
  attempt: z.number().int(),
  ts_ms: epochMs,
  received_ms: epochMs,
  started_ms: optionalMs,
  ended_ms: optionalMs,
  duration_ms: optionalFloat,
  agent_id: z.string(),
  parent_id: z.string(),
  name: z.string(),
  step_kind: z.string(),
  environment: z.string(),
  model: z.string(),
  provider: z.string(),
  /** Hex digits without leading zeros but in pairs. */
  args_hash_hex: z.string(),
  finish_reason: z.string(),
  llm_calls: integer64,
  tokens_in: integer64,
  tokens_out: integer64,
  tokens_cache_read: integer64,
  tokens_cache_write: integer64,
  tokens_reasoning: integer64,
  cost_micros: optionalInteger64,
  cost_source: z.string(),
  usage_scope: z.enum(['own', 'rolled_up']),
  confidence: optionalFloat,
  error_category: z.string(),
  error_code: z.string(),
  error_message: z.string(),
  inputs: stringMap.optional(),
  outputs: stringMap.optional(),
  labels: stringMap.optional(),
});

/** A raw event of a run, a task or a step. */
export type AttemptEvent = z.output<typeof row>;

const types = workTypes.map((type) => quoteString(type)).join(', ');

/** The events of a scope, in no order. */
export function readAttemptEvents(
  store: StoreReader,
  { where, params }: WorkScope,
  { contexts, limit }: { readonly contexts: boolean; readonly limit: number },
): Promise<AttemptEvent[]> {
  return checkedRows(store, row, {
    name: 'attempt_events',
    sql: `
      SELECT
        type, task_id, step_id, attempt, toUnixTimestamp64Milli(ts) AS ts_ms,
        toUnixTimestamp64Milli(received) AS received_ms, toUnixTimestamp64Milli(started_at) AS started_ms,
        toUnixTimestamp64Milli(ended_at) AS ended_ms, duration_ms, agent_id, parent_id, name, step_kind, environment,
        model, provider, hex(args_hash) AS args_hash_hex, finish_reason, llm_calls, tokens_in, tokens_out,
        tokens_cache_read, tokens_cache_write, tokens_reasoning, cost_micros, cost_source, usage_scope, confidence,
        error_category, error_code, error_message${contexts ? ', inputs, outputs, labels' : ''}
      FROM agent_events_raw_v1
      WHERE ${where} AND type IN (${types})
      LIMIT {events_max:UInt32}`,
    params: { ...params, events_max: limit },
  });
}
