import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeClock } from '../support/fake-clock.js';
import { createQueryApi, type QueryApi } from './query-api.js';
import { openQueryStore, type QueryStore } from './query-store.js';

const nowMs = Math.floor(Date.now() / 60_000) * 60_000;

/** Ids that mean something to SQL, to LIKE, to parameter escaping, to URLs or to JSON. */
const hostileIds = [
  "o'brien",
  "' OR 1=1 --",
  "') UNION ALL SELECT 1 --",
  'a"b`c',
  '100%',
  '_',
  'back\\slash',
  "end\\'",
  'tab\tnew\nline\r',
  '{tenant:String}',
  '[1,2]',
  "['a','b']",
  'NULL',
  '\\N',
  'agent/../other',
  'ünïcödé-日本語-🌊',
  'a'.repeat(256),
  '🌊'.repeat(256),
  '0',
  '-1',
  '__proto__',
];

let store: QueryStore;
let api: QueryApi;

beforeAll(async () => {
  store = await openQueryStore();
  const rows = hostileIds.flatMap((id, index) => {
    const event = { agent_id: id, task_id: id, crew_id: id, type: 'task.completed', ts: nowMs - 1, received: nowMs };
    return [...Array.from({ length: index + 1 }, () => ({ ...event, tenant: 'acme' })), { ...event, tenant: 'globex' }];
  });
  await store.insert(rows);
  api = createQueryApi({ store: store.reader, clock: new FakeClock(nowMs) });
});

afterAll(async () => {
  await store.close();
});

test.each(hostileIds.map((id, index) => [id, index + 1] as const))(
  'the id %j is found, and nothing else with it',
  async (id, count) => {
    const part = encodeURIComponent(id);
    const get = (target: string) => api.get('acme', `/api/v1/${target}`);
    const [metrics, live, task, ...lists] = await Promise.all([
      get(`agents/${part}/metrics?time_range=1d`),
      get(`agents/${part}/live`),
      get(`monitoring/tasks/${part}`),
      get(`monitoring/tasks?agent_id=${part}`),
      get(`monitoring/tasks?crew_id=${part}`),
    ]);
    expect(metrics.body).toMatchObject({ agent_id: id, total_executions: count });
    expect(live.status).toBe(200);
    expect(task.body).toMatchObject({ task_id: id, agent_id: id });
    for (const list of lists) expect(list.body).toMatchObject({ total: 1, tasks: [{ task_id: id }] });
  },
);

test('hostile ids are listed, their pages hold together, and their cursors lead on', async () => {
  const found: string[] = [];
  for (let cursor = ''; found.length <= hostileIds.length; ) {
    const { body } = await api.get('acme', `/api/v1/agents?limit=2${cursor}`);
    const agents = body.agents as { agent_id: string; executions_24h: number }[];
    for (const agent of agents) expect(agent.executions_24h).toBe(hostileIds.indexOf(agent.agent_id) + 1);
    found.push(...agents.map((agent) => agent.agent_id));
    if (body.next_cursor === null) break;
    cursor = `&cursor=${String(body.next_cursor)}`;
  }
  expect(found.length).toBe(hostileIds.length);
  expect(new Set(found)).toEqual(new Set(hostileIds));
});

test.each(['%', 'o_brien', "o''brien", 'o', "x' OR '1'='1", 'NULL ', '*'])(
  'the id %j, which no agent has, is a 404',
  async (id) => {
    const part = encodeURIComponent(id);
    for (const path of [`agents/${part}/metrics`, `agents/${part}/live`, `monitoring/tasks/${part}`]) {
      const { status, body } = await api.get('acme', `/api/v1/${path}`);
      expect([path, status, body.code]).toEqual([path, 404, 'not_found']);
    }
  },
);

test('an id of 64 kB is a 404 that no query was needed for, and is not repeated in full', async () => {
  const id = "'".repeat(65_536);
  store.asked.length = 0;
  for (const path of [`agents/${id}/metrics`, `agents/${id}/live`, `monitoring/tasks/${id}`]) {
    const { status, text } = await api.get('acme', `/api/v1/${path}`);
    expect(status).toBe(404);
    expect(text.length).toBeLessThan(500);
  }
  const filter = await api.get('acme', `/api/v1/monitoring/tasks?agent_id=${id}&crew_id=${id}`);
  expect(filter.status).toBe(400);
  expect(filter.body.errors).toMatchObject([{ path: 'crew_id' }, { path: 'agent_id' }]);
  expect(filter.text.length).toBeLessThan(1_000);
  expect(store.asked).toEqual([]);
});

test('every query binds the tenant, and no value stands in its text', async () => {
  store.asked.length = 0;
  const marker = 'marker-value';
  await api.get('acme', `/api/v1/agents/${marker}/metrics`);
  await api.get('acme', `/api/v1/agents/${marker}/live`);
  await api.get('acme', `/api/v1/monitoring/tasks/${marker}`);
  await api.get(
    'acme',
    `/api/v1/monitoring/tasks?agent_id=${marker}&crew_id=${marker}&status=failed&start_date_from=2026-01-01`,
  );
  await api.get('acme', '/api/v1/agents');
  expect(store.asked.length).toBeGreaterThan(8);
  for (const { name, sql, params } of store.asked) {
    expect(params.tenant, name).toBe('acme');
    expect(sql, name).toContain('tenant = {tenant:String}');
    expect(sql, name).not.toContain(marker);
    const reads = sql.match(/FROM agent_/g)?.length;
    expect(sql.match(/tenant = \{tenant:String\}/g)?.length, name).toBe(reads);
  }
});

test('every bad parameter is named at once', async () => {
  const query = 'limit=0&offset=x&status=done&start_date_from=2026-02-30&agent_id=&bogus=1&crew_id=a&crew_id=b';
  const { status, body, headers } = await api.get('acme', `/api/v1/monitoring/tasks?${query}`);
  expect(status).toBe(400);
  expect(headers['content-type']).toBe('application/problem+json');
  expect(body.code).toBe('parameter_invalid');
  const errors = body.errors as { path: string; code: string; message: string }[];
  expect(Object.fromEntries(errors.map((error) => [error.path, error.code]))).toEqual({
    limit: 'parameter_invalid',
    offset: 'parameter_invalid',
    status: 'parameter_invalid',
    start_date_from: 'parameter_invalid',
    agent_id: 'parameter_invalid',
    bogus: 'parameter_unknown',
    crew_id: 'parameter_repeated',
  });
  expect(errors.find((error) => error.path === 'status')?.message).toContain('pending, running, completed');
});

test.each([
  ['agents/x/metrics?time_range=2d', 'time_range', '1d, 7d, 30d, 90d'],
  ['agents/x/metrics?metric_type=fast', 'metric_type', 'realtime, aggregated'],
  ['agents/x/metrics?timerange=1d', 'timerange', 'time_range, metric_type'],
  ['agents/x/live?window=1m', 'window', 'no parameters'],
  ['agents?limit=101', 'limit', '1 to 100'],
  ['agents?limit=1e2', 'limit', '1 to 100'],
  ['agents?cursor=nonsense', 'cursor', 'next_cursor'],
  ['agents?cursor=WzFd', 'cursor', 'next_cursor'],
  ['monitoring/tasks?cursor=e30', 'cursor', 'next_cursor'],
  ['monitoring/tasks?offset=10001', 'offset', '0 to 10000'],
  ['monitoring/tasks?start_date_to=yesterday', 'start_date_to', 'RFC 3339'],
  ['monitoring/tasks?start_date_from=2026-01-31T25:00:00Z', 'start_date_from', 'RFC 3339'],
  ['monitoring/tasks?start_date_from=9999-01-01', 'start_date_from', 'RFC 3339'],
  ['monitoring/tasks?start_date_from=2026-02-01&start_date_to=2026-01-31', 'start_date_to', 'not before'],
  ['monitoring/tasks/x?full=1', 'full', 'no parameters'],
  ['monitoring/system/health?deep=1', 'deep', 'no parameters'],
])('%s is refused and the message says what is allowed', async (target, path, allowed) => {
  const { status, body } = await api.get('acme', `/api/v1/${target}`);
  expect(status).toBe(400);
  expect(body.errors).toMatchObject([{ path }]);
  expect((body.errors as { message: string }[])[0]?.message).toContain(allowed);
});
