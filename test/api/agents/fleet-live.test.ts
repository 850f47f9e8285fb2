import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { createQueryApi, noWindows, type QueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api-store.js';

const minuteMs = 60_000;
const nowMs = Math.floor(Date.now() / minuteMs) * minuteMs + 12_345;

let store: QueryStore;
let api: QueryApi;

function task(agoMs: number, id: string, more: Partial<RawRow> = {}): RawRow {
  const at = nowMs - agoMs;
  const ended = { type: 'task.completed', duration_ms: 100, tokens_in: 10, ...more };
  return { tenant: 'acme', agent_id: 'writer', task_id: id, ts: at, received: at, ...ended };
}

beforeAll(async () => {
  store = await openQueryStore();
  // As two collectors insert them.
  await store.insert([task(5_000, 'a'), task(4 * minuteMs, 'b', { duration_ms: 300, memory_mb: 64, confidence: 0.5 })]);
  await store.insert([
    task(30_000, 'c', { type: 'task.failed', error_category: 'tool', duration_ms: 200, cost_micros: 7 }),
    task(2 * 60 * minuteMs, 'd', { type: 'task.failed', error_category: 'model' }),
    task(26 * 60 * minuteMs, 'e'),
    task(10_000, 'a', { tenant: 'globex' }),
  ]);
  api = createQueryApi({ store: store.reader, memory: store.memory, clock: new FakeClock(nowMs), windows: noWindows });
});
afterAll(() => store.close());

type Window = Readonly<Record<string, unknown>>;

async function windowsOf(tenant: string): Promise<Readonly<Record<string, Window>>> {
  const { status, body } = await api.get(tenant, '/api/v1/agents/writer/live?scope=fleet');
  expect({ status, scope: body.scope }).toEqual({ status: 200, scope: 'fleet' });
  return body.windows as Readonly<Record<string, Window>>;
}

test('the windows of the fleet hold what every collector inserted, each from its first whole minute on', async () => {
  const windows = await windowsOf('acme');
  expect(Object.entries(windows).map(([name, { total_executions: total }]) => [name, total])).toEqual([
    ['1m', 2],
    ['5m', 3],
    ['15m', 3],
    ['1h', 3],
    ['24h', 4],
  ]);
  expect(windows['5m']).toEqual({
    total_executions: 3,
    successful_executions: 2,
    failed_executions: 1,
    cancelled_executions: 0,
    success_rate: 66.67,
    error_rate: 33.33,
    execution_times: { avg_ms: 200, min_ms: 100, max_ms: 300, p50_ms: 200, p95_ms: 300, p99_ms: 300 },
    errors: { tool: 1 },
    llm_calls: 0,
    tokens: { in: 30, out: 0, total: 30 },
    cost_cents: 0.0007,
    tokens_unpriced: 20,
    avg_confidence: 0.5,
    max_memory_mb: 64,
  });
  expect(windows['24h']?.errors).toEqual({ model: 1, tool: 1 });
});

test('a tenant sees its own, an agent that is quiet has zeros, and one that is unknown is a 404', async () => {
  expect((await windowsOf('globex'))['24h']).toMatchObject({ total_executions: 1, errors: {} });
  const unknown = await api.get('globex', '/api/v1/agents/nobody/live?scope=fleet');
  expect([unknown.status, unknown.body.code]).toEqual([404, 'not_found']);
});

test('the windows of memory say that they are of this collector', async () => {
  const { body } = await api.get('acme', '/api/v1/agents/writer/live');
  expect(body).toMatchObject({ scope: 'collector', windows: { '24h': { total_executions: 0 } } });
  const wrong = await api.get('acme', '/api/v1/agents/writer/live?scope=world');
  expect([wrong.status, wrong.body.code]).toEqual([400, 'parameter_invalid']);
});
