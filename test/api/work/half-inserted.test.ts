import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import type { TimeSpan } from '../../../src/core/time-span.js';
import { FakeClock } from '../../support/fake-clock.js';
import { createQueryApi } from '../api-client.js';
import { openMemory, openQueryStore, type QueryStore, type RawRow } from '../api-store.js';
import { crowd, minuteMs } from './listed-history.js';

/** An insert fills one table after another: lists are sought in one, and what they show is read from others. */
const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
const insertedMs = nowMs - 1_000;
const inserting: TimeSpan = { fromMs: insertedMs, toMs: insertedMs + 500 };
const tasksPath = '/api/v1/monitoring/tasks';
/** More than the rounds of one request get through. */
const halfInserted = 5_000;

let store: QueryStore;

beforeAll(async () => {
  store = await openQueryStore();
  for (const tenant of ['acme', 'globex']) await store.insert(older(tenant));
  // What is under way is told another way where much was heard of.
  await store.insert(crowd('globex', nowMs));
  for (const tenant of ['acme', 'globex']) {
    await store.run(byStartOnly('task', tenant));
    await store.run(byStartOnly('run', tenant));
    await vi.waitFor(async () => expect((await idsOf(tenant, tasksPath)).length).toBe(10), 20_000);
  }
});

afterAll(() => store.close());

function older(tenant: string): RawRow[] {
  return Array.from({ length: 10 }, (_, index) => {
    const at = nowMs - minuteMs - index * 1_000;
    const shared = { tenant, agent_id: 'a', run_id: `run-${index}`, ts: at, received: at };
    const status = index % 2 === 0 ? 'running' : 'completed';
    return [
      { ...shared, type: index % 2 === 0 ? 'run.started' : 'run.completed' },
      { ...shared, type: `task.${status}`, task_id: `task-${index}` },
    ];
  }).flat();
}

function byStartOnly(kind: 'task' | 'run', tenant: string): string {
  const work = kind === 'task' ? `concat('new-', toString(number)) AS task_id, ` : '';
  const at = (ms: number) => `fromUnixTimestamp64Milli(toInt64(${ms}), 'UTC')`;
  return `INSERT INTO agent_${kind}s_by_start_v1 (tenant, start, ${kind === 'task' ? 'task_id, ' : ''}run_id, version,
      received, status, agent_id)
    SELECT '${tenant}', ${at(insertedMs - 10)}, ${work}concat('new-run-', toString(number)), number + 1,
      ${at(insertedMs)}, if(number % 2 = 0, 'running', 'completed'), 'a'
    FROM numbers(${halfInserted})`;
}

async function idsOf(tenant: string, path: string, span: TimeSpan | null = inserting): Promise<string[]> {
  const api = createQueryApi({ store: store.reader, clock: new FakeClock(nowMs), inserting: () => span });
  const { status, body } = await api.get(tenant, path);
  expect(status).toBe(200);
  const { tasks = [], runs = [] } = body as Record<'tasks' | 'runs', { task_id?: string; run_id: string }[]>;
  return [...tasks, ...runs].map(({ task_id: task, run_id: run }) => task ?? run);
}

test.each(['acme', 'globex'])('a list of %s does not go through what an insert has begun to store', async (tenant) => {
  const all = Array.from({ length: 10 }, (_, index) => index);
  store.asked.length = 0;
  expect(await idsOf(tenant, tasksPath)).toEqual(all.map((index) => `task-${index}`));
  expect(store.asked.filter(({ name }) => name === 'task_candidates')).toHaveLength(1);
  expect(await idsOf(tenant, `${tasksPath}?status=running`)).toEqual([0, 2, 4, 6, 8].map((index) => `task-${index}`));
  expect(await idsOf(tenant, `${tasksPath}?status=completed`)).toEqual([1, 3, 5, 7, 9].map((index) => `task-${index}`));
  const runs = await idsOf(tenant, '/api/v1/runs?limit=20');
  expect(runs.filter((id) => id.startsWith('run-'))).toEqual(all.map((index) => `run-${index}`));
});

test('what was received at another time is listed meanwhile', async () => {
  const before = { fromMs: nowMs - minuteMs - 500, toMs: nowMs - minuteMs + 1 };
  const late = { tenant: 'hooli', agent_id: 'a', ts: nowMs - minuteMs };
  await store.insert([
    { ...late, type: 'task.running', task_id: 'back-again', received: before.fromMs },
    { ...late, type: 'task.running', task_id: 'there', received: before.toMs },
  ]);
  await vi.waitFor(async () => expect((await idsOf('hooli', tasksPath, null)).length).toBe(2), 20_000);
  expect(await idsOf('hooli', tasksPath, before)).toEqual(['there']);
});

test('a page that was read during an insert is not remembered', async () => {
  const memory = openMemory(store.reader, 1_000_000);
  onTestFinished(() => memory.stop());
  const ended = { tenant: 'initech', agent_id: 'a', ts: insertedMs, received: insertedMs, type: 'task.completed' };
  await store.insert([{ ...ended, task_id: 'just-ended' }]);
  let span: TimeSpan | null = null;
  const api = createQueryApi({
    store: store.reader,
    memory,
    clock: new FakeClock(nowMs),
    inserting: () => span,
  });
  const listed = async () => {
    const { body } = await api.get('initech', `${tasksPath}?status=completed`);
    return (body.tasks as { task_id: string }[]).map(({ task_id: id }) => id);
  };
  await vi.waitFor(async () => expect(await idsOf('initech', tasksPath, null)).toEqual(['just-ended']), 20_000);
  span = inserting;
  expect(await listed()).toEqual([]);
  span = null;
  expect(await listed()).toEqual(['just-ended']);
});
