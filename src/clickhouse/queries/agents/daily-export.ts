import type { ExportFormat, StoreExporter } from '../../../core/ports/store-exporter.js';
import { csvText } from '../sql/csv-text.js';

/** Texts that a spreadsheet would run: with a quote in front, or as they are. Of no matter to other formats. */
export const csvFormulas = ['escaped', 'raw'] as const;
type CsvFormulas = (typeof csvFormulas)[number];

export interface DailyExport {
  readonly tenant: string;
  /** Null: every agent of the tenant. */
  readonly agentId: string | null;
  /** First and last UTC day, `2026-01-31`. */
  readonly fromDay: string;
  readonly toDay: string;
  readonly format: ExportFormat;
  readonly csvFormulas: CsvFormulas;
  readonly signal: AbortSignal;
}

/** The view's columns in the view's order, but the tenant. */
export const dailyExportColumns = [
  'agent_id',
  'day',
  'agent_name',
  'events',
  'total',
  'successful',
  'failed',
  'cancelled',
  'success_rate',
  'error_rate',
  'avg_duration_ms',
  'min_duration_ms',
  'max_duration_ms',
  'p50_duration_ms',
  'p95_duration_ms',
  'p99_duration_ms',
  'p95_successful_duration_ms',
  'llm_calls',
  'tokens_in',
  'tokens_out',
  'cost_micros',
  'tokens_unpriced',
  'avg_confidence',
  'avg_memory_mb',
  'max_memory_mb',
  'first_received',
  'last_received',
  'created_at',
  'updated_at',
] as const;

/** Those an agent writes as it likes; the others are numbers, days and times, which stay what they are. */
export const dailyTextColumns: readonly string[] = ['agent_id', 'agent_name'];

const daysSql = `
  SELECT ${dailyExportColumns.map(exported).join(', ')} FROM agent_performance_daily
  WHERE tenant = {tenant:String} AND day >= {from_day:Date} AND day <= {to_day:Date}`;
const agentDaysSql = `${daysSql} AND agent_id = {agent_id:String}`;

/** A name that nobody sent is empty in the view and null in an export. */
function exported(name: string): string {
  return name === 'agent_name' ? `nullIf(${name}, '') AS ${name}` : name;
}

/** Around the rows and not among them, where the name of the agent would no longer be the column of the key. */
function escapedSql(sql: string): string {
  const cells = dailyExportColumns.map((name) =>
    dailyTextColumns.includes(name) ? `${csvText(`days.${name}`)} AS ${name}` : name,
  );
  return `SELECT ${cells.join(', ')} FROM (${sql}) AS days`;
}

/**
 * The days of a tenant, by agent and day. Rejects and throws as `StoreExporter.export`.
 *
 * The order is that of the table's key, in which the exporter has the view grouped and read by one thread. ORDER BY
 * would say so to the engine, which then sorts the result once more: all of it, before the first row goes out.
 */
export function exportDays(store: StoreExporter, days: DailyExport): Promise<AsyncIterable<Uint8Array>> {
  const { tenant, agentId, fromDay, toDay, format, signal } = days;
  const sql = agentId === null ? daysSql : agentDaysSql;
  const params = { tenant, from_day: fromDay, to_day: toDay };
  return store.export({
    name: 'daily_export',
    sql: format === 'csv' && days.csvFormulas === 'escaped' ? escapedSql(sql) : sql,
    params: agentId === null ? params : { ...params, agent_id: agentId },
    format,
    signal,
  });
}
