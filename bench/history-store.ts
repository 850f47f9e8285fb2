import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CollectorProcess } from './collector-process.js';
import { HistoryRecord } from './history-record.js';
import { type LoadedStore, openLoadedStore, type StoreLoading } from './kept-store.js';
import { executionsSql, type HistoryOptions, historyParts, insertSql, rowsOf } from './query-history.js';

export type HistorySize = Omit<HistoryOptions, 'endMs'>;

/** A collector's data directory with a history in it, and what the history holds. */
export interface HistoryStore extends LoadedStore<HistoryOptions> {
  readonly record: HistoryRecord;
}

/** Loads a history, or takes the one that was kept in `keepDir`. */
export async function openHistoryStore(size: HistorySize, keepDir: string | null): Promise<HistoryStore> {
  const store = await openLoadedStore<HistoryOptions>({ name: 'queries', options: size, keepDir, load });
  return { ...store, record: HistoryRecord.parse(readFileSync(recordPath(store.home)), size.agents) };
}

function recordPath(home: string): string {
  return join(home, 'executions.bin');
}

const load: StoreLoading<HistoryOptions>['load'] = async ({ home, dataDir, options }) => {
  writeFileSync(recordPath(home), '');
  const collector = await CollectorProcess.start({ dataDir, settings: { TIDEMARK_MAINTENANCE_SCHEDULE: 'off' } });
  try {
    await untilHealthy(collector);
    const parts = historyParts(options);
    for (const [index, part] of parts.entries()) {
      await collector.writeAsEngine(insertSql(options, part));
      appendFileSync(recordPath(home), await collector.read(executionsSql(options, part), 'RowBinary'));
      if ((index + 1) % 10 === 0) process.stderr.write(`  ${index + 1} of ${parts.length} days are loaded\n`);
    }
    await checkTotals(collector, options);
    for (const table of hourlyMerged) await collector.writeAsEngine(`OPTIMIZE TABLE ${table} FINAL`);
    await untilMerged(collector);
  } finally {
    await collector.stop();
  }
};

/** Far more than a start takes, even on a machine that does much else. */
const healthyMsMax = 180_000;

/** The collector accepts events before its engine, its schema and its live windows are there. */
export async function untilHealthy(collector: CollectorProcess): Promise<void> {
  const deadline = performance.now() + healthyMsMax;
  for (;;) {
    const answer = await fetch(`${collector.url}/health`).catch(() => null);
    const health = (await answer?.json().catch(() => null)) as { readonly status?: string } | null;
    if (health?.status === 'healthy') return;
    if (performance.now() > deadline) {
      throw new Error(`the collector does not become healthy: ${JSON.stringify(health)}\n${collector.output}`);
    }
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

const quietMsMax = 60_000;
/** Of a processor. */
const quietShareMax = 0.05;

/** Nor is what a collector reads when it starts, which of ten million executions takes the engine some seconds. */
export async function untilQuiet(collector: CollectorProcess): Promise<void> {
  await untilMerged(collector);
  const deadline = performance.now() + quietMsMax;
  let quiet = 0;
  while (quiet < 2 && performance.now() < deadline) {
    const before = collector.cpuMs();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    quiet = collector.cpuMs() - before < 1_000 * quietShareMax ? quiet + 1 : 0;
  }
}
