import { AfterBacklog, type AfterBacklogDeps } from '../core/after-backlog.js';
import type { WindowRestoreRow, WindowRestorer } from '../core/window-restore.js';

export interface WindowRestorationDeps extends AfterBacklogDeps {
  /** Pages of whole agents of what was received before a time; rejects while the store is away. */
  readonly readPages: (receivedBeforeMs: number) => AsyncIterable<readonly WindowRestoreRow[]>;
  readonly windows: WindowRestorer;
}

/**
 * Brings the live windows back after a restart. What was received since `startedMs` is in them already; what was
 * received before comes from the store, once the spool holds nothing of it any more.
 */
export class WindowRestoration extends AfterBacklog {
  constructor(deps: WindowRestorationDeps, { startedMs }: { readonly startedMs: () => number }) {
    const run = async (isStopping: () => boolean): Promise<number> => {
      let rows = 0;
      for await (const page of deps.readPages(startedMs())) {
        if (isStopping() || deps.windows.restore(page) === 'full') break;
        rows += page.length;
      }
      return rows;
    };
    super(deps, { what: 'live windows', startedMs, run });
  }
}
