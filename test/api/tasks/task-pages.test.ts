import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { createQueryApi, type QueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api-store.js';
import { crowd } from '../work/listed-history.js';

const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
const minuteMs = 60_000;

let store: QueryStore;
let api: QueryApi;
const clock = new FakeClock(nowMs);

beforeAll(async () => {
  store = await openQueryStore();
  api = createQueryApi({ store: store.reader, clock });
});

afterAll(async () => {
  await store.close();
});

interface Page {
  readonly tasks: readonly { readonly task_id: string; readonly agent_id: string; readonly run_id: string | null }[];
  readonly total: number;
  readonly next_cursor: string | null;
}

async function page(tenant: string, query: string): Promise<Page> {
  const { status, body } = await api.get(tenant, `/api/v1/monitoring/tasks?${query}`);
  expect(status).toBe(200);
  return body as unknown as Page;
}

/** An insert fills one table after another. */
async function totalIs(tenant: string, total: number, query = ''): Promise<void> {
  await vi.waitFor(async () => expect((await page(tenant, `limit=100${query}`)).tasks).toHaveLength(total), 60_000);
}

async function walk(tenant: string, query: string): Promise<Page['tasks'][number][]> {
  const tasks: Page['tasks'][number][] = [];
  for (let cursor = ''; ; ) {
    const found = await page(tenant, `${query}${cursor}`);
    tasks.push(...found.tasks);
    if (found.next_cursor === null) return tasks;
    cursor = `&cursor=${encodeURIComponent(found.next_cursor)}`;
  }
}

test('pages by cursor tell the total of an earlier page, for ten seconds, each filter its own', async () => {
  const done = { tenant: 'scroll', agent_id: 'a', type: 'task.completed', received: nowMs };
  const task = (id: string, beforeMs: number) => ({ ...done, task_id: id, ts: nowMs - minuteMs - beforeMs });
  await store.insert([task('a', 1), task('b', 2), task('c', 3)]);
  await totalIs('scroll', 3);
  const first = await page('scroll', 'limit=1');
  const next = `limit=1&cursor=${encodeURIComponent(String(first.next_cursor))}`;
  await store.insert([task('d', 4)]);
  // Asks by a filter, whose total is another one.
  await totalIs('scroll', 4, '&agent_id=a');
  expect((await page('scroll', next)).total).toBe(3);
  expect((await page('scroll', 'limit=1')).total).toBe(4);
  expect((await page('scroll', next)).total).toBe(4);
  await store.insert([task('e', 5)]);
  await totalIs('scroll', 5, '&agent_id=a');
  await clock.advance(10_001);
  expect((await page('scroll', next)).total).toBe(5);
});

/** Of one id and start: tasks of 30 agents without a run, a task of each of three runs, and others around them. */
function namesakes(type: 'task.running' | 'task.completed'): RawRow[] {
  const work = { tenant: type, type, task_id: 'same', received: nowMs - 30 * minuteMs };
  const ts = nowMs - 60 * minuteMs;
  const started_at = ts;
  const ids = (count: number, letter: string) => Array.from({ length: count }, (_, n) => `${letter}${n}`);
  return [
    ...ids(30, 'agent-').map((agent_id) => ({ ...work, agent_id, ts, started_at })),
    ...ids(3, 'run-').map((run_id) => ({ ...work, agent_id: 'a', run_id, ts, started_at })),
    ...ids(4, 'new-').map((task_id, n) => ({
      ...work,
      agent_id: 'a',
      task_id,
      ts: ts + 1 + n,
      started_at: ts + 1 + n,
    })),
    ...ids(4, 'old-').map((task_id, n) => ({
      ...work,
      agent_id: 'a',
      task_id,
      ts: ts - 1 - n,
      started_at: ts - 1 - n,
    })),
  ];
}

test.each(['task.running', 'task.completed'] as const)(
  'tasks of many agents that share id and start (%s) are each on one page, in order, however small pages are',
  async (type) => {
    await store.insert(namesakes(type));
    const query = type === 'task.running' ? '&status=orphaned' : '';
    await totalIs(type, 41, query);
    const all = (await page(type, `limit=100${query}`)).tasks.map(placeOf);
    expect(new Set(all).size).toBe(41);
    expect(all.slice(0, 5)).toEqual(['new-3/a', 'new-2/a', 'new-1/a', 'new-0/a', 'same/run-2']);
    const agents = all.slice(7, 37);
    expect(agents).toEqual(agents.toSorted().reverse());
    for (const limit of [1, 2, 7]) expect((await walk(type, `limit=${limit}${query}`)).map(placeOf)).toEqual(all);
  },
);

function placeOf({ task_id: id, run_id: run, agent_id: agent }: Page['tasks'][number]): string {
  return `${id}/${run ?? agent}`;
}

test('where many runs were heard of and nothing older is open, only what began lately is looked for', async () => {
  const work = { tenant: 'fresh', agent_id: 'a', type: 'task.running', run_id: 'crowd-7', received: nowMs };
  await store.insert([...crowd('fresh', nowMs), { ...work, task_id: 'young', ts: nowMs }]);
  await totalIs('fresh', 1);
  const asked = async () => {
    store.asked.length = 0;
    expect(await page('fresh', 'status=running')).toMatchObject({ tasks: [{ task_id: 'young' }], total: 1 });
    return store.asked.map(({ name }) => name);
  };
  const names = ['heard_work', 'task_candidates', 'task_heard_runs', 'task_latest', 'task_latest'];
  await vi.waitFor(async () => expect((await asked()).toSorted()).toEqual(names.toSorted()), 60_000);
});

test('where a page held all that began lately, what began before is looked for beside it the next time', async () => {
  const old = { tenant: 'beside', agent_id: 'a', type: 'task.running', received: nowMs - 60 * minuteMs };
  const beat = { tenant: 'beside', agent_id: 'b', type: 'heartbeat', run_id: 'old', ts: nowMs, received: nowMs };
  const task = { ...old, run_id: 'old', task_id: 'a', ts: nowMs - 60 * minuteMs };
  await store.insert([...crowd('beside', nowMs), task, beat]);
  await totalIs('beside', 1, '&status=running');
  let isSoughtBeside = () => {};
  let soughtBeside = Promise.resolve();
  const held = createQueryApi({
    store: {
      ...store.reader,
      rows: async (query) => {
        if (query.name === 'task_heard_runs') isSoughtBeside();
        if (query.name === 'task_candidates') await soughtBeside;
        return await store.reader.rows(query);
      },
    },
    clock,
  });
  const ids = async () => {
    const { body } = await held.get('beside', '/api/v1/monitoring/tasks?status=running');
    return (body as unknown as Page).tasks.map(({ task_id: id }) => id);
  };
  expect(await ids()).toEqual(['a']);
  soughtBeside = new Promise((resolve) => {
    isSoughtBeside = resolve;
  });
  expect(await ids()).toEqual(['a']);
});

test('what began lately and what began before are in one order where many runs were heard of', async () => {
  const hourAgo = nowMs - 60 * minuteMs;
  const work = { tenant: 'mixed', agent_id: 'a', type: 'task.running' };
  // Two of each start; every third was told before, and its run was heard of since.
  const open = Array.from({ length: 900 }, (_, at) => ({
    ...{ ...work, task_id: `task ${1_000 - at}`, ts: hourAgo - Math.floor(at / 2) },
    ...(at % 3 === 0 ? { run_id: `crowd-${at % 60}`, received: hourAgo } : { run_id: `young-${at}`, received: nowMs }),
  }));
  const beats = [...new Set(open.map(({ run_id }) => run_id))].map((run_id) => ({
    ...{ tenant: 'mixed', agent_id: 'other', type: 'heartbeat', run_id, ts: nowMs, received: nowMs },
  }));
  await store.insert([...open, ...beats, ...crowd('mixed', nowMs)]);
  const wanted = open.toSorted((left, right) => right.ts - left.ts || (left.task_id < right.task_id ? 1 : -1));
  const ids = wanted.map(({ task_id: id }) => id);
  const walked = async () => (await walk('mixed', 'status=running&limit=90')).map(({ task_id: id }) => id);
  await vi.waitFor(async () => expect(await walked()).toEqual(ids), 60_000);
});

test('where too many runs were heard of a moment ago to be listed, they are not listed again for a while', async () => {
  const work = { tenant: 'again', agent_id: 'a', type: 'task.running', received: nowMs - 60 * minuteMs, ts: nowMs };
  const beat = { tenant: 'again', type: 'heartbeat', ts: nowMs, received: nowMs };
  await store.insert([
    ...[...crowd('again', nowMs), { ...work, task_id: 'of a run', run_id: 'old' }],
    ...[
      { ...work, agent_id: 'b', task_id: 'of an agent' },
      { ...work, task_id: 'silent' },
    ],
    ...[
      { ...beat, agent_id: 'a', run_id: 'old' },
      { ...beat, agent_id: 'b' },
    ],
  ]);
  await totalIs('again', 3);
  const listsRuns = async (status: string, ids: readonly string[]) => {
    store.asked.length = 0;
    const { tasks } = await page('again', `status=${status}`);
    expect(tasks.map(({ task_id: id }) => id)).toEqual(ids);
    const [heard] = store.asked.filter(({ name }) => name === 'heard_work');
    return heard?.sql.includes('agent_run_activity_v1');
  };
  await vi.waitFor(() => listsRuns('running', ['of an agent', 'of a run']), 60_000);
  clock.advance(40_000);
  expect(await listsRuns('running', ['of an agent', 'of a run'])).toBe(true);
  for (const [status, ids] of [
    ['running', ['of an agent', 'of a run']],
    ['orphaned', ['silent']],
  ] as const) {
    expect(await listsRuns(status, ids)).toBe(false);
  }
  clock.advance(40_000);
  expect(await listsRuns('running', ['of an agent', 'of a run'])).toBe(true);
});
