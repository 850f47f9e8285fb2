import type { ReadMemory } from '../../../core/ports/read-memory.js';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import type { TimeSpan } from '../../../core/time-span.js';
import { dayText } from '../../../core/time-text.js';
import { cellRow, numberIn, textIn } from '../sql/cell-row.js';
import { checkedRows } from '../sql/checked-rows.js';
import { countUnique } from '../sql/unique-states.js';
import type { AgentKey } from './agent-known.js';
import { compareErrors } from './error-order.js';
import type { AgentErrorDaysRow } from './error-row.js';

const row = cellRow(['number', 'text', 'text', 'text', 'number', 'number', 'number', 'number', 'text']);

/** A group of failures on a day, as stored: rows of one group and day that were not merged yet are apart. */
export interface ErrorDay {
  readonly dayMs: number;
  readonly category: string;
  readonly code: string;
  readonly message: string;
  readonly occurrences: number;
  readonly recovered: number;
  readonly firstMs: number;
  readonly lastMs: number;
  /** State of `uniq`. */
  readonly runs: Buffer;
}

/** Signed: while a group gets another name, a row takes from the old one what it counts. */
const daysSql = `
  SELECT (
    toUnixTimestamp(toDateTime(day, 'UTC')), error_category, error_code, message, toInt64(occurrences), recovered,
    toUnixTimestamp64Milli(first_seen), toUnixTimestamp64Milli(last_seen), base64Encode(CAST(runs, 'String'))
  ) AS r
  FROM agent_errors_per_day_v1
  PREWHERE tenant = {tenant:String} AND agent_id = {agent_id:String}
    AND day >= {from_day:Date} AND day < {to_day:Date}`;

/** The groups of an agent on whole days. The memory gives those that are as they were. */
export async function readErrorDays(
  store: StoreReader,
  memory: ReadMemory,
  key: AgentKey,
  days: TimeSpan,
): Promise<readonly ErrorDay[]> {
  const found = await memory.days({
    table: 'agent_errors_per_day_v1',
    key: JSON.stringify(['errors', key.tenant, key.agentId]),
    days: [days],
    read: async (missing) => {
      const from_day = dayText(Math.min(...missing.map(({ fromMs }) => fromMs)));
      const to_day = dayText(Math.max(...missing.map(({ toMs }) => toMs)));
      const params = { tenant: key.tenant, agent_id: key.agentId, from_day, to_day };
      return byDay(await readGroups(store, { name: 'error_days', sql: daysSql, params, isSmall: true }));
    },
    bytesOf: (groups) => groups.reduce((sum, group) => sum + bytesOf(group), 0),
  });
  return found.flat();
}

async function readGroups(store: StoreReader, query: Parameters<StoreReader['rows']>[0]): Promise<ErrorDay[]> {
  const rows = await checkedRows(store, row, query);
  return rows.map(({ r }) => ({
    dayMs: numberIn(r, 0) * 1_000,
    category: textIn(r, 1),
    code: textIn(r, 2),
    message: textIn(r, 3),
    occurrences: numberIn(r, 4),
    recovered: numberIn(r, 5),
    firstMs: numberIn(r, 6),
    lastMs: numberIn(r, 7),
    runs: Buffer.from(textIn(r, 8), 'base64'),
  }));
}

function byDay(groups: readonly ErrorDay[]): Map<number, ErrorDay[]> {
  const days = new Map<number, ErrorDay[]>();
  for (const group of groups) {
    const list = days.get(group.dayMs);
    if (list === undefined) days.set(group.dayMs, [group]);
    else list.push(group);
  }
  return days;
}

const groupBytes = 280;

function bytesOf({ category, code, message, runs }: ErrorDay): number {
  return groupBytes + 2 * (category.length + code.length + message.length) + runs.length;
}

/** Of answers: texts, days and counts. */
export function errorRowsBytes(rows: readonly AgentErrorDaysRow[] | null): number {
  return (rows ?? []).reduce((sum, { message, per_day: [days] }) => {
    return sum + groupBytes + 2 * (message ?? '').length + 40 * days.length;
  }, 0);
}

interface ErrorGroup {
  readonly category: string;
  readonly code: string;
  readonly message: string;
  occurrences: number;
  /** A maximum within a day, and a sum over days. */
  readonly recoveredByDay: Map<number, number>;
  readonly occurrencesByDay: Map<number, number>;
  firstMs: number;
  lastMs: number;
  readonly runs: Buffer[];
}

/**
 * What `readAgentErrorDays` answers, of groups on days; null where the runs are too many to be counted here (see
 * `countUnique`).
 */
export function groupedErrors(days: readonly ErrorDay[], limit: number): AgentErrorDaysRow[] | null {
  const groups = new Map<string, ErrorGroup>();
  for (const day of days) {
    const key = `${day.category}\n${day.code}\n${day.message}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, groupOf(day));
    else add(group, day);
  }
  const sorted = [...groups.values()].filter(({ occurrences }) => occurrences > 0).sort(compareErrors);
  const failed = sorted.reduce((sum, { occurrences }) => sum + occurrences, 0);
  const rows: AgentErrorDaysRow[] = [];
  for (const group of sorted.slice(0, limit)) {
    const affected = countUnique(group.runs);
    if (affected === null) return null;
    rows.push(rowOf(group, { affected, failed, total: sorted.length }));
  }
  return rows;
}

function groupOf(day: ErrorDay): ErrorGroup {
  return {
    category: day.category,
    code: day.code,
    message: day.message,
    occurrences: day.occurrences,
    recoveredByDay: new Map([[day.dayMs, day.recovered]]),
    occurrencesByDay: new Map([[day.dayMs, day.occurrences]]),
    firstMs: day.firstMs,
    lastMs: day.lastMs,
    runs: [day.runs],
  };
}

function add(group: ErrorGroup, day: ErrorDay): void {
  group.occurrences += day.occurrences;
  group.recoveredByDay.set(day.dayMs, Math.max(group.recoveredByDay.get(day.dayMs) ?? 0, day.recovered));
  group.occurrencesByDay.set(day.dayMs, (group.occurrencesByDay.get(day.dayMs) ?? 0) + day.occurrences);
  group.firstMs = Math.min(group.firstMs, day.firstMs);
  group.lastMs = Math.max(group.lastMs, day.lastMs);
  group.runs.push(day.runs);
}

function rowOf(
  group: ErrorGroup,
  { affected, failed, total }: Readonly<Record<'affected' | 'failed' | 'total', number>>,
): AgentErrorDaysRow {
  const recovered = [...group.recoveredByDay.values()].reduce((sum, count) => sum + count, 0);
  const days = [...group.occurrencesByDay].filter(([, count]) => count > 0).sort(([a], [b]) => a - b);
  return {
    error_category: textOf(group.category),
    error_code: textOf(group.code),
    message: textOf(group.message),
    occurrences: group.occurrences,
    recovered: Math.min(recovered, group.occurrences),
    affected_runs: affected,
    first_seen_ms: group.firstMs,
    last_seen_ms: group.lastMs,
    total_groups: total,
    failed,
    per_day: [days.map(([day]) => dayText(day)), days.map(([, count]) => count)],
  };
}

function textOf(text: string): string | null {
  return text === '' ? null : text;
}
