import type { Clock, Random } from '../../src/core/clock.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { createEndpointWindows } from '../../src/window/endpoint-windows.js';
import type { MicroResult } from '../budget.js';
import { measured } from './window.js';

const routes = [
  '/v1/events',
  '/api/v1/agents/{agent_id}/metrics',
  '/api/v1/agents/{agent_id}/live',
  '/health',
] as const;

/** What telling of a request costs the main thread, at 4,000 requests a second, and what reading the windows costs. */
export function measureEndpoints(random: Random): MicroResult[] {
  let nowMs = 0;
  const clock: Clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, setTimer: () => ({ cancel: () => {} }) };
  const endpoints = createEndpointWindows(clock);
  const metrics = createMetrics({ clock }, { agentsMax: 0, version: 'bench' });
  const seconds = Float64Array.from({ length: 4_096 }, () => Math.exp(-6 + 2 * (random() + random() + random() - 1.5)));
  const results = [
    perRequest('request recorded, windows', (index) => {
      nowMs += 0.25;
      endpoints.recordRequest(routes[index & 3]!, 'GET', 200, seconds[index & 4_095]!);
    }),
    perRequest('request recorded, counter and histogram', (index) => {
      metrics.http.recordRequest(routes[index & 3]!, 'GET', 200, seconds[index & 4_095]!);
    }),
    ...(['5m', '24h'] as const).map((window) =>
      measured(`endpoint windows read ${window}, ${routes.length} busy endpoints`, 'us', () => {
        endpoints.snapshot(window);
      }),
    ),
    { name: 'endpoint windows memory, a busy endpoint', value: endpoints.bytes / routes.length, unit: 'bytes' },
  ];
  metrics.close();
  return results;
}

/** Reading the CPU clock costs more than a request does, so it is read once a thousand. */
function perRequest(name: string, record: (index: number) => void): MicroResult {
  const { value } = measured(name, 'us', (call) => {
    for (let index = 0; index < 1_000; index++) record(call + index);
  });
  return { name, value: value / 1_000, unit: 'us' };
}
