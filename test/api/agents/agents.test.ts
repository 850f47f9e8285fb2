import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LiveWindows, WindowSnapshot } from '../../../src/core/ports/live-windows.js';
import { FakeClock } from '../../support/fake-clock.js';
import { createQueryApi, noWindows, type QueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api-store.js';

const hourMs = 3_600_000;
const nowMs = Math.floor(Date.now() / 60_000) * 60_000 + 12_345;

let store: QueryStore;
let api: QueryApi;

const snapshot: WindowSnapshot = {
  total: 4,
  completed: 2,
  failed: 1,
  cancelled: 1,
  successRate: 2 / 3,
  duration: { count: 3, avg: 61 / 3, min: 10, max: 30, p50: 20, p95: 30, p99: 30 },
  llmCalls: 5,
  tokensIn: 100,
  tokensOut: 11,
  costMicros: 12_345,
  tokensUnpriced: 9,
  errors: { tool: 1 },
  confidenceAvg: 0.5,
  memoryMbMax: 64,
};

/** Live in the windows of an hour and more, and only for one tenant. */
const windows: LiveWindows = {
  ...noWindows,
  snapshot: (tenant, agentId, window) =>
    tenant === 'acme' && agentId === 'busy' && (window === '1h' || window === '24h') ? snapshot : undefined,
  evictedMs: (tenant, agentId) => (tenant === 'acme' && agentId === 'crowded' ? nowMs - 10 * 60_000 : undefined),
  lastSeenMs: (tenant, agentId) => (tenant === 'acme' && agentId === 'busy' ? nowMs - 20 * 60_000 : undefined),
};

beforeAll(async () => {
  store = await openQueryStore();
  const rows: RawRow[] = [];
  const add = (tenant: string, agentId: string, ageMs: number, more: object): void => {
    rows.push({ tenant, agent_id: agentId, type: 'log', ts: nowMs - ageMs, received: nowMs - ageMs, ...more });
  };
  for (let n = 0; n < 30; n++) add('acme', `agent-${String(n).padStart(2, '0')}`, n * hourMs, {});
  for (const [index, type] of ['task.completed', 'task.completed', 'task.failed', 'task.cancelled'].entries()) {
    add('acme', 'agent-03', index * hourMs, {
      type,
      task_id: `t${index}`,
      error_category: type === 'task.failed' ? 'tool' : '',
    });
    add('acme', 'agent-03', 25 * hourMs, {
      type,
      task_id: `old${index}`,
      error_category: type === 'task.failed' ? 'tool' : '',
    });
    add('globex', 'agent-03', index * hourMs, { type: 'task.completed', task_id: `t${index}` });
  }
  add('acme', 'agent-03', 2 * hourMs, { agent_name: 'Ada' });
  add('acme', 'agent-03', 9 * hourMs, { agent_name: 'Old name' });
  // Comes now, and tells of yesterday.
  add('acme', 'agent-03', 26 * hourMs, { agent_name: 'Late name', received: nowMs });
  add('acme', 'agent-05', 5 * hourMs, { agent_name: 'Of one time, received later', received: nowMs - 1 });
  add('acme', 'agent-05', 5 * hourMs, { agent_name: 'Of one time' });
  await store.insert(rows);
  api = createQueryApi({ store: store.reader, memory: store.memory, clock: new FakeClock(nowMs), windows });
});

afterAll(async () => {
  await store.close();
});

test('the agents of a tenant come by id, page by page, each once', async () => {
  const found: string[] = [];
  for (let cursor = ''; found.length <= 30; ) {
    const { status, body } = await api.get('acme', `/api/v1/agents?limit=7${cursor}`);
    expect(status).toBe(200);
    found.push(...(body.agents as { agent_id: string }[]).map((agent) => agent.agent_id));
    if (body.next_cursor === null) break;
    cursor = `&cursor=${String(body.next_cursor)}`;
  }
  expect(found).toEqual(Array.from({ length: 30 }, (_, n) => `agent-${String(n).padStart(2, '0')}`));
});

test('an agent carries its latest name, when it was last heard of and its last 24 hours', async () => {
  const { body } = await api.get('acme', '/api/v1/agents?limit=100');
  const agents = body.agents as Record<string, unknown>[];
  expect(agents.find((agent) => agent.agent_id === 'agent-03')).toEqual({
    agent_id: 'agent-03',
    agent_name: 'Ada',
    last_seen: new Date(nowMs).toISOString(),
    executions_24h: 4,
    successful_24h: 2,
    failed_24h: 1,
    success_rate_24h: 66.67,
  });
  expect(agents.find((agent) => agent.agent_id === 'agent-29')).toEqual({
    agent_id: 'agent-29',
    agent_name: null,
    last_seen: new Date(nowMs - 29 * hourMs).toISOString(),
    executions_24h: 0,
    successful_24h: 0,
    failed_24h: 0,
    success_rate_24h: null,
  });
});

test('an event that comes late does not rename an agent; of two of one time the later received does', async () => {
  const { body } = await api.get('acme', '/api/v1/agents?limit=100');
  const nameOf = new Map((body.agents as Record<string, unknown>[]).map((agent) => [agent.agent_id, agent.agent_name]));
  expect([nameOf.get('agent-03'), nameOf.get('agent-05')]).toEqual(['Ada', 'Of one time, received later']);
});

test('a tenant sees its own agents alone, and their own numbers under a shared id', async () => {
  const { body } = await api.get('globex', '/api/v1/agents');
  expect(body.agents).toMatchObject([
    { agent_id: 'agent-03', agent_name: null, executions_24h: 4, success_rate_24h: 100 },
  ]);
  const nobody = await api.get('initech', '/api/v1/agents');
  expect(nobody.body).toEqual({ agents: [], limit: 20, next_cursor: null });
});

test('the live answer has all five windows, the empty ones as zeros and nulls, without a query', async () => {
  store.asked.length = 0;
  const { status, body } = await api.get('acme', '/api/v1/agents/busy/live');
  expect(status).toBe(200);
  expect(store.asked).toEqual([]);
  expect(body).toMatchObject({ agent_id: 'busy', as_of: new Date(nowMs).toISOString() });
  expect(body.last_seen).toBe(new Date(nowMs - 20 * 60_000).toISOString());
  const answered = body.windows as Record<string, unknown>;
  expect(Object.keys(answered)).toEqual(['1m', '5m', '15m', '1h', '24h']);
  expect(answered['1h']).toEqual({
    total_executions: 4,
    successful_executions: 2,
    failed_executions: 1,
    cancelled_executions: 1,
    success_rate: 66.67,
    error_rate: 33.33,
    execution_times: { avg_ms: 20.33, min_ms: 10, max_ms: 30, p50_ms: 20, p95_ms: 30, p99_ms: 30 },
    errors: { tool: 1 },
    llm_calls: 5,
    tokens: { in: 100, out: 11, total: 111 },
    cost_cents: 1.2345,
    tokens_unpriced: 9,
    avg_confidence: 0.5,
    max_memory_mb: 64,
  });
  expect(answered['5m']).toMatchObject({ total_executions: 0, success_rate: null, execution_times: { p99_ms: null } });
});

test('an agent that is quiet has empty windows, one that is unknown is a 404', async () => {
  const quiet = await api.get('acme', '/api/v1/agents/agent-29/live');
  expect([quiet.status, quiet.body.last_seen]).toEqual([200, null]);
  const unknown = await api.get('globex', '/api/v1/agents/busy/live');
  expect([unknown.status, unknown.body.code]).toEqual([404, 'not_found']);
});
