import { z } from 'zod';
import { epochMs, integer64, optionalFloat, optionalInteger64, optionalMs, stringMap } from '../sql/column-types.js';

/** Columns of a row of `agent_task_history_v1` and `agent_runs_v1` as they are read, an event each. */
const columns = {
  task_id: z.string(),
  run_id: z.string(),
  agent_id: z.string(),
  status: z.enum(['pending', 'running', 'completed', 'failed', 'cancelled']),
  attempt: z.number().int(),
  ts_ms: epochMs,
  received_ms: epochMs,
  started_ms: optionalMs,
  ended_ms: optionalMs,
  start_ms: epochMs,
  duration_ms: optionalFloat,
  agent_name: z.string(),
  agent_version: z.string(),
  parent_id: z.string(),
  flow_id: z.string(),
  crew_id: z.string(),
  engagement_id: z.string(),
  user_id: z.string(),
  session_id: z.string(),
  environment: z.string(),
  name: z.string(),
  model: z.string(),
  provider: z.string(),
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
  memory_mb: optionalFloat,
  confidence: optionalFloat,
  error_category: z.string(),
  error_code: z.string(),
  error_message: z.string(),
  inputs: stringMap,
  outputs: stringMap,
  labels: stringMap,
  conflicting_end: z.number().int(),
  /** Whether this event is one that the filter may hold for (`eventCondition`). */
  may_hold: z.number().int(),
  /** Whether its message holds the text that is sought. */
  has_text: z.number().int(),
};

export type EventColumn = keyof typeof columns;
export type StoredColumn = Exclude<EventColumn, 'may_hold' | 'has_text'>;

/** Those that were asked for; the others are absent. */
export type WorkEvent = { readonly [Column in EventColumn]?: z.output<(typeof columns)[Column]> } & {
  readonly [Column in (typeof placeColumns)[number]]: z.output<(typeof columns)[Column]>;
};

/** What tells apart, orders and times events, and so is always read. */
export const placeColumns = [
  'run_id',
  'agent_id',
  'status',
  'attempt',
  'ts_ms',
  'received_ms',
  'started_ms',
  'ended_ms',
  'start_ms',
  'duration_ms',
] as const satisfies readonly StoredColumn[];

/** What a list shows of its rows. */
export const listColumns: readonly StoredColumn[] = [
  'agent_name',
  'parent_id',
  'flow_id',
  'crew_id',
  'engagement_id',
  'user_id',
  'session_id',
  'environment',
  'name',
  'model',
  'provider',
  'finish_reason',
  'llm_calls',
  'tokens_in',
  'tokens_out',
  'tokens_cache_read',
  'tokens_cache_write',
  'tokens_reasoning',
  'cost_micros',
  'cost_source',
  'memory_mb',
  'confidence',
  'error_category',
  'error_code',
  'error_message',
  'inputs',
  'conflicting_end',
];

/** All that events of both tell. */
export const wholeColumns: readonly StoredColumn[] = [...listColumns, 'agent_version', 'outputs', 'labels'];

const times: Readonly<Partial<Record<StoredColumn, string>>> = {
  ts_ms: 'ts',
  received_ms: 'received',
  started_ms: 'started_at',
  ended_ms: 'ended_at',
  start_ms: 'start',
};

/** The columns as SQL. */
export function eventColumnsSql(names: readonly StoredColumn[]): string {
  return names.map((name) => (times[name] ? `toUnixTimestamp64Milli(${times[name]}) AS ${name}` : name)).join(', ');
}

const schemas = new Map<string, z.ZodType<WorkEvent>>();

/** The schema of rows of these columns; there are a dozen lists of them. */
export function eventSchema(names: readonly EventColumn[]): z.ZodType<WorkEvent> {
  const key = names.join();
  const known = schemas.get(key);
  if (known !== undefined) return known;
  const made = z.object(Object.fromEntries(names.map((name) => [name, columns[name]])));
  schemas.set(key, made as unknown as z.ZodType<WorkEvent>);
  return made as unknown as z.ZodType<WorkEvent>;
}
