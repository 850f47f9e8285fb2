import { costSources, errorCategories, eventTypes, logLevels, stepKinds, usageScopes } from './event-types.js';

/**
 * The one table of event fields. The decoder, the zod schema, the ClickHouse columns of the raw table
 * and the reference in `docs/events.md` are derived from it or checked against it by a test.
 *
 * Kinds, and what a payload may hold for them. Absent is `null` anywhere, and what Go and Protocol Buffers send for a
 * field that was never set: '' for a text, an enum or a time, 0 for a time and for a number whose bounds leave 0 out:
 *   string       UTF-8 text, at most `charactersMax` code points (`truncate`: cut there instead of refused)
 *   time         a number since the epoch in any unit of epoch-time.ts, RFC 3339 text, or the MessagePack timestamp
 *   number       finite, `min`…`max`
 *   integer      the same without a fraction, below 2^53
 *   hash         64 bits as text of 16 hex digits or as an integer from 0; 0 stands for absent
 *   enum         one of `values`; the column holds its number as Enum8
 *   scalar_map   flat map of at most `entriesMax` string keys to string, number or boolean, stored as text
 *   string_map   the same with string values only
 *   string_list  at most `entriesMax` strings
 */
export type FieldKind =
  | 'string'
  | 'time'
  | 'number'
  | 'integer'
  | 'hash'
  | 'enum'
  | 'scalar_map'
  | 'string_map'
  | 'string_list';

type FieldGroup = 'identity' | 'time' | 'state' | 'usage' | 'quality' | 'failure' | 'context' | 'pattern' | 'log';

export interface EventField {
  readonly name: string;
  readonly group: FieldGroup;
  readonly kind: FieldKind;
  /** The ClickHouse type of its column, spelled as the Native format spells it. */
  readonly column: string;
  /** One sentence: the column's COMMENT and the reference's cell. */
  readonly meaning: string;
  readonly required?: true;
  /** Code points of a string, or of each value of a map or list. */
  readonly charactersMax?: number;
  readonly truncate?: true;
  /** Secrets (keys, passwords, e-mail addresses) in it, or in its values, are masked before it reaches the disk. */
  readonly redact?: true;
  readonly min?: number;
  readonly max?: number;
  readonly entriesMax?: number;
  /** Code points of a map's key. */
  readonly keyCharactersMax?: number;
  /** Enum names to numbers; the name '' is "absent" and cannot be sent. */
  readonly values?: Readonly<Record<string, number>>;
}

/** An Enum8 type, spelled as ClickHouse spells it. */
function enum8(values: Readonly<Record<string, number>>): string {
  return `Enum8(${Object.entries(values)
    .map(([name, number]) => `'${name}' = ${number}`)
    .join(', ')})`;
}

const lowCardinality = 'LowCardinality(String)';
const optionalTime = "Nullable(DateTime64(3, 'UTC'))";
const id = { kind: 'string', column: 'String', charactersMax: 256 } as const;
const name = { kind: 'string', column: lowCardinality, charactersMax: 256 } as const;
/**
 * Calls and tokens of one event: a thousand times what the largest context holds. An answer is a JSON number, exact to
 * 2^53, and a row of a rollup is a UInt64. At this bound 9 million events fill the first, and 18 thousand million the
 * second: 200,000 events a second of one agent, all day long. Above it a value is a mistake in its unit or its sign.
 */
const count = { kind: 'integer', min: 0, max: 1e9, column: 'UInt64' } as const;
/** 10,000 US dollars an event: 2^53 is 900,000 of them, 9 thousand million dollars; 2^64 is 1,800 million of them. */
const cost = { kind: 'integer', min: 0, max: 1e10, column: 'Nullable(UInt64)' } as const;
const ratio = { kind: 'number', min: 0, max: 1, column: 'Nullable(Float64)' } as const;
const scalarMap = {
  kind: 'scalar_map',
  column: 'Map(LowCardinality(String), String)',
  entriesMax: 16,
  keyCharactersMax: 64,
  charactersMax: 256,
  redact: true,
} as const;

export const eventFields = [
  {
    name: 'type',
    group: 'state',
    kind: 'enum',
    column: enum8(eventTypes),
    values: eventTypes,
    required: true,
    meaning: 'What happened, for example task.completed.',
  },
  {
    name: 'event_id',
    group: 'identity',
    ...id,
    meaning: 'Unique id of the event; an id seen twice is counted once, within bounded memory.',
  },
  {
    name: 'agent_id',
    group: 'identity',
    ...name,
    required: true,
    meaning: 'Id of the agent; metrics are kept per agent.',
  },
  { name: 'agent_name', group: 'identity', ...name, meaning: 'Display name of the agent.' },
  { name: 'agent_version', group: 'identity', ...name, meaning: 'Version of the agent.' },
  {
    name: 'run_id',
    group: 'identity',
    ...id,
    meaning: 'Run (one invocation of an agent or crew) the event belongs to.',
  },
  { name: 'task_id', group: 'identity', ...id, meaning: 'Task the event belongs to.' },
  { name: 'step_id', group: 'identity', ...id, meaning: 'Step of the task; each retry is a step of its own.' },
  { name: 'parent_id', group: 'identity', ...id, meaning: 'Run, task or step that caused this one.' },
  { name: 'flow_id', group: 'identity', ...id, meaning: 'Flow or workflow definition.' },
  { name: 'crew_id', group: 'identity', ...name, meaning: 'Crew or team of agents.' },
  { name: 'engagement_id', group: 'identity', ...id, meaning: 'Customer engagement or project.' },
  { name: 'user_id', group: 'identity', ...id, meaning: 'Person the work was done for.' },
  { name: 'session_id', group: 'identity', ...id, meaning: 'Conversation or session.' },
  { name: 'environment', group: 'identity', ...name, meaning: 'Where it ran, such as production or staging.' },
  {
    name: 'ts',
    group: 'time',
    kind: 'time',
    column: "DateTime64(3, 'UTC')",
    meaning: 'When it happened; default: when it was received; clamped to the accepted clock skew.',
  },
  { name: 'started_at', group: 'time', kind: 'time', column: optionalTime, meaning: 'Start of the run, task or step.' },
  { name: 'ended_at', group: 'time', kind: 'time', column: optionalTime, meaning: 'End of the run, task or step.' },
  {
    name: 'duration_ms',
    group: 'time',
    kind: 'number',
    min: 0,
    max: 1e12,
    column: 'Nullable(Float64)',
    meaning: 'Duration in milliseconds; derived when started_at and ended_at are given.',
  },
  {
    name: 'attempt',
    group: 'state',
    kind: 'integer',
    min: 1,
    max: 65_535,
    column: 'UInt16',
    meaning: 'Which try this is, from 1.',
  },
  { name: 'name', group: 'state', ...name, meaning: 'Name of the task, tool or step.' },
  { name: 'model', group: 'state', ...name, meaning: 'Model that was used.' },
  { name: 'provider', group: 'state', ...name, meaning: 'Vendor or service the model is from.' },
  {
    name: 'step_kind',
    group: 'state',
    kind: 'enum',
    column: enum8(stepKinds),
    values: stepKinds,
    meaning: 'What kind of step it is.',
  },
  {
    name: 'args_hash',
    group: 'state',
    kind: 'hash',
    column: 'UInt64',
    meaning: '64-bit hash of the arguments: equal for the same tool with the same arguments; 0 when not told.',
  },
  {
    name: 'finish_reason',
    group: 'state',
    ...name,
    meaning: 'Why the model stopped, such as stop or length.',
  },
  { name: 'llm_calls', group: 'usage', ...count, meaning: 'Number of model calls.' },
  { name: 'tokens_in', group: 'usage', ...count, meaning: 'Input tokens, cached ones included.' },
  { name: 'tokens_out', group: 'usage', ...count, meaning: 'Output tokens.' },
  {
    name: 'tokens_cache_read',
    group: 'usage',
    ...count,
    meaning: 'Input tokens read from a cache; part of tokens_in.',
  },
  {
    name: 'tokens_cache_write',
    group: 'usage',
    ...count,
    meaning: 'Input tokens written to a cache; part of tokens_in.',
  },
  { name: 'tokens_reasoning', group: 'usage', ...count, meaning: 'Output tokens of reasoning; part of tokens_out.' },
  {
    name: 'cost_micros',
    group: 'usage',
    ...cost,
    meaning: 'Cost in millionths of a US dollar; absent when it is not known.',
  },
  {
    name: 'cost_source',
    group: 'usage',
    kind: 'enum',
    column: enum8(costSources),
    values: costSources,
    meaning: 'Where the cost is from: reported, the default of an event that has one, or priced.',
  },
  {
    name: 'memory_mb',
    group: 'usage',
    kind: 'number',
    min: 0,
    max: 1e9,
    column: 'Nullable(Float64)',
    meaning: 'Peak memory in megabytes.',
  },
  {
    name: 'usage_scope',
    group: 'usage',
    kind: 'enum',
    column: enum8(usageScopes),
    values: usageScopes,
    meaning: 'own (default) is summed; rolled_up includes children and never is.',
  },
  { name: 'confidence', group: 'quality', ...ratio, meaning: 'Confidence in the result, 0 to 1.' },
  {
    name: 'error_category',
    group: 'failure',
    kind: 'enum',
    column: enum8(errorCategories),
    values: errorCategories,
    meaning: 'Where it failed; required on failed events.',
  },
  { name: 'error_code', group: 'failure', ...name, meaning: 'Stable code of the error.' },
  {
    name: 'error_message',
    group: 'failure',
    kind: 'string',
    column: 'String',
    charactersMax: 500,
    truncate: true,
    redact: true,
    meaning: 'First 500 characters of the message, secrets masked.',
  },
  { name: 'inputs', group: 'context', ...scalarMap, meaning: 'Parameters of the work: flat map of scalars.' },
  { name: 'outputs', group: 'context', ...scalarMap, meaning: 'Results of the work: flat map of scalars.' },
  {
    name: 'labels',
    group: 'context',
    ...scalarMap,
    kind: 'string_map',
    meaning: 'Labels of your own: map of strings.',
  },
  { name: 'pattern_id', group: 'pattern', ...id, meaning: 'Id of a discovered pattern.' },
  { name: 'pattern_type', group: 'pattern', ...name, meaning: 'Type of the pattern.' },
  { name: 'effectiveness', group: 'pattern', ...ratio, meaning: 'Effectiveness of the pattern, 0 to 1.' },
  {
    name: 'evidence',
    group: 'pattern',
    kind: 'string_list',
    column: 'Array(String)',
    entriesMax: 16,
    charactersMax: 256,
    redact: true,
    meaning: 'References (runs, tasks) that support the pattern.',
  },
  {
    name: 'feedback_score',
    group: 'pattern',
    kind: 'number',
    min: -100,
    max: 100,
    column: 'Nullable(Float64)',
    meaning: 'Score of a feedback, on the scale of its sender.',
  },
  {
    name: 'feedback_text',
    group: 'pattern',
    kind: 'string',
    column: 'String',
    charactersMax: 2048,
    redact: true,
    meaning: 'Text of a feedback.',
  },
  {
    name: 'level',
    group: 'log',
    kind: 'enum',
    column: enum8(logLevels),
    values: logLevels,
    meaning: 'Level of a log event.',
  },
  {
    name: 'message',
    group: 'log',
    kind: 'string',
    column: 'String',
    charactersMax: 8192,
    redact: true,
    meaning: 'Text of a log event, secrets masked.',
  },
] as const satisfies readonly EventField[];

export type FieldName = (typeof eventFields)[number]['name'];

/** Columns the collector adds; they come first in the raw table and in every block. */
const serverColumns = [
  { name: 'tenant', column: lowCardinality, meaning: 'Tenant of the API key the event came with.' },
  {
    name: 'received',
    column: "DateTime64(3, 'UTC')",
    meaning: 'When the collector received the event; decides the partition.',
  },
  {
    name: 'conflicting_end',
    column: 'UInt8',
    meaning: '1: what the event ends had ended otherwise before, so it counts nothing.',
  },
] as const;

export interface RawColumn {
  readonly name: string;
  readonly column: string;
  readonly meaning: string;
}

/** The raw table's columns, in the order every spool segment and every insert uses. */
export const rawColumns: readonly RawColumn[] = [...serverColumns, ...eventFields];

/** The raw table a segment is inserted into. */
export const rawTable = 'agent_events_raw_v1';
