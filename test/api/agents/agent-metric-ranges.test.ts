import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { seededRandom, testSeed } from '../../support/seeded-random.js';
import { type Answer, createQueryApi, type QueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api-store.js';
import { countedHalf, dayMs, errorGroups, history, minuteMs, type Span, sum, told, within } from './agent-history.js';

const seed = testSeed(53);
const nowMs = Math.floor(Date.now() / minuteMs) * minuteMs + 45_678;
const todayMs = Math.floor(nowMs / dayMs) * dayMs;
const today = dateText(todayMs);

let store: QueryStore;
let api: QueryApi;
const rows: RawRow[] = [];

beforeAll(async () => {
  process.stdout.write(`agent-metric-ranges: seed ${seed}, now ${nowMs}\n`);
  store = await openQueryStore();
  const random = seededRandom(seed);
  rows.push(...history({ tenant: 'acme', agentId: 'planner', count: 4_000, nowMs, days: 130 }, random));
  for (const [name, values] of Object.entries(distributions)) rows.push(...timed(name, values));
  const failed = { tenant: 'acme', agent_id: 'doomed', type: 'task.failed', error_category: 'infra', run_id: 'r' };
  for (let age = 0; age < 20; age++) {
    const ts = nowMs - age * 6 * 3_600_000;
    rows.push({ ...failed, task_id: `${age}`, error_message: 'no route', ts, received: ts, duration_ms: 50 });
  }
  await store.insert(rows);
  api = createQueryApi({ store: store.reader, memory: store.memory, clock: new FakeClock(nowMs) });
});

afterAll(async () => {
  await store.close();
});

function dateText(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}

function metrics(query: string, agentId = 'planner'): Promise<Answer> {
  return api.get('acme', `/api/v1/agents/${agentId}/metrics?${query}`);
}

/** Every number of an answer that is exact, against the events of the span it says it covers. */
function expectExact({ status, body }: Answer, span: Span): void {
  expect(status, JSON.stringify(body).slice(0, 500)).toBe(200);
  expect([body.from, body.to]).toEqual([new Date(span.fromMs).toISOString(), new Date(span.toMs).toISOString()]);
  const found = within(rows, 'acme', 'planner', span);
  expect(body).toMatchObject(told(found));
  const basis = body.trend_basis as { first_half: { to: string } };
  const splitMs = Date.parse(basis.first_half.to);
  expect(basis).toMatchObject({
    first_half: countedHalf(within(rows, 'acme', 'planner', { ...span, toMs: splitMs })),
    second_half: countedHalf(within(rows, 'acme', 'planner', { ...span, fromMs: splitMs })),
  });
}

test('any from and to within the minutes is exact to the minute, and its errors with it', async () => {
  const random = seededRandom(seed + 1);
  for (let at = 0; at < 25; at++) {
    const lengthMs = Math.ceil(random() ** 2 * 60 * 24 * 80) * minuteMs;
    const latestMs = Math.floor((nowMs - lengthMs) / minuteMs) * minuteMs;
    const fromMs = latestMs - Math.floor(random() ** 2 * ((88 * dayMs - lengthMs) / minuteMs)) * minuteMs;
    const span = { fromMs, toMs: fromMs + lengthMs };
    const answer = await metrics(`from=${new Date(span.fromMs).toISOString()}&to=${new Date(span.toMs).toISOString()}`);
    expectExact(answer, span);
    expect(answer.body).toMatchObject({ time_range: null, metric_type: 'realtime' });
    if (fromMs < nowMs - 30 * dayMs) continue;
    const groups = errorGroups(within(rows, 'acme', 'planner', span), rows).slice(0, 5);
    expect(answer.body.top_errors).toEqual(groups.map((group) => ({ error: group.message, ...group })));
  }
});

test.each(['realtime', 'aggregated'])(
  '%s dates are whole days, the last included, and none is too old',
  async (type) => {
    for (const [from, to] of [
      [0, 0],
      [1, 1],
      [13, 4],
      [40, 20],
      [129, 100],
      [130, 0],
    ] as const) {
      const [fromMs, toMs] = [todayMs - from * dayMs, todayMs - to * dayMs];
      const answer = await metrics(`from=${dateText(fromMs)}&to=${dateText(toMs)}&metric_type=${type}`);
      expectExact(answer, { fromMs, toMs: toMs + dayMs });
    }
  },
);

test('aggregated times are widened to whole days, and the answer says to which', async () => {
  const [fromMs, toMs] = [todayMs - 9.3 * dayMs, todayMs - 2.8 * dayMs];
  const times = `from=${new Date(fromMs).toISOString()}&to=${new Date(toMs).toISOString()}`;
  expectExact(await metrics(`${times}&metric_type=aggregated`), {
    fromMs: todayMs - 10 * dayMs,
    toMs: todayMs - 2 * dayMs,
  });
});

test('from alone reaches until now, in any time zone', async () => {
  const toMs = Math.floor(nowMs / minuteMs) * minuteMs + minuteMs;
  const fromMs = toMs - 600 * minuteMs;
  const zoned = `${new Date(fromMs + 2 * 3_600_000).toISOString().slice(0, 19)}%2B02:00`;
  expectExact(await metrics(`from=${zoned}`), { fromMs, toMs });
});

test('a day older than the minutes has no halves, and says so', async () => {
  const { status, body } = await metrics(
    `from=${dateText(todayMs - 100 * dayMs)}&to=${dateText(todayMs - 100 * dayMs)}`,
  );
  expect(status).toBe(200);
  expect(body.total_executions).toBeGreaterThan(0);
  expect(body).toMatchObject({ significant_trend: 'insufficient_data', trend_basis: null });
});

const yesterday = dateText(todayMs - dayMs);

test.each([
  ['a word that is none', 'time_range=2d', ['1d, 7d, 30d, 90d', 'from and to', '400 days']],
  ['both', `time_range=7d&from=${yesterday}`, ['1d, 7d, 30d, 90d', 'not both']],
  ['only to', `to=${yesterday}`, ['"from"', '1d, 7d, 30d, 90d']],
  ['to before from', `from=${today}&to=${yesterday}`, ['"to"', 'after from']],
  ['to at from', `from=${today}T00:00:00Z&to=${today}T00:00:00Z`, ['"to"', 'after from']],
  ['a from that is to come', 'from=2190-01-01', ['"from"']],
  ['401 days', `from=${dateText(todayMs - 400 * dayMs)}&to=${today}`, ['at most 400 days']],
  ['a date that is none', 'from=2026-02-30', ['2026-01-31']],
  ['a number of days', 'from=7', ['2026-01-31']],
  ['an unknown type', 'metric_type=daily', ['realtime, aggregated']],
  ['an unknown parameter', 'range=7d', ['time_range, from, to, metric_type']],
  [
    'an hour of which only the day is kept',
    `from=${dateText(todayMs - 100 * dayMs)}T10:00:00Z&to=${dateText(todayMs - 100 * dayMs)}T11:00:00Z`,
    ['last 90 days', 'metric_type=aggregated'],
  ],
])('%s is refused with what is allowed', async (_, query, words) => {
  for (const endpoint of ['metrics', 'errors']) {
    const { status, body } = await api.get('acme', `/api/v1/agents/planner/${endpoint}?${query}`);
    expect([status, body.code]).toEqual([400, 'parameter_invalid']);
    for (const word of words) expect(body.detail).toContain(word);
  }
});

test.each(['realtime', 'aggregated'])(
  '%s metrics of an agent that only fails have a rate of 0 and no p95 of successes',
  async (type) => {
    const { body } = await metrics(`time_range=7d&metric_type=${type}`, 'doomed');
    expect(body).toMatchObject({
      total_executions: 20,
      success_rate: 0,
      error_rate: 100,
      execution_times: { avg_ms: 50, p50_ms: 50, p99_ms: 50 },
      top_errors: [{ count: 20, category: 'infra', code: null, affected_runs: 1, recovered: 0, failed_for_good: 20 }],
      trend: 'stable',
      trend_basis: { success_rate_change: 0, p95_change_percent: null, p95_test: null, second_half: { p95_ms: null } },
    });
  },
);

test('400 days are answered', async () => {
  const query = `from=${dateText(todayMs - 399 * dayMs)}&to=${today}`;
  expect((await metrics(query)).status).toBe(200);
  expect((await metrics(`${query}&metric_type=aggregated`)).status).toBe(200);
});

const random = seededRandom(seed + 2);
const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const many = 6_000;

/** Durations in ms of agents named after their distribution. */
const distributions: Readonly<Record<string, readonly number[]>> = {
  'log-normal': Array.from({ length: many }, () => Math.exp(7 + normal())),
  pareto: Array.from({ length: many }, () => 100 / (1 - random()) ** (1 / 1.2)),
  bimodal: Array.from({ length: many }, () => (random() < 0.7 ? 300 + 20 * normal() : 9_000 + 400 * normal())),
  constant: Array.from({ length: many }, () => 1_234),
  one: [4_321],
};

/** One success each, evenly over 20 days. */
function timed(agentId: string, values: readonly number[]): RawRow[] {
  return values.map((duration_ms, index) => {
    const ts = nowMs - Math.floor((index / values.length) * 20 * dayMs);
    return {
      tenant: 'acme',
      agent_id: agentId,
      type: 'task.completed',
      task_id: `${index}`,
      ts,
      received: ts,
      duration_ms,
    };
  });
}

test.each(
  Object.keys(distributions).flatMap((name) => ['realtime', 'aggregated'].map((type) => [type, name] as const)),
)('%s percentiles of %s durations are within 1 %% or half a percent of rank', async (type, name) => {
  const { body } = await metrics(`time_range=30d&metric_type=${type}`, name);
  const sorted = [...(distributions[name] ?? [])].sort((a, b) => a - b);
  const times = body.execution_times as Record<string, number>;
  const { second_half: half } = body.trend_basis as Record<'second_half', { from: string; to: string; p95_ms: number }>;
  expect([times.min_ms, times.max_ms]).toEqual([sorted[0], sorted.at(-1)]);
  expect(times.avg_ms).toBeCloseTo(sum(sorted) / sorted.length, 1);
  for (const [level, value] of [
    [0.5, times.p50_ms],
    [0.95, times.p95_ms],
    [0.99, times.p99_ms],
  ] as const) {
    expectPercentile(sorted, level, value);
  }
  const span = { fromMs: Date.parse(half.from), toMs: Date.parse(half.to) };
  const durations = within(rows, 'acme', name, span).map((row) => Number(row.duration_ms));
  expectPercentile(
    durations.sort((x, y) => x - y),
    0.95,
    half.p95_ms,
  );
  expect(body.trend).toBe(name === 'one' ? 'insufficient_data' : 'stable');
});

function expectPercentile(sorted: readonly number[], level: number, value: number | undefined): void {
  const exact = sorted[Math.ceil(level * sorted.length) - 1] ?? Number.NaN;
  const low = sorted[Math.max(0, Math.floor((level - 0.005) * sorted.length))] ?? Number.NaN;
  const high = sorted[Math.min(sorted.length - 1, Math.ceil((level + 0.005) * sorted.length))] ?? Number.NaN;
  // Float32 centroids: a constant is met to seven digits.
  expect(value).toBeGreaterThanOrEqual(Math.min(low, exact * 0.99) * (1 - 1e-6));
  expect(value).toBeLessThanOrEqual(Math.max(high, exact * 1.01) * (1 + 1e-6));
}
