import { z } from 'zod';
import type { Logger } from '../../core/logger.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import type { RetentionDays } from '../../core/retention.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import type { StoreWriter } from '../store-writer.js';

/** A table whose rows expire. */
export interface ExpiringTable {
  readonly table: string;
  /** The column that decides; each partition is a month of it. */
  readonly time: 'received' | 'last_received' | 'minute' | 'day';
  readonly kept: keyof RetentionDays;
}

/** Every table with a configured retention; ledgers have a TTL of their own that nobody changes. */
export const expiringTables: readonly ExpiringTable[] = [
  { table: 'agent_events_raw_v1', time: 'received', kept: 'raw' },
  { table: 'agent_performance_per_minute_v1', time: 'minute', kept: 'minutes' },
  { table: 'agent_task_history_v1', time: 'received', kept: 'history' },
  { table: 'agent_tasks_by_start_v1', time: 'received', kept: 'history' },
  { table: 'agent_runs_v1', time: 'received', kept: 'history' },
  { table: 'agent_runs_by_start_v1', time: 'received', kept: 'history' },
  { table: 'agent_run_activity_v1', time: 'last_received', kept: 'history' },
  { table: 'agent_failures_v1', time: 'received', kept: 'history' },
  { table: 'agent_tries_v1', time: 'received', kept: 'history' },
  { table: 'agent_errors_per_day_v1', time: 'day', kept: 'errors' },
];

const tableRow = z.object({ name: z.string(), engine_full: z.string() });

/**
 * Gives each table the TTL that is configured, where it has another: a change of metadata, no mutation. A part that is
 * there goes by the TTL it was written under; when that was longer, `dropExpiredParts` drops it in time. Rejects as
 * `StoreWriter`.
 */
export async function applyRetention(
  { store, logger }: { readonly store: StoreReader & StoreWriter; readonly logger: Logger },
  retention: RetentionDays,
): Promise<void> {
  const rows = await checkedRows({ rows: (query) => store.writerRows(query) }, tableRow, {
    name: 'table_definitions',
    sql: `
      SELECT name, engine_full FROM system.tables
      WHERE database = currentDatabase() AND name IN {tables:Array(String)}`,
    params: { tables: expiringTables.map(({ table }) => table) },
  });
  for (const { table, time, kept } of expiringTables) {
    const definition = rows.find(({ name }) => name === table)?.engine_full;
    const days = retention[kept];
    if (definition === undefined || ttlDaysOf(definition) === days) continue;
    await store.command({
      name: `retention of ${table}`,
      sql: `
        ALTER TABLE ${table} MODIFY TTL ${ttlTimeOf(time)} + INTERVAL ${days} DAY
        SETTINGS materialize_ttl_after_modify = 0`,
    });
    logger.info({ table, days, before: ttlDaysOf(definition) }, 'retention changed');
  }
}

/** Days of the TTL in a table's `engine_full`, which spells `… TTL minute + toIntervalDay(90) SETTINGS …`. */
export function ttlDaysOf(definition: string): number | null {
  const days = / TTL [^,]*? \+ toIntervalDay\((\d+)\)(?= SETTINGS |$)/.exec(definition)?.[1];
  return days === undefined ? null : Number(days);
}

/** A TTL is of type Date or DateTime. */
function ttlTimeOf(time: ExpiringTable['time']): string {
  return time === 'minute' || time === 'day' ? time : `toDateTime(${time})`;
}
