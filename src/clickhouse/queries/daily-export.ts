import type { ExportFormat, StoreExporter } from '../../core/ports.js';

export interface DailyExport {
  readonly tenant: string;
  /** Null: every agent of the tenant. */
  readonly agentId: string | null;
  /** First and last UTC day, `2026-01-31`. */
  readonly fromDay: string;
  readonly toDay: string;
  readonly format: ExportFormat;
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
  'avg_confidence',
  'avg_memory_mb',
  'max_memory_mb',
  'first_received',
  'last_received',
  'created_at',
  'updated_at',
] as const;

const sql = `
  SELECT ${dailyExportColumns.join(', ')} FROM agent_performance_daily
  WHERE tenant = {tenant:String} AND day >= {from_day:Date} AND day <= {to_day:Date}`;
const agentSql = `${sql} AND agent_id = {agent_id:String}`;

/**
 * The days of a tenant, by agent and day. Rejects and throws as `StoreExporter.export`.
 *
 * The order is that of the table's key, in which the exporter has the view grouped and read by one thread. ORDER BY
 * would say so to the engine, which then sorts the result once more: all of it, before the first row goes out.
 */
export function exportDays(store: StoreExporter, days: DailyExport): Promise<AsyncIterable<Uint8Array>> {
  const { tenant, agentId, fromDay, toDay, format, signal } = days;
  const params = { tenant, from_day: fromDay, to_day: toDay };
  return store.export({
    name: 'daily_export',
    sql: agentId === null ? sql : agentSql,
    params: agentId === null ? params : { ...params, agent_id: agentId },
    format,
    signal,
  });
}
