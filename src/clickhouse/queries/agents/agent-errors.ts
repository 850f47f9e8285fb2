import type { StoreReader } from '../../../core/ports/store-reader.js';
import type { TimeSpan } from '../../../core/time-span.js';
import { dayText } from '../../../core/time-text.js';
import { checkedRows } from '../sql/checked-rows.js';
import { normalizedMessage } from '../sql/normalized-message.js';
import { failuresWithRecovery } from '../sql/recovered-failures.js';
import type { ErrorRange } from '../sql/rollup-range.js';
import type { AgentKey } from './agent-known.js';
import { errorRowsBytes, groupedErrors, readErrorDays } from './error-days.js';
import { type AgentErrorDaysRow, type AgentErrorRow, errorDaysRow, errorRow } from './error-row.js';
import { whereFailed } from './failed-times.js';
import { readEdgeErrors, readRawErrors } from './raw-failures.js';

export interface ErrorQuery {
  readonly range: ErrorRange;
  /** Groups, the most frequent first. */
  readonly limit: number;
  /** When executions failed (`readFailedTimes`): days and spans without one are not read. Null or absent: not known. */
  readonly failedTimes?: readonly TimeSpan[] | null;
}

const rawSpansMax = 2;

const key = 'tenant = {tenant:String} AND agent_id = {agent_id:String}';

/** As they are stored: rows of one group and day that were not merged yet meet in `groupsSql`. */
const daySql = `
  SELECT
    toString(error_category) AS error_category, toString(error_code) AS error_code, message, day,
    occurrences, recovered, runs, first_seen, last_seen
  FROM agent_errors_per_day_v1
  WHERE ${key} AND day >= {from_day:Date} AND day < {to_day:Date}`;

const inRawSpans = Array.from({ length: rawSpansMax }, (_, index) => {
  const instant = (name: string) => `fromUnixTimestamp64Milli({${name}_${index}:Int64}, 'UTC')`;
  return `(ts >= ${instant('from')} AND ts < ${instant('to')})`;
}).join(' OR ');

/** Equal messages are grouped before they are normalized: the regular expressions are what this costs. */
const rawSql = `
  SELECT
    toString(equal.error_category) AS error_category, toString(equal.error_code) AS error_code,
    ${normalizedMessage('error_message')} AS message, day,
    sum(equal.occurrences) AS occurrences, sum(equal.recovered) AS recovered,
    uniqMergeState(equal.runs) AS runs, min(equal.first_seen) AS first_seen, max(equal.last_seen) AS last_seen
  FROM (
    SELECT
      error_category, error_code, error_message, toDate(ts) AS day,
      count() AS occurrences, sum(is_recovered) AS recovered, uniqStateIf(run_id, run_id != '') AS runs,
      min(ts) AS first_seen, max(ts) AS last_seen
    FROM (${failuresWithRecovery({
      failures: `${key} AND (${inRawSpans})`,
      completions: `${key} AND ts >= fromUnixTimestamp64Milli({raw_from:Int64}, 'UTC')`,
    })})
    GROUP BY error_category, error_code, error_message, day
  ) AS equal
  GROUP BY error_category, error_code, message, day`;

/**
 * What recovered is a maximum within a day, and a sum over days. A map of days costs 1 ms less than grouping by day
 * first (12.6 ms of CPU for 30 days).
 */
function groupsSql(source: string, perDay: string): string {
  return `
    SELECT
      error_category, error_code, message,
      sum(same.occurrences) AS occurrences,
      least(arraySum(maxMap([same.day], [same.recovered]).2), occurrences) AS recovered,
      uniqMerge(same.runs) AS affected_runs,
      toUnixTimestamp64Milli(min(same.first_seen)) AS first_seen_ms,
      toUnixTimestamp64Milli(max(same.last_seen)) AS last_seen_ms,${perDay}
      count() OVER () AS total_groups,
      sum(occurrences) OVER () AS failed
    FROM (${source}) AS same
    GROUP BY error_category, error_code, message
    HAVING occurrences > 0
    ORDER BY occurrences DESC, last_seen_ms DESC, error_category, error_code, message
    LIMIT {limit:UInt32}`;
}

/** Keys in their order, so days are. */
const perDayColumn = `
      sumMap([toString(same.day)], [same.occurrences]) AS per_day,`;

/**
 * The most frequent errors of an agent's failed executions, by category, code and normalized message, over whole days
 * and over spans of raw events. A store that is asked for nothing answers nothing.
 */
export async function readAgentErrors(
  store: StoreReader,
  agent: AgentKey,
  query: ErrorQuery,
): Promise<AgentErrorRow[]> {
  const known = await readKnownErrors(store, agent, query);
  if (known !== null) return [...known];
  const asked = statement(agent, query, '');
  return asked === null ? [] : checkedRows(store, errorRow, { name: 'agent_errors', ...asked });
}

/** As `readAgentErrors`, and on which days each occurred. */
export async function readAgentErrorDays(
  store: StoreReader,
  agent: AgentKey,
  query: ErrorQuery,
): Promise<AgentErrorDaysRow[]> {
  const known = await readKnownErrors(store, agent, query);
  if (known !== null) return [...known];
  const asked = statement(agent, query, perDayColumn);
  return asked === null ? [] : checkedRows(store, errorDaysRow, { name: 'agent_error_days', ...asked });
}

/** Of remembered days, and of the raw events beside them. Null where the store has no memory. */
async function readKnownErrors(
  store: StoreReader,
  agent: AgentKey,
  { range, limit, failedTimes = null }: ErrorQuery,
): Promise<readonly AgentErrorDaysRow[] | null> {
  const { memory } = store;
  if (!memory) return null;
  const { days, raw } = failedTimes === null ? range : whereFailed(range, failedTimes);
  const hasDays = days.toMs > days.fromMs;
  const [span, ...others] = raw.filter(({ fromMs, toMs }) => toMs > fromMs);
  if (!hasDays && span === undefined) return [];
  if (!hasDays && span !== undefined && others.length === 0) {
    return await readRawErrors(store, memory, agent, { span, limit });
  }
  if (span === undefined) {
    return await memory.value({
      sources: [{ table: 'agent_errors_per_day_v1', days }],
      key: JSON.stringify(['error groups', agent.tenant, agent.agentId, days, limit]),
      read: async () => groupedErrors(await readErrorDays(store, memory, agent, days), limit),
      bytesOf: errorRowsBytes,
    });
  }
  const groups = await Promise.all([
    hasDays ? readErrorDays(store, memory, agent, days) : [],
    readEdgeErrors(store, memory, agent, [span, ...others]),
  ]);
  return groupedErrors(groups.flat(), limit);
}

function statement({ tenant, agentId }: AgentKey, { range, limit }: ErrorQuery, perDay: string) {
  const sources: string[] = [];
  const params: Record<string, string | number> = { tenant, agent_id: agentId, limit };
  if (range.days.toMs > range.days.fromMs) {
    sources.push(daySql);
    params.from_day = dayText(range.days.fromMs);
    params.to_day = dayText(range.days.toMs);
  }
  const spans = rawParams(range.raw);
  if (spans !== null) {
    sources.push(rawSql);
    Object.assign(params, spans);
  }
  return sources.length === 0 ? null : { sql: groupsSql(sources.join(' UNION ALL '), perDay), params };
}

/** Null when no raw event is to be read. */
function rawParams(raw: readonly TimeSpan[]): Record<string, number> | null {
  const spans = raw.filter((span) => span.toMs > span.fromMs);
  if (spans.length === 0) return null;
  const params: Record<string, number> = { raw_from: Math.min(...spans.map((span) => span.fromMs)) };
  for (let index = 0; index < rawSpansMax; index++) {
    params[`from_${index}`] = spans[index]?.fromMs ?? 0;
    params[`to_${index}`] = spans[index]?.toMs ?? 0;
  }
  return params;
}
