import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { contextText, secondsText } from '../../../src/api/answers/answer-units.js';
import { nearestRank } from '../../../src/core/percentile.js';
import { FakeClock } from '../../support/fake-clock.js';
import { roundedRate } from '../../support/rounded-rate.js';
import { randomInteger, seededRandom, testSeed } from '../../support/seeded-random.js';
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

const seed = testSeed(71_902);
const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
const tenants = ['acme', 'globex'] as const;

let store: QueryStore;
let api: QueryApi;
const rows: RawRow[] = [];
const expected = new Map<string, ListedItem[]>();

const clock = new FakeClock(nowMs);

beforeAll(async () => {
  store = await openQueryStore();
  const random = seededRandom(seed);
  for (const tenant of tenants) {
    const runs = plannedEvents(random, { kind: 'run', tenant, count: 90, nowMs });
    rows.push(...runs, ...workOf(random, tenant));
  }
  // What is under way is told another way where much was heard of.
  rows.push(...crowd('globex', nowMs));
  const mixed = shuffled(random, rows);
  const half = Math.ceil(mixed.length / 2);
  await store.insert(mixed.slice(0, half));
  await store.insert(mixed.slice(half));
  for (const tenant of tenants) expected.set(tenant, listed(rows, 'run', { tenant, nowMs }));
  api = createQueryApi({ store: store.reader, clock });
  for (const tenant of tenants) {
    // The activity is what an insert fills last.
    const wanted = usageOf(tenant, expected.get(tenant) ?? []);
    await vi.waitFor(async () => expect((await page(tenant, 'limit=1')).stats).toMatchObject(wanted), {
      timeout: 60_000,
    });
  }
});

afterAll(async () => {
  await store.close();
});

/** Tasks, steps and logs of runs 0 to 69, some of runs whose own events are not there. */
function workOf(random: () => number, tenant: string): RawRow[] {
  const types = ['task.completed', 'task.failed', 'step.started', 'step.completed', 'step.failed', 'log'] as const;
  return Array.from({ length: 400 }, (_, index) => {
    const type = types[randomInteger(random, { min: 0, max: 5 })] ?? 'log';
    const run = randomInteger(random, { min: 0, max: 100 });
    const ts = nowMs - randomInteger(random, { min: 1, max: 90 }) * minuteMs;
    return {
      tenant,
      agent_id: 'worker',
      type,
      run_id: `${run > 70 ? 'lost' : 'run'}-${String(run).padStart(4, '0')}`,
      task_id: `task-${index}`,
      ts,
      received: ts + 30,
      ...(type.endsWith('failed') ? { error_category: 'tool' } : {}),
      llm_calls: 2,
      tokens_in: index,
      tokens_out: 3,
      cost_micros: index % 4 === 0 ? null : 70,
      tokens_cache_read: index % 7,
      usage_scope: index % 5 === 0 ? 'rolled_up' : 'own',
    };
  });
}

const ends = /^(run|task|step)\.(completed|failed|cancelled)$/;

function usageOf(tenant: string, items: readonly { readonly id: string }[]) {
  const ids = new Set(items.map(({ id }) => id));
  const counted = rows.filter(
    (row) =>
      row.tenant === tenant && ids.has(String(row.run_id)) && ends.test(row.type) && row.usage_scope !== 'rolled_up',
  );
  const sum = (name: string) => counted.reduce((total, row) => total + Number(row[name] ?? 0), 0);
  const tokens = { in: sum('tokens_in'), out: sum('tokens_out'), total: sum('tokens_in') + sum('tokens_out') };
  const isPriced = counted.some((row) => row.cost_micros != null);
  const unpriced = counted.filter((row) => row.cost_micros == null);
  return {
    llm_calls: sum('llm_calls'),
    tokens,
    cost_cents: isPriced ? sum('cost_micros') / 10_000 : null,
    tokens_unpriced: unpriced.reduce((total, row) => total + Number(row.tokens_in) + Number(row.tokens_out), 0),
    tokens_cache_read: sum('tokens_cache_read'),
    tokens_cache_write: sum('tokens_cache_write'),
    tokens_reasoning: sum('tokens_reasoning'),
  };
}

function countOf(tenant: string, id: string, types: readonly string[]): number {
  return rows.filter((row) => row.tenant === tenant && row.run_id === id && types.includes(row.type)).length;
}

interface Page {
  readonly runs: readonly Readonly<Record<string, unknown>>[];
  readonly stats: Readonly<Record<string, unknown>>;
  readonly total: number;
  readonly next_cursor: string | null;
}

async function page(tenant: string, query: string): Promise<Page> {
  const { status, body } = await api.get(tenant, `/api/v1/runs?${query}`);
  expect(status, JSON.stringify(body)).toBe(200);
  return body as unknown as Page;
}

async function walk(tenant: string, query: string): Promise<Page[]> {
  const pages = [await page(tenant, query)];
  for (let cursor = pages[0]?.next_cursor; cursor != null && pages.length < 100; ) {
    const next = await page(tenant, `${query}&cursor=${cursor}`);
    pages.push(next);
    cursor = next.next_cursor;
  }
  return pages;
}

const fieldIs = (name: string, value: string) => (item: ListedItem) => (item.latest[name] ?? '') === value;
const hourAgo = nowMs - 60 * minuteMs;

const filters: readonly (readonly [query: string, holds: (item: ListedItem) => boolean])[] = [
  ['', () => true],
  ['agent_id=agent-1', fieldIs('agent_id', 'agent-1')],
  ['crew_id=crew-2', fieldIs('crew_id', 'crew-2')],
  ['flow_id=flow-3', fieldIs('flow_id', 'flow-3')],
  ['engagement_id=engagement-4', fieldIs('engagement_id', 'engagement-4')],
  ['user_id=user-8', fieldIs('user_id', 'user-8')],
  ['session_id=session-11', fieldIs('session_id', 'session-11')],
  ['environment=production', fieldIs('environment', 'production')],
  ['model=large-4', fieldIs('model', 'large-4')],
  ['provider=lighthouse', fieldIs('provider', 'lighthouse')],
  ...['running', 'orphaned', 'completed', 'failed', 'cancelled'].map(
    (status) => [`status=${status}`, (item: ListedItem) => item.status === status] as const,
  ),
  ['error_category=model', fieldIs('error_category', 'model')],
  ['error_text=QUOTA', (item) => String(item.latest.error_message ?? '').includes('quota')],
  [`start_date_from=${new Date(hourAgo).toISOString()}`, (item) => item.beganMs >= hourAgo],
  [`start_date_to=${new Date(hourAgo).toISOString()}`, (item) => item.beganMs <= hourAgo],
  ['user_id=nobody', () => false],
];

describe.each(tenants)('of %s', (tenant) => {
  test.each(filters)(
    `the filter "%s" lists and sums what a recount of the events does (seed ${seed})`,
    async (query, holds) => {
      const wanted = shown(listed(rows, 'run', { tenant, nowMs }, lookedAt(query)).filter(holds), 17);
      const pages = await walk(tenant, `limit=17&${query}`);
      const told = pages.flatMap(({ runs }) => runs.map((run) => [run.run_id, run.status]));
      expect(told).toEqual(wanted.map(({ id, status }) => [id, status]));
      const stats = statsOf(tenant, wanted);
      for (const { stats: found, total } of pages) {
        expect(found).toEqual(stats);
        expect(total).toBe(wanted.length);
      }
    },
  );
});

function statsOf(tenant: string, items: readonly ListedItem[]) {
  const count = (status: string) => items.filter((item) => item.status === status).length;
  const [completed, failed] = [count('completed'), count('failed')];
  const ended = items.filter(({ status }) => ['completed', 'failed', 'cancelled'].includes(status));
  const durations = ended.flatMap(({ times }) => (times.durationMs === null ? [] : [times.durationMs]));
  return {
    runs: items.length,
    is_complete: true,
    by_status: {
      running: count('running'),
      orphaned: count('orphaned'),
      completed,
      failed,
      cancelled: count('cancelled'),
    },
    success_rate: roundedRate(completed, completed + failed),
    p95_duration_ms: nearestRank(
      durations.sort((one, other) => one - other),
      0.95,
    ),
    ...usageOf(tenant, items),
  };
}

test('every status is among the runs', () => {
  const statuses = new Set(expected.get('acme')?.map(({ status }) => status));
  expect([...statuses].sort()).toEqual(['cancelled', 'completed', 'failed', 'orphaned', 'running']);
});

test('a run is listed with its state, its counts and its usage, rolled up usage left out', async () => {
  for (const run of (await page('acme', 'limit=100')).runs) {
    const id = String(run.run_id);
    const stepsEnded = countOf('acme', id, ['step.completed', 'step.failed']);
    const { latest, times, startMs = 0 } = expected.get('acme')?.find((item) => item.id === id) ?? {};
    expect(run).toMatchObject({
      name: 'summarise',
      agent_id: latest?.agent_id,
      user_id: latest?.user_id,
      started_at: new Date(times?.startedMs ?? startMs).toISOString(),
      duration_ms: times?.durationMs ?? null,
      error_category: latest?.error_category ?? null,
      tasks_ended: countOf('acme', id, ['task.completed', 'task.failed']),
      tasks_failed: countOf('acme', id, ['task.failed']),
      steps_started: Math.max(countOf('acme', id, ['step.started']), stepsEnded),
      steps_ended: stepsEnded,
      steps_failed: countOf('acme', id, ['step.failed']),
      total: usageOf('acme', [{ id }]),
      input_summary: `topic=tide ${Number(id.slice(-4))}`,
    });
  }
});

test.each([
  ['', () => true],
  ['agent_id=agent-3', fieldIs('agent_id', 'agent-3')],
  ['user_id=user-5', fieldIs('user_id', 'user-5')],
  [
    'environment=staging&model=small-4',
    (i: ListedItem) => i.latest.environment === 'staging' && i.latest.model === 'small-4',
  ],
  ['provider=northwind', fieldIs('provider', 'northwind')],
  ['status=orphaned', (item: ListedItem) => item.status === 'orphaned'],
  ['status=completed&user_id=user-1', (i: ListedItem) => i.status === 'completed' && i.latest.user_id === 'user-1'],
] as const)('executions by %s come with what went in and out, page by page', async (query, holds) => {
  const wanted = shown((expected.get('acme') ?? []).filter(holds), 25);
  for (let skip = 0; skip < wanted.length + 25; skip += 25) {
    const { text, headers } = await api.get('acme', `/api/v1/agents/history?limit=25&skip=${skip}&${query}`);
    expect(headers).toMatchObject({ 'x-total-count': String(wanted.length), 'x-total-is-exact': 'true' });
    expect(JSON.parse(text)).toEqual(wanted.slice(skip, skip + 25).map(executionOf));
  }
});

function executionOf({ id, latest, status, startMs, times }: ListedItem) {
  const { tokens, cost_cents, tokens_unpriced } = usageOf('acme', [{ id }]);
  const nodes = ['task.completed', 'task.failed', 'step.completed', 'step.failed'];
  return {
    run_id: id,
    agent_id: latest.agent_id,
    user_id: latest.user_id,
    environment: latest.environment || null,
    model: latest.model || null,
    provider: latest.provider || null,
    name: 'summarise',
    status: status === 'completed' ? 'success' : status,
    state: status,
    started_at: new Date(times.startedMs ?? startMs).toISOString(),
    duration: secondsText(times.durationMs),
    duration_ms: times.durationMs,
    input: contextText(latest.inputs as Record<string, string>),
    output: contextText((latest.outputs ?? {}) as Record<string, string>),
    inputs: latest.inputs,
    outputs: latest.outputs ?? {},
    node_count: countOf('acme', id, nodes),
    tokens_used: tokens.total,
    cost_cents,
    tokens_unpriced,
  };
}

test('statistics reach over the newest thousand runs and say so', async () => {
  const done = { tenant: 'many', agent_id: 'a', type: 'run.completed', received: nowMs };
  const runs = Array.from({ length: 1_005 }, (_, n) => ({ ...done, run_id: `r${n}`, ts: nowMs - n, tokens_in: 1 }));
  await store.insert(runs.map((run, index) => ({ ...run, duration_ms: index < 1_000 ? 0.25 : 10_000 })));
  await vi.waitFor(
    async () => expect(await page('many', 'limit=1')).toMatchObject({ total: 1_000, total_is_exact: false }),
    { timeout: 60_000 },
  );
  const { stats } = await page('many', 'limit=1&agent_id=a');
  expect(stats).toMatchObject({ runs: 1_000, is_complete: false, p95_duration_ms: 0.25, success_rate: 100 });
  await vi.waitFor(
    async () => expect((await page('many', 'limit=1')).stats.tokens).toMatchObject({ in: 1_000 }),
    60_000,
  );
});

test('pages by cursor tell the statistics of an earlier page, for ten seconds', async () => {
  const done = { tenant: 'scroll', agent_id: 'a', type: 'run.completed', received: nowMs, duration_ms: 5 };
  const run = (id: string, beforeMs: number) => ({ ...done, run_id: id, ts: nowMs - 60_000 - beforeMs });
  await store.insert([run('a', 1), run('b', 2), run('c', 3)]);
  const first = await page('scroll', 'limit=1');
  expect(first).toMatchObject({ total: 3, stats: { runs: 3 } });
  await store.insert([run('d', 4)]);
  const cursor = encodeURIComponent(String(first.next_cursor));
  const askedBefore = store.asked.filter(({ name }) => name === 'runs_usage').length;
  expect(await page('scroll', `limit=1&cursor=${cursor}`)).toMatchObject({ total: 3, stats: { runs: 3 } });
  expect(await page('scroll', `limit=1&agent_id=a&cursor=${cursor}`)).toMatchObject({ total: 4, stats: { runs: 4 } });
  expect(store.asked.filter(({ name }) => name === 'runs_usage').length).toBe(askedBefore + 1);
  expect(await page('scroll', 'limit=1')).toMatchObject({ total: 4, stats: { runs: 4 } });
  await store.insert([run('e', 5)]);
  await clock.advance(10_001);
  expect(await page('scroll', `limit=1&cursor=${cursor}`)).toMatchObject({ total: 5, stats: { runs: 5 } });
});

test('where all runs are on one page, what is read for it tells how they fared', async () => {
  const shared = { tenant: 'few', agent_id: 'a', received: nowMs - 60 * minuteMs, ts: nowMs - 60 * minuteMs };
  const done = { ...shared, type: 'run.completed', duration_ms: 5, tokens_in: 7 };
  await store.insert([
    { ...done, run_id: 'a' },
    { ...done, run_id: 'b' },
    { ...shared, type: 'run.started', run_id: 'c' },
  ]);
  const stats = { runs: 3, is_complete: true, by_status: { completed: 2, orphaned: 1 }, tokens: { in: 14 } };
  await vi.waitFor(async () => expect(await page('few', '')).toMatchObject({ stats }), { timeout: 60_000 });
  const names = async (query: string) => {
    store.asked.length = 0;
    expect(await page('few', query)).toMatchObject({ total: 3, stats });
    return store.asked.map(({ name }) => name);
  };
  const whole = ['run_candidates', 'run_latest', 'run_lease_renewals', 'run_totals'];
  expect(await names('')).toEqual(whole);
  // Not on one page: the others are read as well.
  expect((await names('limit=2')).toSorted()).toEqual(
    [...whole, 'run_latest', 'runs_usage', 'run_lease_renewals'].sort(),
  );
});

test.each([
  ['/api/v1/runs?status=pending', 'status', 'running, orphaned, completed, failed, cancelled'],
  ['/api/v1/runs?run_id=r', 'run_id', 'unknown parameter'],
  ['/api/v1/runs?error_category=', 'error_category', 'tool, model'],
  ['/api/v1/runs?limit=0', 'limit', 'from 1 to 100'],
  ['/api/v1/runs?cursor=WzFd', 'cursor', 'next_cursor'],
  [
    '/api/v1/agents/history?offset=1',
    'offset',
    'known are agent_id, status, user_id, environment, model, provider, skip, limit',
  ],
  ['/api/v1/agents/history?skip=-1', 'skip', 'from 0 to 10000'],
  ['/api/v1/agents/history?status=ok', 'status', 'running, orphaned, completed, failed, cancelled'],
  ['/api/v1/agents/history?user_id=', 'user_id', 'not an empty value'],
])('%s is refused by name', async (target, name, allowed) => {
  const { status, body } = await api.get('acme', target);
  expect(status).toBe(400);
  expect(body.errors).toEqual([expect.objectContaining({ path: name, message: expect.stringContaining(allowed) })]);
});

test('a tenant without runs gets empty lists and no made-up rates', async () => {
  expect(await page('nobody', '')).toMatchObject({
    runs: [],
    stats: { runs: 0, success_rate: null, p95_duration_ms: null, tokens: { total: 0 } },
    total: 0,
    next_cursor: null,
  });
  const { text, headers } = await api.get('nobody', '/api/v1/agents/history');
  expect([JSON.parse(text), headers['x-total-count']]).toEqual([[], '0']);
});
