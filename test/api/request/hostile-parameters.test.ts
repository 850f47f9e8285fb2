import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { createQueryApi, type QueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore } from '../api-store.js';

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
    const failed = { ...event, type: 'task.failed', error_category: 'tool', error_code: id, error_message: id };
    const own = Array.from({ length: index + 1 }, () => ({ ...event, tenant: 'acme' }));
    return [...own, { ...failed, tenant: 'acme' }, { ...failed, tenant: 'globex' }, { ...event, tenant: 'globex' }];
  });
  await store.insert(rows);
  api = createQueryApi({
    store: store.reader,
    memory: store.memory,
    exporter: store.exporter,
    clock: new FakeClock(nowMs),
  });
});

afterAll(async () => {
  await store.close();
});

/** Executions of an agent: one more than those that were completed has failed. */
const countOf = (id: string) => hostileIds.indexOf(id) + 2;

test.each(hostileIds.map((id) => [id, countOf(id)] as const))(
  'the id %j is found, and nothing else with it',
  async (id, count) => {
    const part = encodeURIComponent(id);
    const get = (target: string) => api.get('acme', `/api/v1/${target}`);
    const day = new Date(nowMs).toISOString().slice(0, 10);
    const [metrics, aggregated, errors, series, exported, live, task, ...lists] = await Promise.all([
      get(`agents/${part}/metrics?time_range=1d`),
      get(`agents/${part}/metrics?metric_type=aggregated`),
      get(`agents/${part}/errors?time_range=1d`),
      get(`agents/${part}/series?step=1d&metric=executions&from=${day}`),
      get(`metrics/export?format=json&agent_id=${part}`),
      get(`agents/${part}/live`),
      get(`monitoring/tasks/${part}`),
      get(`monitoring/tasks?agent_id=${part}`),
      get(`monitoring/tasks?crew_id=${part}`),
    ]);
    expect(metrics.body).toMatchObject({ agent_id: id, total_executions: count });
    expect(aggregated.body).toMatchObject({ agent_id: id, total_executions: count, failed_executions: 1 });
    expect(errors.body).toMatchObject({ agent_id: id, failed_executions: 1, total_groups: 1, errors: [{ code: id }] });
    expect(series.body).toMatchObject({ agent_id: id, points: [{ executions: count }] });
    expect(exported.body).toMatchObject([{ agent_id: id }]);
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
    for (const agent of agents) expect(agent.executions_24h).toBe(countOf(agent.agent_id));
    found.push(...agents.map((agent) => agent.agent_id));
    if (body.next_cursor === null) break;
    cursor = `&cursor=${String(body.next_cursor)}`;
  }
  expect(found.length).toBe(hostileIds.length);
  expect(new Set(found)).toEqual(new Set(hostileIds));
});

test('the dashboard counts and names the agents of its tenant alone', async () => {
  const { body } = await api.get('acme', '/api/v1/metrics/dashboard');
  const executions = hostileIds.reduce((sum, id) => sum + countOf(id), 0);
  const day = { total_executions: executions, failed_executions: hostileIds.length };
  expect(body).toMatchObject({ agents: { total: hostileIds.length }, executions: { '24h': day } });
  const globex = await api.get('globex', '/api/v1/metrics/dashboard');
  expect(globex.body).toMatchObject({ executions: { '24h': { total_executions: 2 * hostileIds.length } } });
  const named = [...JSON.stringify(body).matchAll(/"agent_id":("(?:[^"\\]|\\.)*")/g)].map(([, id]) => JSON.parse(id!));
  expect(named.length).toBeGreaterThan(0);
  for (const id of named) expect(hostileIds).toContain(id);
});

test.each(['%', 'o_brien', "o''brien", 'o', "x' OR '1'='1", 'NULL ', '*'])(
  'the id %j, which no agent has, is a 404, but for metrics, which are zeros',
  async (id) => {
    const part = encodeURIComponent(id);
    const ofAgent = ['errors', 'series', 'live'].map((name) => `agents/${part}/${name}`);
    for (const path of [...ofAgent, `metrics/export?agent_id=${part}`, `monitoring/tasks/${part}`]) {
      const { status, body } = await api.get('acme', `/api/v1/${path}`);
      expect([path, status, body.code]).toEqual([path, 404, 'not_found']);
    }
    // Of an agent that nobody heard of there are no executions, and that is no mistake of who asks.
    const { status, body } = await api.get('acme', `/api/v1/agents/${part}/metrics`);
    expect([status, body.agent_id, body.total_executions]).toEqual([200, id, 0]);
  },
);

test('an id of 64 kB is a 404 that no query was needed for, and is not repeated in full', async () => {
  const id = "'".repeat(65_536);
  store.asked.length = 0;
  const ofAgent = ['metrics', 'errors', 'series', 'live'].map((name) => `agents/${id}/${name}`);
  for (const path of [...ofAgent, `monitoring/tasks/${id}`]) {
    const { status, text } = await api.get('acme', `/api/v1/${path}`);
    expect(status).toBe(404);
    expect(text.length).toBeLessThan(500);
  }
  const filter = await api.get('acme', `/api/v1/monitoring/tasks?agent_id=${id}&crew_id=${id}`);
  expect(filter.status).toBe(400);
  expect(filter.body.errors).toMatchObject([{ path: 'crew_id' }, { path: 'agent_id' }]);
  expect(filter.text.length).toBeLessThan(1_000);
  for (const target of [
    `metrics/export?agent_id=${id}`,
    `metrics/export?format=${id}`,
    `agents/x/series?metric=${id}`,
  ]) {
    const refused = await api.get('acme', `/api/v1/${target}`);
    expect([refused.status, refused.body.code]).toEqual([400, 'parameter_invalid']);
    expect(refused.text.length).toBeLessThan(2_000);
  }
  const finalized = await api.post('acme', `/api/v1/maintenance/days/2026-01-15?agent_id=${id}`);
  expect([finalized.status, finalized.text.length < 1_000]).toEqual([400, true]);
  expect(store.asked).toEqual([]);
});

test('every query binds the tenant, and no value stands in its text', async () => {
  store.asked.length = 0;
  const marker = 'marker-value';
  await api.get('acme', `/api/v1/agents/${marker}/metrics`);
  await api.get('acme', `/api/v1/agents/${marker}/live`);
  await api.get('acme', `/api/v1/agents/${marker}/errors`);
  await api.get('acme', `/api/v1/agents/${marker}/series`);
  await api.get('acme', `/api/v1/metrics/export?agent_id=${marker}`);
  await api.get('acme', '/api/v1/metrics/export');
  await api.get('acme', '/api/v1/metrics/dashboard');
  await api.get('acme', `/api/v1/monitoring/tasks/${marker}`);
  await api.get(
    'acme',
    `/api/v1/monitoring/tasks?agent_id=${marker}&crew_id=${marker}&status=failed&start_date_from=2026-01-01`,
  );
  await api.get('acme', '/api/v1/agents');
  expect(store.asked.length).toBeGreaterThan(8);
  // Which parts of tables have changed, of all tenants: no rows, and nothing of the request.
  const changes = store.asked.filter(({ name }) => ['store_changes', 'remembered_tables'].includes(name));
  for (const { sql, params } of changes) {
    expect(sql).not.toContain(marker);
    expect(Object.values(params)).not.toContain(marker);
    expect(sql.match(/FROM (?!system\.)/g)).toBeNull();
  }
  for (const { name, sql, params } of store.asked.filter((query) => !changes.includes(query))) {
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
  ['agents/x/metrics?timerange=1d', 'timerange', 'time_range, from, to'],
  ['agents/x/errors?limit=0', 'limit', '1 to 100'],
  ['agents/x/series?step=2h', 'step', '1m, 5m, 1h, 1d'],
  ["agents/x/series?metric=p95_ms,') --", 'metric', 'p95_ms'],
  ["metrics/export?format=parquet'", 'format', 'csv, json, ndjson, parquet'],
  ['metrics/export?from=2026-02-30', 'from', 'UTC date such as 2026-01-31'],
  ['metrics/dashboard?tenant=globex', 'tenant', 'no parameters'],
  ['monitoring/endpoints?window=24H', 'window', '1m, 5m, 15m, 1h, 24h'],
  ['agents/x/live?window=1m', 'window', 'known are scope'],
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
  ['monitoring/tasks/x?full=1', 'full', 'known are run_id, agent_id'],
  ['monitoring/system/health?deep=1', 'deep', 'no parameters'],
])('%s is refused and the message says what is allowed', async (target, path, allowed) => {
  const { status, body } = await api.get('acme', `/api/v1/${target}`);
  expect(status).toBe(400);
  expect(body.errors).toMatchObject([{ path }]);
  expect((body.errors as { message: string }[])[0]?.message).toContain(allowed);
});
