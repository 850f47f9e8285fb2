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
};
