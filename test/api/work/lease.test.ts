import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type OpenWork, readOrphaned } from '../../../src/api/work/lease.js';
import { readHeardWork } from '../../../src/clickhouse/queries/work/heard-work.js';
import { workKey } from '../../../src/clickhouse/queries/work/history-kind.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api-store.js';

const minuteMs = 60_000;
const leaseMs = 5 * minuteMs;
const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
const longAgoMs = nowMs - 40 * minuteMs;

let store: QueryStore;

/** An event that was received at `agoMs` before now, with a clock of its sender that is an hour behind. */
function event(type: string, agoMs: number, ids: Partial<RawRow>): RawRow {
  const received = nowMs - agoMs;
  return { tenant: 'acme', agent_id: 'lead', type, ts: received - 60 * minuteMs, received, ...ids };
}

beforeAll(async () => {
  store = await openQueryStore();
  await store.insert([
    event('step.completed', minuteMs, { task_id: 't-step', agent_id: 'other' }),
    event('log', leaseMs, { task_id: 't-edge' }),
    event('log', leaseMs + 1, { task_id: 't-late' }),
    event('heartbeat', minuteMs, { run_id: 'r-beating', agent_id: 'other' }),
    event('step.started', minuteMs, { run_id: 'r-stepping', agent_id: 'other' }),
    event('heartbeat', minuteMs, { agent_id: 'beating' }),
    event('heartbeat', minuteMs, { agent_id: 'busy', run_id: 'r-else' }),
    event('heartbeat', minuteMs, { agent_id: 'occupied', task_id: 't-else' }),
    event('log', minuteMs, { agent_id: 'talking' }),
    { ...event('log', minuteMs, { task_id: 't-foreign', run_id: 'r-foreign' }), tenant: 'globex' },
    { ...event('heartbeat', minuteMs, { agent_id: 'lead' }), tenant: 'globex' },
  ]);
  const runs = 'SELECT count() AS runs FROM agent_run_activity_v1 FINAL';
  const runsSeen = async () => (await store.reader.rows<{ runs: number }>({ name: 'runs', sql: runs, params: {} }))[0];
  await vi.waitFor(async () => expect(await runsSeen()).toEqual({ runs: 4 }), { timeout: 60_000 });
});

afterAll(async () => {
  await store.close();
});

function open(kind: OpenWork['kind'], id: string, more: Partial<OpenWork> = {}): OpenWork {
  const { runId = null, agentId = 'lead' } = more;
  const isOfAgent = kind === 'task' && runId === null;
  const work = { id, run: kind === 'task' ? (runId ?? '') : '', agent: isOfAgent ? agentId : '' };
  return { kind, work, runId, agentId, receivedMs: longAgoMs, ...more };
}

const keysOf = (...ids: readonly string[]) => new Set(ids.map((id) => workKey(open('task', id).work)));

test.each<[why: string, work: OpenWork, orphaned: boolean]>([
  ['whose own event is recent', open('task', 't-new', { receivedMs: nowMs - leaseMs }), false],
  ['that nobody spoke of', open('task', 't-silent'), true],
  ['whose id a step of another agent names, without a run', open('task', 't-step'), true],
  ['whose last event is exactly a lease old', open('task', 't-edge'), false],
  ['whose last event is a millisecond older than the lease', open('task', 't-late'), true],
  ['whose run beats', open('task', 't-1', { runId: 'r-beating' }), false],
  ['whose run has other events but no heartbeat', open('task', 't-2', { runId: 'r-stepping' }), true],
  ['whose agent beats without run and task', open('task', 't-3', { agentId: 'beating' }), false],
  ['whose agent beats for another run', open('task', 't-4', { agentId: 'busy' }), true],
  ['whose agent beats for another task', open('task', 't-5', { agentId: 'occupied' }), true],
  ['whose agent logs something else', open('task', 't-6', { agentId: 'talking' }), true],
  ['of which only another tenant spoke', open('task', 't-foreign', { runId: 'r-foreign' }), true],
])('a task %s: %o is orphaned: %s', async (_, work, orphaned) => {
  const lease = { tenant: 'acme', nowMs, leaseMs };
  const heard = await readHeardWork(store.reader, { tenant: 'acme', sinceMs: nowMs - leaseMs });
  expect(heard).toMatchObject({ runs: expect.any(Set), loose: { agents: expect.any(Set) } });
  for (const known of [undefined, heard, { ...heard, runs: null }]) {
    const found = await readOrphaned(store.reader, [work], lease, known);
    expect([...found]).toEqual(orphaned ? [workKey(work.work)] : []);
  }
});

test.each<[why: string, work: OpenWork, orphaned: boolean]>([
  ['that nobody spoke of', open('run', 'r-silent'), true],
  ['that beats', open('run', 'r-beating'), false],
  ['with any event', open('run', 'r-stepping'), false],
  ['whose agent beats without run and task', open('run', 'r-1', { agentId: 'beating' }), false],
  ['whose agent beats for another run', open('run', 'r-2', { agentId: 'busy' }), true],
  ['of which only another tenant spoke', open('run', 'r-foreign'), true],
])('a run %s: %o is orphaned: %s', async (_, work, orphaned) => {
  const lease = { tenant: 'acme', nowMs, leaseMs };
  const heard = await readHeardWork(store.reader, { tenant: 'acme', sinceMs: nowMs - leaseMs });
  expect(heard).toMatchObject({ runs: expect.any(Set), loose: { agents: expect.any(Set) } });
  for (const known of [undefined, heard, { ...heard, runs: null }]) {
    const found = await readOrphaned(store.reader, [work], lease, known);
    expect([...found]).toEqual(orphaned ? [workKey(work.work)] : []);
  }
});

test('a page of open tasks is told in two reads, and one of tasks that spoke lately without any', async () => {
  store.asked.length = 0;
  const page = ['t-silent', 't-step', 't-late', 't-edge'].map((id) => open('task', id));
  const lease = { tenant: 'acme', nowMs, leaseMs };
  expect(await readOrphaned(store.reader, page, lease)).toEqual(keysOf('t-late', 't-silent', 't-step'));
  expect(store.asked).toHaveLength(2);
  expect(await readOrphaned(store.reader, [open('task', 't-new', { receivedMs: nowMs })], lease)).toEqual(new Set());
  expect(store.asked).toHaveLength(2);
});

test('where it is known which runs were heard of they are not asked for, and the answer is the same', async () => {
  const page = ['r-beating', 'r-stepping', 'r-else', 'r-silent'].map((runId) => open('task', `in ${runId}`, { runId }));
  const lease = { tenant: 'acme', nowMs, leaseMs };
  const orphaned = await readOrphaned(store.reader, page, lease);
  expect(orphaned).toEqual(
    new Set([page[1], page[3]].map((of) => workKey(of?.work ?? { id: '', run: '', agent: '' }))),
  );
  store.asked.length = 0;
  const heardRuns = new Set(['r-beating', 'r-stepping', 'r-else']);
  expect(await readOrphaned(store.reader, page, { ...lease, heardRuns })).toEqual(orphaned);
  expect(store.asked.map(({ name }) => name)).toEqual(['run_lease_renewals', 'task_lease_renewals']);
  expect(store.asked.some(({ sql }) => sql.includes('agent_run_activity_v1'))).toBe(false);
});

test('who was heard of is read in one statement, after which a page of open tasks most often takes none', async () => {
  store.asked.length = 0;
  const heard = await readHeardWork(store.reader, { tenant: 'acme', sinceMs: nowMs - leaseMs });
  const lease = { tenant: 'acme', nowMs, leaseMs };
  const page = ['t-silent', 't-step', 't-late', 't-edge'].map((id) => open('task', id));
  expect(await readOrphaned(store.reader, page, lease, heard)).toEqual(keysOf('t-late', 't-silent', 't-step'));
  expect(store.asked.map(({ name }) => name)).toEqual(['heard_work']);
  // Of a run that was heard of it may have been another task.
  await readOrphaned(store.reader, [open('task', 't-2', { runId: 'r-stepping' })], lease, heard);
  expect(store.asked.map(({ name }) => name)).toEqual(['heard_work', 'task_lease_renewals']);
});

test('events without a run are found by the Bloom filter on it', async () => {
  const told = async () => {
    store.asked.length = 0;
    await readHeardWork(store.reader, { tenant: 'acme', sinceMs: nowMs - leaseMs });
    await readOrphaned(store.reader, [open('task', 't', { runId: 'r-silent' })], { tenant: 'acme', nowMs, leaseMs });
    return [...store.asked];
  };
  for (const { sql, params, name } of await told()) {
    const plan = { name: 'plan', sql: `EXPLAIN indexes = 1 ${sql}`, params };
    const lines = (await store.reader.rows<{ explain: string }>(plan)).map(({ explain }) => explain.trim());
    expect(lines, name).toContain('Name: run_id_bloom');
  }
});

test('who was heard of is not listed where that are more than a thousand', async () => {
  const runs = (tenant: string, count: number) =>
    Array.from({ length: count }, (_, at) => ({ ...event('log', 0, { run_id: `r${at}` }), tenant }));
  const agents = Array.from({ length: 1_001 }, (_, at) => ({
    ...event('heartbeat', 0, { agent_id: `a${at}` }),
    tenant: 'agents',
  }));
  await store.insert([...runs('all', 1_000), ...runs('crowd', 1_001), ...agents]);
  const heard = (tenant: string) => readHeardWork(store.reader, { tenant, sinceMs: nowMs - leaseMs });
  await vi.waitFor(async () => expect((await heard('all')).runs?.size).toBe(1_000), { timeout: 60_000 });
  expect(await heard('crowd')).toMatchObject({ runs: null, loose: { tasks: [] } });
  expect((await heard('agents')).loose).toBeNull();
});

test('what was orphaned recovers when it speaks again', async () => {
  const work = [open('task', 't-back'), open('task', 't-gone')];
  const laterMs = nowMs + 60 * minuteMs;
  const lease = { tenant: 'acme', nowMs: laterMs, leaseMs };
  expect(await readOrphaned(store.reader, work, lease)).toEqual(keysOf('t-back', 't-gone'));
  await store.insert([event('log', -60 * minuteMs, { task_id: 't-back' })]);
  expect(await readOrphaned(store.reader, work, lease)).toEqual(keysOf('t-gone'));
});
