import { CollectorProcess } from './collector-process.js';
import { untilHealthy, untilMerged } from './history-store.js';
import { type LoadedStore, openLoadedStore, type StoreLoading } from './kept-store.js';
import {
  historySpans,
  longRunInsertSql,
  type RunHistoryOptions,
  type RunHistorySize,
  runHistoryInsertSql,
} from './run-history.js';
import { longRunsOf } from './run-record.js';

/** Loads a history of runs, or takes the one that was kept in `keepDir`. */
export function openRunStore(size: RunHistorySize, keepDir: string | null): Promise<LoadedStore<RunHistoryOptions>> {
  return openLoadedStore<RunHistoryOptions>({ name: 'history', options: size, keepDir, load });
}

/** Through the raw table, so that its views fill every table as they would with events that are sent. */
const load: StoreLoading<RunHistoryOptions>['load'] = async ({ dataDir, options }) => {
  const collector = await CollectorProcess.start({ dataDir, settings: { TIDEMARK_MAINTENANCE_SCHEDULE: 'off' } });
  try {
    await untilHealthy(collector);
    const spans = historySpans(options);
    const startedMs = performance.now();
    for (const [index, span] of spans.entries()) {
      await collector.writeAsEngine(runHistoryInsertSql(options, span));
      if ((index + 1) % 10 !== 0 && index + 1 !== spans.length) continue;
      const seconds = Math.round((performance.now() - startedMs) / 1_000);
      const cpuSeconds = Math.round(collector.cpuMsByPart().engine / 1_000);
      const tasks = (span.first + span.tasks).toLocaleString('en-US');
      process.stderr.write(`  ${tasks} tasks are loaded after ${seconds} s, ${cpuSeconds} s of CPU\n`);
    }
    for (const run of longRunsOf(options)) await collector.writeAsEngine(longRunInsertSql(run));
    await untilMerged(collector);
  } finally {
    await collector.stop();
  }
  await settle(dataDir);
};

/** The state a store is in an hour later: what became of all failures is settled, and their old parts are merged. */
async function settle(dataDir: string): Promise<void> {
  const collector = await CollectorProcess.start({ dataDir });
  try {
    await untilHealthy(collector);
    const deadlineMs = performance.now() + settledMsMax;
    while (!(await isSettled(collector))) {
      if (performance.now() > deadlineMs) throw new Error('cannot load the history: failures are not settled in time');
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    await collector.writeAsEngine('OPTIMIZE TABLE agent_failures_v1 FINAL');
  } finally {
    await collector.stop();
  }
}

const settledMsMax = 300_000;

async function isSettled(collector: CollectorProcess): Promise<boolean> {
  const { n } = await collector.queryOne<{ readonly n: string }>(
    `WITH (SELECT max(settled_at) - toIntervalMinute(2) FROM failure_settlements_v1) AS settled
    SELECT (SELECT count() FROM agent_failures_v1 WHERE inserted >= settled)
      + (SELECT count() FROM agent_tries_v1 WHERE inserted >= settled) AS n`,
  );
  return Number(n) === 0;
}
