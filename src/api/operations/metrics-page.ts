import type { HttpRoute } from '../../core/ports/http-route.js';
import type { ApiContext } from '../request/api-context.js';

const contentType = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * `GET /metrics`: every metric in the Prometheus text format. It names the agents of all tenants, so it needs a key of
 * its own scope; a scraper on this machine needs none unless that was switched off.
 */
export function createMetricsPageRoute({ renderMetrics, options }: ApiContext): HttpRoute {
  return {
    method: 'GET',
    path: '/metrics',
    scope: 'metrics',
    monitoring: true,
    ...(options.metricsWithoutKey === 'loopback' ? { openToLoopback: true } : {}),
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
