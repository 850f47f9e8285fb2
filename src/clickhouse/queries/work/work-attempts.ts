import { eventTypes, terminalTypes } from '../../../core/event-types.js';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { quoteString } from '../../sql-text.js';
import { checkedRows } from '../sql/checked-rows.js';
import { compareTexts } from '../sql/text-order.js';
import { typeNumbers } from '../sql/type-numbers.js';
import { detailedWorkUsageColumns } from '../sql/usage-columns.js';
import { attemptEventsMax, readAttemptEvents } from './attempt-event.js';
import { attemptRow, statusOf, unitKey, type WorkAttemptRow, workTypes } from './attempt-row.js';
import { mergeAttempts } from './merged-attempts.js';
import type { WorkScope } from './work-scope.js';

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
  readonly startMs: number;
  readonly taskId: string;
  readonly stepId: string;
  readonly attemptNumber: number;
}

const conditions = {
  attempts: "kind != 'run'",
  tasks: "kind = 'task'",
  failed: "kind != 'run' AND status = 'failed'",
} as const;

const order = 'start_ms, task_id, step_id, attempt_number';

const statusSql = `transform(
  latest.1, [${typeNumbers(workTypes)}], [${workTypes.map((type) => quoteString(statusOf(type))).join(', ')}], ''
)`;

/** The types that end come after the others in `rank`. */
const ended = `(${typeNumbers(terminalTypes)})`;
const starts = `(${typeNumbers(['run.started', 'task.running', 'step.started'])})`;
const kindSql = `multiIf(
  type_number < ${eventTypes['task.pending']}, 'run', type_number < ${eventTypes['step.started']}, 'task', 'step'
)`;

/**
 * The run, and the attempts of tasks and steps, of a scope by begin, ids and number, each as the sum of what its events
 * said: an end wins over a start whatever came first, then the later event time, then the later receipt, as in
 * agent_task_history and agent_steps. Usage counts once an attempt ended.
 *
 * Of a few events it is made here: the engine takes 25 ms of CPU to understand the statement, and 8 to run it.
 */
export async function readWorkAttempts(
  store: StoreReader,
  scope: WorkScope,
  page: WorkAttemptsPage,
): Promise<WorkAttemptRow[]> {
  const attempts = await readFewAttempts(store, scope, page.contexts === true);
  return attempts === null ? await readGroupedAttempts(store, scope, page) : attemptsOfPage(attempts, page);
}

/** Of all attempts of a scope, as `mergeAttempts` made them. */
export function attemptsOfPage(
  attempts: WorkAttemptRow[],
  { after, only, limit }: Pick<WorkAttemptsPage, 'after' | 'only' | 'limit'>,
): WorkAttemptRow[] {
  const isAsked = (attempt: WorkAttemptRow) => only === undefined || kept[only](attempt);
  const isAfter = (attempt: WorkAttemptRow) => after === undefined || byPosition(positionOf(attempt), after) > 0;
  return withOutcomes(attempts)
    .filter((attempt) => isAsked(attempt) && isAfter(attempt))
    .sort((left, right) => byPosition(positionOf(left), positionOf(right)))
    .slice(0, limit);
}

/** Null when there are too many events, or some whose order the engine decides. */
async function readFewAttempts(
  store: StoreReader,
  scope: WorkScope,
  contexts: boolean,
): Promise<WorkAttemptRow[] | null> {
  if ((scope.events ?? 0) > attemptEventsMax) return null;
  const events = await readAttemptEvents(store, scope, { contexts, limit: attemptEventsMax + 1 });
  return events.length > attemptEventsMax ? null : mergeAttempts(events);
}

const kept: Readonly<Record<NonNullable<WorkAttemptsPage['only']>, (attempt: WorkAttemptRow) => boolean>> = {
  attempts: ({ kind }) => kind !== 'run',
  tasks: ({ kind }) => kind === 'task',
  failed: ({ kind, status }) => kind !== 'run' && status === 'failed',
};

function positionOf(attempt: WorkAttemptRow): WorkPosition {
  const { start_ms: startMs, task_id: taskId, step_id: stepId, attempt_number: attemptNumber } = attempt;
  return { startMs, taskId, stepId, attemptNumber };
}

function byPosition(left: WorkPosition, right: WorkPosition): number {
  return (
    left.startMs - right.startMs ||
    compareTexts(left.taskId, right.taskId) ||
    compareTexts(left.stepId, right.stepId) ||
    left.attemptNumber - right.attemptNumber
  );
}

/** The same, made by the engine: this is the definition. */
export async function readGroupedAttempts(
  store: StoreReader,
  scope: WorkScope,
  page: WorkAttemptsPage,
): Promise<WorkAttemptRow[]> {
  // Of a part of the attempts the store tells what became of the others; of all of them the rows do, for less.
  if (page.only !== undefined || page.after !== undefined) return await readGroups(store, scope, page, outcomeColumns);
  const rows = await readGroups(store, scope, page, noOutcomeColumns);
  return rows.length < page.limit ? withOutcomes(rows) : await readGroups(store, scope, page, outcomeColumns);
}

function readGroups(
  store: StoreReader,
  scope: WorkScope,
  { after, only, limit, contexts }: WorkAttemptsPage,
  outcomes: string,
): Promise<WorkAttemptRow[]> {
  const position = '({after_ms:Int64}, {after_task:String}, {after_step:String}, {after_attempt:UInt16})';
  return checkedRows(store, attemptRow, {
    name: 'work_attempts',
    sql: `
      SELECT *
      FROM (
        SELECT ${attemptColumns}, ${outcomes}
        FROM (${groups(scope, contexts === true)})
      )
      WHERE ${only === undefined ? 'true' : conditions[only]}
        AND ${after === undefined ? 'true' : `(${order}) > ${position}`}
      ORDER BY ${order}
      LIMIT {limit:UInt32}`,
    params: {
      ...scope.params,
      limit,
      ...(after && {
        after_ms: after.startMs,
        after_task: after.taskId,
        after_step: after.stepId,
        after_attempt: after.attemptNumber,
      }),
    },
  });
}

/** The same rows, with what the store would have told of them if there are no others. */
function withOutcomes(rows: WorkAttemptRow[]): WorkAttemptRow[] {
  const [counts, units] = [{ total: 0, completed: 0, failed: 0 }, new Map<string, WorkAttemptRow[]>()];
  for (const attempt of rows) {
    const key = unitKey(attempt);
    const unit = units.get(key);
    if (unit === undefined) units.set(key, [attempt]);
    else unit.push(attempt);
    if (attempt.kind === 'run') continue;
    counts.total++;
    if (attempt.status === 'completed') counts.completed++;
    if (attempt.status === 'failed') counts.failed++;
  }
  for (const unit of units.values()) {
    const last = unit.reduce((most, { attempt_number: number }) => Math.max(most, number), 0);
    const completed = unit.filter(({ status }) => status === 'completed');
    const lastCompleted = completed.reduce((most, { attempt_number: number }) => Math.max(most, number), 0);
    for (const attempt of unit) {
      attempt.last_attempt = last;
      attempt.last_completed_attempt = lastCompleted;
      attempt.total_attempts = counts.total;
      attempt.completed_attempts = counts.completed;
      attempt.failed_attempts = counts.failed;
    }
  }
  return rows;
}

/** Of an attempt, or, where it does not tell, of the latest other one of the same task or step that does. */
function ofUnit(column: 'parent_id' | 'name' | 'step_kind' | 'inputs'): string {
  const told = `notEmpty(told_${column})`;
  return `if(
    ${told}, told_${column},
    argMaxIf(told_${column}, attempt_number, ${told}) OVER (PARTITION BY kind, task_id, step_id)
  ) AS ${column}`;
}

/** The columns of a row, from the groups of events. */
const attemptColumns = `
  kind, task_id, step_id, attempt_number, attempt,
  ${statusSql} AS status,
  latest.2 AS agent_id,
  ${ofUnit('parent_id')},
  ${ofUnit('name')},
  ${ofUnit('step_kind')},
  coalesce(
    told_start_ms, start_event_ms, if(is_ended, latest.4 - toInt64(round(told_duration_ms)), NULL)
  ) AS started_ms,
  coalesce(started_ms, if(is_ended, least(first_ms, latest.4), first_ms)) AS start_ms,
  if(is_ended, latest.4, NULL) AS ended_ms,
  latest.3 AS updated_ms,
  coalesce(told_duration_ms, if(ended_ms >= started_ms, toFloat64(ended_ms - started_ms), NULL)) AS duration_ms,
  environment, model, provider,
  if(told_args_hash = 0, '', leftPad(lower(hex(told_args_hash)), 16, '0')) AS args_hash,
  if(is_ended, told_finish_reason, '') AS finish_reason,
  ${detailedWorkUsageColumns}, cost_source,
  latest.5 AS usage_scope,
  confidence,
  latest.6 AS error_category,
  if(error_category = '', '', told_error_code) AS error_code,
  if(error_category = '', '', told_error_message) AS error_message,
  ${ofUnit('inputs')},
  outputs, labels`;

const outcomeColumns = `
  max(attempt_number) OVER (PARTITION BY kind, task_id, step_id) AS last_attempt,
  max(if(status = 'completed', attempt_number, 0)) OVER (PARTITION BY kind, task_id, step_id) AS last_completed_attempt,
  countIf(kind != 'run') OVER () AS total_attempts,
  countIf(kind != 'run' AND status = 'completed') OVER () AS completed_attempts,
  countIf(kind != 'run' AND status = 'failed') OVER () AS failed_attempts`;

const noOutcomeColumns = `
  0 AS last_attempt, 0 AS last_completed_attempt, 0 AS total_attempts, 0 AS completed_attempts, 0 AS failed_attempts`;

/** All keys, each with its latest value. */
function merged(column: string): string {
  return `arrayFold(
        (all, told) -> mapUpdate(all, told.2),
        arraySort(
          told -> (told.1, toString(told.2)),
          groupArrayIf((said, CAST(event.${column}, 'Map(String, String)')), notEmpty(event.${column}))
        ),
        CAST(map(), 'Map(String, String)')
      )`;
}

/** The events of each attempt as one row: what any of them told, the later winning where several speak. */
function groups({ where }: WorkScope, contexts: boolean): string {
  return `
    SELECT
      ${kindSql} AS kind,
      if(kind = 'run', '', event.task_id) AS task_id,
      if(kind = 'step', event.step_id, '') AS step_id,
      if(kind = 'run', 1, greatest(event.attempt, 1)) AS attempt_number,
      max(event.attempt) AS attempt,
      max(has_ended) AS is_ended,
      argMax((
        type_number, toString(agent_id), toUnixTimestamp64Milli(ts), toUnixTimestamp64Milli(coalesce(ended_at, ts)),
        toString(usage_scope), toString(error_category)
      ), rank) AS latest,
      argMaxIf(parent_id, said, parent_id != '') AS told_parent_id,
      argMaxIf(toString(name), said, name != '') AS told_name,
      argMaxIf(toString(step_kind), said, step_kind != '') AS told_step_kind,
      argMaxIf(toString(event.environment), said, event.environment != '') AS environment,
      argMaxIf(toString(event.model), said, event.model != '') AS model,
      argMaxIf(toString(event.provider), said, event.provider != '') AS provider,
      argMaxIf(args_hash, said, args_hash != 0) AS told_args_hash,
      argMaxIf(toString(finish_reason), rank, finish_reason != '') AS told_finish_reason,
      toUnixTimestamp64Milli(argMax(started_at, said)) AS told_start_ms,
      toUnixTimestamp64Milli(min(if(type_number IN ${starts}, ts, NULL))) AS start_event_ms,
      toUnixTimestamp64Milli(min(ts)) AS first_ms,
      argMaxIf(duration_ms, said, has_ended) AS told_duration_ms,
      argMaxIf(event.llm_calls, said, has_ended AND event.llm_calls != 0) AS llm_calls,
      argMaxIf(event.tokens_in, said, has_ended AND event.tokens_in != 0) AS tokens_in,
      argMaxIf(event.tokens_out, said, has_ended AND event.tokens_out != 0) AS tokens_out,
      argMaxIf(event.tokens_cache_read, said, has_ended AND event.tokens_cache_read != 0) AS tokens_cache_read,
      argMaxIf(event.tokens_cache_write, said, has_ended AND event.tokens_cache_write != 0) AS tokens_cache_write,
      argMaxIf(event.tokens_reasoning, said, has_ended AND event.tokens_reasoning != 0) AS tokens_reasoning,
      argMaxIf(event.cost_micros, said, has_ended) AS cost_micros,
      argMaxIf(toString(event.cost_source), said, has_ended AND isNotNull(event.cost_micros)) AS cost_source,
      argMax(event.confidence, said) AS confidence,
      argMaxIf(toString(error_code), rank, error_code != '') AS told_error_code,
      argMaxIf(error_message, rank, error_message != '') AS told_error_message,
      ${contexts ? merged('inputs') : "CAST(map(), 'Map(String, String)')"} AS told_inputs,
      ${contexts ? merged('outputs') : 'map()'} AS outputs,
      ${contexts ? merged('labels') : 'map()'} AS labels
    FROM (
      SELECT
        *,
        CAST(type, 'Int8') AS type_number,
        type_number IN ${ended} AS has_ended,
        bitShiftLeft(toUInt128(toUnixTimestamp64Milli(ts)), 66) + bitShiftLeft(toUInt128(attempt), 50)
          + bitShiftLeft(toUInt128(type_number), 42) + toUInt64(toUnixTimestamp64Milli(received)) AS said,
        bitShiftLeft(toUInt128(has_ended), 110) + said AS rank
      FROM agent_events_raw_v1
      WHERE ${where} AND type IN (
        'run.started', 'run.completed', 'run.failed', 'run.cancelled',
        'task.pending', 'task.running', 'task.completed', 'task.failed', 'task.cancelled',
        'step.started', 'step.completed', 'step.failed'
      )
    ) AS event
    GROUP BY kind, task_id, step_id, attempt_number`;
}
