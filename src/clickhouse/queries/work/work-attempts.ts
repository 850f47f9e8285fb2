import { z } from 'zod';
import { type EventType, eventTypes, terminalTypes } from '../../../core/event-types.js';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { quoteString } from '../../sql-text.js';
import { checkedRows } from '../sql/checked-rows.js';
import { epochMs, integer64, optionalFloat, optionalMs, optionalText, stringMap } from '../sql/column-types.js';
import { typeNumbers } from '../sql/type-numbers.js';
import { usageColumns, usageRow } from '../sql/usage-columns.js';
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
  ...usageRow,
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

interface WorkPosition {
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

const workTypes = (Object.keys(eventTypes) as EventType[]).filter((type) => /^(run|task|step)\./.test(type));

/** What a type says of its run, task or step: `run.started` and `step.started` that it is running. */
const stateOf = (type: EventType): string => type.replace(/^\w+\./, '').replace('started', 'running');
const states = `transform(
  latest.1, [${typeNumbers(workTypes)}], [${workTypes.map((type) => quoteString(stateOf(type))).join(', ')}], ''
)`;

/** The types that end come after the others in `rank`. */
const ended = `(${typeNumbers(terminalTypes)})`;
const starts = `(${typeNumbers(['run.started', 'task.running', 'step.started'])})`;
const unit = `multiIf(
  type_number < ${eventTypes['task.pending']}, 'run', type_number < ${eventTypes['step.started']}, 'task', 'step'
)`;

/**
 * The run, and the attempts of tasks and steps, of a scope by begin, ids and number, each as the sum of what its events
 * said: an end wins over a start whatever came first, then the later event time, then the later receipt, as in
 * agent_task_history and agent_steps. Usage counts once an attempt ended.
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

/** Of an attempt, or, where it does not tell, of the latest other one of the same task or step that does. */
function ofUnit(column: 'parent' | 'label' | 'kind' | 'inputs'): string {
  const told = `notEmpty(told_${column})`;
  return `if(
    ${told}, told_${column}, argMaxIf(told_${column}, try_number, ${told}) OVER (PARTITION BY unit, task, step)
  ) AS ${column}`;
}

/** The columns of a row, from the groups of events. */
const attemptColumns = `
  unit, task, step, try_number, reported_try,
  ${states} AS state,
  latest.2 AS agent,
  ${ofUnit('parent')},
  ${ofUnit('label')},
  ${ofUnit('kind')},
  coalesce(told_start_ms, start_event_ms, if(is_ended, latest.4 - toInt64(round(told_took_ms)), NULL)) AS started_ms,
  coalesce(started_ms, if(is_ended, least(first_ms, latest.4), first_ms)) AS begin_ms,
  if(is_ended, latest.4, NULL) AS ended_ms,
  latest.3 AS updated_ms,
  coalesce(told_took_ms, if(ended_ms >= started_ms, toFloat64(ended_ms - started_ms), NULL)) AS took_ms,
  ${usageColumns},
  latest.5 AS scope,
  sureness,
  latest.6 AS category,
  if(category = '', '', told_code) AS code,
  if(category = '', '', told_failure) AS failure,
  ${ofUnit('inputs')},
  outputs, tags`;

const outcomeColumns = `
  max(try_number) OVER (PARTITION BY unit, task, step) AS last_try,
  max(if(state = 'completed', try_number, 0)) OVER (PARTITION BY unit, task, step) AS completed_try,
  countIf(unit != 'run') OVER () AS all_attempts,
  countIf(unit != 'run' AND state = 'completed') OVER () AS completed_attempts,
  countIf(unit != 'run' AND state = 'failed') OVER () AS failed_attempts`;

const noOutcomeColumns = `
  0 AS last_try, 0 AS completed_try, 0 AS all_attempts, 0 AS completed_attempts, 0 AS failed_attempts`;

/** All keys, each with its latest value. */
function merged(column: string): string {
  return `arrayFold(
        (all, told) -> mapUpdate(all, told.2),
        arraySort(
          told -> (told.1, toString(told.2)),
          groupArrayIf((said, CAST(${column}, 'Map(String, String)')), notEmpty(${column}))
        ),
        CAST(map(), 'Map(String, String)')
      )`;
}

/** The events of each attempt as one row: what any of them told, the later winning where several speak. */
function groups({ where }: WorkScope, contexts: boolean): string {
  return `
    SELECT
      ${unit} AS unit,
      if(unit = 'run', '', task_id) AS task,
      if(unit = 'step', step_id, '') AS step,
      if(unit = 'run', 1, greatest(attempt, 1)) AS try_number,
      max(attempt) AS reported_try,
      max(rank.1) AS is_ended,
      argMax((
        type_number, toString(agent_id), toUnixTimestamp64Milli(ts), toUnixTimestamp64Milli(coalesce(ended_at, ts)),
        toString(usage_scope), toString(error_category)
      ), rank) AS latest,
      argMaxIf(parent_id, said, parent_id != '') AS told_parent,
      argMaxIf(toString(name), said, name != '') AS told_label,
      argMaxIf(toString(step_kind), said, step_kind != '') AS told_kind,
      toUnixTimestamp64Milli(argMax(started_at, said)) AS told_start_ms,
      toUnixTimestamp64Milli(min(if(type_number IN ${starts}, ts, NULL))) AS start_event_ms,
      toUnixTimestamp64Milli(min(ts)) AS first_ms,
      argMaxIf(duration_ms, said, has_ended) AS told_took_ms,
      argMaxIf(event.llm_calls, said, has_ended AND event.llm_calls != 0) AS llm_calls,
      argMaxIf(event.tokens_in, said, has_ended AND event.tokens_in != 0) AS tokens_in,
      argMaxIf(event.tokens_out, said, has_ended AND event.tokens_out != 0) AS tokens_out,
      argMaxIf(event.cost_micros, said, has_ended) AS cost_micros,
      argMax(confidence, said) AS sureness,
      argMaxIf(toString(error_code), rank, error_code != '') AS told_code,
      argMaxIf(error_message, rank, error_message != '') AS told_failure,
      ${contexts ? merged('inputs') : "CAST(map(), 'Map(String, String)')"} AS told_inputs,
      ${contexts ? merged('outputs') : 'map()'} AS outputs,
      ${contexts ? merged('labels') : 'map()'} AS tags
    FROM (
      SELECT
        *,
        CAST(type, 'Int8') AS type_number,
        type_number IN ${ended} AS has_ended,
        (ts, attempt, type_number, received) AS said,
        (has_ended, ts, attempt, type_number, received) AS rank
      FROM agent_events_raw_v1
      WHERE ${where} AND type IN (
        'run.started', 'run.completed', 'run.failed', 'run.cancelled',
        'task.pending', 'task.running', 'task.completed', 'task.failed', 'task.cancelled',
        'step.started', 'step.completed', 'step.failed'
      )
    ) AS event
    GROUP BY unit, task, step, try_number`;
}
