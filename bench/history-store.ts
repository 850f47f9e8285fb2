import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CollectorProcess } from './collector-process.js';
import { HistoryRecord } from './history-record.js';
import { executionsSql, type HistoryOptions, historyParts, insertSql, rowsOf } from './query-history.js';

export type HistorySize = Omit<HistoryOptions, 'endMs'>;

/** A collector's data directory with a history in it, and what the history holds. */
export interface HistoryStore {
  readonly dataDir: string;
  readonly record: HistoryRecord;
  readonly options: HistoryOptions;
  /** Null when it was loaded by an earlier run. */
  readonly loadSeconds: number | null;
  remove(): void;
}

/** A kept history that ended longer ago is made anew: the last day of it would be too empty. */
const keptMsMax = 6 * 3_600_000;

/**
 * Loads a history into a store of its own under the system's temporary directory. With `keepDir` the loaded store stays
 * there for later runs; what is measured is a copy of it, so that every run begins with the same store.
 */
export async function openHistoryStore(size: HistorySize, keepDir: string | null): Promise<HistoryStore> {
  const scratch = mkdtempSync(join(tmpdir(), 'tidemark-bench-queries-'));
  const remove = (): void => rmSync(scratch, { recursive: true, force: true });
  try {
    const home = keepDir ?? scratch;
    const kept = keepDir === null ? null : readKept(home, size);
    const loaded = kept ?? (await load(home, size));
    const dataDir = join(scratch, 'data');
    if (keepDir !== null) cpSync(join(home, 'data'), dataDir, { recursive: true });
    const record = HistoryRecord.parse(readFileSync(join(home, 'executions.bin')), size.agents);
    return { dataDir, record, ...loaded, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

interface Loaded {
  readonly options: HistoryOptions;
  readonly loadSeconds: number | null;
}

/** Null when the directory holds no history, or another one. */
function readKept(home: string, size: HistorySize): Loaded | null {
  const path = join(home, 'history.json');
  if (!existsSync(path)) return null;
  const options = JSON.parse(readFileSync(path, 'utf8')) as HistoryOptions;
  const isSame = JSON.stringify({ ...size, endMs: options.endMs }) === JSON.stringify(options);
  return isSame && Date.now() - options.endMs < keptMsMax ? { options, loadSeconds: null } : null;
}

/** The note is written last: a directory without it is one whose loading was interrupted, and is loaded anew. */
async function load(home: string, size: HistorySize): Promise<Loaded> {
  const options: HistoryOptions = { ...size, endMs: Math.floor(Date.now() / 60_000) * 60_000 };
  const dataDir = join(home, 'data');
  const recordPath = join(home, 'executions.bin');
  rmSync(join(home, 'history.json'), { force: true });
  rmSync(dataDir, { recursive: true, force: true });
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(recordPath, '');
  const startedMs = performance.now();
  const collector = await CollectorProcess.start({ dataDir });
  try {
    await untilHealthy(collector);
    const parts = historyParts(options);
    for (const [index, part] of parts.entries()) {
      await collector.writeAsEngine(insertSql(options, part));
      appendFileSync(recordPath, await collector.read(executionsSql(options, part), 'RowBinary'));
      if ((index + 1) % 10 === 0) process.stderr.write(`  ${index + 1} of ${parts.length} days are loaded\n`);
    }
    await checkTotals(collector, options);
    for (const table of hourlyMerged) await collector.writeAsEngine(`OPTIMIZE TABLE ${table} FINAL`);
    await untilMerged(collector);
  } finally {
    await collector.stop();
  }
  writeFileSync(join(home, 'history.json'), JSON.stringify(options));
  return { options, loadSeconds: (performance.now() - startedMs) / 1_000 };
}

/** The collector accepts events before its engine, its schema and its live windows are there. */
export async function untilHealthy(collector: CollectorProcess): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const health = await fetch(`${collector.url}/health`).catch(() => null);
    const { status = '' } = ((await health?.json().catch(() => null)) ?? {}) as { readonly status?: string };
    if (status === 'healthy') return;
    if (tries === 600) throw new Error(`the collector does not become healthy:\n${collector.output}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function checkTotals(collector: CollectorProcess, options: HistoryOptions): Promise<void> {
  const found = await collector.queryOne<Readonly<Record<'executions' | 'events', string>>>(
    'SELECT sum(total) AS executions, sum(events) AS events FROM agent_performance_daily',
  );
  const events = rowsOf(options.executions);
  if (Number(found.executions) !== options.executions || Number(found.events) !== events) {
    throw new Error(`the store holds ${JSON.stringify(found)} of ${options.executions} executions, ${events} events`);
  }
}

const mergedMsMax = 60_000;

/** Of these, the store merges what is older than an hour into one part a month; a history is as old from the start. */
const hourlyMerged = ['agent_performance_per_day_v1', 'agent_errors_per_day_v1'];

/** Merges of what was loaded are no part of what is measured. */
export async function untilMerged(collector: CollectorProcess): Promise<void> {
  const deadline = performance.now() + mergedMsMax;
  let quiet = 0;
  while (quiet < 10 && performance.now() < deadline) {
    const { n } = await collector.queryOne<{ readonly n: string }>('SELECT count() AS n FROM system.merges');
    quiet = Number(n) === 0 ? quiet + 1 : 0;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
