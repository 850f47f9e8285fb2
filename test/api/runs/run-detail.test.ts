import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { createQueryApi, type QueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api-store.js';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
const startMs = nowMs - 2 * hourMs;

let store: QueryStore;
let api: QueryApi;

beforeAll(async () => {
  store = await openQueryStore();
  api = createQueryApi({ store: store.reader, clock: new FakeClock(nowMs) });
  const rows = [...reportRun('acme', 'report'), ...lostRun()];
  // Another tenant has a run, tasks and steps of the same ids.
  await store.insert([...rows.reverse(), ...reportRun('globex', 'report').slice(0, 2)]);
});

afterAll(() => store.close());

function event(tenant: string, type: string, afterMs: number, more: object = {}): RawRow {
  return { tenant, agent_id: 'lead', type, ts: startMs + afterMs, received: startMs + afterMs + 5, ...more };
}

/** A run of two tasks: a search that fails twice and then works, an answer that fails for good. */
function reportRun(tenant: string, runId: string): RawRow[] {
  const run = { run_id: runId, crew_id: 'night', user_id: 'ann' };
  const find = { ...run, task_id: 'find', name: 'find sources' };
  const write = { ...run, task_id: 'write', name: 'write it' };
  const search = { ...find, step_id: 'search', name: 'web', step_kind: 'tool' };
  const timeout = { error_category: 'tool', error_code: 'timeout', error_message: 'no answer' };
  return [
    event(tenant, 'run.started', 0, { ...run, name: 'report', inputs: { topic: 'tides' } }),
    event(tenant, 'task.running', 10, find),
    event(tenant, 'step.started', 20, { ...search, attempt: 1, inputs: { q: 'tide' } }),
    event(tenant, 'step.failed', 60, { ...search, attempt: 1, ...timeout, tokens_in: 5 }),
    event(tenant, 'step.failed', 90, { ...search, attempt: 2, ...timeout, duration_ms: 20, agent_id: 'helper' }),
    event(tenant, 'step.completed', 130, {
      ...search,
      attempt: 3,
      duration_ms: 30,
      tokens_in: 7,
      outputs: { hits: '4' },
    }),
    event(tenant, 'task.completed', 140, { ...find, duration_ms: 130, tokens_in: 11, outputs: { sources: '4' } }),
    event(tenant, 'task.running', 150, write),
    event(tenant, 'step.failed', 180, {
      ...write,
      step_id: 'draft',
      step_kind: 'llm',
      duration_ms: 20,
      error_category: 'model',
      tokens_in: 90,
      usage_scope: 'rolled_up',
    }),
    event(tenant, 'task.failed', 200, {
      ...write,
      duration_ms: 50,
      error_category: 'model',
      error_message: 'x'.repeat(400),
    }),
    event(tenant, 'run.failed', 210, {
      ...run,
      name: 'report',
      inputs: { topic: 'tides' },
      duration_ms: 210,
      tokens_in: 13,
      error_category: 'model',
      error_code: 'refused',
      error_message: 'cannot write',
    }),
  ];
}

/** Of this run only a step and a task arrived. */
function lostRun(): RawRow[] {
  const names = { run_id: 'lost', task_id: 'alone' };
  return [
    event('acme', 'step.completed', 50, { ...names, step_id: 's', tokens_in: 3, outputs: { rows: '9' } }),
    event('acme', 'task.running', 40, names),
  ];
}

async function get(path: string, tenant = 'acme'): Promise<Record<string, unknown>> {
  const { status, body } = await api.get(tenant, `/api/v1/${path}`);
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
}

const at = (afterMs: number) => new Date(startMs + afterMs).toISOString();

test('a run is answered with its state, what its events add up to, its tasks in order and its failures', async () => {
  const body = await get('runs/report');
  expect(body).toMatchObject({
    run_id: 'report',
    name: 'report',
    status: 'failed',
    crew_id: 'night',
    user_id: 'ann',
    agents: ['helper', 'lead'],
    // The end reports no start: it is the duration before it.
    started_at: at(0),
    ended_at: at(210),
    duration_ms: 210,
    error_code: 'refused',
    error_message: 'cannot write',
    inputs: { topic: 'tides' },
    own: { tokens: { in: 13 } },
    // Without the 90 that the draft reports with what is below it.
    total: { tokens: { in: 5 + 7 + 11 + 13 } },
    events: 11,
    tasks_ended: 2,
    tasks_failed: 1,
    steps_started: 4,
    steps_ended: 4,
    steps_failed: 3,
    first_event_at: at(0),
    last_event_at: at(210),
    total_tasks: 2,
    steps_expired: false,
    links: { timeline: '/api/v1/runs/report/timeline', tasks: '/api/v1/monitoring/tasks?run_id=report' },
  });
  const tasks = body.tasks as Record<string, unknown>[];
  expect(tasks.map((task) => [task.task_id, task.status, task.error_preview])).toEqual([
    ['find', 'completed', null],
    ['write', 'failed', 'x'.repeat(200)],
  ]);
});

test('failures name their step and attempt, and whether a later attempt came and completed', async () => {
  const failures = (await get('runs/report')).failures as Record<string, unknown>[];
  expect(failures.map((f) => [f.type, f.task_id, f.step_id, f.attempt, f.error_code, f.retried, f.recovered])).toEqual([
    ['step', 'find', 'search', 1, 'timeout', true, true],
    ['step', 'find', 'search', 2, 'timeout', true, true],
    ['task', 'write', null, 1, null, false, false],
    ['step', 'write', 'draft', 1, null, false, false],
  ]);
  expect(failures[1]).toMatchObject({ agent_id: 'helper', failed_at: at(90), duration_ms: 20, kind: 'tool' });
});

test('a task has its failures and attempts too, its logs are summed up by level', async () => {
  const shared = { tenant: 'logs', agent_id: 'a', task_id: 'noisy', run_id: 'r' };
  const row = (type: string, afterMs: number, more: object): RawRow => ({
    ...shared,
    type,
    ts: startMs + afterMs,
    received: startMs + afterMs,
    ...more,
  });
  await store.insert([
    row('task.running', 0, { attempt: 1 }),
    row('task.failed', 100, { attempt: 1, error_category: 'infra', error_code: 'gone' }),
    row('task.running', 200, { attempt: 2 }),
    row('task.completed', 300, { attempt: 2, outputs: { ok: 'true' } }),
    row('log', 10, { level: 'info', message: 'one' }),
    row('log', 30, { level: 'error', message: 'three' }),
    row('log', 20, { level: 'error', message: 'two', step_id: 's' }),
    row('log', 40, { message: 'four' }),
  ]);
  const body = await get('monitoring/tasks/noisy', 'logs');
  const attempts = body.attempts as Record<string, unknown>[];
  expect(attempts.map((a) => [a.attempt, a.status, a.started_at, a.ended_at])).toEqual([
    [1, 'failed', at(0), at(100)],
    [2, 'completed', at(200), at(300)],
  ]);
  expect(body.failures).toMatchObject([
    { type: 'task', attempt: 1, error_code: 'gone', retried: true, recovered: true },
  ]);
  expect((body.logs as { message: string }[]).map(({ message }) => message)).toEqual(['one', 'two', 'three', 'four']);
  expect(body.logs_summary).toEqual({
    total: 4,
    by_level: { info: 1, error: 2, none: 1 },
    first_at: at(10),
    last_at: at(40),
    newest_error: { ts: at(30), level: 'error', step_id: null, message: 'three' },
  });
});

test('a task of more step attempts than an answer holds has its own attempts and failures all the same', async () => {
  const shared = { tenant: 'long', agent_id: 'a', task_id: 'long' };
  const row = (type: string, afterMs: number, more: object): RawRow => {
    return { ...shared, type, ts: startMs + afterMs, received: startMs + afterMs, ...more };
  };
  const steps = Array.from({ length: 1_200 }, (_, n) => row('step.completed', n, { step_id: `s${n}` }));
  const failed = { step_id: 'late', error_category: 'tool', attempt: 1 };
  await store.insert([
    ...steps,
    row('step.failed', 2_000, failed),
    row('step.completed', 2_100, { step_id: 'late', attempt: 2 }),
    row('task.completed', 2_200, {}),
  ]);
  const body = await get('monitoring/tasks/long', 'long');
  expect(body).toMatchObject({ steps_truncated: true, attempts_truncated: false, failures_truncated: false });
  expect(body.steps).toHaveLength(1_000);
  expect(body.attempts).toMatchObject([{ status: 'completed' }]);
  expect(body.failures).toMatchObject([{ step_id: 'late', attempt: 1, retried: true, recovered: true }]);
});

test('ids of any characters are answered as they are', async () => {
  const odd = 'a/b #1 "é" % 日本';
  const names = { run_id: odd, task_id: odd, step_id: odd };
  await store.insert([event('odd', 'step.completed', 0, names), event('odd', 'task.completed', 1, names)]);
  const path = encodeURIComponent(odd);
  expect(await get(`runs/${path}`, 'odd')).toMatchObject({ run_id: odd, tasks: [{ task_id: odd }] });
  const nodes = (await get(`runs/${path}/timeline?limit=2`, 'odd')).nodes as { node: string; parent: string | null }[];
  expect(nodes.map(({ parent }) => parent)).toEqual([null, 'run']);
  const first = await get(`agents/logs?run_id=${path}&limit=1`, 'odd');
  const second = await get(`agents/logs?run_id=${path}&limit=1&cursor=${String(first.next_cursor)}`, 'odd');
  expect([first.nodes, second.nodes]).toMatchObject([[{ id: odd }], [{ id: odd }]]);
});

test('a run whose own events were lost is told by what else names it, until it falls silent', async () => {
  const body = await get('runs/lost');
  const unknown = { name: null, agent_id: null, started_at: null, ended_at: null, duration_ms: null };
  expect(body).toMatchObject({ ...unknown, status: 'orphaned', total_tasks: 1, total: { tokens: { in: 3 } } });
  const then = createQueryApi({ store: store.reader, clock: new FakeClock(startMs + 2 * minuteMs) });
  const early = await then.get('acme', '/api/v1/runs/lost');
  expect(early.body).toMatchObject({ status: 'running', first_event_at: at(40) });
  expect((early.body.tasks as { status: string }[])[0]?.status).toBe('running');
});

test('a heartbeat of the agent keeps a silent run alive, and one of another agent does not', async () => {
  const beat = (agentId: string): RawRow => ({
    ...event('beats', 'heartbeat', 0),
    agent_id: agentId,
    received: nowMs - 1_000,
  });
  const open = { run_id: 'open' };
  await store.insert([event('beats', 'run.started', 0, open), beat('other')]);
  expect(await get('runs/open', 'beats')).toMatchObject({ status: 'orphaned' });
  await store.insert([beat('lead')]);
  expect(await get('runs/open', 'beats')).toMatchObject({ status: 'running' });
});

test('the nodes of a run come in the order of their begin, with errors, final output and a summary', async () => {
  const body = await get('agents/logs?run_id=report');
  const nodes = body.nodes as Record<string, unknown>[];
  expect(nodes.map((node) => [node.id, node.type, node.attempt, node.status, node.started_at])).toEqual([
    ['find', 'task', 1, 'completed', at(10)],
    ['search', 'tool', 1, 'failed', at(20)],
    ['search', 'tool', 2, 'failed', at(70)],
    ['search', 'tool', 3, 'completed', at(100)],
    ['write', 'task', 1, 'failed', at(150)],
    ['draft', 'llm', 1, 'failed', at(160)],
  ]);
  // Of the first attempt nobody reported a duration: it is from start to end.
  expect(nodes[1]).toMatchObject({
    inputs: { q: 'tide' },
    outputs: {},
    input: 'tide',
    output: null,
    time: '0.04s',
    duration_ms: 40,
  });
  expect(body).toMatchObject({
    status: 'failed',
    final_output: '4',
    final_outputs: { sources: '4' },
    summary: { total_nodes: 6, successful_nodes: 2, failed_nodes: 4, total_duration: '0.21s', total_duration_ms: 210 },
    errors_truncated: false,
    next_cursor: null,
  });
  expect((body.errors as unknown[]).length).toBe(4);
});

test('the pages of the nodes are all of them once, each with the summary of the run', async () => {
  const ids: unknown[] = [];
  for (let cursor = ''; ids.length < 10; ) {
    const body = await get(`agents/logs?run_id=report&limit=4${cursor}`);
    ids.push(...(body.nodes as { id: string; attempt: number }[]).map((node) => `${node.id} ${node.attempt}`));
    expect(body.summary).toMatchObject({ total_nodes: 6, failed_nodes: 4 });
    if (body.next_cursor === null) break;
    cursor = `&cursor=${String(body.next_cursor)}`;
  }
  expect(ids).toEqual(['find 1', 'search 1', 'search 2', 'search 3', 'write 1', 'draft 1']);
});

test('logs without the id of a run are refused in words of the API', async () => {
  const { status, body } = await api.get('acme', '/api/v1/agents/logs');
  expect([status, body.errors]).toEqual([
    400,
    [{ path: 'run_id', code: 'parameter_invalid', message: 'expected an id; it is missing' }],
  ]);
});

test('without outputs of the run or a task, the final output is that of the step that completed last', async () => {
  expect(await get('agents/logs?run_id=lost')).toMatchObject({
    final_outputs: { rows: '9' },
    summary: { total_nodes: 2, successful_nodes: 1, failed_nodes: 0, total_duration: '0.01s' },
  });
});

test('a run older than steps are kept says so, and has its state and tasks still', async () => {
  const later = createQueryApi({ store: store.reader, clock: new FakeClock(nowMs + 31 * dayMs) });
  const { body } = await later.get('acme', '/api/v1/runs/report');
  expect(body).toMatchObject({ steps_expired: true, status: 'failed', total_tasks: 2 });
  const logs = await later.get('acme', '/api/v1/agents/logs?run_id=report');
  expect(logs.body).toMatchObject({ steps_expired: true });
  const task = await later.get('acme', '/api/v1/monitoring/tasks/find');
  expect(task.body).toMatchObject({ steps_expired: true, status: 'COMPLETED' });
});

test('a run of another tenant and an unknown one are not found, and the same id elsewhere is another run', async () => {
  for (const path of ['runs/lost', 'agents/logs?run_id=lost', 'runs/nobody', 'agents/logs?run_id=nobody']) {
    const { status, body } = await api.get('globex', `/api/v1/${path}`);
    expect([status, body.code], path).toEqual([404, 'not_found']);
  }
  expect(await get('runs/report', 'globex')).toMatchObject({ status: 'orphaned', events: 2, total_tasks: 1 });
});

test.each([
  ['runs/report?limit=1', 'limit'],
  ['agents/logs', 'run_id'],
  ['agents/logs?run_id=', 'run_id'],
  ['agents/logs?run_id=report&limit=1001', 'limit'],
  ['agents/logs?run_id=report&cursor=x', 'cursor'],
  ['agents/logs?run_id=report&skip=1', 'skip'],
])('%s is refused with the name of the parameter', async (path, name) => {
  const { status, body } = await api.get('acme', `/api/v1/${path}`);
  expect([status, body.code]).toEqual([400, 'parameter_invalid']);
  expect((body.errors as { path: string }[] | undefined)?.[0]?.path ?? JSON.stringify(body)).toContain(name);
});
