import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { seededRandom, testSeed } from '../../support/seeded-random.js';
import { type Answer, createQueryApi, type QueryApi } from '../api-client.js';
import { openMemory, openQueryStore, type QueryStore, type RawRow } from '../api-store.js';
import {
  counted,
  countedHalf,
  dayMs,
  errorGroups,
  executionsOf,
  history,
  minuteMs,
  numbers,
  type Span,
  sum,
  told,
  within,
} from './agent-history.js';

const seed = testSeed(7);
const random = seededRandom(seed);
// Near the real time, because the store expires rows by it; not at a round one.
const nowMs = Math.floor(Date.now() / minuteMs) * minuteMs + 34_567;
const clock = new FakeClock(nowMs);

let store: QueryStore;
let api: QueryApi;
const rows: RawRow[] = [];

beforeAll(async () => {
  process.stdout.write(`agent-metrics: seed ${seed}, now ${nowMs}\n`);
  store = await openQueryStore();
  for (const tenant of ['acme', 'globex']) {
    for (const agentId of ['planner', 'writer'])
      rows.push(...history({ tenant, agentId, count: 3_000, nowMs, days: 100 }, random));
  }
  rows.push(...edgeRows('acme', 'edges'));
  rows.push({ tenant: 'acme', agent_id: 'talker', type: 'log', ts: nowMs - 5_000, received: nowMs - 4_000 });
  await store.insert(rows);
  api = createQueryApi({ store: store.reader, memory: store.memory, clock });
});

afterAll(async () => {
  await store.close();
});

/** One execution on each side of every boundary of every range. */
function edgeRows(tenant: string, agentId: string): RawRow[] {
  const minute = Math.floor(nowMs / minuteMs) * minuteMs + minuteMs;
  const today = Math.floor(nowMs / dayMs) * dayMs;
  const edges = [0.5, 1, 3.5, 7, 15, 30, 45, 90].flatMap((days) => [minute - days * dayMs, today - days * dayMs]);
  const times = [...edges, today, today + dayMs].flatMap((edge) => [edge - 1, edge, edge + 1]);
  const past = times.filter((ts) => ts <= nowMs);
  return past.map((ts, index) => ({
    tenant,
    agent_id: agentId,
    type: index % 3 === 0 ? 'task.failed' : 'task.completed',
    task_id: `edge-${index}`,
    ts,
    received: ts,
    duration_ms: 1_000 + index,
    ...(index % 3 === 0 ? { error_category: 'tool' } : {}),
  }));
}

function spanOf(days: number, metricType: string): Span {
  if (metricType === 'realtime') {
    const toMs = Math.floor(nowMs / minuteMs) * minuteMs + minuteMs;
    return { fromMs: toMs - days * dayMs, toMs };
  }
  const today = Math.floor(nowMs / dayMs) * dayMs;
  return { fromMs: today - (days - 1) * dayMs, toMs: today + dayMs };
}

const cases = ['1d', '7d', '30d', '90d'].flatMap((range) =>
  ['realtime', 'aggregated'].flatMap((type) =>
    ['planner', 'edges'].map((agent) => ({ range, days: Number.parseInt(range, 10), type, agent })),
  ),
);

const answers = new Map<string, Promise<Answer>>();

/** One answer a case, looked at from several sides. */
function answerFor({ range, type, agent }: (typeof cases)[number]): Promise<Answer> {
  const target = `/api/v1/agents/${agent}/metrics?time_range=${range}&metric_type=${type}`;
  const answer = answers.get(target) ?? api.get('acme', target);
  answers.set(target, answer);
  return answer;
}

test.each(cases)('$type metrics of $agent over $range equal a recomputation from the events', async (given) => {
  const span = spanOf(given.days, given.type);
  const { status, body } = await answerFor(given);
  expect(status).toBe(200);
  const found = within(rows, 'acme', given.agent, span);
  const executions = executionsOf(found);
  expect(body).toMatchObject({
    agent_id: given.agent,
    time_range: given.range,
    metric_type: given.type,
    from: new Date(span.fromMs).toISOString(),
    to: new Date(span.toMs).toISOString(),
    ...told(found),
    total_errors: counted(found).failed_executions,
  });
  const own = found.filter((row) => row.type !== 'task.running' && row.usage_scope !== 'rolled_up');
  const [tokensIn, tokensOut] = [sum(numbers(own, 'tokens_in')), sum(numbers(own, 'tokens_out'))];
  expect(body.tokens).toEqual({ in: tokensIn, out: tokensOut, total: tokensIn + tokensOut });
  expect(body.llm_calls).toBe(sum(numbers(own, 'llm_calls')));
  const costs = numbers(own, 'cost_micros');
  expect(body.cost_cents).toBe(costs.length === 0 ? null : sum(costs) / 10_000);
  const unpriced = own.filter((row) => row.cost_micros == null);
  expect(body.tokens_unpriced).toBe(sum(numbers(unpriced, 'tokens_in')) + sum(numbers(unpriced, 'tokens_out')));
  const memory = numbers(executions, 'memory_mb');
  if (memory.length === 0) expect(body.max_memory_mb).toBeNull();
  else expect(body.max_memory_mb).toBeCloseTo(Math.max(...memory), 3);
  const confidence = numbers(executions, 'confidence');
  if (confidence.length === 0) expect(body.avg_confidence).toBeNull();
  else expect(body.avg_confidence).toBeCloseTo(sum(confidence) / confidence.length, 6);
});

test.each(cases)(
  '$type durations of $agent over $range are exact at the ends and within 1 % at the percentiles',
  async (given) => {
    const { type, agent } = given;
    const { body } = await answerFor(given);
    const executions = executionsOf(within(rows, 'acme', agent, spanOf(given.days, type)));
    const durations = numbers(executions, 'duration_ms').sort((a, b) => a - b);
    const times = body.execution_times as Record<string, number>;
    expect(times.min_ms).toBe(durations[0] ?? null);
    expect(times.max_ms).toBe(durations.at(-1) ?? null);
    if (durations.length < 100) return;
    expect(times.avg_ms).toBeCloseTo(sum(durations) / durations.length, 1);
    for (const [name, level] of [
      ['p50_ms', 0.5],
      ['p95_ms', 0.95],
      ['p99_ms', 0.99],
    ] as const) {
      // Within half a percent of rank: between two neighbours of few values no percentile is better than another.
      const low = durations[Math.floor(Math.max(0, level - 0.005) * (durations.length - 1))] ?? 0;
      const high = durations[Math.ceil(Math.min(1, level + 0.005) * (durations.length - 1))] ?? 0;
      expect(times[name]).toBeGreaterThanOrEqual(low * 0.99);
      expect(times[name]).toBeLessThanOrEqual(high * 1.01);
    }
  },
);

test.each(cases)('$type trend of $agent over $range shows the halves it compares', async (given) => {
  const { type, agent } = given;
  const { body } = await answerFor(given);
  const basis = body.trend_basis as Record<'first_half' | 'second_half', Record<string, unknown>>;
  const [first, second] = [basis.first_half, basis.second_half];
  expect(first.to).toBe(second.from);
  expect([first.from, second.to]).toEqual([body.from, body.to]);
  const splitMs = Date.parse(String(first.to));
  const span = spanOf(given.days, type);
  expect(first).toMatchObject(countedHalf(within(rows, 'acme', agent, { ...span, toMs: splitMs })));
  expect(second).toMatchObject(countedHalf(within(rows, 'acme', agent, { ...span, fromMs: splitMs })));
});

test.each(['1d', '7d'])('top errors over %s group what differs only in numbers and quoted names', async (range) => {
  const { body } = await api.get('globex', `/api/v1/agents/writer/metrics?time_range=${range}`);
  const found = within(rows, 'globex', 'writer', spanOf(Number.parseInt(range, 10), 'realtime'));
  const groups = errorGroups(found, rows).slice(0, 5);
  expect(body.top_errors).toEqual(groups.map((group) => ({ error: group.message, ...group })));
});

test('an agent that has only talked answers zeros, nulls and no_data', async () => {
  const { status, body } = await api.get('acme', '/api/v1/agents/talker/metrics?time_range=30d');
  expect(status).toBe(200);
  expect(body).toMatchObject({
    total_executions: 0,
    success_rate: 0,
    error_rate: 0,
    execution_times: { avg_ms: null, min_ms: null, max_ms: null, p50_ms: null, p95_ms: null, p99_ms: null },
    top_errors: [],
    trend: 'no_data',
    tokens: { in: 0, out: 0, total: 0 },
    cost_cents: null,
    avg_confidence: null,
    max_memory_mb: null,
    coverage: { from: null, to: null, freshest_event: null },
  });
});

test('an agent this tenant never sent an event of has zeros, whatever other tenants have', async () => {
  const { status, body } = await api.get('initech', '/api/v1/agents/planner/metrics');
  expect(status).toBe(200);
  expect(body).toMatchObject({ total_executions: 0, trend: 'no_data', top_errors: [], tokens: { total: 0 } });
  expect(body.coverage).toMatchObject({ from: null, to: null, freshest_event: null });
});

test('the alias of the studio answers the same', async () => {
  const query = 'metrics?time_range=7d&metric_type=aggregated';
  const here = await api.get('acme', `/api/v1/agents/planner/${query}`);
  const alias = await api.get('acme', `/api/v1/agent-studio/agents/planner/${query}`);
  expect(alias).toEqual(here);
});

test('coverage says where the events begin and end, how fresh they are, and whence the errors come', async () => {
  const { body } = await api.get('acme', '/api/v1/agents/planner/metrics?time_range=90d&metric_type=aggregated');
  const span = spanOf(90, 'aggregated');
  const found = within(rows, 'acme', 'planner', span);
  const times = found.map((row) => row.ts);
  expect(body.coverage).toEqual({
    from: new Date(Math.floor(Math.min(...times) / dayMs) * dayMs).toISOString(),
    to: new Date(Math.floor(Math.max(...times) / dayMs) * dayMs + dayMs).toISOString(),
    freshest_event: new Date(Math.max(...found.map((row) => row.received))).toISOString(),
    errors: {
      from: new Date(span.fromMs).toISOString(),
      to: new Date(span.toMs).toISOString(),
      recovered_as_of: 'maintenance',
    },
    source: ['agent_performance_daily', 'agent_errors_daily'],
  });
});

test('a day with events but no execution is covered, and counts as none', async () => {
  const { status, body } = await api.get('acme', '/api/v1/agents/talker/metrics?time_range=7d&metric_type=aggregated');
  expect(status).toBe(200);
  expect(body).toMatchObject({ total_executions: 0, trend: 'no_data', success_rate: 0, top_errors: [] });
  expect(body.coverage).toMatchObject({ freshest_event: new Date(nowMs - 4_000).toISOString() });
});

test('a rolling range reads minutes only at its edges', async () => {
  store.asked.length = 0;
  await forgetful().get('acme', '/api/v1/agents/planner/metrics?time_range=90d');
  const params = store.asked.find((query) => query.name === 'agent_buckets')?.params ?? {};
  const minutes = [0, 1, 2].map((span) => Number(params[`to_${span}`] ?? 0) - Number(params[`from_${span}`] ?? 0));
  expect(sum(minutes)).toBeLessThanOrEqual((3 * dayMs) / 1000);
});

test('aggregated metrics of whole days read no raw event, and minutes of one day at most', async () => {
  store.asked.length = 0;
  await forgetful().get('acme', '/api/v1/agents/planner/metrics?time_range=30d&metric_type=aggregated');
  const asked = store.asked.filter(({ name }) => name !== 'store_changes' && name !== 'remembered_tables');
  expect(
    asked
      .map(({ name }) => name)
      .slice(0, 2)
      .sort(),
  ).toEqual(['agent_buckets', 'error_days']);
  for (const { sql } of asked.slice(0, 2)) expect(sql).not.toMatch(/agent_events|per_minute/);
  expect(asked.length).toBeLessThanOrEqual(4);
});

test('what has not changed is answered from memory, with one look at the store', async () => {
  await api.get('acme', '/api/v1/agents/planner/metrics?time_range=30d&metric_type=aggregated');
  store.asked.length = 0;
  const path = '/api/v1/agents/planner/metrics?time_range=30d&metric_type=aggregated';
  const known = await api.get('acme', path);
  expect(store.asked.map(({ name }) => name)).toEqual(['store_changes']);
  const { execution_times: times, ...told } = known.body;
  const unremembered = await createQueryApi({ store: store.reader, clock }).get('acme', path);
  const { execution_times: read, ...asked } = unremembered.body;
  expect(Object.keys(told)).toEqual(Object.keys(asked));
  expect({ ...told, trend_basis: null }).toEqual({ ...asked, trend_basis: null });
  for (const [name, ms] of Object.entries(read as Record<string, number>)) {
    expect((times as Record<string, number>)[name]).toBeCloseTo(ms, -Math.log10(ms / 100));
  }
});

/** An API that remembers nothing yet. */
function forgetful(): QueryApi {
  return createQueryApi({ store: store.reader, memory: openMemory(store.reader, 1 << 20), clock });
}

/**
 * The executions in the order of their time, cut in the middle: what the trend compares, counted one by one. Of those
 * of the one time that the cut goes through either may be in either half: one count of successes for each that fits.
 */
function halvesOf(found: readonly RawRow[]) {
  const ordered = [...executionsOf(found)].sort((a, b) => a.ts - b.ts);
  const middle = Math.floor(ordered.length / 2);
  const successes = (some: readonly RawRow[]) => some.filter((row) => row.type === 'task.completed').length;
  const cutMs = ordered[middle]?.ts ?? 0;
  const [before, at] = [ordered.filter(({ ts }) => ts < cutMs), ordered.filter(({ ts }) => ts === cutMs)];
  const taken = middle - before.length;
  const [most, least] = [Math.min(taken, successes(at)), Math.max(0, taken - (at.length - successes(at)))];
  const firsts = Array.from({ length: most - least + 1 }, (_, index) => successes(before) + least + index);
  return {
    sizes: [middle, ordered.length - middle] as const,
    successes: firsts.map((first) => [first, successes(ordered) - first] as const),
  };
}

interface ToldHalf {
  readonly executions: number;
  readonly successful_min: number;
  readonly successful_max: number;
}

test.each(cases)('$type trend of $agent over $range is of the halves of its executions', async (given) => {
  const { body } = await answerFor(given);
  const found = within(rows, 'acme', given.agent, spanOf(given.days, given.type));
  const { sizes, successes } = halvesOf(found);
  const halves = Object.values(body.trend_halves as Record<string, ToldHalf>);
  expect(halves.map(({ executions }) => executions)).toEqual(sizes);
  const isTold = (counts: readonly number[]) =>
    halves.every((half, at) => half.successful_min <= counts[at]! && half.successful_max >= counts[at]!);
  const fitting = successes.filter(isTold);
  expect(fitting, JSON.stringify({ halves, successes })).not.toEqual([]);
  const [n1, n2] = sizes;
  const verdicts = fitting.map(([s1, s2]) => {
    const points = (100 * s2) / n2 - (100 * s1) / n1;
    return points > 5 ? 'improving' : points < -5 ? 'declining' : 'stable';
  });
  expect(n1 + n2 < 10 ? ['insufficient_data'] : verdicts).toContain(body.trend);
});
