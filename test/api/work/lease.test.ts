import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type OpenWork, readOrphaned } from '../../../src/api/work/lease.js';
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
  await vi.waitFor(async () => expect(await runsSeen()).toEqual({ runs: 4 }), { timeout: 20_000 });
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
  const found = await readOrphaned(store.reader, [work], { tenant: 'acme', nowMs, leaseMs });
  expect([...found]).toEqual(orphaned ? [workKey(work.work)] : []);
});

test.each<[why: string, work: OpenWork, orphaned: boolean]>([
  ['that nobody spoke of', open('run', 'r-silent'), true],
  ['that beats', open('run', 'r-beating'), false],
  ['with any event', open('run', 'r-stepping'), false],
  ['whose agent beats without run and task', open('run', 'r-1', { agentId: 'beating' }), false],
  ['whose agent beats for another run', open('run', 'r-2', { agentId: 'busy' }), true],
  ['of which only another tenant spoke', open('run', 'r-foreign'), true],
])('a run %s: %o is orphaned: %s', async (_, work, orphaned) => {
  const found = await readOrphaned(store.reader, [work], { tenant: 'acme', nowMs, leaseMs });
  expect([...found]).toEqual(orphaned ? [workKey(work.work)] : []);
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

test('what was orphaned recovers when it speaks again', async () => {
  const work = [open('task', 't-back'), open('task', 't-gone')];
  const laterMs = nowMs + 60 * minuteMs;
  const lease = { tenant: 'acme', nowMs: laterMs, leaseMs };
  expect(await readOrphaned(store.reader, work, lease)).toEqual(keysOf('t-back', 't-gone'));
  await store.insert([event('log', -60 * minuteMs, { task_id: 't-back' })]);
  expect(await readOrphaned(store.reader, work, lease)).toEqual(keysOf('t-gone'));
});
