import type { HttpRoute } from '../core/ports.js';
import type { QueryContext } from './query-context.js';

/** `GET /metrics`: every metric in the Prometheus text format; public, as scrapers expect. */
export function createMetricsPageRoute({ renderMetrics }: QueryContext): HttpRoute {
  return {
    method: 'GET',
    path: '/metrics',
    scope: null,
    handle: async () => ({
      status: 200,
      headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' },
      body: await renderMetrics(),
    }),
  };
}
