import { expect, test } from 'vitest';
import { CollectorError } from '../../../src/core/errors.js';
import type { StoreQuery, StoreReader } from '../../../src/core/ports/store-reader.js';
import { FakeClock } from '../../support/fake-clock.js';
import { createQueryApi } from '../api-client.js';

const target = '/api/v1/agents/a/metrics';

/** A store that never answers by itself and remembers what it was asked. */
function silentStore(): StoreReader & { readonly asked: StoreQuery[] } {
  const asked: StoreQuery[] = [];
  return {
    asked,
    rows: (query) => {
      asked.push(query);
      return new Promise(() => {});
    },
  };
}

test('a query that outlasts its limit is cancelled and answered with 504', async () => {
  const clock = new FakeClock();
  const store = silentStore();
  const answer = createQueryApi({ store, clock }, { timeoutMs: 3_000 }).get('acme', target);
  await Promise.resolve();
  clock.advance(2_999);
  expect(store.asked.map((query) => query.signal?.aborted)).toEqual([false, false]);
  clock.advance(1);
  expect(store.asked.map((query) => query.signal?.aborted)).toEqual([true, true]);
  expect(await answer).toMatchObject({ status: 504, body: { code: 'query_timeout' } });
  expect(clock.pendingTimers()).toBe(0);
});

test('a tenant with too many requests under way is told to come back, and another one is served', async () => {
  const store = silentStore();
  const failures: string[] = [];
  const instruments = {
    requests: { inc: () => {} },
    failures: { inc: ({ code }: { readonly code: string }) => failures.push(code) },
  };
  const api = createQueryApi({ store, instruments }, { tenantRequestsMax: 3, cacheMs: 1_000 });
  const gone = new AbortController();
  const waiting = [1, 2, 3].map(() => api.get('acme', target, gone.signal));
  await new Promise((resolve) => setImmediate(resolve));
  const refused = await api.get('acme', '/api/v1/monitoring/endpoints');
  expect(refused).toMatchObject({ status: 429, body: { code: 'overloaded' }, headers: { 'retry-after': '1' } });
  expect(failures).toEqual(['overloaded']);
  expect((await api.get('acme', '/health')).status, 'what needs no key has no tenant').toBe(200);
  expect((await api.get('globex', '/api/v1/monitoring/endpoints')).status).toBe(200);
  gone.abort();
  await Promise.all(waiting);
  expect((await api.get('acme', '/api/v1/monitoring/endpoints')).status).toBe(200);
});

test('a client that goes away cancels its queries', async () => {
  const store = silentStore();
  const gone = new AbortController();
  void createQueryApi({ store, clock: new FakeClock() }).get('acme', target, gone.signal);
  await Promise.resolve();
  gone.abort();
  expect(store.asked.map((query) => query.signal?.aborted)).toEqual([true, true]);
});

test('one query that fails cancels the others of its request', async () => {
  const asked: StoreQuery[] = [];
  const store: StoreReader = {
    rows: (query) => {
      asked.push(query);
      if (query.name === 'agent_performance') {
        return Promise.reject(new CollectorError('store_unavailable', 'cannot reach http://10.1.2.3:8123'));
      }
      return new Promise(() => {});
    },
  };
  const answer = await createQueryApi({ store, clock: new FakeClock() }).get('acme', target);
  expect(answer).toMatchObject({ status: 503, body: { code: 'store_unavailable' } });
  expect(answer.text).not.toContain('10.1.2.3');
  expect(answer.headers['retry-after']).toBe('1');
  const others = asked.filter(({ name }) => name !== 'agent_performance');
  expect(others.map(({ signal }) => signal?.aborted)).toEqual([true]);
});

test('a row that is not what its query promises is an internal error that tells the client nothing', async () => {
  const store: StoreReader = { rows: async () => [{ surprise: 'secret' }] as never };
  const answer = await createQueryApi({ store, clock: new FakeClock() }).get('acme', '/api/v1/agents');
  expect(answer).toMatchObject({ status: 500, body: { code: 'internal' } });
  expect(answer.text).not.toMatch(/secret|agent_ids/);
});

test('no answer may be cached, not even a refusal', async () => {
  const store: StoreReader = { rows: async () => [] };
  const api = createQueryApi({ store, clock: new FakeClock() });
  for (const path of ['/api/v1/agents', '/api/v1/agents?limit=0', '/health', '/health/deep', '/metrics', target]) {
    expect((await api.get('acme', path)).headers['cache-control'], path).toBe('no-store');
  }
});
