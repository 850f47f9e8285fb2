import { invariant } from '../src/core/invariant.js';

/**
 * A history of runs, tasks and steps that is made inside the engine and is the same for the same seed, apart from when
 * it ends. Runs begin at even distances over the days, the oldest first; a run has ten tasks, a task five steps, each
 * told by its start and its end, the end with `started_at`. A value is a hash of the seed, the number of its run, task
 * or step, and its purpose, so that any part can be made, or made again to check an answer, by itself.
 *
 * Of 1,000 tasks 10 never end, 50 fail twice, 30 fail once and complete in a second attempt, and 10 are cancelled. Of
 * 20 steps one fails and is tried again, of 100 runs one never ends, of 20 one fails.
 */
export interface RunHistorySize {
  readonly seed: number;
  readonly runs: number;
  readonly days: number;
}

export interface RunHistoryOptions extends RunHistorySize {
  /** The last event is older than this; ms since the epoch. */
  readonly endMs: number;
}

export const tasksPerRun = 10;
export const stepsPerTask = 5;
const crews = 40;
const agentsPerCrew = 25;

const runsPerInsert = 2_000;
const dayMs = 86_400_000;
/** A run is over by then after its start. */
const runMsMax = 100_000;

/** Numbers of the tasks of one insert: whole runs. */
export interface TaskSpan {
  readonly first: number;
  readonly tasks: number;
}

export function historySpans({ runs }: RunHistorySize): TaskSpan[] {
  return Array.from({ length: Math.ceil(runs / runsPerInsert) }, (_, index) => {
    const first = index * runsPerInsert;
    return { first: first * tasksPerRun, tasks: Math.min(runsPerInsert, runs - first) * tasksPerRun };
  });
}

/** A row a task: its ids, its run's, and what comes of it. `start_ms` is that of its latest attempt. */
export function tasksSql({ seed, runs, days, endMs }: RunHistoryOptions, { first, tasks }: TaskSpan): string {
  const spanMs = days * dayMs - runMsMax;
  invariant(spanMs > 0 && runs > 0, 'a history has days and runs');
  return `
    SELECT
      number AS task, intDiv(number, ${tasksPerRun}) AS run, number % ${tasksPerRun} AS place,
      cityHash64(run, ${seed}, 'run') AS run_hash, cityHash64(task, ${seed}, 'task') AS task_hash,
      lower(hex(sipHash128(run, ${seed}, 'run'))) AS run_id, lower(hex(sipHash128(task, ${seed}, 'task'))) AS task_id,
      run_hash % ${crews} AS crew, intDiv(run_hash, 256) % ${agentsPerCrew} AS leader,
      crew * ${agentsPerCrew} + leader AS run_agent, crew * ${agentsPerCrew} + (leader + place % 4) % ${agentsPerCrew}
        AS agent,
      intDiv(run, 2) AS session, cityHash64(session, ${seed}, 'user') % ${usersOf(runs)} AS user,
      concat('agent-', leftPad(toString(agent), 4, '0')) AS task_agent_id,
      concat('agent-', leftPad(toString(run_agent), 4, '0')) AS run_agent_id,
      concat('night-crew-', toString(crew)) AS task_crew_id, concat('flow-', toString(crew % 20)) AS task_flow_id,
      concat('engagement-', toString(user % 500)) AS task_engagement_id,
      concat('user-', toString(user)) AS task_user_id,
      concat('session-', toString(session)) AS task_session_id,
      toInt64(${endMs - days * dayMs} + run * ${spanMs / runs}) AS run_start_ms,
      run_start_ms + place * 7000 + task_hash % 2000 AS first_start_ms,
      intDiv(task_hash, 1048576) % 1000 AS outcome, outcome BETWEEN 10 AND 89 AS is_retried,
      multiIf(outcome < 10, 'open', outcome < 60, 'failed', outcome < 90, 'completed', outcome < 100, 'cancelled',
        'completed') AS state,
      first_start_ms + if(is_retried, 6820, 0) AS start_ms,
      [${failureList}][1 + intDiv(task_hash, 4096) % ${failures.length}] AS failure,
      intDiv(run_hash, 1099511627776) % 100 = 0 AS is_run_open,
      intDiv(run_hash, 281474976710656) % 20 = 0 AS is_run_failed
    FROM numbers(${first}, ${tasks})`;
}

/** Persons of a history: each has ten runs on average. */
function usersOf(runs: number): number {
  return Math.max(1, Math.floor(runs / 10));
}

/**
 * Places of a task's events: 0 its start; 1 to 10 start and end of each step, 11 to 20 of their second attempts; 21 its
 * end, 22 and 23 start and end of its second attempt; 24 a log line; 25 the start of the run, told beside the first
 * task, 26 its end, told beside the last.
 */
const places = 27;

/** Events of the tasks of a span, a row each, without those that did not happen. */
export function eventsSql(options: RunHistoryOptions, span: TaskSpan): string {
  const { seed } = options;
  return `
    SELECT
      *, at_place, at_place BETWEEN 1 AND 20 AS is_step, at_place IN (25, 26) AS is_run, at_place = 24 AS is_log,
      intDiv((at_place - 1) % 10, 2) AS step, is_step AND at_place % 2 = 1 AS is_step_start,
      cityHash64(task, step, ${seed}, 'step') AS step_hash, step_hash % 20 = 0 AS is_step_retried,
      at_place BETWEEN 11 AND 20 OR at_place IN (22, 23) AS is_second,
      is_second AND intDiv(step_hash, 256) % 5 = 0 AS is_step_lost,
      multiIf(
        is_step, if(is_step_start, 'step.started', if(is_second ? is_step_lost : is_step_retried, 'step.failed',
          'step.completed')),
        at_place IN (0, 22), 'task.running',
        at_place = 21, multiIf(is_retried, 'task.failed', state = 'cancelled', 'task.cancelled', 'task.completed'),
        at_place = 23, concat('task.', state),
        is_log, 'log', at_place = 25, 'run.started', if(is_run_failed, 'run.failed', 'run.completed')) AS event_type,
      endsWith(event_type, '.failed') AS is_failed
    FROM (${tasksSql(options, span)})
    ARRAY JOIN range(${places}) AS at_place
    WHERE multiIf(
      at_place BETWEEN 11 AND 20, is_step_retried, at_place = 21, state != 'open', at_place IN (22, 23), is_retried,
      is_log, task_hash % 10 = 0, at_place = 25, place = 0, at_place = 26,
      place = ${tasksPerRun - 1} AND NOT is_run_open, 1)`;
}

/** Writes a span into the raw table, whose views fill all the others. */
export function runHistoryInsertSql(options: RunHistoryOptions, span: TaskSpan): string {
  return `
    INSERT INTO agent_events_raw_v1
      (tenant, received, ts, type, event_id, agent_id, agent_name, agent_version, run_id, task_id, step_id, parent_id,
       flow_id, crew_id, engagement_id, user_id, session_id, started_at, ended_at, duration_ms, attempt, name,
       step_kind, llm_calls, tokens_in, tokens_out, cost_micros, usage_scope, error_category, error_code,
       error_message, inputs, outputs, level, message)
    WITH
      if(is_step, first_start_ms + 50 + step * 1100 + if(is_second, 1150, 0), 0) AS step_start_ms,
      100 + intDiv(step_hash, 65536) % 900 AS step_took_ms,
      multiIf(is_step, step_start_ms, is_run, run_start_ms, at_place IN (22, 23), first_start_ms + 6820, first_start_ms)
        AS began_ms,
      multiIf(is_step, if(is_step_start, step_start_ms, step_start_ms + step_took_ms), at_place = 21,
        first_start_ms + 6800, at_place = 23, first_start_ms + 9000 + task_hash % 900, at_place = 26,
        run_start_ms + 90000, at_place = 24, first_start_ms + 700, began_ms) AS at_ms,
      at_place IN (21, 23, 26) OR (is_step AND NOT is_step_start) AS is_end,
      is_end AND (is_run OR NOT is_step OR step % 2 = 0) AS is_usage,
      at_place IN (0, 22, 21, 23) AS is_task
    SELECT
      'default', fromUnixTimestamp64Milli(at_ms + 20 + task_hash % 1500, 'UTC'), fromUnixTimestamp64Milli(at_ms, 'UTC'),
      event_type, concat(task_id, '-', toString(at_place)), if(is_run, run_agent_id, task_agent_id),
      concat('Agent ', toString(agent)), concat('1.', toString(agent % 7)), run_id, if(is_run, '', task_id),
      if(is_step, concat(task_id, '-', toString(step)), ''), multiIf(is_run, '', is_step, task_id, run_id),
      task_flow_id, task_crew_id, task_engagement_id, task_user_id, task_session_id,
      if(is_end, fromUnixTimestamp64Milli(began_ms, 'UTC'), NULL),
      if(is_end, fromUnixTimestamp64Milli(at_ms, 'UTC'), NULL), if(is_end, at_ms - began_ms, NULL),
      if(is_second, 2, 1),
      multiIf(is_run, 'night run', is_log, '', is_step, concat(if(step % 2 = 0, 'model-', 'tool-'), toString(crew % 7)),
        ['plan', 'answer', 'search', 'review', 'summarize'][1 + place % 5]),
      if(is_step, if(step % 2 = 0, 'llm', 'tool'), ''),
      is_usage, if(is_usage, 200 + step_hash % 6000, 0), if(is_usage, 20 + intDiv(step_hash, 8192) % 900, 0),
      if(is_usage, intDiv(step_hash, 1048576) % 40000, 0), if(is_step, 'own', 'rolled_up'),
      if(is_failed, failure.1, ''), if(is_failed, failure.2, ''),
      if(is_failed, replaceAll(failure.3, '#n', toString(task_hash % 9000)), ''),
      if(is_task OR is_run, map('customer', toString(user), 'depth', toString(place)), map()),
      if(is_end, map('rows', toString(task_hash % 1000)), map()),
      if(is_log, 'warn', ''), if(is_log, concat('place ', toString(place), ' takes longer than usual'), '')
    FROM (${eventsSql(options, span)})
    SETTINGS max_insert_threads = 1, max_threads = 2, max_block_size = 8192, min_insert_block_size_rows = 250000`;
}

/** One run of so many steps in one task each hundred, all of one agent, with its start and its end. */
export interface LongRun {
  readonly runId: string;
  readonly steps: number;
  readonly startMs: number;
}

const stepsPerLongTask = 100;

export function longRunInsertSql({ runId, steps, startMs }: LongRun): string {
  return `
    INSERT INTO agent_events_raw_v1
      (tenant, received, ts, type, event_id, agent_id, agent_name, run_id, task_id, step_id, parent_id, started_at,
       ended_at, duration_ms, attempt, name, step_kind, llm_calls, tokens_in, tokens_out, cost_micros)
    WITH
      number < ${2 * steps} AS is_step, intDiv(number, 2) AS step, number % 2 = 1 AS is_end,
      if(is_step, intDiv(step, ${stepsPerLongTask}), number - ${2 * steps}) AS task, task = ${tasksOf(steps)} AS is_run,
      ${startMs} + if(is_step, step * 20, if(is_run, 0, task * ${stepsPerLongTask * 20})) AS began_ms,
      began_ms + multiIf(is_step, if(is_end, 15, 0), is_run, ${steps * 20 + 100}, ${stepsPerLongTask * 20 - 1})
        AS at_ms,
      NOT is_step OR is_end AS has_ended, fromUnixTimestamp64Milli(toInt64(at_ms), 'UTC') AS at
    SELECT
      'default', at, at, multiIf(is_step, if(is_end, 'step.completed', 'step.started'), is_run, 'run.completed',
        'task.completed'),
      concat('${runId}-', toString(number)), 'agent-long', 'Long runner', '${runId}',
      if(is_run, '', concat('${runId}-task-', toString(task))),
      if(is_step, concat('${runId}-step-', toString(step)), ''),
      multiIf(is_run, '', is_step, concat('${runId}-task-', toString(task)), '${runId}'),
      if(has_ended, fromUnixTimestamp64Milli(toInt64(began_ms), 'UTC'), NULL), if(has_ended, at, NULL),
      if(has_ended, at_ms - began_ms, NULL), 1, if(is_step, concat('tool-', toString(step % 9)), 'long'),
      if(is_step, 'tool', ''), 0, if(is_step AND is_end, 100, 0), 0, 0
    FROM numbers(${2 * steps + tasksOf(steps) + 1})
    SETTINGS max_insert_threads = 1, max_threads = 1`;
}

function tasksOf(steps: number): number {
  return Math.ceil(steps / stepsPerLongTask);
}

/** Category, code, message; #n becomes a number. */
const failures: readonly (readonly [category: string, code: string, message: string])[] = [
  ['tool', 'timeout', 'no answer from the tool after #n ms'],
  ['model', 'rate_limited', 'rate limit reached, retry after #n s'],
  ['retrieval', 'not_found', 'document #n is not in the index'],
  ['infra', 'connection_reset', 'connection to host #n reset by peer'],
  ['tool', 'http_500', 'job #n answered 500'],
  ['orchestration', 'loop_limit', 'gave up after #n iterations'],
  ['guardrail', 'blocked', 'the answer for customer #n was blocked'],
  ['user', 'withdrawn', 'order #n was withdrawn'],
  ['tool', 'bad_arguments', 'argument amount_#n is not a number'],
  ['model', 'overloaded', 'model overloaded, queue position #n'],
];

const failureList = failures.map((failure) => `(${failure.map((text) => `'${text}'`).join(', ')})`).join(', ');
