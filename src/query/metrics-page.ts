import type { HttpRoute } from '../core/ports.js';
import type { QueryContext } from './query-context.js';

const contentType = 'text/plain; version=0.0.4; charset=utf-8';

/** `GET /metrics`: every metric in the Prometheus text format; public, as scrapers expect. */
export function createMetricsPageRoute({ renderMetrics }: QueryContext): HttpRoute {
  return {
    method: 'GET',
    path: '/metrics',
    scope: null,
    operation: {
      id: 'getPrometheusMetrics',
      tag: 'monitoring',
      summary: 'Every metric of the collector in the Prometheus text format',
      answer: { kind: 'other', contentTypes: [contentType] },
    },
    handle: async () => ({
      status: 200,
      headers: { 'content-type': contentType, 'cache-control': 'no-store' },
      body: await renderMetrics(),
    }),
  };
}
