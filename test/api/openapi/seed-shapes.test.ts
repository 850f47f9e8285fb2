import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { HealthProbe } from '../../../src/core/ports/health-probe.js';
import { FakeClock } from '../../support/fake-clock.js';
import { createQueryApi, type QueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore } from '../api-store.js';
import { historyEndMs as endMs, metricHistory, seedHistory, startMs } from './seed-history.js';

/** The answers that other systems' documents describe, to the letter: names, types and units. */

let store: QueryStore;
let api: QueryApi;

const healthy: HealthProbe = {
  name: 'clickhouse',
  ifUnhealthy: 'degraded',
  health: () => ({
    name: 'clickhouse',
    status: 'healthy',
    reason: null,
    details: { version: '26.1', queued: 0 },
  }),
};
const slow: HealthProbe = {
  name: 'disk',
  ifUnhealthy: 'degraded',
  health: () => ({ name: 'disk', status: 'degraded', reason: 'the disk is nearly full', details: {} }),
};

beforeAll(async () => {
  store = await openQueryStore();
  await store.insert([...seedHistory, ...metricHistory]);
  api = createQueryApi({
    store: store.reader,
    memory: store.memory,
    clock: new FakeClock(endMs),
    probes: [healthy, slow],
  });
  await vi.waitFor(async () => expect(await get('/api/v1/monitoring/tasks')).toMatchObject({ total: 5 }), {
    timeout: 60_000,
  });
});

afterAll(async () => {
  await store.close();
});

async function get(target: string, tenant = 'acme'): Promise<unknown> {
  const { status, text } = await api.get(tenant, target);
  expect(status, text).toBe(200);
  return JSON.parse(text);
}

const at = (afterMs: number) => new Date(startMs + afterMs).toISOString();

const completedTask = {
  task_id: '7d1f0c3e-0000-4000-8000-000000000003',
  crew_id: 'trading_analysis_crew',
  status: 'COMPLETED',
  start_time: at(3_000),
  end_time: at(5_500),
  duration_ms: 2_500,
  input_summary: { symbol: 'BTC/USD', timeframe: '1h', strategy_name: `${'s'.repeat(99)}…` },
  error_preview: null,
};

test('the list of tasks has the fields, words and units of TaskListResponse', async () => {
  const page = (await get('/api/v1/monitoring/tasks?limit=20&offset=0')) as { tasks: Record<string, unknown>[] };
  expect(page).toMatchObject({ total: 5, limit: 20, offset: 0 });
  const summaries = page.tasks.map((task) => Object.fromEntries(Object.keys(completedTask).map((k) => [k, task[k]])));
  const idOf = (number: number) => `7d1f0c3e-0000-4000-8000-00000000000${number}`;
  const common = { crew_id: 'trading_analysis_crew', input_summary: null, error_preview: null };
  const open = { ...common, end_time: null, duration_ms: null };
  expect(summaries).toEqual([
    {
      ...common,
      task_id: idOf(5),
      status: 'FAILED',
      start_time: at(7_000),
      end_time: at(7_100),
      duration_ms: 100,
    },
    {
      ...common,
      task_id: idOf(4),
      crew_id: null,
      status: 'FAILED',
      start_time: at(6_000),
      end_time: at(6_750),
      duration_ms: 750,
      error_preview: 'e'.repeat(200),
    },
    completedTask,
    { ...open, task_id: idOf(2), status: 'RUNNING', start_time: at(2_000) },
    { ...open, task_id: idOf(1), status: 'PENDING', start_time: at(1_000) },
  ]);
  expect(page.tasks.map(({ state }) => state)).toEqual(['cancelled', 'failed', 'completed', 'running', 'pending']);
});

test.each([
  ['COMPLETED', 3],
  ['completed', 3],
  ['Success', 3],
  ['PENDING', 1],
  ['RUNNING', 2],
  ['FAILED', 4],
  ['CANCELLED', 5],
])('the filter status=%s is understood', async (word, number) => {
  const page = await get(`/api/v1/monitoring/tasks?status=${word}`);
  expect(page).toMatchObject({ total: 1, tasks: [{ task_id: `7d1f0c3e-0000-4000-8000-00000000000${number}` }] });
});

test('the filters by crew and start, limit and offset select of the tasks', async () => {
  const page = await get(
    `/api/v1/monitoring/tasks?crew_id=trading_analysis_crew&start_date_from=${at(2_000)}&start_date_to=${at(6_000)}`,
  );
  expect(page).toMatchObject({ total: 2, tasks: [{ status: 'COMPLETED' }, { status: 'RUNNING' }] });
  const second = await get('/api/v1/monitoring/tasks?limit=1&offset=2');
  expect(second).toMatchObject({ total: 5, limit: 1, offset: 2, tasks: [completedTask] });
});

test('one task has its lifecycle, inputs, output, error and logs', async () => {
  const { error_preview: _preview, ...summary } = completedTask;
  expect(await get(`/api/v1/monitoring/tasks/${summary.task_id}`)).toMatchObject({
    ...summary,
    inputs: { symbol: 'BTC/USD', timeframe: '1h', strategy_name: 's'.repeat(120) },
    output: { signal: 'buy' },
    error_message: null,
    logs_summary: { total: 1, by_level: { warn: 1 } },
  });
});

test('memory statistics are those of the monitoring service, of all time', async () => {
  expect(await get('/api/v1/monitoring/agents/rememberer/memory/stats')).toMatchObject({
    app_agent_id: 'rememberer',
    letta_agent_id: null,
    memories_stored_count: 3,
    memories_recalled_count: 2,
    last_activity_timestamp: at(30_000),
  });
  const today = new Date(endMs).toISOString().slice(0, 10);
  expect(await get(`/api/v1/monitoring/agents/rememberer/memory/stats?from=${today}`)).toMatchObject({
    memories_stored_count: 3,
    stored: 2,
  });
});

test('system health is a summary with details as text', async () => {
  expect(await get('/api/v1/monitoring/system/health')).toMatchObject({
    overall_status: 'degraded',
    timestamp: new Date(endMs).toISOString(),
    service_statuses: [
      { name: 'clickhouse', status: 'healthy', details: 'version 26.1, queued 0' },
      { name: 'disk', status: 'degraded', details: 'the disk is nearly full' },
    ],
  });
});

const execution = {
  run_id: 'run-82923a',
  status: 'success',
  started_at: at(60_000),
  duration: '45s',
  input: 'Process PR #42',
  output: 'No issues found',
  node_count: 3,
  tokens_used: 1_250,
  cost_cents: 25,
};

test('the execution history is an array of its items, newest first', async () => {
  const [running, failed, completed, ...rest] = (await get('/api/v1/agents/history')) as object[];
  expect(rest).toEqual([]);
  expect(completed).toMatchObject(execution);
  expect(failed).toMatchObject({
    run_id: 'run-failed',
    status: 'failed',
    duration: '0.25s',
    input: null,
    output: null,
  });
  expect(running).toMatchObject({ run_id: 'run-open', status: 'running', duration: null });
});

test('the execution history pages by skip and limit, and tells the rest in headers', async () => {
  expect(await get('/api/v1/agents/history?agent_id=bug-triager&status=success')).toMatchObject([execution]);
  const { text, headers } = await api.get('acme', '/api/v1/agents/history?limit=1&skip=1');
  expect(JSON.parse(text)).toMatchObject([{ run_id: 'run-failed' }]);
  expect(headers).toMatchObject({ 'x-total-count': '3', 'x-total-is-exact': 'true' });
  const next = /^<(.*)>; rel="next"$/.exec(headers.link ?? '')?.[1] ?? '';
  expect(new URL(next, 'http://collector').searchParams.get('cursor')).toBe(headers['x-next-cursor']);
  const last = await api.get('acme', next);
  expect(JSON.parse(last.text)).toMatchObject([execution]);
  expect(last.headers).not.toHaveProperty('link');
});

test('the logs of an execution have its nodes with their metadata, the final output and a summary', async () => {
  const logs = (await get('/api/v1/agents/logs?run_id=run-82923a')) as { nodes: object[] };
  expect(logs).toMatchObject({
    run_id: 'run-82923a',
    nodes: [
      {
        id: 'planner',
        type: 'llm',
        input: 'plan the review',
        output: 'steps: 2, ready: yes',
        time: '8s',
        status: 'completed',
        metadata: { tool: null, model: 'gpt-4.1', position: 1, labels: { stage: 'plan' } },
      },
      {
        id: 'reader',
        type: 'tool',
        input: null,
        output: null,
        time: '1.2s',
        status: 'failed',
        metadata: { tool: 'git_diff', model: null, position: 2, labels: {} },
      },
      { id: 'reader', type: 'tool', time: '36s', status: 'completed', attempt: 2, metadata: { position: 3 } },
    ],
    errors: [{ step_id: 'reader', attempt: 1, error_message: 'no answer', recovered: true }],
    final_output: 'No issues found',
    summary: { total_nodes: 3, successful_nodes: 2, failed_nodes: 1, total_duration: '45.2s' },
  });
  const { body } = await api.get('acme', '/api/v1/agents/logs?run_id=run-82923a&limit=2');
  const rest = await get(`/api/v1/agents/logs?run_id=run-82923a&limit=2&cursor=${String(body.next_cursor)}`);
  expect((rest as { nodes: object[] }).nodes).toEqual(logs.nodes.slice(2));
});

/** What the description of the metrics shows, and nothing else of an answer. */
const metricNames = [
  ...['agent_id', 'time_range', 'total_executions', 'successful_executions', 'failed_executions', 'total_errors'],
  ...['success_rate', 'error_rate', 'execution_times', 'trend'],
];

async function metrics(target: string) {
  const answer = (await get(target, 'metrics')) as Record<string, unknown>;
  const { top_errors: errors, ...rest } = answer;
  const topErrors = (errors as { error: string; count: number }[]).map(({ error, count }) => ({ error, count }));
  return { ...Object.fromEntries(metricNames.map((name) => [name, rest[name]])), top_errors: topErrors };
}

const noTimes = { avg_ms: null, min_ms: null, max_ms: null, p50_ms: null, p95_ms: null, p99_ms: null };

test.each(['agents', 'agent-studio/agents'])('the metrics under /%s are those of ten executions', async (path) => {
  for (const type of ['realtime', 'aggregated']) {
    expect(await metrics(`/api/v1/${path}/ten/metrics?time_range=7d&metric_type=${type}`)).toEqual({
      agent_id: 'ten',
      time_range: '7d',
      total_executions: 10,
      successful_executions: 7,
      failed_executions: 3,
      total_errors: 3,
      success_rate: 70,
      error_rate: 30,
      execution_times: {
        avg_ms: 550,
        min_ms: 100,
        max_ms: 1_000,
        p50_ms: expect.any(Number),
        p95_ms: expect.any(Number),
        p99_ms: expect.any(Number),
      },
      top_errors: [
        { error: 'Connection timeout', count: 2 },
        { error: 'Invalid input', count: 1 },
      ],
      trend: 'improving',
    });
  }
});

test('rates are told to two decimals, and fewer than ten executions are no trend', async () => {
  expect(await metrics('/api/v1/agents/three/metrics')).toMatchObject({
    total_executions: 3,
    success_rate: 66.67,
    error_rate: 33.33,
    execution_times: noTimes,
    top_errors: [{ error: 'Connection timeout', count: 1 }],
    trend: 'insufficient_data',
  });
});

test('an agent without executions has zeros, no times and no trend, even if nobody ever heard of it', async () => {
  expect(await metrics('/api/v1/agents/nobody/metrics?time_range=90d')).toEqual({
    agent_id: 'nobody',
    time_range: '90d',
    total_executions: 0,
    successful_executions: 0,
    failed_executions: 0,
    total_errors: 0,
    success_rate: 0,
    error_rate: 0,
    execution_times: noTimes,
    top_errors: [],
    trend: 'no_data',
  });
});

test('a shorter range of time counts no more executions than a longer one', async () => {
  const totals = [];
  for (const range of ['1d', '7d', '30d', '90d']) {
    const { total_executions: total } = (await metrics(`/api/v1/agents/ten/metrics?time_range=${range}`)) as {
      total_executions?: number;
    };
    totals.push(total);
  }
  expect(totals).toEqual([0, 10, 10, 10]);
});

test.each(['metrics', 'agent-studio/metrics'])('the dashboard under /%s is of the whole system', async (path) => {
  const answer = (await get(`/api/v1/${path}/dashboard`, 'metrics')) as Record<string, unknown[]>;
  expect(answer).toMatchObject({
    total_agents: 4,
    total_executions: { '24h': 43, '7d': 53, '30d': 53 },
    average_success_rate: 52.83,
    top_performing_agents: [{ agent_id: 'steady', total_executions: 20, success_rate: 95 }],
    agents_with_issues: [{ agent_id: 'failing', error_rate: 100 }],
  });
  expect(answer.execution_trends).toHaveLength(30);
  expect(answer.execution_trends?.at(-1)).toMatchObject({ total_executions: 43, success_rate: 48.84 });
  expect(answer.execution_trends?.at(-3)).toMatchObject({ total_executions: 10, success_rate: 70, error_rate: 30 });
});
