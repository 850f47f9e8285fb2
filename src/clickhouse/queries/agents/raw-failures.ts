import { z } from 'zod';
import { rawTable } from '../../../core/event-schema.js';
import type { ReadMemory } from '../../../core/ports/read-memory.js';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { dayMs, floorTo, type TimeSpan } from '../../../core/time-span.js';
import { dayText } from '../../../core/time-text.js';
import { areCells, type Cell, numberIn, textIn } from '../sql/cell-row.js';
import { checkedRows } from '../sql/checked-rows.js';
import { normalizedMessage, normalizeMessage } from '../sql/normalized-message.js';
import { uniqueState } from '../sql/unique-states.js';
import type { AgentKey } from './agent-known.js';
import type { ErrorDay } from './error-days.js';
import { compareErrors } from './error-order.js';
import type { AgentErrorDaysRow } from './error-row.js';

/** Category, code, message, time, attempt and run of a failure; the run as `runTexts` has it. */
const failureCells = ['text', 'text', 'text', 'number', 'number', 'text'] as const;

/** Failures of one task, and time and attempt of its last completion. */
type TaskCells = readonly [failures: readonly (readonly Cell[])[], completedMs: number, completedAttempt: number];

const taskRow = z.object({ r: z.custom<TaskCells>(isTask, 'expected failures and two numbers') });

function isTask(given: unknown): given is TaskCells {
  if (!Array.isArray(given) || given.length !== 3) return false;
  const [failures, completedMs, completedAttempt] = given;
  if (typeof completedMs !== 'number' || typeof completedAttempt !== 'number') return false;
  return Array.isArray(failures) && failures.every((failure) => areCells(failure, failureCells));
}

const groupRow = z.object({
  r: z.tuple([z.string(), z.string(), z.string(), z.array(z.number()), z.array(z.number()), z.array(z.number())]),
});

/** Failed executions with one category, code and message; of each its time, its run and whether it recovered. */
interface FailureGroup {
  readonly category: string;
  readonly code: string;
  readonly message: string;
  readonly timesMs: Float64Array;
  /** Hashes, one more than those of `RunHash`, or numbers of their own; 0: without a run. */
  readonly runs: Float64Array;
  /** 1: the task completed later. */
  readonly recovered: Uint8Array;
}

/** Of 53 bits, or of 32: those of a state of `uniq`, which meet those of whole days. */
type RunHash = 'wide' | 'state';

const runHashes: Readonly<Record<RunHash, string>> = {
  wide: 'cityHash64(run_id) % 9007199254740991',
  state: "reinterpretAsUInt32(substring(CAST(arrayReduce('uniqState', [run_id]), 'String'), 3, 4))",
};

/** Empty without a run. Runs that are only told apart need no hash: what is worked out of every row costs. */
const runTexts: Readonly<Record<RunHash, string>> = {
  wide: 'run_id',
  state: `if(run_id = '', '', toString(${runHashes.state}))`,
};

const failureColumns = 'error_category, error_code, error_message, toUnixTimestamp64Milli(ts), attempt';

const isFailure = "type = 'task.failed' AND conflicting_end = 0";

const lastCompletion = "maxIf(toUnixTimestamp64Milli(ts) * 65536 + attempt, type = 'task.completed' AND task_id != '')";

const fromTasks = `
  FROM ${rawTable}
  PREWHERE tenant = {tenant:String} AND agent_id = {agent_id:String} AND type IN ('task.failed', 'task.completed')
    AND ts >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  GROUP BY cityHash64(task_id)`;

/** With so many tasks that failed, or failures of one, they are grouped by the engine: 20 MB of text, at the worst. */
const failuresMax = 20_000;

/**
 * An agent's failures from a time on, and when their tasks completed, as `failuresWithRecovery` defines it, in one
 * scan: the ends of a task meet in a group. The definition's joins take twice the CPU, and a subquery that is put into
 * a tuple 1 ms more to plan.
 */
const fewSql = (hash: RunHash): string => `
  SELECT
    (
      groupArrayIf(${failuresMax + 1})((${failureColumns}, ${runTexts[hash]}), ${isFailure}),
      intDiv(${lastCompletion}, 65536),
      ${lastCompletion} % 65536
    ) AS r${fromTasks}
  HAVING notEmpty(r.1)
  LIMIT ${failuresMax + 1}`;

/**
 * Equal messages are grouped before they are normalized: the regular expressions are what this costs beside the scan,
 * 6 ms of 21 for 30 days of a busy agent of the bench.
 */
const manySql = (hash: RunHash): string => `
  SELECT (error_category, error_code, message, times, runs, recovered) AS r
  FROM (
    SELECT
      toString(failure.1) AS error_category, toString(failure.2) AS error_code,
      failure.3 AS error_message, ${normalizedMessage('error_message')} AS message,
      groupArray(failure.4) AS times, groupArray(failure.6) AS runs,
      groupArray(toUInt8(failure.4 * 65536 + failure.5 < last_completion)) AS recovered
    FROM (
      SELECT
        groupArrayIf((${failureColumns}, if(run_id = '', 0, 1 + ${runHashes[hash]})), ${isFailure}) AS failures,
        ${lastCompletion} AS last_completion${fromTasks}
      HAVING notEmpty(failures)
    )
    ARRAY JOIN failures AS failure
    GROUP BY failure.1, failure.2, failure.3
  )`;

const sqlOf = {
  wide: { few: fewSql('wide'), many: manySql('wide') },
  state: { few: fewSql('state'), many: manySql('state') },
} as const;

/**
 * The errors of an agent within a span, from the raw events alone. The failures are remembered from the day on in which
 * it begins, so that a span that moves on by a minute finds them, and a shorter one too.
 */
export async function readRawErrors(
  store: StoreReader,
  memory: ReadMemory,
  agent: AgentKey,
  { span, limit }: { readonly span: TimeSpan; readonly limit: number },
): Promise<AgentErrorDaysRow[]> {
  return rowsWithin(await readFailures(store, memory, agent, { spanFromMs: span.fromMs, hash: 'wide' }), span, limit);
}

/** The same of spans beside whole days, in one read: groups as the table of whole days has them. */
export async function readEdgeErrors(
  store: StoreReader,
  memory: ReadMemory,
  agent: AgentKey,
  spans: readonly TimeSpan[],
): Promise<ErrorDay[]> {
  const spanFromMs = Math.min(...spans.map(({ fromMs }) => fromMs));
  const groups = await readFailures(store, memory, agent, { spanFromMs, hash: 'state' });
  return spans.flatMap((span) => groups.flatMap((group) => daysOf(group, span)));
}

/** From `fromMs` on. */
interface Failures {
  readonly fromMs: number;
  readonly groups: readonly FailureGroup[];
}

/** What was read from an earlier time on answers too: one key for all spans of an agent that are asked for in turn. */
async function readFailures(
  store: StoreReader,
  memory: ReadMemory,
  agent: AgentKey,
  { spanFromMs, hash }: { readonly spanFromMs: number; readonly hash: RunHash },
): Promise<readonly FailureGroup[]> {
  const fromMs = floorTo(spanFromMs, dayMs);
  const { groups } = await memory.value<Failures>({
    sources: [{ table: rawTable, days: null }],
    key: JSON.stringify(['failures', hash, agent.tenant, agent.agentId]),
    fits: (held) => held.fromMs <= fromMs,
    read: async () => ({ fromMs, groups: await readGroups(store, agent, { fromMs, hash }) }),
    bytesOf: (held) => bytesOf(held.groups),
  });
  return groups;
}

async function readGroups(
  store: StoreReader,
  agent: AgentKey,
  { fromMs, hash }: { readonly fromMs: number; readonly hash: RunHash },
): Promise<readonly FailureGroup[]> {
  const params = { tenant: agent.tenant, agent_id: agent.agentId, from_ms: fromMs };
  const asked = { name: 'agent_failures', sql: sqlOf[hash].few, params, isSmall: true };
  const tasks = (await checkedRows(store, taskRow, asked)).map(({ r }) => r);
  if (tasks.length <= failuresMax && tasks.every(([failures]) => failures.length <= failuresMax)) {
    return groupsOf(tasks, hash === 'wide' ? new RunNumbers() : stateNumbers);
  }
  const many = { name: 'agent_failures', sql: sqlOf[hash].many, params };
  return joined((await checkedRows(store, groupRow, many)).map(({ r }) => r));
}

/** Of each failure a time, a hash and a byte. */
function bytesOf(groups: readonly FailureGroup[]): number {
  return groups.reduce((sum, { message, timesMs }) => sum + 600 + 2 * message.length + 17 * timesMs.length, 0);
}

type Group = z.output<typeof groupRow>['r'];

/** Failures of one category, code and normalized message, while they are gathered. */
class Gathering {
  readonly #groups = new Map<string, { readonly names: readonly string[]; readonly columns: FailureColumns }>();

  of(category: string, code: string, message: string): FailureColumns {
    const key = `${category}\n${code}\n${message}`;
    const known = this.#groups.get(key);
    if (known !== undefined) return known.columns;
    const columns = { timesMs: [], runs: [], recovered: [] };
    this.#groups.set(key, { names: [category, code, message], columns });
    return columns;
  }

  groups(): FailureGroup[] {
    return [...this.#groups.values()].map(({ names: [category = '', code = '', message = ''], columns }) => ({
      category,
      code,
      message,
      timesMs: Float64Array.from(columns.timesMs),
      runs: Float64Array.from(columns.runs),
      recovered: Uint8Array.from(columns.recovered),
    }));
  }
}

interface FailureColumns {
  readonly timesMs: number[];
  readonly runs: number[];
  readonly recovered: number[];
}

/** Numbers of runs that were told as `runTexts` has them: as `FailureGroup` holds them. */
interface RunNumbering {
  of(run: string): number;
}

/** Runs that are only told apart, in the order in which they come. */
class RunNumbers implements RunNumbering {
  readonly #numbers = new Map<string, number>([['', 0]]);

  of(run: string): number {
    const known = this.#numbers.get(run) ?? this.#numbers.size;
    this.#numbers.set(run, known);
    return known;
  }
}

const stateNumbers: RunNumbering = { of: (run) => (run === '' ? 0 : 1 + Number(run)) };

function groupsOf(tasks: readonly TaskCells[], runs: RunNumbering): FailureGroup[] {
  const normalized = new Map<string, string>();
  const gathering = new Gathering();
  for (const [failures, completedMs, completedAttempt] of tasks) {
    for (const failure of failures) {
      const text = textIn(failure, 2);
      const message = normalized.get(text) ?? normalizeMessage(text);
      normalized.set(text, message);
      const [timeMs, attempt] = [numberIn(failure, 3), numberIn(failure, 4)];
      const isRecovered = timeMs < completedMs || (timeMs === completedMs && attempt < completedAttempt);
      const columns = gathering.of(textIn(failure, 0), textIn(failure, 1), message);
      columns.timesMs.push(timeMs);
      columns.runs.push(runs.of(textIn(failure, 5)));
      columns.recovered.push(isRecovered ? 1 : 0);
    }
  }
  return gathering.groups();
}

/** One group of a category, code and normalized message. */
function joined(parts: readonly Group[]): FailureGroup[] {
  const gathering = new Gathering();
  for (const [category, code, message, timesMs, runs, recovered] of parts) {
    const columns = gathering.of(category, code, message);
    for (const timeMs of timesMs) columns.timesMs.push(timeMs);
    for (const run of runs) columns.runs.push(run);
    for (const each of recovered) columns.recovered.push(each);
  }
  return gathering.groups();
}

/** A failure group on a day, while its failures are counted. */
interface CountedDay {
  occurrences: number;
  recovered: number;
  firstMs: number;
  lastMs: number;
  readonly runs: Set<number>;
}

function daysOf({ category, code, message, timesMs, runs, recovered }: FailureGroup, span: TimeSpan): ErrorDay[] {
  const days = new Map<number, CountedDay>();
  for (const [at, timeMs] of timesMs.entries()) {
    if (timeMs < span.fromMs || timeMs >= span.toMs) continue;
    const start = floorTo(timeMs, dayMs);
    const none = { occurrences: 0, recovered: 0, firstMs: timeMs, lastMs: timeMs, runs: new Set<number>() };
    const day = days.get(start) ?? none;
    days.set(start, day);
    day.occurrences += 1;
    day.recovered += recovered[at]!;
    day.firstMs = Math.min(day.firstMs, timeMs);
    day.lastMs = Math.max(day.lastMs, timeMs);
    if (runs[at] !== 0) day.runs.add(runs[at]! - 1);
  }
  return [...days].map(([start, day]) => ({
    ...day,
    dayMs: start,
    category,
    code,
    message,
    runs: uniqueState(day.runs),
  }));
}

class ErrorCount {
  occurrences = 0;
  recovered = 0;
  firstMs = Number.POSITIVE_INFINITY;
  lastMs = 0;
  readonly runs = new Set<number>();
  readonly days = new Map<number, number>();

  constructor(
    readonly category: string,
    readonly code: string,
    readonly message: string,
  ) {}

  add({ timesMs, runs, recovered }: FailureGroup, { fromMs, toMs }: TimeSpan): void {
    for (let at = 0; at < timesMs.length; at++) {
      const timeMs = timesMs[at]!;
      if (timeMs < fromMs || timeMs >= toMs) continue;
      this.occurrences += 1;
      this.recovered += recovered[at]!;
      if (timeMs < this.firstMs) this.firstMs = timeMs;
      if (timeMs > this.lastMs) this.lastMs = timeMs;
      if (runs[at] !== 0) this.runs.add(runs[at]!);
      const day = timeMs - (timeMs % dayMs);
      this.days.set(day, (this.days.get(day) ?? 0) + 1);
    }
  }
}

function rowsWithin(groups: readonly FailureGroup[], span: TimeSpan, limit: number): AgentErrorDaysRow[] {
  const counts = new Map<string, ErrorCount>();
  for (const group of groups) {
    const key = `${group.category}\n${group.code}\n${group.message}`;
    const count = counts.get(key) ?? new ErrorCount(group.category, group.code, group.message);
    count.add(group, span);
    if (count.occurrences > 0) counts.set(key, count);
  }
  const sorted = [...counts.values()].sort(compareErrors);
  const failed = sorted.reduce((sum, { occurrences }) => sum + occurrences, 0);
  return sorted.slice(0, limit).map((count) => {
    const days = [...count.days].sort(([a], [b]) => a - b);
    return {
      error_category: count.category === '' ? null : count.category,
      error_code: count.code === '' ? null : count.code,
      message: count.message === '' ? null : count.message,
      occurrences: count.occurrences,
      recovered: count.recovered,
      affected_runs: count.runs.size,
      first_seen_ms: count.firstMs,
      last_seen_ms: count.lastMs,
      total_groups: sorted.length,
      failed,
      per_day: [days.map(([day]) => dayText(day)), days.map(([, number]) => number)],
    };
  });
}
