import { z } from 'zod';
import { rawTable } from '../../../core/event-schema.js';
import type { ReadMemory } from '../../../core/ports/read-memory.js';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { dayMs, floorTo, type TimeSpan } from '../../../core/time-span.js';
import { dayText } from '../../../core/time-text.js';
import { checkedRows } from '../sql/checked-rows.js';
import { normalizedMessage, normalizeMessage } from '../sql/normalized-message.js';
import { uniqueState } from '../sql/unique-states.js';
import type { AgentKey } from './agent-known.js';
import type { ErrorDay } from './error-days.js';
import { compareErrors } from './error-order.js';
import type { AgentErrorDaysRow } from './error-row.js';

const taskRow = z.object({
  r: z.tuple([
    z.array(z.tuple([z.string(), z.string(), z.string(), z.number(), z.number(), z.number()])),
    z.number(),
    z.number(),
  ]),
});

const groupRow = z.object({
  r: z.tuple([z.string(), z.string(), z.string(), z.array(z.number()), z.array(z.number()), z.array(z.number())]),
});

/** Failed executions with one category, code and message; of each its time, its run and whether it recovered. */
interface FailureGroup {
  readonly category: string;
  readonly code: string;
  readonly message: string;
  readonly timesMs: Float64Array;
  /** Hashes, one more than those of `RunHash`; 0: without a run. */
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

/**
 * An agent's failures from a time on, and when their tasks completed, as `failuresWithRecovery` defines it, in one
 * scan: the ends of a task meet in a group. The definition's joins take twice the CPU.
 */
const tasksSql = (hash: RunHash): string => `
  SELECT
    groupArrayIf(${failuresMax + 1})(
      (
        error_category, error_code, error_message, toUnixTimestamp64Milli(ts), attempt,
        if(run_id = '', 0, 1 + ${runHashes[hash]})
      ),
      type = 'task.failed' AND conflicting_end = 0
    ) AS failures,
    maxIf(toUnixTimestamp64Milli(ts) * 65536 + attempt, type = 'task.completed' AND task_id != '') AS last_completion
  FROM ${rawTable}
  WHERE tenant = {tenant:String} AND agent_id = {agent_id:String} AND type IN ('task.failed', 'task.completed')
    AND ts >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  GROUP BY cityHash64(task_id)
  HAVING notEmpty(failures)`;

/** With so many tasks that failed, or failures of one, they are grouped by the engine: 20 MB of text, at the worst. */
const failuresMax = 20_000;

const fewSql = (hash: RunHash): string => `
  SELECT (failures, intDiv(last_completion, 65536), last_completion % 65536) AS r
  FROM (${tasksSql(hash)} LIMIT ${failuresMax + 1})`;

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
    FROM (${tasksSql(hash).replace(`groupArrayIf(${failuresMax + 1})`, 'groupArrayIf')})
    ARRAY JOIN failures AS failure
    GROUP BY failure.1, failure.2, failure.3
  )`;

const sqlOf = {
  wide: { few: fewSql('wide'), many: manySql('wide') },
  state: { few: fewSql('state'), many: manySql('state') },
} as const;

/**
 * The errors of an agent within a span, from the raw events alone. The failures are remembered from the day on in which
 * it begins, so that a span that moves on by a minute finds them.
 */
export async function readRawErrors(
  store: StoreReader,
  memory: ReadMemory,
  agent: AgentKey,
  { span, limit }: { readonly span: TimeSpan; readonly limit: number },
): Promise<AgentErrorDaysRow[]> {
  return rowsWithin(await readFailures(store, memory, agent, { span, hash: 'wide' }), span, limit);
}

/** The same of a span beside whole days: groups as the table of whole days has them. */
export async function readEdgeErrors(
  store: StoreReader,
  memory: ReadMemory,
  agent: AgentKey,
  span: TimeSpan,
): Promise<ErrorDay[]> {
  const groups = await readFailures(store, memory, agent, { span, hash: 'state' });
  return groups.flatMap((group) => daysOf(group, span));
}

async function readFailures(
  store: StoreReader,
  memory: ReadMemory,
  agent: AgentKey,
  { span, hash }: { readonly span: TimeSpan; readonly hash: RunHash },
): Promise<readonly FailureGroup[]> {
  const params = { tenant: agent.tenant, agent_id: agent.agentId, from_ms: floorTo(span.fromMs, dayMs) };
  return await memory.value({
    sources: [{ table: rawTable, days: null }],
    key: JSON.stringify(['failures', hash, params]),
    read: async () => {
      const asked = { name: 'agent_failures', sql: sqlOf[hash].few, params };
      const tasks = (await checkedRows(store, taskRow, asked)).map(({ r }) => r);
      if (tasks.length <= failuresMax && tasks.every(([failures]) => failures.length <= failuresMax)) {
        return groupsOf(tasks);
      }
      const many = { name: 'agent_failures', sql: sqlOf[hash].many, params };
      return joined((await checkedRows(store, groupRow, many)).map(({ r }) => r));
    },
    bytesOf,
  });
}

/** Of each failure a time, a hash and a byte. */
function bytesOf(groups: readonly FailureGroup[]): number {
  return groups.reduce((sum, { message, timesMs }) => sum + 600 + 2 * message.length + 17 * timesMs.length, 0);
}

type Group = z.output<typeof groupRow>['r'];

function groupsOf(tasks: readonly z.output<typeof taskRow>['r'][]): FailureGroup[] {
  const normalized = new Map<string, string>();
  const groups: Group[] = [];
  for (const [failures, completedMs, completedAttempt] of tasks) {
    for (const [category, code, text, timeMs, attempt, run] of failures) {
      const message = normalized.get(text) ?? normalizeMessage(text);
      normalized.set(text, message);
      const isRecovered = timeMs < completedMs || (timeMs === completedMs && attempt < completedAttempt);
      groups.push([category, code, message, [timeMs], [run], [isRecovered ? 1 : 0]]);
    }
  }
  return joined(groups);
}

/** One group of a category, code and normalized message. */
function joined(parts: readonly Group[]): FailureGroup[] {
  const groups = new Map<string, Group[]>();
  for (const part of parts) {
    const [category, code, message] = part;
    const key = `${category}\n${code}\n${message}`;
    const same = groups.get(key);
    if (same === undefined) groups.set(key, [part]);
    else same.push(part);
  }
  return [...groups.values()].map((same) => {
    const [category, code, message] = same[0]!;
    return {
      category,
      code,
      message,
      timesMs: Float64Array.from(same.flatMap(([, , , times]) => times)),
      runs: Float64Array.from(same.flatMap(([, , , , runs]) => runs)),
      recovered: Uint8Array.from(same.flatMap(([, , , , , recovered]) => recovered)),
    };
  });
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
