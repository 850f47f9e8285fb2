import { z } from 'zod';
import { CollectorError } from '../../core/errors.js';
import { rawTable } from '../../core/event-schema.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { dayMs } from '../../core/time-span.js';
import { checkedRows } from '../queries/sql/checked-rows.js';
import { integer64 } from '../queries/sql/column-types.js';

/** How two values of a column are compared, by the column's type. */
type ColumnKind = 'count' | 'optional_count' | 'sum' | 'min' | 'max' | 'digest' | 'name' | 'distinct';

export interface RollupColumn {
  readonly name: string;
  readonly kind: ColumnKind;
}

/** A rollup as the store has it: its table, and the query of the view that fills it. */
export interface Rollup {
  readonly table: string;
  readonly keys: readonly string[];
  /** Condition on the table for the day of `dayParams`. */
  readonly dayCondition: string;
  readonly values: readonly RollupColumn[];
  /** The view's own query, over `rows` (a subquery in parentheses) instead of the raw table. */
  selectFrom(rows: string): string;
}

export interface RollupSchema {
  readonly minute: Rollup;
  readonly errors: Rollup;
  readonly memory: Rollup;
  readonly day: Rollup;
  /** Raw rows expire this long after their receipt. */
  readonly rawRetentionMs: number;
}

/** Tables that a finalization compares with the raw events of a day, and repairs. */
export const finalizedTables: readonly string[] = [
  'agent_performance_per_minute_v1',
  'agent_errors_per_day_v1',
  'agent_memory_per_day_v1',
  'agent_performance_per_day_v1',
];

const tableRow = z.object({ name: z.string(), database: z.string(), as_select: z.string(), engine_full: z.string() });
const columnRow = z.object({ table: z.string(), name: z.string(), type: z.string(), is_key: integer64 });
type TableRow = z.output<typeof tableRow>;
type ColumnRow = z.output<typeof columnRow>;

/**
 * Reads the definitions from the store, so that there is one of each: what the views compute now, which columns
 * their targets have, how long raw rows stay. Throws `internal` when something there is not as this code expects, and
 * then nothing may be compared or repaired.
 */
export async function readRollupSchema(store: StoreReader): Promise<RollupSchema> {
  const [tables, columns] = await Promise.all([
    checkedRows(store, tableRow, {
      name: 'rollup_views',
      sql: `
        SELECT name, database, as_select, engine_full FROM system.tables
        WHERE database = currentDatabase() AND (name = '${rawTable}' OR endsWith(name, '_mv_v1'))`,
      params: {},
    }),
    checkedRows(store, columnRow, {
      name: 'rollup_columns',
      sql: `
        SELECT table, name, type, is_in_sorting_key AS is_key FROM system.columns
        WHERE database = currentDatabase() ORDER BY table, position`,
      params: {},
    }),
  ]);
  const rollup = (name: string): Rollup => rollupOf(name, tables, columns);
  return {
    minute: rollup('agent_performance_per_minute'),
    errors: rollup('agent_errors_per_day'),
    memory: rollup('agent_memory_per_day'),
    day: rollup('agent_performance_per_day'),
    rawRetentionMs: retentionOf(tables.find(({ name }) => name === rawTable)),
  };
}

function rollupOf(name: string, tables: readonly TableRow[], columns: readonly ColumnRow[]): Rollup {
  const view = tables.find((table) => table.name === `${name}_mv_v1`);
  const filled = new Set(columns.filter(({ table }) => table === `${name}_mv_v1`).map((column) => column.name));
  const own = columns.filter((column) => column.table === `${name}_v1` && filled.has(column.name));
  if (view === undefined || own.length !== filled.size || own.length === 0) {
    throw unexpected(`view ${name}_mv_v1 does not fill table ${name}_v1 column by column`);
  }
  const source = `${view.database}.${rawTable}`;
  const [before, after, ...more] = view.as_select.split(source);
  if (before === undefined || after === undefined || more.length > 0) {
    throw unexpected(`the query of ${name}_mv_v1 does not name ${source} exactly once`);
  }
  const keys = own.filter((column) => column.is_key === 1);
  return {
    table: `${name}_v1`,
    keys: keys.map((column) => column.name),
    dayCondition: dayConditionOf(name, keys),
    values: own.filter(({ is_key }) => is_key === 0).map((column) => ({ name: column.name, kind: kindOf(column) })),
    selectFrom: (rows) => `${before}${rows}${after}`,
  };
}

function dayConditionOf(name: string, keys: readonly ColumnRow[]): string {
  const [time, ...more] = keys.filter(({ type }) => /^Date(Time\('UTC'\))?$/.test(type));
  if (time === undefined || more.length > 0) throw unexpected(`the key of ${name}_v1 has not one time`);
  const day = (parameter: string) => `fromUnixTimestamp64Milli({${parameter}:Int64}, 'UTC')`;
  if (time.type === 'Date') return `${time.name} = toDate(${day('day_from_ms')})`;
  return `${time.name} >= ${day('day_from_ms')} AND ${time.name} < ${day('day_to_ms')}`;
}

const kinds: readonly (readonly [type: RegExp, kind: ColumnKind])[] = [
  [/^SimpleAggregateFunction\(sum, UInt64\)$/, 'count'],
  [/^SimpleAggregateFunction\(sum, Nullable\(UInt64\)\)$/, 'optional_count'],
  [/^SimpleAggregateFunction\(sum, Float64\)$/, 'sum'],
  [/^SimpleAggregateFunction\(min, /, 'min'],
  [/^SimpleAggregateFunction\(max, /, 'max'],
  [/^AggregateFunction\(quantilesTDigest\(/, 'digest'],
  [/^AggregateFunction\(argMax, String, /, 'name'],
  [/^AggregateFunction\(uniq, /, 'distinct'],
];

function kindOf({ table, name, type }: ColumnRow): ColumnKind {
  const kind = kinds.find(([pattern]) => pattern.test(type))?.[1];
  if (kind === undefined) throw unexpected(`column ${name} of ${table} has the type ${type}`);
  return kind;
}

/** As the engine writes it: `TTL toDateTime(received) + toIntervalDay(30)`; no TTL keeps rows for good. */
function retentionOf(raw: TableRow | undefined): number {
  if (raw === undefined) throw unexpected(`there is no table ${rawTable}`);
  if (!raw.engine_full.includes(' TTL ')) return Number.POSITIVE_INFINITY;
  const days = / TTL toDateTime\(received\) \+ toIntervalDay\((\d+)\)(?: SETTINGS |$)/.exec(raw.engine_full)?.[1];
  if (days === undefined) throw unexpected(`the TTL of ${rawTable} is not a number of days after receipt`);
  return Number(days) * dayMs;
}

function unexpected(what: string): CollectorError {
  return new CollectorError('internal', `cannot finalize days: ${what}`);
}
