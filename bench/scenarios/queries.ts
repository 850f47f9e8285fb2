import { CollectorProcess } from '../collector-process.js';
import { openHistoryStore, untilHealthy } from '../history-store.js';
import { measureKind } from '../query-clients.js';
import { executionsOf, rowsOf } from '../query-history.js';
import { queryKinds } from '../query-requests.js';

export interface QueriesResult {
  readonly storedEvents: number;
  readonly loadSeconds: number | null;
  readonly requests: number;
  /** `GET /agents/{id}/metrics?time_range=30d&metric_type=aggregated`, over HTTP, one at a time. */
  readonly aggregatedP50Ms: number | null;
  readonly aggregatedP99Ms: number | null;
}

/** One kind of request of `npm run bench:queries`, on a shorter history. */
export async function measureQueries(options: { readonly events: number }): Promise<QueriesResult> {
  const size = { executions: executionsOf(options.events), agents: 1_000, days: 30, seed: 7 };
  const history = await openHistoryStore(size, null);
  try {
    const settings = { TIDEMARK_QUERY_CACHE_MS: '0' };
    const collector = await CollectorProcess.start({ dataDir: history.dataDir, settings });
    try {
      await untilHealthy(collector);
      const kind = queryKinds.find(({ name }) => name === 'metrics, aggregated 30d');
      if (kind === undefined) throw new Error('there is no such kind of request');
      const latency = await measureKind(collector, kind, { clients: 1, requests: 400, record: history.record });
      return {
        storedEvents: rowsOf(size.executions),
        loadSeconds: history.loadSeconds,
        requests: latency.requests,
        aggregatedP50Ms: latency.medianMs,
        aggregatedP99Ms: latency.p99Ms,
      };
    } finally {
      await collector.stop();
    }
  } finally {
    history.remove();
  }
}
