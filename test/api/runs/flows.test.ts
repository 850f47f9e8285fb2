import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { randomInteger, seededRandom, testSeed } from '../../support/seeded-random.js';
import { dayMs, minuteMs } from '../agents/agent-history.js';
import { createQueryApi, type QueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api-store.js';

const seed = testSeed(61);
const random = seededRandom(seed);
const nowMs = Math.floor(Date.now() / minuteMs) * minuteMs + 12_345;

interface PlannedRun {
  readonly flow: string;
  readonly engagement: string;
  readonly outcome: 'completed' | 'failed' | 'cancelled' | null;
  readonly startMs: number;
  readonly durationMs: number;
  readonly tokens: number;
  readonly costMicros: number | null;
}

let store: QueryStore;
let api: QueryApi;
const runs = Array.from({ length: 400 }, (): PlannedRun => {
  const outcome = (['completed', 'completed', 'failed', 'cancelled', null] as const)[
    randomInteger(random, { min: 0, max: 4 })
  ]!;
  return {
    flow: ['', 'nightly', 'weekly', "it's 100 %", 'rare'][Math.floor(random() ** 2 * 5)]!,
    engagement: ['', 'deal-1', 'deal-2'][randomInteger(random, { min: 0, max: 2 })]!,
    outcome,
    startMs: nowMs - randomInteger(random, { min: 60_000, max: 12 * dayMs }),
    durationMs: randomInteger(random, { min: 1, max: 50_000 }),
    tokens: randomInteger(random, { min: 0, max: 900 }),
    costMicros: random() < 0.2 ? null : randomInteger(random, { min: 0, max: 20_000 }),
  };
});

function eventsOf(run: PlannedRun, index: number): RawRow[] {
  const endMs = run.startMs + run.durationMs;
  const context = {
    tenant: 'acme',
    agent_id: `agent-${index % 3}`,
    run_id: `run-${index}`,
    flow_id: run.flow,
    engagement_id: run.engagement,
  };
  const started = { ...context, type: 'run.started', ts: run.startMs, received: run.startMs, started_at: run.startMs };
  if (run.outcome === null) return [started];
  const span = { ts: endMs, received: endMs, started_at: run.startMs, ended_at: endMs, duration_ms: run.durationMs };
  const failure = run.outcome === 'failed' ? { error_category: 'tool' } : {};
  const usage = { tokens_in: run.tokens, cost_micros: run.costMicros, llm_calls: 1 };
  return [
    started,
    { ...context, ...span, ...failure, ...usage, type: `task.${run.outcome}`, task_id: `task-${index}` },
    { ...context, ...span, ...failure, type: `run.${run.outcome}` },
  ];
}

beforeAll(async () => {
  process.stdout.write(`flows: seed ${seed}, now ${nowMs}\n`);
  store = await openQueryStore();
  const rows = runs.flatMap(eventsOf);
  await store.insert(rows.filter((_, index) => index % 2 === 1));
  await store.insert(rows.filter((_, index) => index % 2 === 0));
  await store.insert([{ ...rows[0]!, tenant: 'globex', flow_id: 'nightly', engagement_id: 'deal-1' }]);
  api = createQueryApi({ store: store.reader, clock: new FakeClock(nowMs) });
  const states = "SELECT uniqExact(run_id) AS runs FROM agent_runs_by_start_v1 WHERE tenant = 'acme'";
  const settled = async () => await store.reader.rows({ name: 'test', sql: states, params: {} });
  await vi.waitFor(
    async () => expect(await settled()).toEqual([{ runs: expect.toSatisfy((n) => Number(n) === 400) }]),
    {
      timeout: 60_000,
    },
  );
});

afterAll(async () => {
  await store.close();
});

async function get(target: string, tenant = 'acme'): Promise<Record<string, unknown>> {
  const { status, body } = await api.get(tenant, target);
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const rounded = (value: number) => Math.round(value * 100) / 100;

function flowOf(name: string, found: readonly PlannedRun[]) {
  const of = (outcome: string) => found.filter((run) => run.outcome === outcome).length;
  const ended = found.filter(({ outcome }) => outcome !== null);
  const durations = ended.map(({ durationMs }) => durationMs).sort((a, b) => a - b);
  const rank = (level: number) => durations[Math.max(1, Math.ceil(level * durations.length)) - 1] ?? null;
  const finished = of('completed') + of('failed');
  const tokens = sum(ended.map((run) => run.tokens));
  const starts = found.map(({ startMs }) => startMs);
  return {
    flow_id: name,
    total_runs: found.length,
    completed_runs: of('completed'),
    failed_runs: of('failed'),
    cancelled_runs: of('cancelled'),
    open_runs: found.length - ended.length,
    success_rate: finished === 0 ? null : rounded((100 * of('completed')) / finished),
    error_rate: finished === 0 ? null : rounded((100 * of('failed')) / finished),
    execution_times: {
      avg_ms: durations.length === 0 ? null : rounded(sum(durations) / durations.length),
      min_ms: durations[0] ?? null,
      max_ms: durations.at(-1) ?? null,
      p50_ms: rank(0.5),
      p95_ms: rank(0.95),
      p99_ms: rank(0.99),
    },
    llm_calls: ended.length,
    tokens: { in: tokens, out: 0, total: tokens },
    cost_cents: sum(ended.map((run) => run.costMicros ?? 0)) / 10_000,
    tokens_unpriced: sum(ended.map((run) => (run.costMicros === null ? run.tokens : 0))),
    tokens_cache_read: 0,
    tokens_cache_write: 0,
    tokens_reasoning: 0,
    first_run_at: new Date(Math.min(...starts)).toISOString(),
    last_run_at: new Date(Math.max(...starts)).toISOString(),
  };
}

function flowsBetween(fromMs: number, toMs: number) {
  const within = runs.filter(({ flow, startMs }) => flow !== '' && startMs >= fromMs && startMs < toMs);
  const names = [...new Set(within.map(({ flow }) => flow))];
  return names
    .map((name) =>
      flowOf(
        name,
        within.filter(({ flow }) => flow === name),
      ),
    )
    .sort((a, b) => b.last_run_at.localeCompare(a.last_run_at));
}

test.each([
  ['', nowMs - 7 * dayMs + 1, nowMs + 1],
  [`from=${new Date(nowMs - 3 * dayMs).toISOString()}`, nowMs - 3 * dayMs, nowMs + 1],
  [
    `from=${new Date(nowMs - 11 * dayMs).toISOString()}&to=${new Date(nowMs - 2 * dayMs).toISOString()}`,
    nowMs - 11 * dayMs,
    nowMs - 2 * dayMs,
  ],
])('the flows of the range "%s" are those of a recount of the runs', async (query, fromMs, toMs) => {
  const wanted = flowsBetween(fromMs, toMs);
  expect(wanted.length).toBe(4);
  expect(await get(`/api/v1/flows?${query}`)).toEqual({
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    flows: wanted,
    total: 4,
    limit: 20,
    next_cursor: null,
  });
});

test('the pages of the flows are all of them once, and another tenant has its own', async () => {
  const found: unknown[] = [];
  for (let cursor = ''; found.length < 10; ) {
    const body = await get(`/api/v1/flows?limit=3${cursor}`);
    found.push(...(body.flows as object[]));
    if (body.next_cursor === null) break;
    cursor = `&cursor=${String(body.next_cursor)}`;
  }
  expect(found).toEqual(flowsBetween(nowMs - 7 * dayMs + 1, nowMs + 1));
  expect(await get('/api/v1/flows?from=2020-01-01&to=2020-06-01', 'globex')).toMatchObject({ flows: [], total: 0 });
});

test('the days of an engagement are those of the events that name it', async () => {
  const { days } = (await get('/api/v1/engagements/deal-1/performance')) as { days: Record<string, unknown>[] };
  const own = runs.flatMap(eventsOf).filter((row) => row.engagement_id === 'deal-1');
  const dayOf = (row: RawRow) => new Date(row.ts).toISOString().slice(0, 10);
  const wanted = [...new Set(own.map(dayOf))].sort().map((day) => {
    const found = own.filter((row) => dayOf(row) === day);
    const tasks = found.filter(({ type }) => type.startsWith('task.'));
    const of = (type: string) => tasks.filter((row) => row.type === type).length;
    const [successful, failed] = [of('task.completed'), of('task.failed')];
    const durations = tasks.map((row) => Number(row.duration_ms));
    const costs = tasks.flatMap(({ cost_micros: cost }) => (typeof cost === 'number' ? [cost] : []));
    return {
      day,
      events: found.length,
      total: tasks.length,
      successful,
      failed,
      cancelled: of('task.cancelled'),
      success_rate: successful + failed === 0 ? null : (100 * successful) / (successful + failed),
      min_duration_ms: durations.length === 0 ? null : Math.min(...durations),
      max_duration_ms: durations.length === 0 ? null : Math.max(...durations),
      llm_calls: tasks.length,
      tokens_in: sum(tasks.map((row) => Number(row.tokens_in))),
      cost_micros: costs.length === 0 ? null : sum(costs),
      first_received: new Date(Math.min(...found.map(({ received }) => received))).toISOString(),
      last_received: new Date(Math.max(...found.map(({ received }) => received))).toISOString(),
    };
  });
  expect(days).toEqual(wanted.map((day) => expect.objectContaining(day)));
  const today = new Date(nowMs).toISOString().slice(0, 10);
  const { days: shown } = (await get(`/api/v1/engagements/deal-1/performance?from=${today}`)) as { days: object[] };
  expect(shown).toEqual(days.filter(({ day }) => day === today));
});

test('an engagement that no event of the tenant names is a 404, one that is quiet has no days', async () => {
  for (const [tenant, id] of [
    ['globex', 'deal-2'],
    ['acme', 'deal-3'],
    ['acme', 'x'.repeat(257)],
  ] as const) {
    const { status, body } = await api.get(tenant, `/api/v1/engagements/${id}/performance`);
    expect([status, body.code]).toEqual([404, 'not_found']);
  }
  const quiet = await get('/api/v1/engagements/deal-2/performance?from=2026-01-01&to=2026-01-05');
  expect(quiet).toMatchObject({ engagement_id: 'deal-2', days: [] });
});

test('an event without an engagement writes nothing into its days', async () => {
  const count = async () =>
    await store.reader.rows({
      name: 'test',
      sql: "SELECT countIf(engagement_id = '') AS nameless FROM engagement_performance_per_day_v1",
      params: {},
    });
  expect(Number(((await count()) as { nameless: unknown }[])[0]?.nameless)).toBe(0);
});
