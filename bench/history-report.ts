import { type Machine, machineText, renderTable } from './bench-report.js';
import type { QueryLatency } from './query-clients.js';
import type { RunHistorySize } from './run-history.js';

export interface HistoryBenchOptions extends RunHistorySize {
  /** Of each kind at the most. */
  readonly requests: number;
  /** For each kind at the most. */
  readonly seconds: number;
  /** Page that the deep requests ask for. */
  readonly deepPage: number;
  /** Events per second beside the requests; null: half of what a fresh collector reaches; 0: no ingest. */
  readonly ingestRate: number | null;
  /** Only kinds whose name contains it; empty: all. */
  readonly only: string;
  readonly keepDir: string | null;
}

export interface HistoryLatency extends QueryLatency {
  /** Requests that were not answered with 200, and answers that do not fit the history. */
  readonly failed: number;
  /** The first of these. */
  readonly problem: string | null;
  /** CPU of the engine for one statement that asks the raw rows the same; null where there is none. */
  readonly oneSqlCpuMs: number | null;
}

export interface HistoryMeasurement {
  readonly title: string;
  readonly isIngesting: boolean;
  readonly latencies: readonly HistoryLatency[];
}

export interface HistoryReport {
  readonly at: string;
  readonly machine: Machine;
  readonly options: HistoryBenchOptions;
  readonly loaded: string;
  /** Null when it was loaded by an earlier run. */
  readonly loadSeconds: number | null;
  /** Asked for and reached beside the requests; null when nothing was measured beside ingest. */
  readonly ingest: { readonly asked: number; readonly reached: number | null } | null;
  /** CPU of the engine for `SELECT 1`, asked over HTTP, before and after the requests. */
  readonly selectOneCpuMs: readonly [before: number, after: number];
  /** What could not be measured. */
  readonly skipped: readonly string[];
  readonly measurements: readonly HistoryMeasurement[];
}

export function renderHistory(report: HistoryReport): string {
  const { machine, loaded, loadSeconds, measurements, skipped, selectOneCpuMs } = report;
  const how = loadSeconds === null ? 'kept from an earlier run' : `loaded in ${Math.round(loadSeconds)} s`;
  const problems = measurements.flatMap(({ title, latencies }) =>
    latencies
      .filter(({ problem }) => problem !== null)
      .map(({ kind, failed, requests, problem }) => `${title}, ${kind}: ${failed} of ${requests} failed: ${problem}`),
  );
  const parts = [
    machineText(machine),
    `${loaded}; ${how}`,
    `CPU of the engine for SELECT 1: ${selectOneCpuMs.map(milliseconds).join(' ms before, ')} ms after the requests`,
    ...measurements
      .filter(({ latencies }) => latencies.length > 0)
      .map((measurement) => renderMeasurement(measurement, report)),
    renderBudgets(measurements),
    [...skipped.map((text) => `skipped: ${text}`), ...problems].join('\n'),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/**
 * Quiet ones with the CPU of a request, and how many times that of the engine is the one of `SELECT 1` and that of one
 * statement over the raw rows; those beside ingest with how many times the quiet p99 theirs is.
 */
function renderMeasurement(measurement: HistoryMeasurement, report: HistoryReport): string {
  const { title, isIngesting, latencies } = measurement;
  const cost = ['CPU collector', 'engine', '× SELECT 1', 'one SQL', '× one SQL'];
  return renderTable(
    [`${title}, ms`, 'n', 'failed', 'median', 'p90', 'p99', 'max', ...(isIngesting ? ['× quiet p99'] : cost)],
    latencies.map((latency) => [
      latency.kind,
      String(latency.requests),
      String(latency.failed),
      milliseconds(latency.medianMs),
      milliseconds(latency.p90Ms),
      milliseconds(latency.p99Ms),
      milliseconds(latency.maxMs),
      ...(isIngesting ? [quietRatio(latency, report)] : costCells(latency, report)),
    ]),
  );
}

function costCells({ collectorCpuMs, engineCpuMs, oneSqlCpuMs }: HistoryLatency, report: HistoryReport): string[] {
  const [before, after] = report.selectOneCpuMs;
  return [
    milliseconds(collectorCpuMs),
    milliseconds(engineCpuMs),
    ratio(engineCpuMs, (before + after) / 2),
    milliseconds(oneSqlCpuMs),
    ratio(engineCpuMs, oneSqlCpuMs),
  ];
}

function quietRatio({ kind, p99Ms }: HistoryLatency, { measurements }: HistoryReport): string {
  const quiet = measurements.find(({ isIngesting }) => !isIngesting);
  return ratio(p99Ms, quiet?.latencies.find((latency) => latency.kind === kind)?.p99Ms ?? null);
}

function ratio(value: number | null, base: number | null): string {
  return value === null || base === null || base === 0 ? '–' : (value / base).toFixed(1);
}

/** A budget is for requests beside ingest; quiet ones are shown against the same. */
function renderBudgets(measurements: readonly HistoryMeasurement[]): string {
  const rows = measurements.flatMap(({ title, latencies }) =>
    latencies.map(({ kind, budgetMs, p99Ms, failed }) =>
      budgetMs === null
        ? []
        : [`${kind}, ${title}`, String(budgetMs), milliseconds(p99Ms), verdict({ budgetMs, p99Ms, failed })],
    ),
  );
  const given = rows.filter((row) => row.length > 0);
  return given.length === 0 ? '' : renderTable(['p99, ms', 'asked', 'measured', 'reached'], given);
}

function verdict(line: { readonly budgetMs: number; readonly p99Ms: number; readonly failed: number }): string {
  if (line.failed > 0) return 'VOID';
  return line.p99Ms <= line.budgetMs ? 'yes' : 'NO';
}

function milliseconds(value: number | null): string {
  return value === null ? '–' : value.toFixed(1);
}
