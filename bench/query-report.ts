import { type Machine, machineText, renderTable } from './bench-report.js';
import type { HistorySize } from './history-store.js';
import type { KindLatency } from './query-clients.js';

export interface QueriesOptions extends HistorySize {
  /** Of each kind with a budget; a third of them for the others. */
  readonly requests: number;
  readonly clients: number;
  /** Events per second; 0: nothing is measured beside ingest. */
  readonly ingestRate: number;
  /** Only kinds whose name contains it; empty: all. */
  readonly only: string;
  readonly dataDir: string | null;
}

export interface QueryMeasurement {
  readonly title: string;
  readonly isIngesting: boolean;
  /** Engine CPU of a SELECT 1 in the same run; null where the kinds are not compared with it. */
  readonly selectOneCpuMs: number | null;
  /** Of one that comes as the collector's reads do. */
  readonly readCpuMs: number | null;
  readonly latencies: readonly KindLatency[];
}

export interface QueriesReport {
  readonly at: string;
  readonly machine: Machine;
  readonly options: QueriesOptions;
  /** Reached beside the requests; null when that was not measured. */
  readonly ingestPerSecond: number | null;
  /** Kinds that the collector does not offer. */
  readonly missing: readonly string[];
  /** Wrong answers: the bench is void when there is one. */
  readonly problems: readonly string[];
  readonly measurements: readonly QueryMeasurement[];
}

/** Beside ingest a request may take twice as long. */
const ingestBudgetFactor = 2;

export function renderQueries(report: QueriesReport): string {
  const { executions, agents, days } = report.options;
  const history = `${executions.toLocaleString('en-US')} executions of ${agents} agents in ${days} days`;
  const parts = [
    machineText(report.machine),
    `${history}; ms of whole requests over HTTP`,
    ...report.measurements
      .filter(({ latencies }) => latencies.length > 0)
      .map((measurement) => renderMeasurement(measurement, report)),
    ...report.missing.map((text) => `skipped: ${text}`),
    ...report.problems.map((text) => `VOID: ${text}`),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** The budget is for one client; beside ingest the ratios are to 99th percentiles of the first measurement. */
function renderMeasurement(measurement: QueryMeasurement, { measurements, ingestPerSecond }: QueriesReport): string {
  const { title, isIngesting, latencies, selectOneCpuMs } = measurement;
  const quiet = measurements[0];
  const hasBudget = isIngesting || measurement === quiet;
  const rate = isIngesting && ingestPerSecond !== null ? ` (${Math.round(ingestPerSecond / 1_000)}k events/s)` : '';
  const header = [`${title}${rate}`, 'n', '/s', 'median', 'p90', 'p99', 'max', 'CPU collector', 'engine'];
  if (hasBudget) header.push('budget p99', '');
  if (isIngesting) header.push('p99 x quiet', 'x first');
  const rows = latencies.map((latency) => {
    const cells = [latency.kind, String(latency.requests), latency.perSecond.toFixed(0)];
    for (const ms of [latency.medianMs, latency.p90Ms, latency.p99Ms, latency.maxMs]) cells.push(milliseconds(ms));
    cells.push(milliseconds(latency.collectorCpuMs), milliseconds(latency.engineCpuMs));
    if (hasBudget) cells.push(...budgetCells(latency, isIngesting ? ingestBudgetFactor : 1));
    if (isIngesting) cells.push(...ratios(latency, quiet));
    return cells;
  });
  const latencyTable = renderTable(header, rows);
  return selectOneCpuMs === null ? latencyTable : `${latencyTable}\n\n${renderCosts(measurement, selectOneCpuMs)}`;
}

/** CPU of a request when it is asked again and when it is asked first, beside what else answers the question. */
function renderCosts({ title, latencies, readCpuMs }: QueryMeasurement, selectOneCpuMs: number): string {
  const header = [
    `CPU ms of a request, ${title}`,
    'warm: collector',
    'engine',
    'x SELECT 1',
    'x rows',
    'both x rows',
    'cold: collector',
    'engine',
    'x SELECT 1',
    'rows',
    'all of it',
    'cold x all',
  ];
  const rows = latencies.map(({ kind, collectorCpuMs, engineCpuMs, cold, rowsSqlCpuMs, allRowsSqlCpuMs }) => [
    kind,
    milliseconds(collectorCpuMs),
    milliseconds(engineCpuMs),
    times(engineCpuMs, selectOneCpuMs),
    times(engineCpuMs, rowsSqlCpuMs),
    times(sum(collectorCpuMs, engineCpuMs), rowsSqlCpuMs),
    milliseconds(cold?.collectorCpuMs ?? null),
    milliseconds(cold?.engineCpuMs ?? null),
    times(cold?.engineCpuMs ?? null, selectOneCpuMs),
    milliseconds(rowsSqlCpuMs),
    milliseconds(allRowsSqlCpuMs ?? rowsSqlCpuMs),
    times(cold?.engineCpuMs ?? null, allRowsSqlCpuMs ?? rowsSqlCpuMs),
  ]);
  const selectOne = `SELECT 1 takes ${milliseconds(selectOneCpuMs)} ms of the engine over HTTP, as rows do`;
  const read = `${milliseconds(readCpuMs)} as a read of the collector`;
  const raw =
    'rows: the same over the raw rows, of metrics their counts and percentiles, of errors without what recovered; ' +
    'all of it: all that the answer tells';
  return `${renderTable(header, rows)}\n${selectOne}, and ${read}; ${raw}`;
}

function sum(left: number | null, right: number | null): number | null {
  return left === null || right === null ? null : left + right;
}

function times(value: number | null, of: number | null): string {
  return value === null || of === null || of === 0 ? '–' : (value / of).toFixed(2);
}

function budgetCells({ budgetMs, p99Ms }: KindLatency, factor: number): [string, string] {
  if (budgetMs === null) return ['–', ''];
  const allowedMs = budgetMs * factor;
  return [String(allowedMs), p99Ms <= allowedMs ? 'reached' : 'MISSED'];
}

/** To what is quiet and remembered, and to what is quiet and asked for the first time: beside ingest today is read. */
function ratios({ kind, p99Ms }: KindLatency, quiet: QueryMeasurement | undefined): [string, string] {
  const before = quiet?.latencies.find((latency) => latency.kind === kind);
  return [times(p99Ms, before?.p99Ms ?? null), times(p99Ms, before?.cold?.p99Ms ?? null)];
}

function milliseconds(value: number | null): string {
  return value === null ? '–' : value.toFixed(1);
}
