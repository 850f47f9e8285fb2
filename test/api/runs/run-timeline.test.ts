import { afterAll, beforeAll, expect, test } from 'vitest';
import { timelineAttemptsMax } from '../../../src/api/runs/timeline.js';
import { FakeClock } from '../../support/fake-clock.js';
import { seededRandom, testSeed } from '../../support/seeded-random.js';
import { createQueryApi, type QueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api-store.js';
import { type NaiveNode, naiveTimeline } from './naive-timeline.js';
import { delivered, runEvents } from './run-events.js';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
const seed = testSeed(40_117);

interface Node extends Record<string, unknown> {
  readonly node: string;
  readonly parent: string | null;
  readonly critical: boolean;
  readonly critical_ms: number | null;
}

let store: QueryStore;
let api: QueryApi;

const clock = new FakeClock(nowMs);

beforeAll(async () => {
  store = await openQueryStore();
  api = createQueryApi({ store: store.reader, clock });
});

afterAll(() => store.close());

/** In so many inserts, the rows dealt out in turn. */
async function insert(rows: readonly RawRow[], parts = 1): Promise<void> {
  for (let part = 0; part < parts; part++) await store.insert(rows.filter((_, index) => index % parts === part));
}

async function timeline(tenant: string, runId: string, query = ''): Promise<Record<string, unknown>> {
  const { status, body } = await api.get(tenant, `/api/v1/runs/${encodeURIComponent(runId)}/timeline?${query}`);
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
}

function nodesOf(body: Record<string, unknown>): Node[] {
  return body.nodes as Node[];
}

function tokensOf(value: unknown): number {
  return (value as { tokens: { in: number } }).tokens.in;
}

function comparable(node: Node): NaiveNode {
  const { node: key, parent, depth, status, attempts, offset_ms: offsetMs } = node as unknown as NaiveNode;
  return {
    node: key,
    parent,
    depth,
    status,
    attempts,
    offset_ms: offsetMs,
    own: tokensOf(node.own),
    total: tokensOf(node.total),
    rolled_up: node.rolled_up === null ? null : tokensOf(node.rolled_up),
  };
}

test('the timeline of random histories, delivered in any order, is the one computed from them', async () => {
  const random = seededRandom(seed);
  const runs = Array.from({ length: 40 }, (_, index) => {
    const startMs = nowMs - 2 * dayMs + index * 1_000;
    const runId = `run-${index % 20}`;
    // Two tenants have runs of the same ids, with tasks and steps of the same ids.
    const tenant = index < 20 ? 'acme' : 'globex';
    const events = runEvents({ tenant, runId, startMs }, random).map((row) => ({ ...row, tenant }));
    const shared = { tenant, run_id: runId, agent_id: 'agent-0' };
    const started: RawRow = { ...shared, type: 'run.started', ts: startMs, received: startMs };
    const endMs = startMs + 9_000;
    const ended: RawRow = { ...shared, type: 'run.completed', ts: endMs, received: endMs, tokens_in: 7 };
    // Every third run has not ended.
    return { tenant, runId, startMs, events, own: index % 3 === 0 ? [started] : [started, ended] };
  });
  await insert(
    delivered(
      runs.flatMap(({ events, own }) => [...events, ...own]),
      random,
    ),
    3,
  );
  for (const { tenant, runId, startMs, events, own } of runs) {
    const isEnded = own.length === 2;
    const body = await timeline(tenant, runId);
    const naive = naiveTimeline({
      runId,
      events,
      originMs: startMs,
      runStatus: isEnded ? 'completed' : 'orphaned',
      runTokens: isEnded ? 7 : 0,
      openStatus: 'orphaned',
    });
    expect(nodesOf(body).map(comparable), `seed ${seed}, ${tenant} ${runId}`).toEqual(naive);
    expect(body).toMatchObject({ total_nodes: naive.length, truncated: false, next_cursor: null });
    expect(tokensOf(body.total)).toBe(naive[0]?.total);
  }
});

test('the critical path covers the run once, and a node on it has its parent on it', async () => {
  for (let index = 0; index < 20; index++) {
    const body = await timeline('acme', `run-${index}`);
    const nodes = nodesOf(body);
    const critical = nodes.filter((node) => node.critical);
    const whole = (body.critical_path as { duration_ms: number; nodes: number }) ?? {};
    expect(critical.reduce((sum, node) => sum + (node.critical_ms ?? 0), 0)).toBe(whole.duration_ms);
    expect(critical).toHaveLength(whole.nodes);
    const keys = new Set(critical.map((node) => node.node));
    for (const node of critical) expect(node.parent === null || keys.has(node.parent)).toBe(true);
    for (const node of nodes) expect(node.critical_ms === null).toBe(!node.critical);
  }
});

test('the pages of a run of 10,000 steps are its timeline in one piece, each with the totals of the run', async () => {
  const startMs = nowMs - dayMs;
  const rows: RawRow[] = [];
  for (let n = 0; n < 10_000; n++) {
    const names = { task_id: `t${n % 50}`, step_id: `s${n}`, parent_id: n % 7 === 0 && n > 100 ? `s${n - 50}` : '' };
    const ts = startMs + n * 10;
    const shared = { tenant: 'big', agent_id: 'a', run_id: 'big', ...names, attempt: 1, received: ts };
    rows.push({ ...shared, type: 'step.completed', ts, duration_ms: 9, tokens_in: 3 });
  }
  await insert(rows);
  const whole: unknown[] = [];
  let pages = 0;
  for (let cursor = ''; pages < 10; ) {
    const body = await timeline('big', 'big', `limit=3000${cursor}`);
    whole.push(...nodesOf(body));
    pages++;
    expect(tokensOf(body.total)).toBe(30_000);
    expect(body).toMatchObject({ total_nodes: 10_051, total_attempts: 10_000, truncated: false });
    if (body.next_cursor === null) break;
    cursor = `&cursor=${String(body.next_cursor)}`;
  }
  expect([pages, whole.length]).toEqual([4, 10_051]);
  const keys = new Set((whole as Node[]).map((node) => node.node));
  expect(keys.size).toBe(10_051);
  // Depth first: a parent has been answered before its children.
  const seen = new Set<string | null>([null]);
  for (const node of whole as Node[]) {
    expect(seen.has(node.parent)).toBe(true);
    seen.add(node.node);
  }
});

test('a run of more attempts than a timeline holds says how many there are, and has the first that began', async () => {
  const startMs = nowMs - dayMs;
  const steps = Array.from({ length: timelineAttemptsMax + 7 }, (_, n): RawRow => {
    const ts = startMs + n;
    const names = { tenant: 'vast', agent_id: 'a', run_id: 'r', step_id: `s${n}` };
    return { ...names, type: 'step.completed', ts, received: ts };
  });
  await insert(steps);
  const body = await timeline('vast', 'r', 'limit=2');
  const whole = { truncated: true, total_attempts: timelineAttemptsMax + 7, total_nodes: timelineAttemptsMax + 1 };
  expect(body).toMatchObject(whole);
  expect(nodesOf(body)[1]?.node).toBe('step:/s0#1');
});

test('pages asked for soon are of one reading; later they go on after the node the last one ended with', async () => {
  const startMs = nowMs - hourMs;
  const step = (id: string, afterMs: number): RawRow => {
    const ts = startMs + afterMs;
    const names = { tenant: 'grow', agent_id: 'a', run_id: 'r', step_id: id };
    return { ...names, type: 'step.completed', ts, received: ts, duration_ms: 1 };
  };
  await insert([step('b', 200), step('d', 400), step('e', 500)]);
  const first = await timeline('grow', 'r', 'limit=2');
  expect(nodesOf(first).map(({ node }) => node)).toEqual(['run', 'step:/b#1']);
  await insert([step('a', 100), step('c', 300)]);
  const askedBefore = store.asked.length;
  const soon = await timeline('grow', 'r', `limit=1&cursor=${String(first.next_cursor)}`);
  expect(nodesOf(soon).map(({ node }) => node)).toEqual(['step:/d#1']);
  expect(store.asked.length).toBe(askedBefore);
  await clock.advance(10_001);
  const rest = await timeline('grow', 'r', `limit=10&cursor=${String(first.next_cursor)}`);
  expect(nodesOf(rest).map(({ node }) => node)).toEqual(['step:/c#1', 'step:/d#1', 'step:/e#1']);
});

test('parents that form a circle are opened at the task, and everything stays in the tree', async () => {
  const ts = nowMs - hourMs;
  const event = (type: string, afterMs: number, names: object): RawRow => ({
    tenant: 'loop',
    agent_id: 'a',
    run_id: 'r',
    type,
    ts: ts + afterMs,
    received: ts + afterMs,
    ...names,
  });
  await insert([
    event('task.running', 0, { task_id: 't', parent_id: 's1' }),
    event('step.started', 1, { task_id: 't', step_id: 's1', parent_id: 's2' }),
    event('step.started', 2, { task_id: 't', step_id: 's2', parent_id: 's1' }),
    event('step.started', 3, { task_id: 't', step_id: 's3', parent_id: 's3' }),
  ]);
  const nodes = nodesOf(await timeline('loop', 'r')).map(({ node, parent }) => [node, parent]);
  expect(nodes).toEqual([
    ['run', null],
    ['task:t#1', 'run'],
    ['step:t/s1#1', 'task:t#1'],
    ['step:t/s2#1', 'step:t/s1#1'],
    ['step:t/s3#1', 'task:t#1'],
  ]);
});

test('a run of which only its own events are known is a tree of one node', async () => {
  const startMs = nowMs - hourMs;
  const shared = { tenant: 'bare', agent_id: 'a', run_id: 'r', name: 'nightly' };
  await insert([
    { ...shared, type: 'run.started', ts: startMs, received: startMs },
    { ...shared, type: 'run.failed', ts: startMs + 500, received: startMs + 500, error_category: 'infra' },
  ]);
  const body = await timeline('bare', 'r');
  expect(body).toMatchObject({ status: 'failed', duration_ms: 500, total_nodes: 1, total_attempts: 0 });
  expect(nodesOf(body)[0]).toMatchObject({ node: 'run', error_category: 'infra', critical_ms: 500, offset_ms: 0 });
});

test('a run older than steps are kept says so', async () => {
  const later = createQueryApi({ store: store.reader, clock: new FakeClock(nowMs + 31 * dayMs) });
  const { body } = await later.get('bare', '/api/v1/runs/r/timeline');
  expect(body).toMatchObject({ status: 'failed', steps_expired: true });
  expect(await timeline('bare', 'r')).toMatchObject({ steps_expired: false });
});

test('of a run whose raw events have expired the tasks are left, with their usage', async () => {
  const startMs = nowMs - hourMs;
  const shared = { tenant: 'old', agent_id: 'a', run_id: 'r' };
  const row = (type: string, afterMs: number, more: object): RawRow => {
    return { ...shared, type, ts: startMs + afterMs, received: startMs + afterMs, ...more };
  };
  await insert([
    row('run.started', 0, {}),
    row('step.completed', 80, { task_id: 't1', step_id: 's', tokens_in: 5 }),
    row('task.completed', 100, { task_id: 't1', duration_ms: 90, tokens_in: 20 }),
    row('task.failed', 300, { task_id: 't2', attempt: 2, duration_ms: 150, error_category: 'model' }),
    row('run.completed', 310, {}),
  ]);
  await store.run(`ALTER TABLE agent_events_raw_v1 DELETE WHERE tenant = 'old' SETTINGS mutations_sync = 1`);
  const later = createQueryApi({ store: store.reader, clock: new FakeClock(nowMs + 31 * dayMs) });
  const { body } = await later.get('old', '/api/v1/runs/r/timeline');
  expect(body).toMatchObject({ status: 'completed', steps_expired: true, total_attempts: 2, total_nodes: 3 });
  const nodes = nodesOf(body).map(({ node, status, total, duration_ms: tookMs }) => [
    node,
    status,
    tokensOf(total),
    tookMs,
  ]);
  expect(nodes.slice(1)).toEqual([
    ['task:t1#1', 'completed', 20, 90],
    ['task:t2#2', 'failed', 0, 150],
  ]);
});

test('a run of another tenant, an unknown run and an impossible id are not found', async () => {
  for (const [tenant, runId] of [
    ['globex', 'big'],
    ['acme', 'nobody'],
    ['acme', 'x'.repeat(600)],
  ] as const) {
    const { status, body } = await api.get(tenant, `/api/v1/runs/${runId}/timeline`);
    expect([status, body.code]).toEqual([404, 'not_found']);
  }
});

test.each(['limit=0', 'limit=5001', 'limit=x', 'cursor=', 'cursor=bm9uc2Vuc2U', 'depth=3'])(
  'the parameter %s is refused by name',
  async (query) => {
    const { status, body } = await api.get('acme', `/api/v1/runs/run-0/timeline?${query}`);
    expect([status, body.code]).toEqual([400, 'parameter_invalid']);
    expect(JSON.stringify(body)).toContain(query.slice(0, query.indexOf('=')));
  },
);
