import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { answerHelp } from '../src/cli/help.js';
import { errorMessage } from '../src/core/errors.js';
import { type ExportFormat, exportFormats } from '../src/core/ports/store-exporter.js';
import { describeMachine } from './bench-report.js';
import { benchKey, CollectorProcess } from './collector-process.js';
import { dailyRowsSql, type RowSums, storedSumsSql } from './daily-rows.js';
import { readExport } from './export-file.js';
import { untilHealthy } from './history-store.js';
import { readTree } from './process-usage.js';
import { saveResults } from './result-file.js';

const usage = 'usage: bench:export [--rows 10000000] [--days 365] [--format csv|json|ndjson|parquet]\n';

/**
 * `npm run bench:export [-- --rows 10000000 --days 365 --format csv]`
 *
 * Exports a history of daily rows in every format: seconds, bytes, CPU, and how far the memory of collector and engine
 * grew meanwhile. Every file is read back; one that differs from the store makes the bench void, with exit code 1. The
 * largest file, JSON, has 650 bytes a row; each is removed when it is read.
 */
interface Measurement {
  readonly format: ExportFormat;
  readonly seconds: number;
  readonly bytes: number;
  readonly cpuSeconds: number;
  /** Highest resident memory during the export above that at its start. */
  readonly collectorGrowthBytes: number;
  readonly engineGrowthBytes: number;
  readonly enginePeakBytes: number;
  readonly rows: number;
  /** Empty when the file holds what the store does. */
  readonly problem: string;
}

const collectorGrowthBytesMax = 100_000_000;
const rowsPerInsert = 1_000_000;
const sampleMs = 50;

async function main(): Promise<void> {
  answerHelp(usage);
  const { values } = parseArgs({
    options: {
      rows: { type: 'string', default: '10000000' },
      days: { type: 'string', default: '365' },
      format: { type: 'string' },
    },
  });
  const days = Number(values.days);
  const agents = Math.ceil(Number(values.rows) / days);
  const formats = exportFormats.filter((format) => values.format === undefined || values.format === format);
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-bench-export-'));
  const collector = await CollectorProcess.start({ settings: { TIDEMARK_MAINTENANCE_SCHEDULE: 'off' } });
  try {
    await untilHealthy(collector);
    note(`${agents} agents with ${days} days each …`);
    const agentsPerInsert = Math.max(1, Math.floor(rowsPerInsert / days));
    for (let firstAgent = 0; firstAgent < agents; firstAgent += agentsPerInsert) {
      const part = { firstAgent, agents: Math.min(agentsPerInsert, agents - firstAgent) };
      await collector.writeAsEngine(dailyRowsSql({ agents, days }, part));
    }
    const stored = await collector.queryOne<RowSums>(storedSumsSql);
    const measurements: Measurement[] = [];
    for (const format of formats) {
      const measured = await measure(collector, { format, days, path: join(directory, `days.${format}`) }, stored);
      process.stdout.write(`${describe(measured)}\n`);
      measurements.push(measured);
    }
    if (measurements.some(({ problem }) => problem !== '')) process.exitCode = 1;
    note(`written to ${saveResults('export', { machine: describeMachine(), agents, days, measurements })}`);
  } finally {
    await collector.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Download {
  readonly format: ExportFormat;
  readonly days: number;
  readonly path: string;
}

async function measure(collector: CollectorProcess, download: Download, stored: RowSums): Promise<Measurement> {
  const memory = watchMemory(collector.pid);
  const cpuBeforeMs = collector.cpuMs();
  const startedMs = performance.now();
  const bytes = await save(collector, download);
  const seconds = (performance.now() - startedMs) / 1_000;
  const cpuSeconds = (collector.cpuMs() - cpuBeforeMs) / 1_000;
  const { collectorGrowthBytes, engineGrowthBytes, enginePeakBytes } = memory.stop();
  const sums = await readExport(download.path, download.format);
  rmSync(download.path);
  const problems = [
    ...(JSON.stringify(sums) === JSON.stringify(stored)
      ? []
      : [`the file holds ${JSON.stringify(sums)}, the store ${JSON.stringify(stored)}`]),
    ...(collectorGrowthBytes < collectorGrowthBytesMax ? [] : ['the collector grew by 100 MB or more']),
  ];
  return {
    format: download.format,
    seconds,
    bytes,
    cpuSeconds,
    collectorGrowthBytes,
    engineGrowthBytes,
    enginePeakBytes,
    rows: sums.rows,
    problem: problems.join('; '),
  };
}

async function save(collector: CollectorProcess, { format, days, path }: Download): Promise<number> {
  const from = new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
  const response = await fetch(`${collector.url}/api/v1/metrics/export?format=${format}&from=${from}`, {
    headers: { authorization: `Bearer ${benchKey}` },
  });
  if (!response.ok || response.body === null) throw new Error(`${response.status}: ${await response.text()}`);
  const file = createWriteStream(path);
  await pipeline(Readable.fromWeb(response.body), file);
  return file.bytesWritten;
}

function watchMemory(pid: number) {
  const sample = () => {
    const [collector, ...engine] = readTree(pid);
    return { collector: collector?.rssBytes ?? 0, engine: engine.reduce((sum, { rssBytes }) => sum + rssBytes, 0) };
  };
  const start = sample();
  const peak = { ...start };
  const timer = setInterval(() => {
    const now = sample();
    peak.collector = Math.max(peak.collector, now.collector);
    peak.engine = Math.max(peak.engine, now.engine);
  }, sampleMs);
  return {
    stop() {
      clearInterval(timer);
      return {
        collectorGrowthBytes: peak.collector - start.collector,
        engineGrowthBytes: peak.engine - start.engine,
        enginePeakBytes: peak.engine,
      };
    },
  };
}

function describe(measured: Measurement): string {
  const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  return [
    measured.format.padEnd(7),
    `${measured.rows} rows`,
    `${measured.seconds.toFixed(1)} s (${measured.cpuSeconds.toFixed(1)} s of CPU)`,
    megabytes(measured.bytes),
    `collector +${megabytes(measured.collectorGrowthBytes)}`,
    `engine +${megabytes(measured.engineGrowthBytes)} to ${megabytes(measured.enginePeakBytes)}`,
    measured.problem === '' ? 'read back: equal' : `WRONG: ${measured.problem}`,
  ].join(', ');
}

function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

main().catch((error: unknown) => {
  note(`cannot measure exports: ${errorMessage(error)}`);
  process.exitCode = 1;
});
