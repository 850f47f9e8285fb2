import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../src/core/clock.js';
import { CollectorError } from '../../../src/core/errors.js';
import type { ErasureReport, ErasureRequest } from '../../../src/core/ports/data-eraser.js';
import { createQueryApi, type QueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore } from '../api-store.js';

let store: QueryStore;
let api: QueryApi;
const asked: ErasureRequest[] = [];
let outcome: () => Promise<ErasureReport>;
const report: ErasureReport = {
  erasureId: 'e1',
  kind: 'run',
  ids: 1,
  requestedMs: Date.UTC(2026, 0, 31),
  completedMs: Date.UTC(2026, 0, 31, 0, 0, 1),
  rows: { agent_events_raw_v1: 12 },
};

beforeAll(async () => {
  store = await openQueryStore();
  const eraser = {
    erase: (request: ErasureRequest) => {
      asked.push(request);
      return outcome();
    },
  };
  const storage = {
    metadata: store.metadata,
    spool: () => ({ bytes: 7, segments: 1, events: 3, oldestReceivedMs: 0, quarantinedSegments: 0 }),
    disk: async () => ({ usedBytes: 5, availableBytes: 6 }),
  };
  api = createQueryApi({ store: store.reader, eraser, storage, clock: systemClock });
});

beforeEach(() => {
  asked.length = 0;
  outcome = async () => report;
});

afterAll(() => store.close());

test('a request to erase is of the own tenant, by the name of the key, and says what went', async () => {
  const run = await api.delete('mine', '/api/v1/runs/run%2F1');
  expect([run.status, run.body]).toEqual([
    200,
    {
      erasure_id: 'e1',
      kind: 'run',
      ids: 1,
      status: 'completed',
      requested_at: '2026-01-31T00:00:00.000Z',
      completed_at: '2026-01-31T00:00:01.000Z',
      rows: { agent_events_raw_v1: 12 },
    },
  ]);
  outcome = async () => ({ ...report, kind: 'user', completedMs: null, rows: {} });
  const user = await api.delete('mine', '/api/v1/users/anna');
  expect([user.status, user.body.status, user.body.completed_at]).toEqual([202, 'pending', null]);
  expect(asked).toEqual([
    { tenant: 'mine', kind: 'run', ids: ['run/1'], requestedBy: 'test' },
    { tenant: 'mine', kind: 'user', ids: ['anna'], requestedBy: 'test' },
  ]);
});

test('an id no event can carry, a parameter and a store that is away are answered by their codes', async () => {
  const long = await api.delete('mine', `/api/v1/runs/${'x'.repeat(300)}`);
  expect([long.status, long.body.code]).toEqual([404, 'not_found']);
  const extra = await api.delete('mine', '/api/v1/users/anna?force=1');
  expect([extra.status, JSON.stringify(extra.body)]).toEqual([400, expect.stringContaining('parameter_unknown')]);
  expect(asked).toEqual([]);
  outcome = () => Promise.reject(new CollectorError('store_unreachable', 'cannot reach it'));
  const away = await api.delete('mine', '/api/v1/users/anna');
  expect([away.status, away.body.code]).toEqual([503, 'store_unavailable']);
});

test('a list of runs is one request, of at most a thousand different ids', async () => {
  const json = { 'content-type': 'application/json' };
  const eraseRuns = (runs: unknown) => api.post('mine', '/api/v1/erasures', JSON.stringify({ runs }), json);
  outcome = async () => ({ ...report, ids: 2 });
  const { status, body } = await eraseRuns(['run/1', 'run 2']);
  expect([status, body.ids, body.status]).toEqual([200, 2, 'completed']);
  outcome = async () => ({ ...report, completedMs: null });
  expect((await eraseRuns(['later'])).status).toBe(202);
  expect(asked).toEqual([
    { tenant: 'mine', kind: 'run', ids: ['run/1', 'run 2'], requestedBy: 'test' },
    { tenant: 'mine', kind: 'run', ids: ['later'], requestedBy: 'test' },
  ]);
  const many = Array.from({ length: 1_001 }, (_, index) => `run-${index}`);
  for (const runs of [[], ['a', 'a'], [''], ['x'.repeat(257)], [7], 'run', undefined, many]) {
    const refused = await eraseRuns(runs);
    expect([refused.status, refused.body.code]).toEqual([400, 'body_invalid']);
  }
  expect(asked).toHaveLength(2);
});

test('the list is of the own tenant, newest first, and is asked for one run or person by its id', async () => {
  expect((await api.get('mine', '/api/v1/monitoring/erasures')).body).toEqual({ erasures: [], limit: 20 });
  for (const [id, tenant, at] of [
    ['a', 'mine', 10],
    ['b', 'mine', 20],
    ['c', 'theirs', 30],
  ] as const) {
    await store.run(`INSERT INTO erasures_v1
      SELECT '${tenant}', '${id}', 'user', 'ops', toDateTime64(${at}, 3, 'UTC'), NULL, map(), 0, NULL, 1`);
    await store.run(`INSERT INTO erased_ids_v1
      SELECT '${tenant}' AS t, 'user', lower(hex(SHA256(concat(t, '\\n', 'user', '\\n', 'person ${id}')))), '${id}',
        now64(3), now64(3)`);
  }
  const ids = async (tenant: string, query: string) => {
    const { body } = await api.get(tenant, `/api/v1/monitoring/erasures${query}`);
    return (body.erasures as { erasure_id: string }[]).map(({ erasure_id }) => erasure_id);
  };
  expect(await ids('mine', '')).toEqual(['b', 'a']);
  expect(await ids('mine', '?limit=1')).toEqual(['b']);
  expect(await ids('mine', '?id=person%20a')).toEqual(['a']);
  expect(await ids('theirs', '?id=person%20a')).toEqual([]);
  expect((await api.get('mine', '/api/v1/monitoring/erasures?limit=0')).status).toBe(400);
});

test('storage says what each table takes, what of it is the own tenant, and how long it is kept', async () => {
  const receivedMs = Math.floor(Date.now() / 1000) * 1000 - 60_000;
  const event = { agent_id: 'a', type: 'task.completed', ts: receivedMs, received: receivedMs };
  await store.insert([
    { ...event, tenant: 'mine', task_id: '1' },
    { ...event, tenant: 'theirs', task_id: '2' },
    { ...event, tenant: 'theirs', task_id: '3' },
  ]);
  const { status, body } = await api.get('mine', '/api/v1/monitoring/storage');
  expect(status).toBe(200);
  const tables = body.tables as { table: string; retention_days: number | null }[];
  expect(tables.find(({ table }) => table === 'agent_events_raw_v1')).toMatchObject({
    rows: 3,
    tenant_rows: 1,
    parts: 1,
    oldest_at: new Date(receivedMs).toISOString(),
    newest_at: new Date(receivedMs).toISOString(),
    retention_days: 30,
  });
  expect(tables.find(({ table }) => table === 'agent_performance_per_day_v1')?.retention_days).toBeNull();
  expect(tables.find(({ table }) => table === 'agent_runs_v1')).toMatchObject({ rows: 0, parts: 0, oldest_at: null });
  expect(body).toMatchObject({
    spool: { bytes: 7, segments: 1, events: 3, oldest_undelivered_at: '1970-01-01T00:00:00.000Z' },
    disk: { used_bytes: 5, available_bytes: 6 },
  });
});
