import type { EndpointWindows } from '../core/ports/endpoint-windows.js';
import type { WindowName } from '../core/ports/live-windows.js';
import { escapeLabel, header } from './agent-executions.js';
import { httpMetrics } from './metrics-reference.js';

/** The one that alerts can follow; the others are in `/api/v1/monitoring/endpoints`. */
const pageWindow: WindowName = '5m';

/** Quantiles of request durations by endpoint in the text format; nothing for an endpoint nobody asked. */
export function renderEndpointWindows(endpoints: EndpointWindows): string {
  const { name } = httpMetrics.requestQuantile;
  let page = header(httpMetrics.requestQuantile);
  for (const { route, method, p50Ms, p90Ms, p99Ms } of endpoints.snapshot(pageWindow)) {
    const labels = `route="${escapeLabel(route)}",method="${escapeLabel(method)}",window="${pageWindow}"`;
    for (const [quantile, durationMs] of [
      ['0.5', p50Ms],
      ['0.9', p90Ms],
      ['0.99', p99Ms],
    ] as const) {
      if (durationMs !== null) page += `${name}{${labels},quantile="${quantile}"} ${durationMs / 1_000}\n`;
    }
  }
  return page;
}
