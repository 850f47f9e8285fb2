import { execFileSync } from 'node:child_process';
import { arch, cpus, release, totalmem } from 'node:os';
import { type BenchResults, budgetLines, type MicroResult, verdictOf } from './budget.js';
import type { PacedResult } from './scenarios/paced.js';
import type { ThroughputResult } from './scenarios/throughput.js';

/** Where the figures come from; without it they mean nothing. */
export interface Machine {
  readonly processor: string;
  readonly processors: number;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
  readonly commit: string;
}

export function describeMachine(): Machine {
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    processors: cpus().length,
    memoryGb: Math.round(totalmem() / 1e9),
    system: `${process.platform} ${release()} ${arch()}`,
    node: process.version,
    commit: commit(),
  };
}

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return 'unknown';
  }
}

export function machineText({ processor, processors, memoryGb, system, node, commit: at }: Machine): string {
  return `${processors} × ${processor}, ${memoryGb} GB, ${system}, Node ${node}, commit ${at}`;
}

/** All tables as text. */
export function renderReport(machine: Machine, results: BenchResults): string {
  const parts = [machineText(machine)];
  if (results.micro !== undefined) parts.push(renderMicro(results.micro));
  const loads = throughputs.flatMap(({ scenario, says }) => {
    const load = results[scenario];
    return load === undefined ? [] : [{ ...load, says }];
  });
  if (loads.length > 0) parts.push(renderThroughput('socket to rows and rollups, at full rate', loads));
  if (results.alone !== undefined) {
    const alone = { ...results.alone, says: results.alone.format };
    parts.push(renderThroughput('collector alone, at full rate', [alone]));
  }
  if (results.paced !== undefined) parts.push(renderPaced(results.paced));
  if (budgetLines(results).length > 0) parts.push(renderBudget(results));
  return `${parts.join('\n\n')}\n`;
}

function renderMicro(results: readonly MicroResult[]): string {
  return renderTable(
    ['stage', 'figure', ''],
    results.map(({ name, value, unit }) => [name, number(value), unit]),
  );
}

/** How each is called in its row: the format, and the socket server where it is not the usual one. */
const throughputs = [
  { scenario: 'maps', says: 'maps' },
  { scenario: 'positional', says: 'positional' },
  { scenario: 'json', says: 'json' },
  { scenario: 'maps-ws', says: 'maps, WebSockets by ws' },
  { scenario: 'positional-ws', says: 'positional, WebSockets by ws' },
] as const satisfies readonly { readonly scenario: keyof BenchResults; readonly says: string }[];

function renderThroughput(title: string, loads: readonly (ThroughputResult & { readonly says: string })[]): string {
  const header = [
    title,
    'events',
    'B/event',
    'acked/s',
    'stored/s',
    'events/CPU-s',
    'of the collector',
    'CPU s coll+engine',
    'ack p50',
    'p99',
    'RSS peak MB',
  ];
  return renderTable(
    header,
    loads.map((load) => [
      load.says,
      number(load.events),
      number(load.bytesPerEvent),
      number(load.acknowledgedPerSecond),
      number(load.storedPerSecond),
      number(load.eventsPerCpuSecond),
      number(load.events / load.cpuSeconds.collector),
      `${load.cpuSeconds.collector.toFixed(1)}+${load.cpuSeconds.engine.toFixed(1)}`,
      milliseconds(load.ackP50Ms),
      milliseconds(load.ackP99Ms),
      `${number(load.rssPeakBytes.collector / 1e6)}+${number(load.rssPeakBytes.engine / 1e6)}`,
    ]),
  );
}

function renderPaced(paced: PacedResult): string {
  const rate = `steady ${number(paced.sentPerSecond)} events/s of ${number(paced.ratePerSecond)} asked`;
  return renderTable(
    [rate, 'p50', 'p99'],
    [
      ['sent to acknowledged', milliseconds(paced.ackP50Ms), milliseconds(paced.ackP99Ms)],
      ['sent to queryable, rows', milliseconds(paced.rowFreshnessP50Ms), milliseconds(paced.rowFreshnessP99Ms)],
      ['sent to queryable, rollup', milliseconds(paced.rollupFreshnessP50Ms), milliseconds(paced.rollupFreshnessP99Ms)],
    ],
  );
}

function renderBudget(results: BenchResults): string {
  const rows = budgetLines(results).map((entry) => [
    entry.name,
    `${number(entry.value)} ${entry.unit}`,
    number(entry.floor),
    number(entry.goal),
    verdictOf(entry),
  ]);
  return renderTable(['budget', 'measured', 'floor', 'goal', 'reached'], rows);
}

function number(value: number): string {
  const digits = Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}

function milliseconds(value: number | null): string {
  return value === null ? '–' : `${number(value)} ms`;
}

/** The first column to the left, the others to the right. */
export function renderTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const render = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd();
  return [render(header), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(render)].join('\n');
}
