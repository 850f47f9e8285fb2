import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { createQueryApi, type QueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api-store.js';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
// Midday of a recent day, so that dates and times can be told apart; recent, because the store expires rows.
const noonMs = Math.floor(Date.now() / dayMs) * dayMs - 2 * dayMs + 12 * hourMs;
const statuses = ['pending', 'running', 'completed', 'failed', 'cancelled'] as const;

interface Expected {
  readonly task_id: string;
  readonly agent_id: string;
  readonly crew_id: string;
  readonly status: string;
  readonly startMs: number;
}

let store: QueryStore;
let api: QueryApi;
let lists: QueryApi;
const expected: Expected[] = [];

beforeAll(async () => {
  store = await openQueryStore();
  const rows: RawRow[] = [];
  for (let index = 0; index < 60; index++) {
    // Every third task starts in the same millisecond as the one before: the order must still be total.
    const startMs = noonMs - Math.floor(index / 3) * hourMs;
    const task = {
      task_id: `task-${String(index).padStart(2, '0')}`,
      agent_id: `agent-${index % 4}`,
      crew_id: index % 2 === 0 ? 'night' : 'day',
      status: statuses[index % 5] ?? 'pending',
      startMs,
    };
    expected.push(task);
    rows.push(...taskEvents('acme', task));
  }
  rows.push(...taskEvents('globex', { ...(expected[7] as Expected), agent_id: 'spy', status: 'completed' }));
  rows.push(...detailedTask());
  // The latest state must win whatever the order of arrival.
  await store.insert(rows.filter((_, index) => index % 2 === 1));
  await store.insert(rows.filter((_, index) => index % 2 === 0).reverse());
  const dependencies = { store: store.reader, clock: new FakeClock(noonMs) };
  api = createQueryApi(dependencies);
  // Their producers went away days ago; what is orphaned in lists is tested elsewhere.
  lists = createQueryApi(dependencies, { leaseMs: 30 * dayMs });
  // An insert fills the table of raw events first, the others a moment later.
  await vi.waitFor(async () => expect((await tasks('limit=1')).total).toBe(61), { timeout: 60_000 });
});

afterAll(async () => {
  await store.close();
});

function taskEvents(tenant: string, task: Expected): RawRow[] {
  const shared = { tenant, task_id: task.task_id, agent_id: task.agent_id, crew_id: task.crew_id, name: 'summarise' };
  const at = (type: string, ms: number, more: object = {}): RawRow => ({
    ...shared,
    type,
    ts: ms,
    received: ms,
    ...more,
  });
  const pending = at('task.pending', task.startMs);
  if (task.status === 'pending') return [pending];
  const running = at('task.running', task.startMs, { started_at: task.startMs });
  if (task.status === 'running') return [pending, running];
  // A clock that went back: the end is reported at an earlier time than the start, and is still the end.
  const end = at(`task.${task.status}`, task.startMs - 5, {
    started_at: task.startMs,
    ended_at: task.startMs + 900,
    duration_ms: 900,
    tokens_in: 120,
    tokens_out: 30,
    cost_micros: 4_500,
    llm_calls: 2,
    inputs: { topic: 'tides', depth: '3' },
    ...(task.status === 'failed'
      ? { error_category: 'tool', error_code: 'timeout', error_message: `cannot call search: ${'é'.repeat(300)}` }
      : {}),
  });
  return [pending, running, end];
}

const detailId = 'task with/steps & 100 %';

function detailedTask(): RawRow[] {
  const base = { tenant: 'acme', agent_id: 'lead', task_id: detailId, run_id: 'run-1' };
  const startMs = noonMs - (30 * dayMs) / 10;
  const step = (type: string, afterMs: number, more: object): RawRow => ({
    ...base,
    type: `step.${type}`,
    ts: startMs + afterMs,
    received: startMs + afterMs,
    ...more,
  });
  const log = (afterMs: number, message: string): RawRow => ({
    ...base,
    type: 'log',
    ts: startMs + afterMs,
    received: startMs + afterMs,
    level: 'warn',
    step_id: 's1',
    message,
  });
  return [
    { ...base, type: 'task.running', ts: startMs, received: startMs },
    step('started', 10, { step_id: 's1', attempt: 1, name: 'search', step_kind: 'tool', parent_id: 'run-1' }),
    step('failed', 60, {
      step_id: 's1',
      attempt: 1,
      duration_ms: 50,
      error_category: 'tool',
      error_message: 'no route',
    }),
    step('started', 70, { step_id: 's1', attempt: 2, name: 'search', step_kind: 'tool' }),
    step('completed', 120, {
      step_id: 's1',
      attempt: 2,
      agent_id: 'helper',
      duration_ms: 50,
      tokens_in: 9,
      cost_micros: 100,
    }),
    step('started', 130, { step_id: 's2', attempt: 1, name: 'answer', step_kind: 'llm' }),
    log(61, 'first'),
    log(62, 'second'),
    {
      ...base,
      type: 'task.failed',
      ts: startMs + 500,
      received: startMs + 501,
      ended_at: startMs + 500,
      duration_ms: 500,
      error_category: 'tool',
      error_message: 'x'.repeat(400),
      inputs: { topic: 't'.repeat(256) },
      outputs: { words: '12' },
      labels: { stage: 'beta' },
    },
  ];
}

function ordered(): Expected[] {
  return [...expected].sort((a, b) => b.startMs - a.startMs || (a.task_id < b.task_id ? 1 : -1));
}

function ids(body: Record<string, unknown>): string[] {
  return (body.tasks as { task_id: string }[]).map((task) => task.task_id);
}

async function tasks(query: string) {
  const { status, body } = await lists.get('acme', `/api/v1/monitoring/tasks?${query}`);
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
}

test('tasks come newest first, equal starts in a fixed order, with the total', async () => {
  const body = await tasks('limit=100&start_date_from=1970-01-01');
  const all = ids(body).filter((id) => id !== detailId);
  expect(all).toEqual(ordered().map((task) => task.task_id));
  expect(body).toMatchObject({ total: 61, limit: 100, offset: 0, next_cursor: null });
});

test('walking by cursor and walking by offset see every task once', async () => {
  const whole = ids(await tasks('limit=100'));
  const byCursor: string[] = [];
  for (let cursor = ''; byCursor.length <= 61; ) {
    const body = await tasks(`limit=7${cursor}`);
    byCursor.push(...ids(body));
    if (body.next_cursor === null) break;
    cursor = `&cursor=${String(body.next_cursor)}`;
  }
  const byOffset: string[] = [];
  for (let offset = 0; offset < 61; offset += 7) byOffset.push(...ids(await tasks(`limit=7&offset=${offset}`)));
  expect(byCursor).toEqual(whole);
  expect(byOffset).toEqual(whole);
});

const noonDate = new Date(noonMs).toISOString().slice(0, 10);
const dawn = new Date(noonMs - 5 * hourMs);

test.each<[string, (task: Expected) => boolean]>([
  ['agent_id=agent-1', (task) => task.agent_id === 'agent-1'],
  ['crew_id=night', (task) => task.crew_id === 'night'],
  ...statuses.map((status): [string, (task: Expected) => boolean] => [
    `status=${status}`,
    (task) => task.status === status,
  ]),
  [
    'status=failed&crew_id=day&agent_id=agent-3',
    (t) => t.status === 'failed' && t.crew_id === 'day' && t.agent_id === 'agent-3',
  ],
  [`start_date_from=${dawn.toISOString()}`, (task) => task.startMs >= dawn.getTime()],
  [`start_date_to=${dawn.toISOString()}`, (task) => task.startMs <= dawn.getTime()],
  [
    `start_date_from=${noonDate}&start_date_to=${noonDate}`,
    (t) => new Date(t.startMs).toISOString().startsWith(noonDate),
  ],
  ['agent_id=nobody', () => false],
])('the filter %s holds for every task answered and for no other', async (filter, holds) => {
  const body = await tasks(`limit=100&${filter}`);
  const found = ids(body).filter((id) => id !== detailId);
  expect(found).toEqual(
    ordered()
      .filter(holds)
      .map((task) => task.task_id),
  );
  expect(body.total).toBe(ids(body).length);
});

test('an offset of time zone is understood, its plus sign encoded or not', async () => {
  const local = `${new Date(dawn.getTime() + 2 * hourMs).toISOString().slice(0, 19)}+02:00`;
  const wanted = ids(await tasks(`limit=100&start_date_from=${dawn.toISOString()}`));
  expect(ids(await tasks(`limit=100&start_date_from=${local}`))).toEqual(wanted);
  expect(ids(await tasks(`limit=100&start_date_from=${encodeURIComponent(local)}`))).toEqual(wanted);
});

test('an item carries its state, times, usage, input summary and the first 200 characters of its error', async () => {
  const body = await tasks('limit=1&status=failed&agent_id=agent-3');
  const wanted = ordered().find((task) => task.status === 'failed' && task.agent_id === 'agent-3') as Expected;
  expect((body.tasks as unknown[])[0]).toEqual({
    task_id: wanted.task_id,
    name: 'summarise',
    status: 'FAILED',
    state: 'failed',
    attempt: 1,
    agent_id: 'agent-3',
    agent_name: null,
    run_id: null,
    flow_id: null,
    crew_id: wanted.crew_id,
    engagement_id: null,
    user_id: null,
    session_id: null,
    environment: null,
    model: null,
    provider: null,
    finish_reason: null,
    start_time: new Date(wanted.startMs).toISOString(),
    end_time: new Date(wanted.startMs + 900).toISOString(),
    started_at: new Date(wanted.startMs).toISOString(),
    ended_at: new Date(wanted.startMs + 900).toISOString(),
    updated_at: new Date(wanted.startMs - 5).toISOString(),
    // Of the event received last, which is not the one that tells the state.
    received_at: new Date(wanted.startMs).toISOString(),
    duration_ms: 900,
    llm_calls: 2,
    tokens: { in: 120, out: 30, total: 150 },
    cost_cents: 0.45,
    tokens_unpriced: 0,
    tokens_cache_read: 0,
    tokens_cache_write: 0,
    tokens_reasoning: 0,
    cost_source: null,
    memory_mb: null,
    confidence: null,
    error_category: 'tool',
    error_code: 'timeout',
    input_summary: { topic: 'tides', depth: '3' },
    error_preview: `cannot call search: ${'é'.repeat(180)}`,
  });
});

test('a task in full has every field, its step attempts in order and its logs', async () => {
  const { status, body } = await api.get('acme', `/api/v1/monitoring/tasks/${encodeURIComponent(detailId)}`);
  expect(status).toBe(200);
  const startMs = noonMs - 3 * dayMs;
  const at = (afterMs: number) => new Date(startMs + afterMs).toISOString();
  expect(body).toMatchObject({
    task_id: detailId,
    status: 'FAILED',
    state: 'failed',
    run_id: 'run-1',
    // Its start told it before; the end does not repeat it.
    started_at: at(0),
    ended_at: at(500),
    error_message: 'x'.repeat(400),
    input_summary: { topic: `${'t'.repeat(99)}…` },
    inputs: { topic: 't'.repeat(256) },
    outputs: { words: '12' },
    output: { words: '12' },
    labels: { stage: 'beta' },
    steps_truncated: false,
    logs_truncated: false,
  });
  expect(body.logs).toEqual([
    { ts: at(61), level: 'warn', step_id: 's1', message: 'first' },
    { ts: at(62), level: 'warn', step_id: 's1', message: 'second' },
  ]);
  const steps = body.steps as Record<string, unknown>[];
  expect(steps.map((s) => [s.step_id, s.attempt, s.status, s.name, s.kind, s.agent_id])).toEqual([
    ['s1', 1, 'failed', 'search', 'tool', 'lead'],
    ['s1', 2, 'completed', 'search', 'tool', 'helper'],
    // Open, and nothing was heard for three days.
    ['s2', 1, 'orphaned', 'answer', 'llm', 'lead'],
  ]);
  expect(steps[0]).toMatchObject({
    parent_id: 'run-1',
    started_at: at(10),
    ended_at: at(60),
    error_message: 'no route',
  });
  expect(steps[1]).toMatchObject({ tokens: { in: 9, out: 0, total: 9 }, cost_cents: 0.01, error_message: null });
  expect(steps[2]).toMatchObject({ started_at: at(130), ended_at: null, duration_ms: null });
});

test('a task of more steps and logs than an answer holds says that it was cut, and keeps the newest logs', async () => {
  const shared = { tenant: 'bulk', agent_id: 'a', task_id: 'many', received: noonMs };
  const rows: RawRow[] = [{ ...shared, type: 'task.running', ts: noonMs }];
  for (let n = 0; n < 1_001; n++) rows.push({ ...shared, type: 'step.completed', step_id: `s${n}`, ts: noonMs + n });
  for (let n = 0; n < 201; n++) rows.push({ ...shared, type: 'log', message: `line ${n}`, ts: noonMs + n });
  await store.insert(rows);
  const { body } = await api.get('bulk', '/api/v1/monitoring/tasks/many');
  expect(body).toMatchObject({ steps_truncated: true, logs_truncated: true });
  expect(body.steps).toHaveLength(1_000);
  const lines = (body.logs as { message: string }[]).map((log) => log.message);
  expect([lines.length, lines[0], lines.at(-1)]).toEqual([200, 'line 1', 'line 200']);
});

test("another tenant's tasks are neither listed nor found", async () => {
  const theirs = await api.get('globex', '/api/v1/monitoring/tasks?limit=100');
  expect(ids(theirs.body)).toEqual(['task-07']);
  const shared = await api.get('globex', '/api/v1/monitoring/tasks/task-07');
  expect(shared.body).toMatchObject({ agent_id: 'spy' });
  const foreign = await api.get('globex', '/api/v1/monitoring/tasks/task-08');
  expect([foreign.status, foreign.body.code]).toEqual([404, 'not_found']);
});

test('a cursor of one tenant opens nothing of it to another', async () => {
  const { next_cursor: cursor } = await tasks('limit=1');
  const theirs = await api.get('globex', `/api/v1/monitoring/tasks?cursor=${String(cursor)}`);
  expect(ids(theirs.body)).toEqual(['task-07']);
});

test('a number kept in 32 bits is answered without made-up digits, an attempt nobody reported as null', async () => {
  const shared = { tenant: 'digits', agent_id: 'a', ts: noonMs, received: noonMs };
  await store.insert([
    { ...shared, type: 'task.completed', task_id: 'one', attempt: 0, confidence: 0.93, memory_mb: 201.4 },
  ]);
  const { body } = await api.get('digits', '/api/v1/monitoring/tasks/one');
  expect(body).toMatchObject({ attempt: null, confidence: 0.93, memory_mb: 201.4 });
  const metrics = await api.get('digits', '/api/v1/agents/a/metrics?time_range=7d');
  expect(metrics.body).toMatchObject({ avg_confidence: 0.93, max_memory_mb: 201.4 });
});

test('a task that ended without a start is placed by its duration', async () => {
  const shared = { tenant: 'lost', agent_id: 'a', received: noonMs };
  await store.insert([
    { ...shared, type: 'task.completed', task_id: 'long', ts: noonMs, duration_ms: 2 * hourMs },
    { ...shared, type: 'task.completed', task_id: 'short', ts: noonMs - hourMs, duration_ms: 1_000 },
  ]);
  const { body } = await api.get('lost', '/api/v1/monitoring/tasks');
  expect(ids(body)).toEqual(['short', 'long']);
});
