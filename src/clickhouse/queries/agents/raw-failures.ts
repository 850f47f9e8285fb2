import { z } from 'zod';
import { rawTable } from '../../../core/event-schema.js';
import type { ReadMemory } from '../../../core/ports/read-memory.js';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { dayMs, floorTo, type TimeSpan } from '../../../core/time-span.js';
import { dayText } from '../../../core/time-text.js';
import { checkedRows } from '../sql/checked-rows.js';
import { normalizedMessage } from '../sql/normalized-message.js';
import type { AgentKey } from './agent-known.js';
import { compareErrors } from './error-order.js';
import type { AgentErrorDaysRow } from './error-row.js';

const row = z.object({
  r: z.tuple([z.string(), z.string(), z.string(), z.array(z.number()), z.array(z.number()), z.array(z.number())]),
});

/** Failed executions with one category, code and message; of each its time, its run and whether it recovered. */
interface FailureGroup {
  readonly category: string;
  readonly code: string;
  readonly message: string;
  readonly timesMs: Float64Array;
  /** Hashes of 53 bits; 0: without a run. */
  readonly runs: Float64Array;
  /** 1: the task completed later. */
  readonly recovered: Uint8Array;
}

/**
 * An agent's failures from a time on, and what recovered up to now, as `failuresWithRecovery` defines it, in one scan:
 * the ends of a task meet in a group. (With 47,000 executions 43 ms of CPU; the definition's joins take 90.) Equal
 * messages are grouped before they are normalized: the regular expressions are what this costs.
 */
const failuresSql = `
  SELECT (error_category, error_code, message, times, runs, recovered) AS r
  FROM (
    SELECT
      toString(failure.1) AS error_category, toString(failure.2) AS error_code,
      failure.3 AS error_message, ${normalizedMessage('error_message')} AS message,
      groupArray(failure.4) AS times, groupArray(failure.6) AS runs,
      groupArray(toUInt8(failure.4 * 65536 + failure.5 < last_completion)) AS recovered
    FROM (
      SELECT
        groupArrayIf(
          (
            error_category, error_code, error_message, toUnixTimestamp64Milli(ts), attempt,
            if(run_id = '', 0, 1 + cityHash64(run_id) % 9007199254740991)
          ),
          type = 'task.failed' AND conflicting_end = 0
        ) AS failures,
        maxIf(
          toUnixTimestamp64Milli(ts) * 65536 + attempt, type = 'task.completed' AND task_id != ''
        ) AS last_completion
      FROM ${rawTable}
      WHERE tenant = {tenant:String} AND agent_id = {agent_id:String} AND type IN ('task.failed', 'task.completed')
        AND ts >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
      GROUP BY cityHash64(task_id)
      HAVING notEmpty(failures)
    )
    ARRAY JOIN failures AS failure
    GROUP BY failure.1, failure.2, failure.3
  )`;

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
  const params = { tenant: agent.tenant, agent_id: agent.agentId, from_ms: floorTo(span.fromMs, dayMs) };
  const groups = await memory.value({
    sources: [{ table: rawTable, days: null }],
    key: JSON.stringify(['failures', params]),
    read: async () =>
      (await checkedRows(store, row, { name: 'agent_failures', sql: failuresSql, params })).map(({ r }) => groupOf(r)),
    bytesOf,
  });
  return rowsWithin(groups, span, limit);
}

/** Of each failure a time, a hash and a byte. */
function bytesOf(groups: readonly FailureGroup[]): number {
  return groups.reduce((sum, { message, timesMs }) => sum + 600 + 2 * message.length + 17 * timesMs.length, 0);
}

function groupOf([category, code, message, times, runs, recovered]: z.output<typeof row>['r']): FailureGroup {
  return {
    category,
    code,
    message,
    timesMs: Float64Array.from(times),
    runs: Float64Array.from(runs),
    recovered: Uint8Array.from(recovered),
  };
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
