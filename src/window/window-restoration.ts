import { AfterBacklog, type AfterBacklogDeps } from '../core/after-backlog.js';
import { type Progress, silentProgress } from '../core/progress.js';
import type { WindowRestoreRow, WindowRestorer } from '../core/window-restore.js';

export interface WindowRestorationDeps extends AfterBacklogDeps {
  /**
   * Pages of whole agents of what was received before a time, and how many agents of how many were read; rejects while
   * the store is away.
   */
  readonly readPages: (
    receivedBeforeMs: number,
    onAgents: (done: number, total: number) => void,
  ) => AsyncIterable<readonly WindowRestoreRow[]>;
  readonly progress?: Progress;
  readonly windows: WindowRestorer;
}

/**
 * Brings the live windows back after a restart. What was received since `startedMs` is in them already; what was
 * received before comes from the store, once the spool holds nothing of it any more.
 */
export class WindowRestoration extends AfterBacklog {
  constructor(deps: WindowRestorationDeps, { startedMs }: { readonly startedMs: () => number }) {
    const run = async (isStopping: () => boolean): Promise<number> => {
      const { progress = silentProgress } = deps;
      const task = progress.begin({ what: 'restore of the live windows', unit: 'agents', total: null });
      let rows = 0;
      try {
        for await (const page of deps.readPages(startedMs(), (done, total) => task.advance(done, total))) {
          if (isStopping() || deps.windows.restore(page) === 'full') break;
          rows += page.length;
        }
      } finally {
        task.end();
      }
      return rows;
    };
    super(deps, { what: 'live windows', startedMs, run });
  }
}
