import { z } from 'zod';
import type { StoreReader } from '../../core/ports.js';
import { checkedRows } from './checked-rows.js';
import { epochMs, integer64, optionalFloat, optionalMs, optionalText, stringMap } from './column-types.js';
import type { WorkScope } from './work-scope.js';

export const workStates = ['pending', 'running', 'completed', 'failed', 'cancelled'] as const;
export type WorkState = (typeof workStates)[number];

const row = z.object({
  unit: z.enum(['run', 'task', 'step']),
  /** Empty for a run. */
  task: z.string(),
  /** Empty for a run or task. */
  step: z.string(),
  /** From 1; an attempt that nobody numbered is the first. */
  try_number: z.number().int(),
  /** 0 when no event gave it a number. */
  reported_try: z.number().int(),
  state: z.enum(workStates),
  agent: z.string(),
  parent: optionalText,
  label: optionalText,
  kind: optionalText,
  /** Start as reported, else time of the start event, else the duration before the end, else the first event. */
  begin_ms: epochMs,
  started_ms: optionalMs,
  ended_ms: optionalMs,
  /** Time of the state. */
  updated_ms: epochMs,
  took_ms: optionalFloat,
  model_calls: integer64,
  input_tokens: integer64,
  output_tokens: integer64,
  cost: integer64,
  scope: z.enum(['own', 'rolled_up']),
  sureness: optionalFloat,
  category: optionalText,
  code: optionalText,
  failure: optionalText,
  /** Empty unless asked for. */
  inputs: stringMap,
  outputs: stringMap,
  tags: stringMap,
  /** Highest attempt of the same task or step, and highest that completed; 0 when none did. */
  last_try: z.number().int(),
  completed_try: z.number().int(),
  /** Attempts of tasks and steps of the scope, those beyond the limit too. */
  all_attempts: integer64,
  completed_attempts: integer64,
  failed_attempts: integer64,
});

export type WorkAttemptRow = z.output<typeof row>;

/** The last columns of a row: what other attempts tell, over the whole scope. */
type Outcome = Pick<
  WorkAttemptRow,
  'last_try' | 'completed_try' | 'all_attempts' | 'completed_attempts' | 'failed_attempts'
>;

export interface WorkAttemptsPage {
  readonly limit: number;
  /** Only attempts after this one in the order of the list. */
  readonly after?: WorkPosition | undefined;
  /** Inputs, outputs and labels are read as well. */
  readonly contexts?: boolean;
  /** Default: the run, and attempts of tasks and of steps, whatever became of them. */
  readonly only?: 'attempts' | 'tasks' | 'failed';
}

export interface WorkPosition {
  readonly beginMs: number;
  readonly task: string;
  readonly step: string;
  readonly tryNumber: number;
}

const conditions = {
  attempts: "unit != 'run'",
  tasks: "unit = 'task'",
  failed: "unit != 'run' AND state = 'failed'",
} as const;

/** Numbers of the types (core/event-types.ts) in words; those that end come after the others in `rank`. */
const ended = '(2, 3, 4, 12, 13, 14, 21, 22)';
const states = `transform(
  latest.1,
  [1, 2, 3, 4, 10, 11, 12, 13, 14, 20, 21, 22],
  ['running', 'completed', 'failed', 'cancelled', 'pending', 'running', 'completed', 'failed', 'cancelled',
    'running', 'completed', 'failed'],
  ''
)`;

/**
 * The run, and the attempts of tasks and steps, of a scope by begin, ids and number, each in its latest state: an end
 * wins over a start whatever came first, then the later event time, then the later receipt, as in agent_task_history
 * and agent_steps. What only the start carried (name, kind, parent, inputs) is kept. Usage counts once an attempt
 * ended.
 */
export async function readWorkAttempts(
  store: StoreReader,
  scope: WorkScope,
  page: WorkAttemptsPage,
): Promise<WorkAttemptRow[]> {
  const { after, only, limit } = page;
  // Of a part of the attempts the store tells what became of the others; of all of them the rows do, for less.
  const isPart = only !== undefined || after !== undefined;
  const position = '({begin_ms:Int64}, {after_task:String}, {after_step:String}, {after_try:UInt16})';
  const rows = await checkedRows(store, row, {
    name: 'work_attempts',
    sql: `
      SELECT *
      FROM (
        SELECT ${attemptColumns}, ${isPart ? outcomeColumns : noOutcomeColumns}
        FROM (${groups(scope, page.contexts === true)})
      )
      WHERE ${only === undefined ? 'true' : conditions[only]}
        AND ${after === undefined ? 'true' : `(begin_ms, task, step, try_number) > ${position}`}
      ORDER BY begin_ms, task, step, try_number
      LIMIT {limit:UInt32}`,
    params: {
      ...scope.params,
      limit,
      ...(after === undefined
        ? {}
        : { begin_ms: after.beginMs, after_task: after.task, after_step: after.step, after_try: after.tryNumber }),
    },
  });
  if (isPart || rows.length === 0) return rows;
  if (rows.length < limit) return withOutcomes(rows);
  const [counted] = await readWorkAttempts(store, scope, { limit: 1, only: 'attempts' });
  return withOutcomes(rows).map((attempt) => ({ ...attempt, ...countsOf(counted ?? attempt) }));
}

/** What the store would have told of these, if there are no others. */
function withOutcomes(rows: readonly WorkAttemptRow[]): WorkAttemptRow[] {
  const counts = { all_attempts: 0, completed_attempts: 0, failed_attempts: 0 };
  const tries = new Map<string, { last_try: number; completed_try: number }>();
  for (const attempt of rows) {
    const { unit, state, try_number: tried } = attempt;
    const isCompleted = state === 'completed';
    const key = unitKey(attempt);
    const known = tries.get(key) ?? { last_try: 0, completed_try: 0 };
    tries.set(key, known);
    known.last_try = Math.max(known.last_try, tried);
    if (isCompleted) known.completed_try = Math.max(known.completed_try, tried);
    if (unit === 'run') continue;
    counts.all_attempts++;
    if (isCompleted) counts.completed_attempts++;
    if (state === 'failed') counts.failed_attempts++;
  }
  return rows.map((attempt) => ({ ...attempt, ...tries.get(unitKey(attempt)), ...counts }));
}

/** Equal for the attempts of one run, task or step, whatever characters their ids hold. */
export function unitKey({ unit, task, step }: Pick<WorkAttemptRow, 'unit' | 'task' | 'step'>): string {
  return `${unit} ${task.length} ${task}${step}`;
}

function countsOf({ all_attempts, completed_attempts, failed_attempts }: Outcome) {
  return { all_attempts, completed_attempts, failed_attempts };
}

/** The columns of a row, from the groups of events. */
const attemptColumns = `
  unit, task, step, try_number, reported_try,
  ${states} AS state,
  latest.2 AS agent,
  parent, label, kind,
  coalesce(started_ms, if(is_ended, ended_ms - toInt64(round(ifNull(took_ms, 0))), NULL), first_ms) AS begin_ms,
  started_ms,
  if(is_ended, latest.4, NULL) AS ended_ms,
  latest.3 AS updated_ms,
  latest.5 AS took_ms,
  if(is_ended, latest.6, 0) AS model_calls,
  if(is_ended, latest.7, 0) AS input_tokens,
  if(is_ended, latest.8, 0) AS output_tokens,
  if(is_ended, latest.9, 0) AS cost,
  latest.10 AS scope,
  latest.11 AS sureness,
  latest.12 AS category,
  latest.13 AS code,
  latest.14 AS failure,
  inputs, outputs, tags`;

const outcomeColumns = `
  max(try_number) OVER (PARTITION BY unit, task, step) AS last_try,
  max(if(state = 'completed', try_number, 0)) OVER (PARTITION BY unit, task, step) AS completed_try,
  countIf(unit != 'run') OVER () AS all_attempts,
  countIf(unit != 'run' AND state = 'completed') OVER () AS completed_attempts,
  countIf(unit != 'run' AND state = 'failed') OVER () AS failed_attempts`;

const noOutcomeColumns = `
  0 AS last_try, 0 AS completed_try, 0 AS all_attempts, 0 AS completed_attempts, 0 AS failed_attempts`;

/** The events of each attempt as one row. */
function groups({ where }: WorkScope, contexts: boolean): string {
  return `
    SELECT
      multiIf(type_number < 10, 'run', type_number < 20, 'task', 'step') AS unit,
      if(unit = 'run', '', task_id) AS task,
      if(unit = 'step', step_id, '') AS step,
      if(unit = 'run', 1, greatest(attempt, 1)) AS try_number,
      max(attempt) AS reported_try,
      max(rank.1) AS is_ended,
      argMax((
        type_number, toString(agent_id), toUnixTimestamp64Milli(ts), toUnixTimestamp64Milli(coalesce(ended_at, ts)),
        duration_ms, llm_calls, tokens_in, tokens_out, cost_micros, toString(usage_scope), confidence,
        toString(error_category), toString(error_code), error_message
      ), rank) AS latest,
      argMaxIf(parent_id, rank, parent_id != '') AS parent,
      argMaxIf(toString(name), rank, name != '') AS label,
      argMaxIf(toString(step_kind), rank, step_kind != '') AS kind,
      toUnixTimestamp64Milli(min(coalesce(started_at, if(type_number IN (1, 11, 20), ts, NULL)))) AS started_ms,
      toUnixTimestamp64Milli(min(ts)) AS first_ms,
      ${contexts ? 'argMaxIf(inputs, rank, notEmpty(inputs))' : 'map()'} AS inputs,
      ${contexts ? 'argMaxIf(outputs, rank, notEmpty(outputs))' : 'map()'} AS outputs,
      ${contexts ? 'argMaxIf(labels, rank, notEmpty(labels))' : 'map()'} AS tags
    FROM (
      SELECT
        *,
        CAST(type, 'Int8') AS type_number,
        (type_number IN ${ended}, ts, attempt, type_number, received) AS rank
      FROM agent_events_raw_v1
      WHERE ${where} AND type IN (
        'run.started', 'run.completed', 'run.failed', 'run.cancelled',
        'task.pending', 'task.running', 'task.completed', 'task.failed', 'task.cancelled',
        'step.started', 'step.completed', 'step.failed'
      )
    )
    GROUP BY unit, task, step, try_number`;
}
