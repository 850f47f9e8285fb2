import { z } from 'zod';
import { epochMs, integer64, optionalFloat, optionalInteger64, optionalMs, stringMap } from '../sql/column-types.js';

/** What an event of a run, a task or a step tells, by its columns in every table that has such events. */
export const saidColumns = {
  task_id: z.string(),
  agent_id: z.string(),
  attempt: z.number().int(),
  ts_ms: epochMs,
  received_ms: epochMs,
  started_ms: optionalMs,
  ended_ms: optionalMs,
  duration_ms: optionalFloat,
  parent_id: z.string(),
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
  confidence: optionalFloat,
  error_category: z.string(),
  error_code: z.string(),
  error_message: z.string(),
};

/** Its maps. */
export const saidMaps = { inputs: stringMap, outputs: stringMap, labels: stringMap };

/** Columns of a row of `agent_task_history_v1` and `agent_runs_v1` as they are read, an event each. */
const columns = {
  ...saidColumns,
  ...saidMaps,
  run_id: z.string(),
  status: z.enum(['pending', 'running', 'completed', 'failed', 'cancelled']),
  start_ms: epochMs,
  agent_name: z.string(),
  agent_version: z.string(),
  flow_id: z.string(),
  crew_id: z.string(),
  engagement_id: z.string(),
  user_id: z.string(),
  session_id: z.string(),
  memory_mb: optionalFloat,
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

/** Of those, what only the times of the whole are made of. */
export const timeColumns: readonly StoredColumn[] = ['started_ms', 'ended_ms', 'duration_ms'];

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

/** The columns as SQL; `absent` ones as null. */
export function eventColumnsSql(names: readonly StoredColumn[], absent: readonly StoredColumn[] = []): string {
  const sqlOf = (name: StoredColumn) => {
    if (absent.includes(name)) return `NULL AS ${name}`;
    return times[name] ? `toUnixTimestamp64Milli(${times[name]}) AS ${name}` : name;
  };
  return names.map(sqlOf).join(', ');
}

/** Schemas of these columns. */
export function eventColumnsShape<Column extends StoredColumn>(names: readonly Column[]): Pick<typeof columns, Column> {
  const shape = Object.fromEntries(names.map((name) => [name, columns[name]]));
  return shape as Pick<typeof columns, Column>;
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
