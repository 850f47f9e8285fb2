import { z } from 'zod';
import type { StoreReader } from '../../../core/ports/store-reader.js';
import { checkedRows } from '../sql/checked-rows.js';
import { integer64, optionalMs } from '../sql/column-types.js';

const row = z.object({ place: integer64, newest_ms: optionalMs });

export interface NewestRow {
  readonly table: string;
  /** Ms since the epoch; null when the table is empty. */
  readonly newestMs: number | null;
}

interface DatedTable {
  readonly table: string;
  /** Its time of receipt, or else of the event. */
  readonly column: string;
  /** Where rows of the latest month are enough: the column of its partition key. */
  readonly day?: string;
}

/** Every table that events reach, in the order of the migrations; a test keeps it complete. */
export const datedTables: readonly DatedTable[] = [
  { table: 'agent_events_raw_v1', column: 'received' },
  { table: 'agent_performance_per_minute_v1', column: 'minute' },
  { table: 'agent_performance_per_day_v1', column: 'last_received', day: 'day' },
  { table: 'agent_errors_per_day_v1', column: 'last_seen', day: 'day' },
  { table: 'agent_task_history_v1', column: 'received' },
  { table: 'agent_tasks_by_start_v1', column: 'received' },
  { table: 'agent_runs_v1', column: 'received' },
  { table: 'agent_runs_by_start_v1', column: 'received' },
  { table: 'agent_run_activity_v1', column: 'last_received' },
  { table: 'agent_memory_per_day_v1', column: 'last_activity', day: 'day' },
  { table: 'agent_patterns_v1', column: 'last_seen' },
  { table: 'agent_pattern_feedback_v1', column: 'received' },
  { table: 'agent_failures_v1', column: 'received' },
  { table: 'engagement_performance_per_day_v1', column: 'last_received', day: 'day' },
  { table: 'agent_tries_v1', column: 'received' },
];

/** The condition names a subquery of the partition key alone, which is read from the metadata of the parts as well. */
function newestSql({ table, column, day }: DatedTable, place: number): string {
  const latest = day === undefined ? '' : ` WHERE ${day} >= (SELECT toStartOfMonth(max(${day})) FROM ${table})`;
  return `
    SELECT
      ${place} AS place,
      if(count() = 0, NULL, toUnixTimestamp64Milli(toDateTime64(max(${column}), 3))) AS newest_ms
    FROM ${table}${latest}`;
}

/**
 * The time of the newest row of every table, over all tenants: it tells whether rows still arrive in each, and holds
 * nothing of any. Where the column decides the partition, the engine answers from the minima and maxima it keeps of
 * each part and reads no row; 13 ms for all tables at 3,000,000 events.
 */
export async function readNewestRows(store: StoreReader, signal: AbortSignal): Promise<NewestRow[]> {
  const rows = await checkedRows(store, row, {
    name: 'newest_rows',
    sql: `${datedTables.map(newestSql).join('\n    UNION ALL')}`,
    params: {},
    signal,
  });
  const newestOf = new Map(rows.map(({ place, newest_ms: newestMs }) => [place, newestMs]));
  return datedTables.map(({ table }, place) => ({ table, newestMs: newestOf.get(place) ?? null }));
}
