import { invariant } from '../src/core/invariant.js';

/**
 * A history of agents that is made inside the engine and is the same for the same seed, apart from when it ends.
 *
 * It is a sequence of runs; a run of one agent tells of ten executions (tasks that ended) in eighteen rows: the ten,
 * five steps, two log lines and its own end. The day windows before `endMs`, 24 hours each, hold equal numbers of runs.
 * A value is a hash of the seed, the number of its run or row, and its purpose; nothing is drawn in sequence, so that
 * any part of the history can be made, or made again to check an answer, by itself.
 */
export interface HistoryOptions {
  readonly seed: number;
  readonly agents: number;
  readonly executions: number;
  readonly days: number;
  /** The last row is older than this; ms since the epoch. */
  readonly endMs: number;
}

const executionsPerRun = 10;
const rowsPerRun = 18;

/** Rows that tell of so many executions. */
export function rowsOf(executions: number): number {
  return (executions / executionsPerRun) * rowsPerRun;
}

/** Executions of a history with about so many rows. */
export function executionsOf(rows: number): number {
  return Math.floor(rows / rowsPerRun) * executionsPerRun;
}

/** Rows of the history in one insert: whole runs of one day window, the oldest window first. */
export interface HistoryPart {
  readonly windowStartMs: number;
  /** One of the last fifteen days, in which some agents have got worse. */
  readonly isLate: boolean;
  readonly firstRun: number;
  readonly runs: number;
}

const dayMs = 86_400_000;

export function historyParts({ executions, days, endMs }: HistoryOptions): HistoryPart[] {
  invariant(executions % executionsPerRun === 0, `executions come by ${executionsPerRun}`);
  const runs = executions / executionsPerRun;
  return Array.from({ length: days }, (_, day) => {
    const firstRun = Math.floor((day * runs) / days);
    return {
      windowStartMs: endMs - (days - day) * dayMs,
      isLate: days - day <= 15,
      firstRun,
      runs: Math.floor(((day + 1) * runs) / days) - firstRun,
    };
  });
}

export function historyAgentId(rank: number): string {
  return `agent-${String(rank).padStart(4, '0')}`;
}

/** Writes a part into the raw table, whose views make the rollups. */
export function insertSql(options: HistoryOptions, part: HistoryPart): string {
  return `
    INSERT INTO agent_events_raw_v1
      (tenant, received, ts, type, event_id, agent_id, agent_name, agent_version, run_id, task_id, step_id, parent_id,
       crew_id, started_at, ended_at, duration_ms, attempt, name, step_kind, llm_calls, tokens_in, tokens_out,
       cost_micros, memory_mb, usage_scope, confidence, error_category, error_code, error_message, inputs, level,
       message)
    WITH ${rowValues(options, part)}, ${rowDetails(options)}
    SELECT
      'default', addMilliseconds(at, 20 + row_hash % 1500) AS received, at AS ts, row_type,
      concat('event-', toString(row)), ${agentIdSql}, concat('Agent ', toString(agent)),
      concat('1.', toString(agent % 7)), concat('run-', toString(run)),
      if(is_run, '', concat('task-', toString(task))), if(is_step, concat('step-', toString(row)), ''),
      multiIf(is_run, '', is_step OR is_log, concat('task-', toString(task)), concat('run-', toString(run))),
      concat('crew-', toString(agent % 40)),
      if(is_timed, subtractMilliseconds(at, toInt64(lasted_ms)), NULL), if(is_timed, at, NULL),
      if(is_timed, lasted_ms, NULL),
      if(is_retry, 2, 1), ['plan', 'answer', 'search', 'review', 'summarize'][1 + intDiv(row_hash, 64) % 5],
      if(is_step, 'tool', ''),
      if(is_usage, 1 + intDiv(row_hash, 512) % 4, 0), if(is_usage, 200 + intDiv(row_hash, 4096) % 6000, 0),
      if(is_usage, 20 + intDiv(row_hash, 16777216) % 900, 0), if(is_usage, intDiv(row_hash, 1048576) % 40000, 0),
      if(is_execution, 64 + (intDiv(row_hash, 128) % 20000) / 10, NULL), if(is_run, 'rolled_up', 'own'),
      if(is_execution, 0.5 + (intDiv(row_hash, 8192) % 500) / 1000, NULL),
      if(is_failed, failure.1, ''), if(is_failed, failure.2, ''), if(is_failed, failure_text, ''),
      if(is_execution, map('customer', toString(row_hash % 5000), 'depth', toString(place)), map()),
      if(is_log, 'info', ''), if(is_log, concat('step ', toString(place), ' of run ', toString(run)), '')
    FROM numbers(${part.firstRun * rowsPerRun}, ${part.runs * rowsPerRun})
    SETTINGS max_insert_threads = 1, max_threads = 2`;
}

/** Executions of a part as `agent rank, minute, outcome`, without the store: what its answers are checked against. */
export function executionsSql(options: HistoryOptions, part: HistoryPart): string {
  return `
    WITH ${rowValues(options, part)}
    SELECT toUInt16(agent), toUInt32(intDiv(toUnixTimestamp64Milli(at), 60000)),
      toUInt8(transform(row_type, ['task.completed', 'task.failed'], [0, 1], 2))
    FROM numbers(${part.firstRun * rowsPerRun}, ${part.runs * rowsPerRun})
    WHERE is_execution
    SETTINGS max_threads = 2`;
}

/**
 * The traffic of an agent falls with its rank as a Pareto distribution: of 1,000 agents the busiest has 2.7 %, the
 * median one 0.02 %; the last tenth is idle on four days of five. A fifth of the agents fails more often than the
 * others, and a tenth gets worse over the last 15 days. Each fourth run has a first attempt that fails and a second
 * that mostly does not.
 */
function rowValues({ seed, agents }: HistoryOptions, part: HistoryPart): string {
  const paretoEnd = 1 - (1 + agents / 20) ** -0.5;
  const lateFactor = part.isLate ? 3 : 1;
  return `
      number AS row, intDiv(row, ${rowsPerRun}) AS run, row % ${rowsPerRun} AS place,
      cityHash64(run, ${seed}) AS run_hash, cityHash64(row, ${seed}, 'row') AS row_hash,
      least(toUInt32(20 * (pow(1 - ${uniform('run_hash')} * ${paretoEnd}, -2) - 1)), ${agents - 1}) AS drawn,
      drawn >= ${Math.floor(agents * 0.9)} AND cityHash64(drawn, ${seed}, ${part.firstRun}) % 5 > 0 AS is_idle,
      if(is_idle, intDiv(drawn, 2), drawn) AS agent, cityHash64(agent, ${seed}, 'agent') AS agent_hash,
      place < ${executionsPerRun} AS is_execution, place BETWEEN 10 AND 14 AS is_step,
      place IN (15, 16) AS is_log, place = 17 AS is_run, NOT is_log AS is_timed, is_execution OR is_run AS is_usage,
      multiIf(is_execution, place, is_step, (place - 10) * 2, is_log, (place - 15) * 5, 9) AS slot,
      run % 4 = 0 AND place = 0 AS is_first_try, run % 4 = 0 AND place = 1 AS is_retry,
      run * ${executionsPerRun} + slot - is_retry AS task,
      ${uniform(`cityHash64(run, ${seed}, 'a')`)} + ${uniform(`cityHash64(run, ${seed}, 'b')`)} AS time_of_day,
      fromUnixTimestamp64Milli(toInt64(${part.windowStartMs} + time_of_day / 2 * ${dayMs - runMsMax}
        + slot * 45000 + row_hash % 44000), 'UTC') AS at,
      if(agent_hash % 5 = 0, 0.06, 0.01) * if(agent_hash % 10 = 3, ${lateFactor}, 1) + if(is_retry, 0.3, 0)
        AS failure_chance,
      ${uniform(`cityHash64(row, ${seed}, 'outcome')`)} AS outcome,
      multiIf(
        is_step, 'step.completed', is_log, 'log', is_run, 'run.completed',
        is_first_try OR outcome < failure_chance, 'task.failed',
        outcome > 0.996, 'task.cancelled', 'task.completed') AS row_type,
      row_type = 'task.failed' AS is_failed`;
}

/** Durations are log-normal around a median of the agent's own, 0.3 to 58 s; a failure takes longer. */
function rowDetails({ seed }: HistoryOptions): string {
  const radius = uniform(`cityHash64(row, ${seed}, 'radius')`);
  const normal = `sqrt(-2 * log(${radius})) * cos(2 * pi() * ${uniform('row_hash')})`;
  const choice = uniform(`cityHash64(row, ${seed}, 'failure')`);
  const list = failures.map((failure) => `(${failure.map((text) => `'${text}'`).join(', ')})`).join(', ');
  return `
      exp(5.7 + (agent_hash % 1000) / 190 + (0.4 + (agent_hash % 7) / 12) * ${normal}) * if(is_failed, 1.8, 1)
        AS lasted_ms,
      [${list}][1 + toUInt32(${failures.length} * pow(${choice}, 2))] AS failure,
      replaceAll(replaceAll(replaceAll(failure.3, '#n', toString(row_hash % 9000)),
        '#h', lower(hex(row_hash))), '#u', toString(reinterpretAsUUID(toString(row_hash)))) AS failure_text`;
}

/** A run begins so long before the end of its day window that its last row lies within. */
const runMsMax = 500_000;

/** Category, code, message: #n becomes a number, #h a hexadecimal id, #u a UUID. The first are the most frequent. */
const failures: readonly (readonly [category: string, code: string, message: string])[] = [
  ['tool', 'timeout', 'no answer from the tool after #n ms'],
  ['model', 'rate_limited', 'rate limit reached, retry after #n s (request #h)'],
  ['retrieval', 'not_found', 'document #u is not in the index'],
  ['model', 'context_length', 'the prompt has #n tokens, 8192 are allowed'],
  ['infra', 'connection_reset', 'connection to 10.2.#n reset by peer'],
  ['tool', 'http_500', 'https://tools.example.com/v1/jobs/#h answered 500'],
  ['orchestration', 'loop_limit', 'gave up after #n iterations'],
  ['guardrail', 'blocked', 'the answer for customer #n was blocked'],
  ['user', 'cancelled_by_user', 'order #n was withdrawn'],
  ['tool', 'bad_arguments', 'argument "amount_#n" is not a number'],
  ['model', 'overloaded', 'model overloaded, queue position #n'],
  ['infra', 'out_of_memory', 'worker #n was killed: out of memory at #n MB'],
  ['retrieval', 'timeout', 'vector search took longer than #n ms'],
  ['tool', 'http_404', 'https://tools.example.com/v1/items/#n answered 404'],
  ['orchestration', 'handoff_refused', 'agent #n refused the handoff of run #h'],
  ['model', 'invalid_json', 'unexpected end of JSON at position #n'],
  ['tool', 'permission', 'user #n may not call "refund"'],
  ['infra', 'disk_full', 'no space left on volume #h'],
  ['retrieval', 'stale_index', 'index is #n s behind'],
  ['guardrail', 'pii', 'found #n addresses in the answer'],
  ['tool', 'schema', 'field "total" of invoice #u is missing'],
  ['model', 'empty_answer', 'the model answered nothing to request #h'],
  ['infra', 'dns', 'cannot resolve node-#n.internal.example.com'],
  ['orchestration', 'deadline', 'deadline passed #n ms ago'],
  ['user', 'bad_request', 'question #n has no subject'],
  ['tool', 'conflict', 'row #n was changed by transaction #h'],
  ['model', 'content_filter', 'filtered at token #n'],
  ['retrieval', 'too_many', '#n documents match, 1000 are allowed'],
  ['infra', 'tls', 'certificate of 192.168.7.9:#n has expired'],
  ['tool', 'quota', 'quota of #n calls is used up'],
  ['orchestration', 'no_agent', 'no agent for skill "billing_#n"'],
  ['guardrail', 'budget', 'cost of #n cents is above the budget'],
];

const agentIdSql = "concat('agent-', leftPad(toString(agent), 4, '0'))";

/** A uniform number in (0, 1) from a hash. */
function uniform(hash: string): string {
  return `((bitShiftRight(${hash}, 11) + 0.5) / 9007199254740992)`;
}
