import { expect, test } from 'vitest';
import type { StoreReader } from '../../../src/core/ports/store-reader.js';
import { createEndpointWindows } from '../../../src/window/endpoint-windows.js';
import { FakeClock } from '../../support/fake-clock.js';
import { createQueryApi } from '../api-client.js';

const path = '/api/v1/monitoring/endpoints';

function setUp() {
  const clock = new FakeClock();
  const endpoints = createEndpointWindows(clock);
  const store: StoreReader = { rows: () => Promise.reject(new Error('the store is not asked')) };
  const api = createQueryApi({ store, clock, endpoints });
  return { clock, endpoints, get: (query = '') => api.get('acme', `${path}${query}`) };
}

test('a collector nobody has asked yet has no endpoints', async () => {
  const { get } = setUp();
  expect((await get()).body).toEqual({
    window: '1h',
    window_ms: 3_600_000,
    as_of: '2026-01-15T12:00:00.000Z',
    totals: { requests: 0, client_errors: 0, server_errors: 0 },
    endpoints: [],
  });
});

test('endpoints come with their errors and percentiles, the most asked first, and totals', async () => {
  const { get, endpoints } = setUp();
  for (const [status, seconds] of [
    [200, 0.001],
    [404, 0.001],
    [504, 0.001],
  ] as const) {
    endpoints.recordRequest('/api/v1/agents/{agent_id}/metrics', 'GET', status, seconds);
  }
  for (let index = 0; index < 4; index++) endpoints.recordRequest('/v1/events', 'POST', 202, 0.0025);
  endpoints.recordRequest('(unmatched)', 'GET', 404, 0.0005);
  const { body, headers } = await get('?window=5m');
  expect(headers['cache-control']).toBe('no-store');
  expect(body).toMatchObject({ window: '5m', totals: { requests: 8, client_errors: 2, server_errors: 1 } });
  const [events, metrics, unmatched] = body.endpoints as object[];
  expect(events).toEqual({
    method: 'POST',
    route: '/v1/events',
    requests: 4,
    client_errors: 0,
    server_errors: 0,
    p50_ms: 2.5,
    p90_ms: 2.5,
    p99_ms: 2.5,
  });
  expect(metrics).toMatchObject({ route: '/api/v1/agents/{agent_id}/metrics', client_errors: 1, server_errors: 1 });
  expect(unmatched).toMatchObject({ route: '(unmatched)', requests: 1, client_errors: 1 });
});

test('a window that is none is refused with those there are', async () => {
  const { get } = setUp();
  const { status, body } = await get('?window=2h');
  expect([status, body.code]).toEqual([400, 'parameter_invalid']);
  expect(JSON.stringify(body)).toContain('1m, 5m, 15m, 1h, 24h');
});
