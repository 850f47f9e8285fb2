import { expect, test } from 'vitest';
import { CollectorError } from '../../../src/core/errors.js';
import type { StoreQuery, StoreReader } from '../../../src/core/ports/store-reader.js';
import { FakeClock } from '../../support/fake-clock.js';
import { type Answer, createQueryApi } from '../api-client.js';

/** A store that answers nothing but the tenant that asked, and counts. */
function setUp(rows: StoreReader['rows'] = async () => []) {
  const asked: StoreQuery[] = [];
  const outcomes: Record<string, number> = {};
  const failures: string[] = [];
  const clock = new FakeClock();
  const store: StoreReader = {
    rows: (query) => {
      asked.push(query);
      return rows(query);
    },
  };
  const instruments = {
    requests: {
      inc: ({ outcome }: { readonly outcome: string }) => (outcomes[outcome] = (outcomes[outcome] ?? 0) + 1),
    },
    failures: {
      inc: (labels: { readonly route: string; readonly code: string }) =>
        failures.push(`${labels.route} ${labels.code}`),
    },
  };
  const api = createQueryApi({ store, clock, instruments }, { cacheMs: 1_000 });
  return { api, asked, outcomes, failures, clock };
}

const statusesOf = (answers: readonly Answer[]) => [...new Set(answers.map(({ status }) => status))];

test('a hundred equal requests at once cost one read of the store', async () => {
  const { api, asked, outcomes } = setUp();
  const answers = await Promise.all(Array.from({ length: 100 }, () => api.get('acme', '/api/v1/agents?limit=5')));
  expect(statusesOf(answers)).toEqual([200]);
  expect(asked).toHaveLength(1);
  expect(outcomes).toEqual({ miss: 1, shared: 99 });
});

test('an answer tells its age, where it came from, and that nobody else may keep it', async () => {
  const { api, clock } = setUp();
  const first = await api.get('acme', '/api/v1/agents');
  expect(first.headers).toMatchObject({ age: '0', 'cache-status': 'tidemark; fwd=miss', 'cache-control': 'no-store' });
  clock.advance(800);
  const second = await api.get('acme', '/api/v1/agents');
  expect(second.headers).toMatchObject({ age: '1', 'cache-status': 'tidemark; hit', 'cache-control': 'no-store' });
  expect(second.text).toBe(first.text);
  clock.advance(200);
  expect((await api.get('acme', '/api/v1/agents')).headers['cache-status']).toBe('tidemark; fwd=miss');
});

test('one tenant never gets what another one asked, whatever its name', async () => {
  const { api, asked } = setUp();
  const tenants = ['acme', 'globex', 'acme ', 'acme","/api/v1/agents', '', '["acme"]'];
  for (const tenant of tenants) await api.get(tenant, '/api/v1/agents?limit=5');
  expect(asked.map(({ params }) => params.tenant)).toEqual(tenants);
});

test('order and encoding of parameters do not matter, their values do', async () => {
  const { api, asked } = setUp();
  const ask = (query: string) => api.get('acme', `/api/v1/monitoring/tasks?${query}`);
  const queriesOf = async (query: string) => {
    asked.length = 0;
    expect((await ask(query)).status, query).toBe(200);
    return asked.length;
  };
  expect(await queriesOf('agent_id=a%26b&limit=5')).toBeGreaterThan(0);
  for (const same of ['limit=5&agent_id=a%26b', 'agent_id=%61%26b&limit=5', 'agent%5Fid=a%26b&limit=%35']) {
    expect(await queriesOf(same), same).toBe(0);
  }
  for (const other of [
    'agent_id=a&crew_id=b&limit=5',
    'agent_id=a%2526b&limit=5',
    'agent_id=A%26b&limit=5',
    'limit=5',
  ]) {
    expect(await queriesOf(other), other).toBeGreaterThan(0);
  }
});

test('a value cannot pass for the end of another, nor one path for another', async () => {
  const { api, outcomes } = setUp();
  const hostile = ['a","limit', "a'],['limit", 'a&limit=5', 'a/../b', 'a\u0000b', 'a\\', 'a', '["a"]', 'ä', 'a\u0308'];
  for (const id of hostile) await api.get('acme', `/api/v1/monitoring/tasks?agent_id=${encodeURIComponent(id)}`);
  for (const id of hostile) await api.get('acme', `/api/v1/monitoring/tasks?crew_id=${encodeURIComponent(id)}`);
  expect(outcomes, 'each was read for itself').toEqual({ miss: 2 * hostile.length });
});

test('a repeated parameter is refused however often, and its refusal is not taken for the answer', async () => {
  const { api } = setUp();
  await api.get('acme', '/api/v1/agents?limit=5');
  for (const query of ['limit=5&limit=5', 'limit=5&limit=6', 'limit=6&limit=5']) {
    expect((await api.get('acme', `/api/v1/agents?${query}`)).body.code, query).toBe('parameter_invalid');
  }
  expect((await api.get('acme', '/api/v1/agents?limit=5')).status).toBe(200);
});

test('a failure is shared by those who wait, counted for each by route and code, and not kept', async () => {
  let fail: (error: CollectorError) => void = () => {};
  const { api, asked, failures, outcomes } = setUp(() => new Promise((_, reject) => (fail = reject)));
  const answers = [1, 2, 3].map(() => api.get('acme', '/api/v1/agents'));
  await new Promise((resolve) => setImmediate(resolve));
  fail(new CollectorError('query_too_large', 'cannot run x: it needs more memory'));
  expect(statusesOf(await Promise.all(answers))).toEqual([422]);
  expect(asked).toHaveLength(1);
  expect(outcomes, 'counted as what they asked of the store').toEqual({ miss: 1, shared: 2 });
  expect(failures).toEqual(Array.from({ length: 3 }, () => '/api/v1/agents query_too_large'));
  void api.get('acme', '/api/v1/agents');
  await new Promise((resolve) => setImmediate(resolve));
  expect(asked).toHaveLength(2);
});

test('the shared read of a dashboard outlives its first client and is cancelled with its last, uncounted', async () => {
  const { api, asked, failures } = setUp(() => new Promise(() => {}));
  const clients = [new AbortController(), new AbortController()];
  const answers = clients.map(({ signal }) => api.get('acme', '/api/v1/agents', signal));
  await new Promise((resolve) => setImmediate(resolve));
  clients[0]?.abort();
  await answers[0];
  expect(asked[0]?.signal?.aborted).toBe(false);
  clients[1]?.abort();
  await answers[1];
  expect(asked[0]?.signal?.aborted).toBe(true);
  expect(failures).toEqual([]);
});

test('what is in memory or for machines is not shared', async () => {
  const { api } = setUp();
  for (const path of ['/health', '/health/deep', '/metrics', '/api/v1/agents/x/live']) {
    expect((await api.get('acme', path)).headers['cache-status'], path).toBe(undefined);
  }
});

test('switched off, every request reads for itself', async () => {
  const asked: StoreQuery[] = [];
  const rows: StoreReader['rows'] = async (query) => {
    asked.push(query);
    return [];
  };
  const api = createQueryApi({ store: { rows } }, { cacheMs: 0 });
  for (const _ of [1, 2]) expect((await api.get('acme', '/api/v1/agents')).headers.age).toBe(undefined);
  expect(asked).toHaveLength(2);
});
