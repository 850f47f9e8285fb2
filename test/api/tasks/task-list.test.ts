import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { seededRandom, testSeed } from '../../support/seeded-random.js';
import { createQueryApi, type QueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api-store.js';
import {
  crowd,
  type ListedItem,
  listed,
  lookedAt,
  minuteMs,
  plannedEvents,
  shown,
  shuffled,
} from '../work/listed-history.js';

const seed = testSeed(40_417);
const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
const tenants = ['acme', 'globex'] as const;
const tasksPath = '/api/v1/monitoring/tasks';

let store: QueryStore;
let api: QueryApi;
const rows: RawRow[] = [];
const expected = new Map<string, ListedItem[]>();

beforeAll(async () => {
  store = await openQueryStore();
  const random = seededRandom(seed);
  for (const tenant of tenants) rows.push(...plannedEvents(random, { kind: 'task', tenant, count: 150, nowMs }));
  for (const tenant of tenants) rows.push(...signsOfLife(tenant));
  // What is under way is told another way where much was heard of.
  rows.push(...crowd('globex', nowMs));
  const mixed = shuffled(random, rows);
  const part = Math.ceil(mixed.length / 3);
  for (let from = 0; from < mixed.length; from += part) await store.insert(mixed.slice(from, from + part));
  for (const tenant of tenants) expected.set(tenant, listed(rows, 'task', { tenant, nowMs }));
  api = createQueryApi({ store: store.reader, clock: new FakeClock(nowMs) });
  for (const tenant of tenants) await totalIs(tenant, 150);
});

afterAll(async () => {
  await store.close();
});

/** Of some tasks, runs and agents something else was heard lately. */
function signsOfLife(tenant: string): RawRow[] {
  const recent = { tenant, ts: nowMs, received: nowMs - minuteMs, agent_id: 'other' };
  const ids = Array.from({ length: 60 }, (_, index) => `task-${String(index * 3).padStart(4, '0')}`);
  return [
    ...ids.map((id, index) => ({
      ...recent,
      type: ['step.started', 'log', 'heartbeat'][index % 3] ?? '',
      task_id: id,
      // Another agent that names no run speaks of a task of its own.
      run_id: index % 4 === 3 ? '' : runOf(tenant, id),
    })),
    ...['run-3', 'run-4'].map((id) => ({ ...recent, type: 'heartbeat', run_id: id })),
    { ...recent, type: 'step.started', run_id: 'run-5', step_id: 's' },
    { ...recent, type: 'heartbeat', agent_id: 'agent-2' },
  ];
}

const runOf = (tenant: string, taskId: string) =>
  rows.find((row) => row.tenant === tenant && row.task_id === taskId)?.run_id;

/** An insert fills the table of raw events first, the others a moment later. */
async function totalIs(tenant: string, total: number, query = ''): Promise<void> {
  const count = async () => (await api.get(tenant, `${tasksPath}?limit=1${query}`)).body.total;
  await vi.waitFor(async () => expect(await count()).toBe(total), { timeout: 60_000 });
}

interface Page {
  readonly tasks: readonly Readonly<Record<string, unknown>>[];
  readonly total: number;
  readonly total_is_exact: boolean;
  readonly next_cursor: string | null;
}

async function page(tenant: string, query: string): Promise<Page> {
  const { status, body } = await api.get(tenant, `${tasksPath}?${query}`);
  expect(status, JSON.stringify(body)).toBe(200);
  return body as unknown as Page;
}

/** Every page of a list, by cursor. */
async function walk(tenant: string, query: string, between: (pages: number) => Promise<void> = async () => {}) {
  const pages = [await page(tenant, query)];
  for (let cursor = pages[0]?.next_cursor; cursor != null && pages.length < 300; ) {
    await between(pages.length);
    const next = await page(tenant, `${query}&cursor=${cursor}`);
    pages.push(next);
    cursor = next.next_cursor;
  }
  return { pages, tasks: pages.flatMap(({ tasks }) => tasks) };
}

const places = (items: readonly ListedItem[]) => items.map(({ id, status }) => [id, status]);
const told = (tasks: Page['tasks']) => tasks.map((task) => [task.task_id, task.state]);
const fieldIs = (name: string, value: string) => (item: ListedItem) => (item.latest[name] ?? '') === value;
const textOf = (item: ListedItem) => String(item.latest.error_message ?? '').toLowerCase();
const hourAgo = nowMs - 60 * minuteMs;
const from = `start_date_from=${new Date(hourAgo).toISOString()}`;
const to = `start_date_to=${new Date(hourAgo).toISOString()}`;

const filters: readonly (readonly [query: string, holds: (item: ListedItem) => boolean])[] = [
  ['', () => true],
  ['agent_id=agent-1', fieldIs('agent_id', 'agent-1')],
  ['crew_id=crew-2', fieldIs('crew_id', 'crew-2')],
  ['flow_id=flow-3', fieldIs('flow_id', 'flow-3')],
  ['run_id=run-7', fieldIs('run_id', 'run-7')],
  ['engagement_id=engagement-4', fieldIs('engagement_id', 'engagement-4')],
  ['user_id=user-8', fieldIs('user_id', 'user-8')],
  ['session_id=session-11', fieldIs('session_id', 'session-11')],
  ['environment=production', fieldIs('environment', 'production')],
  ['model=large-4', fieldIs('model', 'large-4')],
  ['provider=lighthouse', fieldIs('provider', 'lighthouse')],
  ...['pending', 'running', 'completed', 'failed', 'cancelled', 'orphaned'].map(
    (status) => [`status=${status}`, (item: ListedItem) => item.status === status] as const,
  ),
  ['error_category=model', fieldIs('error_category', 'model')],
  ['error_category=user', () => false],
  ['error_text=search', (item) => textOf(item).includes('search')],
  [`error_text=${encodeURIComponent('STRASSE')}`, (item) => textOf(item).includes('straße')],
  [`error_text=${encodeURIComponent('straße GESPERRT: är')}`, (item) => textOf(item).includes('straße gesperrt: är')],
  [`error_text=${encodeURIComponent('100 % of \\n')}`, (item) => textOf(item).includes('100 % of \\n')],
  [from, (item) => item.beganMs >= hourAgo],
  [to, (item) => item.beganMs <= hourAgo],
  [`${from}&status=failed`, (item) => item.beganMs >= hourAgo && item.status === 'failed'],
  ['status=orphaned&agent_id=agent-0', (item) => item.status === 'orphaned' && item.latest.agent_id === 'agent-0'],
  ['status=running&user_id=user-3', (item) => item.status === 'running' && item.latest.user_id === 'user-3'],
  [
    'error_category=tool&status=completed',
    (item) => item.latest.error_category === 'tool' && item.status === 'completed',
  ],
  ['agent_id=nobody', () => false],
];

describe.each(tenants)('of %s', (tenant) => {
  test.each(filters)(`the filter "%s" lists what a recount of the events does (seed ${seed})`, async (query, holds) => {
    const wanted = shown(listed(rows, 'task', { tenant, nowMs }, lookedAt(query)).filter(holds), 29);
    const { pages, tasks } = await walk(tenant, `limit=29&${query}`);
    expect(told(tasks)).toEqual(places(wanted));
    for (const { total, total_is_exact: isExact } of pages) expect([total, isExact]).toEqual([wanted.length, true]);
  });
});

test('every status is among the tasks, so that no filter is tested by an empty list alone', () => {
  const statuses = new Set(expected.get('acme')?.map(({ status }) => status));
  expect([...statuses].sort()).toEqual(['cancelled', 'completed', 'failed', 'orphaned', 'pending', 'running']);
});

test.each(['', 'status=failed&', 'status=orphaned&'])('by offset with %s the same pages come', async (query) => {
  const { tasks } = await walk('acme', `limit=17&${query}`);
  for (let offset = 0; offset < tasks.length + 17; offset += 17) {
    const { tasks: found } = await page('acme', `limit=17&offset=${offset}&${query}`);
    expect(told(found)).toEqual(told(tasks.slice(offset, offset + 17)));
  }
});

test('what arrives while a list is walked moves nothing in it', async () => {
  const random = seededRandom(seed + 1);
  const before = plannedEvents(random, { kind: 'task', tenant: 'growing', count: 90, nowMs });
  await store.insert(before);
  await totalIs('growing', 90);
  const wanted = listed(before, 'task', { tenant: 'growing', nowMs }).map(({ id }) => id);
  const arriving = { tenant: 'growing', agent_id: 'new', type: 'task.completed', received: nowMs, ts: nowMs + 5 };
  const { tasks } = await walk('growing', 'limit=9', async (pages) => {
    const ids = Array.from({ length: 5 }, (_, index) => `new-${pages}-${index}`);
    await store.insert(ids.map((id) => ({ ...arriving, task_id: id })));
    await totalIs('growing', 90 + 5 * pages);
  });
  expect(tasks.map(({ task_id: id }) => id)).toEqual(wanted);
});

test('an orphaned task that speaks again is running, and its silence tells again later', async () => {
  const old = {
    tenant: 'lone',
    agent_id: 'a',
    task_id: 't',
    received: nowMs - 20 * minuteMs,
    ts: nowMs - 20 * minuteMs,
  };
  const clock = new FakeClock(nowMs);
  const ticking = createQueryApi({ store: store.reader, clock });
  const statusNow = async () => {
    const statuses: string[] = [];
    for (const status of ['running', 'orphaned']) {
      const { body } = await ticking.get('lone', `${tasksPath}?status=${status}`);
      if ((body.tasks as unknown[]).length > 0) statuses.push(status);
    }
    const { body } = await ticking.get('lone', tasksPath);
    return [...statuses, ...(body.tasks as { state: string }[]).map(({ state }) => state)];
  };
  await store.insert([{ ...old, type: 'task.running' }]);
  await vi.waitFor(async () => expect(await statusNow()).toEqual(['orphaned', 'orphaned']), { timeout: 60_000 });
  await store.insert([{ ...old, type: 'log', received: nowMs }]);
  await vi.waitFor(async () => expect(await statusNow()).toEqual(['running', 'running']), { timeout: 60_000 });
  clock.advance(5 * minuteMs);
  expect(await statusNow()).toEqual(['running', 'running']);
  clock.advance(1);
  expect(await statusNow()).toEqual(['orphaned', 'orphaned']);
  await store.insert([{ ...old, type: 'task.completed', ts: nowMs - 30 * minuteMs }]);
  await vi.waitFor(async () => expect(await statusNow()).toEqual(['completed']), { timeout: 60_000 });
});

test('a total is exact up to a thousand, with a filter of state up to a hundred, and at least that', async () => {
  const done = { tenant: 'many', agent_id: 'a', type: 'task.failed', error_category: 'tool', received: nowMs };
  const tasks = Array.from({ length: 1_000 }, (_, index) => ({ ...done, task_id: `t${index}`, ts: nowMs - index }));
  await store.insert(tasks.slice(0, 100));
  await totalIs('many', 100, '');
  for (const query of ['limit=1', 'limit=1&status=failed', 'limit=1&error_category=tool']) {
    expect(await page('many', query)).toMatchObject({ total: 100, total_is_exact: true });
  }
  await store.insert(tasks.slice(100));
  await totalIs('many', 1_000, '');
  expect(await page('many', 'limit=1')).toMatchObject({ total: 1_000, total_is_exact: true });
  for (const query of ['limit=1&status=failed', 'limit=1&error_category=tool']) {
    expect(await page('many', query)).toMatchObject({ total: 100, total_is_exact: false });
  }
  // What was looked at to count them tells which are on the page: of no others all is read.
  expect(store.asked.at(-1)?.params.ids).toEqual(['t0']);
  await store.insert([{ ...done, task_id: 'one more', ts: nowMs }]);
  await vi.waitFor(async () => expect((await page('many', 'limit=1')).total_is_exact).toBe(false), { timeout: 60_000 });
  expect(await page('many', 'limit=1')).toMatchObject({ total: 1_000, total_is_exact: false });
});

test('what is orphaned is found behind thousands that ended, whatever start their ends tell', async () => {
  const work = { tenant: 'behind', agent_id: 'a', received: nowMs - 60 * minuteMs };
  const began = (index: number, task_id: string) => ({
    ...work,
    type: 'task.running' as const,
    task_id,
    ts: nowMs - 90 * minuteMs - index,
  });
  const ended = Array.from({ length: 6_000 }, (_, index) => {
    const start = began(index, `ended ${index}`);
    // Of every tenth the end tells another start.
    const startedAt = index % 10 === 0 ? start.ts - 1 : start.ts;
    return [start, { ...start, type: 'task.completed' as const, ts: start.ts + 5, started_at: startedAt }];
  });
  await store.insert([...ended.flat(), began(7_000, 'lost 1'), began(3_000, 'lost 2')]);
  await totalIs('behind', 2, '&status=orphaned');
  const found = await page('behind', 'status=orphaned');
  expect(found.tasks.map(({ task_id }) => task_id)).toEqual(['lost 2', 'lost 1']);
  expect(found).toMatchObject({ total: 2, total_is_exact: true, next_cursor: null });
});

test.each([
  [3, ['among', 'among'], false],
  // Too many to look for what each does, but not too many to be told. What began lately is a read of its own.
  [200, ['lately', 'lately or among', 'lately', 'lately or among'], false],
  // Too many to be told: those that have something older are few.
  [1_001, ['lately', 'lately or among', 'lately', 'lately or among'], true],
])('with %i runs heard of, what is under way is told from what is not', async (runs, ways, isByIds) => {
  const tenant = `heard ${runs}`;
  const work = { tenant, agent_id: 'a', received: hourAgo };
  const began = (task_id: string, run_id: string, at: number) => ({
    ...{ ...work, type: 'task.running', task_id, run_id, ts: hourAgo - at },
  });
  const heard = { ...work, ts: nowMs, received: nowMs };
  await store.insert([
    ...Array.from({ length: 400 }, (_, at) => began(`lost ${at}`, `r${at % 3}`, at)),
    began('beating', 'beating', 500),
    began('done', 'beating', 501),
    { ...began('done', 'beating', 501), type: 'task.completed' },
    ...Array.from({ length: runs - 1 }, (_, at) => ({ ...heard, type: 'log', run_id: `r${at}` })),
    { ...heard, type: 'heartbeat', run_id: 'beating' },
  ]);
  const running = () => page(tenant, 'status=running');
  const whole = { total: 1, total_is_exact: true, next_cursor: null };
  await vi.waitFor(async () => expect(await running()).toMatchObject(whole), { timeout: 60_000 });
  await totalIs(tenant, 402);
  store.asked.length = 0;
  expect((await running()).tasks.map(({ task_id: id }) => id)).toEqual(['beating']);
  const candidates = store.asked.filter(({ name }) => name === 'task_candidates');
  const wayOf = (params: object) =>
    [...('heard_since_ms' in params ? ['lately'] : []), ...('heard_runs' in params ? ['among'] : [])].join(' or ');
  expect(candidates.map(({ params }) => wayOf(params))).toEqual(ways);
  expect(store.asked.filter(({ name }) => name === 'heard_work')).toHaveLength(1);
  expect(store.asked.some(({ name }) => name === 'run_lease_renewals')).toBe(isByIds);
  const orphans = await walk(tenant, 'status=orphaned&limit=100');
  expect(orphans.tasks.map(({ task_id: id }) => id)).toEqual(Array.from({ length: 400 }, (_, at) => `lost ${at}`));
  expect(orphans.pages[0]).toMatchObject({ total: 100, total_is_exact: false });
});

test('of much that began and ended lately, only what goes on is looked up', async () => {
  const work = { tenant: 'rushing', agent_id: 'a', type: 'task.running', received: nowMs };
  const short = Array.from({ length: 400 }, (_, at) => ({ ...work, task_id: `short ${at}`, ts: nowMs - at }));
  const ends = short.map((row) => ({ ...row, type: 'task.completed', ts: row.ts + 1, started_at: row.ts }));
  const old = { ...work, received: hourAgo };
  await store.insert([
    ...[...short, ...ends, ...crowd('rushing', nowMs)],
    { ...work, task_id: 'young', ts: nowMs - 500 },
    // Its sender's clock is ahead of that of the others, so it comes first.
    { ...old, task_id: 'by run', run_id: 'crowd-7', ts: nowMs + 10 },
    { ...work, type: 'heartbeat', agent_id: 'other', run_id: 'crowd-7', ts: nowMs },
    { ...old, task_id: 'by agent', agent_id: 'beating', ts: hourAgo },
    { ...work, type: 'heartbeat', agent_id: 'beating', ts: nowMs },
    { ...old, task_id: 'by itself', ts: hourAgo - 1 },
    { ...work, type: 'log', task_id: 'by itself', ts: nowMs },
    { ...old, task_id: 'silent', run_id: 'crowd-8', ts: hourAgo - 2 },
  ]);
  await totalIs('rushing', 405);
  store.asked.length = 0;
  const wanted = ['by run', 'young', 'by agent', 'by itself'];
  const { tasks, total } = await page('rushing', 'status=running');
  expect(tasks.map(({ task_id: id }) => id)).toEqual(wanted);
  expect(total).toBe(4);
  const [looked] = store.asked.filter(({ name }) => name === 'task_latest');
  expect(looked?.params.ids).toEqual([...wanted, 'silent']);
  const walked = await walk('rushing', 'status=running&limit=1');
  expect(walked.tasks.map(({ task_id: id }) => id)).toEqual(wanted);
});

test('where nobody was heard of, one statement tells that nothing is under way', async () => {
  await store.insert([
    { tenant: 'quiet', agent_id: 'a', type: 'task.running', task_id: 't', ts: hourAgo, received: hourAgo },
  ]);
  await totalIs('quiet', 1, '&status=orphaned');
  store.asked.length = 0;
  for (const status of ['running', 'pending']) expect((await page('quiet', `status=${status}`)).tasks).toEqual([]);
  expect(store.asked.map(({ name }) => name)).toEqual(['heard_work', 'heard_work']);
});

test('what ended while others fell silent is not looked at for what is orphaned', async () => {
  const work = { tenant: 'busy', agent_id: 'a', received: nowMs };
  const lately = Array.from({ length: 400 }, (_, at) => ({
    ...work,
    type: 'task.running',
    task_id: `t${at}`,
    ts: nowMs - at,
  }));
  const lost = { ...work, type: 'task.running', task_id: 'lost', ts: hourAgo, received: hourAgo };
  await store.insert([...lately, lost]);
  await totalIs('busy', 1, '&status=orphaned');
  store.asked.length = 0;
  expect(told((await page('busy', 'status=orphaned')).tasks)).toEqual([['lost', 'orphaned']]);
  expect(store.asked.find(({ name }) => name === 'task_latest')?.params.ids).toEqual(['lost']);
});

test('orphaned tasks are counted up to a hundred', async () => {
  const lost = { tenant: 'lost', agent_id: 'a', type: 'task.running', received: hourAgo };
  await store.insert(Array.from({ length: 100 }, (_, n) => ({ ...lost, task_id: `t${n}`, ts: hourAgo - n })));
  await totalIs('lost', 100, '&agent_id=a');
  const total = async () => await page('lost', 'limit=1&status=orphaned');
  expect(await total()).toMatchObject({ total: 100, total_is_exact: true });
  await store.insert([{ ...lost, task_id: 'one more', ts: hourAgo }]);
  await totalIs('lost', 101, '&agent_id=a');
  expect(await total()).toMatchObject({ total: 100, total_is_exact: false });
});

test('among thousands of past states a page may be short, and the cursor still leads to every task', async () => {
  const shared = { tenant: 'stale', agent_id: 'a', received: nowMs - 60 * minuteMs };
  const past = Array.from({ length: 7_000 }, (_, index) => {
    const task = { ...shared, task_id: `t${index}`, ts: hourAgo - index * 10 };
    return [
      { ...task, type: 'task.running' },
      { ...task, type: 'task.completed', ts: task.ts + 3, started_at: task.ts + 1 },
    ];
  });
  const lost = { ...shared, type: 'task.running', task_id: 'lost', ts: hourAgo - 100_000 };
  await store.insert([...past.flat(), lost]);
  await totalIs('stale', 1, `&agent_id=a&start_date_to=${new Date(lost.ts).toISOString()}`);
  const orphans = await walk('stale', 'status=orphaned&limit=20');
  expect(told(orphans.tasks)).toEqual([['lost', 'orphaned']]);
  expect(orphans.pages.length).toBeGreaterThan(1);
  expect(orphans.pages[0]).toMatchObject({ tasks: [], total: 0, total_is_exact: false });
  expect(await page('stale', 'status=running')).toMatchObject({ tasks: [], total: 0, total_is_exact: true });
});

test('ids as long and strange as they may be are looked up in as many requests as they need', async () => {
  const shared = { tenant: 'strange', agent_id: 'a', type: 'task.completed', received: nowMs };
  const ids = Array.from({ length: 120 }, (_, index) => `${'\\\'"ü%'.repeat(50)}${String(index).padStart(4, '0')}`);
  await store.insert(ids.map((id, index) => ({ ...shared, task_id: id, ts: nowMs - index })));
  await vi.waitFor(async () => expect((await page('strange', 'limit=100')).total).toBe(120), { timeout: 60_000 });
  const { tasks } = await walk('strange', 'limit=100');
  expect(tasks.map(({ task_id: id }) => id)).toEqual(ids);
});

test.each([
  ['status=done', 'status', 'pending, running, completed, failed, cancelled, orphaned'],
  ['error_category=weather', 'error_category', 'tool, model, retrieval, orchestration, infra, guardrail, user'],
  ['error_text=', 'error_text', '1 to 500 characters'],
  [`error_text=${'x'.repeat(501)}`, 'error_text', '1 to 500 characters'],
  ['run_id=', 'run_id', 'not an empty value'],
  [`session_id=${'x'.repeat(257)}`, 'session_id', 'at most 256 characters'],
  ['start_date_from=2026-02-02&start_date_to=2026-02-01', 'start_date_to', 'not before start_date_from'],
  ['start_date_from=yesterday', 'start_date_from', 'RFC 3339'],
  ['limit=101', 'limit', 'from 1 to 100'],
  ['offset=10001', 'offset', 'from 0 to 10000'],
  ['cursor=abc', 'cursor', 'next_cursor'],
  ['user=7', 'user', 'unknown parameter'],
  ['status=failed&status=running', 'status', 'more than once'],
])('the parameters %s are refused by name', async (query, name, allowed) => {
  const { status, body } = await api.get('acme', `${tasksPath}?${query}`);
  expect(status).toBe(400);
  expect(body.errors).toEqual([expect.objectContaining({ path: name, message: expect.stringContaining(allowed) })]);
});

test('a tenant without tasks gets an empty list', async () => {
  expect(await page('nobody', 'status=running')).toEqual({
    tasks: [],
    total: 0,
    total_is_exact: true,
    limit: 20,
    offset: 0,
    next_cursor: null,
  });
});
