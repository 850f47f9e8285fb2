import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packMessage } from '../../src/core/msgpack.js';
import { CollectorProcess, testKey } from '../support/collector-process.js';
import { removeDirectory } from '../support/temp-dir.js';

type Fields = Readonly<Record<string, unknown>>;

let collector: CollectorProcess;

beforeAll(async () => {
  collector = new CollectorProcess({
    dataDir: mkdtempSync(join(tmpdir(), 'tidemark-said-')),
    env: { TIDEMARK_QUERY_CACHE_MS: '0' },
  });
  await collector.start();
});

afterAll(async () => {
  await collector.kill();
  await removeDirectory(collector.dataDir);
});

async function post(events: readonly Fields[], format: 'json' | 'msgpack' = 'json'): Promise<Fields> {
  const body = format === 'json' ? JSON.stringify(events) : new Uint8Array(packMessage(events));
  const headers = { authorization: `Bearer ${testKey}`, 'content-type': `application/${format}` };
  const response = await fetch(`${collector.url}/v1/events`, { method: 'POST', headers, body });
  return (await response.json()) as Fields;
}

async function get(path: string): Promise<Fields> {
  const response = await fetch(`${collector.url}/api/v1/${path}`, { headers: { authorization: `Bearer ${testKey}` } });
  return (await response.json()) as Fields;
}

async function counted(name: string): Promise<number> {
  return (await collector.metrics()).get(name) ?? 0;
}

const answers = (path: string, wanted: Fields) => expect.poll(() => get(path), { interval: 200 }).toMatchObject(wanted);

test('an end that says the same again, in another order and format, is a duplicate and counts nothing', async () => {
  const end = { type: 'run.completed', agent_id: 'twice', run_id: 'r-twice', tokens_in: 10, outputs: { a: 1, b: 'x' } };
  const again = {
    outputs: { b: 'x', a: 1 },
    tokens_in: 10,
    run_id: 'r-twice',
    agent_id: 'twice',
    type: 'run.completed',
  };
  expect(await post([end])).toMatchObject({ accepted: 1, duplicates: 0, errors: [] });
  expect(await post([again], 'msgpack')).toMatchObject({ accepted: 1, duplicates: 1, errors: [] });
  expect(await post([end, end])).toMatchObject({ accepted: 2, duplicates: 2, errors: [] });
  await answers('runs/r-twice', { status: 'completed', events: 1, total: { tokens: { in: 10, out: 0, total: 10 } } });
});

test('another end of the same attempt changes the state, counts nothing and is told', async () => {
  const before = await counted('tidemark_ends_conflicting_total');
  const first = { type: 'task.completed', agent_id: 'odd', task_id: 't-odd', tokens_in: 5, duration_ms: 100 };
  expect(await post([first])).toMatchObject({ accepted: 1, errors: [] });
  const second = { ...first, type: 'task.failed', error_category: 'tool', tokens_in: 7, duration_ms: 300 };
  const log = { type: 'log', agent_id: 'odd', message: 'between' };
  expect(await post([log, second])).toMatchObject({
    accepted: 2,
    rejected: 0,
    duplicates: 0,
    errors: [{ index: 1, code: 'conflicting_end', path: 'type' }],
  });
  await answers('monitoring/tasks/t-odd', {
    state: 'failed',
    conflicting_ends: 1,
    tokens: { in: 7 },
    duration_ms: 300,
  });
  await answers('agents/odd/metrics', {
    total_executions: 1,
    successful_executions: 1,
    failed_executions: 0,
    tokens: { in: 5 },
    execution_times: { max_ms: 100 },
  });
  expect(await counted('tidemark_ends_conflicting_total')).toBe(before + 1);
  expect(await counted('agent_execution_total{tenant="default",agent_id="odd",status="failed"}')).toBe(0);
});

test('what starts again may end again', async () => {
  const firstMs = Date.now() - 60_000;
  const at = (seconds: number) => new Date(firstMs + seconds * 1_000).toISOString();
  const task = { agent_id: 'nightly', task_id: 'report' };
  const events = [
    { ...task, type: 'task.running', ts: at(0) },
    { ...task, type: 'task.completed', ts: at(2) },
    { ...task, type: 'task.running', ts: at(10) },
    { ...task, type: 'task.completed', ts: at(15) },
  ];
  expect(await post(events)).toMatchObject({ accepted: 4, duplicates: 0, errors: [] });
  await answers('agents/nightly/metrics', {
    total_executions: 2,
    timed_executions: 2,
    execution_times: { min_ms: 2_000, max_ms: 5_000 },
  });
  await answers('monitoring/tasks/report', { started_at: at(10), ended_at: at(15), duration_ms: 5_000 });
});

test('what leaves out the run is of the run its task is open in, and of none before or after', async () => {
  const task = { agent_id: 'terse', task_id: 't1' };
  const inferred = await counted('tidemark_runs_inferred_total');
  expect(await post([{ ...task, type: 'log', message: 'before' }])).toMatchObject({ accepted: 1 });
  expect(await post([{ ...task, type: 'task.running', run_id: 'r-terse' }])).toMatchObject({ accepted: 1 });
  expect(
    await post([
      { ...task, type: 'step.completed', step_id: 's1', tokens_in: 3 },
      { agent_id: 'other', task_id: 't1', type: 'log', message: 'of another task' },
      { ...task, type: 'task.completed', tokens_in: 4 },
      { ...task, type: 'log', message: 'after' },
    ]),
  ).toMatchObject({ accepted: 4, errors: [] });
  await answers('runs/r-terse', { tasks_ended: 1, steps_ended: 1, events: 3, total: { tokens: { in: 7 } } });
  expect(await counted('tidemark_runs_inferred_total')).toBe(inferred + 2);
});

test('one task id of two agents is two tasks; the latest is told, the other listed, and agent_id chooses', async () => {
  await post([{ type: 'task.completed', agent_id: 'left', task_id: 'same', name: 'a', ts: Date.now() - 5_000 }]);
  await post([{ type: 'task.failed', agent_id: 'right', task_id: 'same', name: 'b', error_category: 'tool' }]);
  await answers('monitoring/tasks/same', {
    agent_id: 'right',
    others: [{ agent_id: 'left', run_id: null, name: 'a', status: 'completed' }],
  });
  await answers('monitoring/tasks/same?agent_id=left', { agent_id: 'left', state: 'completed', others: [] });
  // A list is read from another table, which an insert fills later.
  const agents = async () => {
    const { tasks } = (await get('monitoring/tasks?limit=100')) as { tasks: readonly Fields[] };
    return tasks.filter(({ task_id: id }) => id === 'same').map(({ agent_id: agent }) => agent);
  };
  await expect.poll(agents).toEqual(['right', 'left']);
});

test('a start outlasts a crash: its end has the duration and the run, and the end of before is known', async () => {
  const startedAt = new Date(Date.now() - 9_000).toISOString();
  const task = { agent_id: 'crashed', task_id: 't-crash' };
  const done = { type: 'task.completed', agent_id: 'crashed', task_id: 't-done', tokens_in: 1 };
  await post([done, { ...task, type: 'task.running', run_id: 'r-crash', user_id: 'ann', ts: startedAt }]);
  await answers('monitoring/tasks/t-crash', { state: 'running' });
  await collector.kill();
  await collector.start();
  await expect.poll(() => counted('tidemark_work_open')).toBeGreaterThan(0);
  expect(await post([done])).toMatchObject({ accepted: 1, duplicates: 1 });
  const endedAt = new Date(Date.parse(startedAt) + 4_000).toISOString();
  expect(await post([{ ...task, type: 'task.completed', ts: endedAt }])).toMatchObject({ accepted: 1, errors: [] });
  await answers('monitoring/tasks/t-crash', {
    run_id: 'r-crash',
    user_id: 'ann',
    state: 'completed',
    duration_ms: 4_000,
  });
  await answers('agents/crashed/metrics', {
    total_executions: 2,
    timed_executions: 1,
    execution_times: { max_ms: 4_000 },
  });
  await answers('runs/r-crash', { tasks_ended: 1 });
});
