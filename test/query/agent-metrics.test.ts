import { afterAll, beforeAll, expect, test } from 'vitest';
import { executionTypes } from '../../src/core/event-types.js';
import { FakeClock } from '../support/fake-clock.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';
import { type Answer, createQueryApi, type QueryApi } from './query-api.js';
import { openQueryStore, type QueryStore, type RawRow } from './query-store.js';

const seed = testSeed(7);
const random = seededRandom(seed);
const minuteMs = 60_000;
const dayMs = 86_400_000;
// Near the real time, because the store expires rows by it; not at a round one.
const nowMs = Math.floor(Date.now() / minuteMs) * minuteMs + 34_567;
const clock = new FakeClock(nowMs);
const executionSet: ReadonlySet<string> = new Set(executionTypes);

let store: QueryStore;
let api: QueryApi;
const rows: RawRow[] = [];

beforeAll(async () => {
  process.stdout.write(`agent-metrics: seed ${seed}, now ${nowMs}\n`);
  store = await openQueryStore();
  for (const tenant of ['acme', 'globex']) {
    for (const agentId of ['planner', 'writer']) rows.push(...history(tenant, agentId, 3_000));
  }
  rows.push(...edgeRows('acme', 'edges'));
  rows.push({ tenant: 'acme', agent_id: 'talker', type: 'log', ts: nowMs - 5_000, received: nowMs - 4_000 });
  await store.insert(rows);
  api = createQueryApi({ store: store.reader, clock });
});

afterAll(async () => {
  await store.close();
});

/** Executions, steps and starts over 100 days, denser towards now; durations log-normal, failures in a few shapes. */
function history(tenant: string, agentId: string, count: number): RawRow[] {
  return Array.from({ length: count }, (_, index) => {
    const ageMs = Math.floor(random() ** 3 * 100 * dayMs);
    const ts = nowMs - ageMs;
    const chance = random();
    const type =
      chance < 0.6
        ? 'task.completed'
        : chance < 0.75
          ? 'task.failed'
          : chance < 0.8
            ? 'task.cancelled'
            : chance < 0.9
              ? 'step.completed'
              : 'task.running';
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return {
      tenant,
      agent_id: agentId,
      type,
      task_id: `task-${index}`,
      step_id: type === 'step.completed' ? `step-${index}` : '',
      ts,
      received: ts + 250,
      duration_ms: random() < 0.9 ? Math.exp(7 + normal) : null,
      llm_calls: Math.floor(random() * 5),
      tokens_in: Math.floor(random() * 4_000),
      tokens_out: Math.floor(random() * 900),
      cost_micros: Math.floor(random() * 50_000),
      usage_scope: random() < 0.1 ? 'rolled_up' : 'own',
      memory_mb: random() < 0.5 ? Math.fround(random() * 900) : null,
      confidence: random() < 0.7 ? Math.fround(random()) : null,
      ...(type === 'task.failed' ? failure(tenant, index) : {}),
    };
  });
}

function failure(tenant: string, index: number) {
  const kind = Math.floor(random() ** 2 * 6);
  return {
    error_category: ['tool', 'model', 'infra', 'retrieval', 'guardrail', 'user'][kind],
    error_code: kind === 3 ? '' : `code_${kind}`,
    error_message: `${tenant} cannot reach "host-${index}" after ${index * 3} ms, case ${'abcdef'[kind]}`,
  };
}

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

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

function spanOf(days: number, metricType: string): Span {
  if (metricType === 'realtime') {
    const toMs = Math.floor(nowMs / minuteMs) * minuteMs + minuteMs;
    return { fromMs: toMs - days * dayMs, toMs };
  }
  const today = Math.floor(nowMs / dayMs) * dayMs;
  return { fromMs: today - (days - 1) * dayMs, toMs: today + dayMs };
}

function within(tenant: string, agentId: string, { fromMs, toMs }: Span): RawRow[] {
  return rows.filter((r) => r.tenant === tenant && r.agent_id === agentId && r.ts >= fromMs && r.ts < toMs);
}

function numbers(found: readonly RawRow[], name: string): number[] {
  return found.map((row) => row[name]).filter((value) => typeof value === 'number');
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function counted(found: readonly RawRow[]) {
  const of = (type: string) => found.filter((row) => row.type === type).length;
  const [successful, failed, cancelled] = [of('task.completed'), of('task.failed'), of('task.cancelled')];
  const finished = successful + failed;
  return {
    total_executions: successful + failed + cancelled,
    successful_executions: successful,
    failed_executions: failed,
    cancelled_executions: cancelled,
    success_rate: finished === 0 ? null : (100 * successful) / finished,
    error_rate: finished === 0 ? null : (100 * failed) / finished,
  };
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
  const found = within('acme', given.agent, span);
  const executions = found.filter((row) => executionSet.has(row.type));
  expect(body).toMatchObject({
    agent_id: given.agent,
    time_range: given.range,
    metric_type: given.type,
    from: new Date(span.fromMs).toISOString(),
    to: new Date(span.toMs).toISOString(),
    ...counted(found),
  });
  const own = found.filter((row) => row.type !== 'task.running' && row.usage_scope !== 'rolled_up');
  const [tokensIn, tokensOut] = [sum(numbers(own, 'tokens_in')), sum(numbers(own, 'tokens_out'))];
  expect(body.tokens).toEqual({ in: tokensIn, out: tokensOut, total: tokensIn + tokensOut });
  expect(body.llm_calls).toBe(sum(numbers(own, 'llm_calls')));
  expect(body.cost_cents).toBe(sum(numbers(own, 'cost_micros')) / 10_000);
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
    const executions = within('acme', agent, spanOf(given.days, type)).filter((row) => executionSet.has(row.type));
    const durations = numbers(executions, 'duration_ms').sort((a, b) => a - b);
    const times = body.execution_times as Record<string, number>;
    expect(times.min_ms).toBe(durations[0] ?? null);
    expect(times.max_ms).toBe(durations.at(-1) ?? null);
    if (durations.length < 100) return;
    expect(times.avg_ms).toBeCloseTo(sum(durations) / durations.length, 6);
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
  const {
    cancelled_executions: _1,
    error_rate: _2,
    ...expectedFirst
  } = counted(within('acme', agent, { ...span, toMs: splitMs }));
  const {
    cancelled_executions: _3,
    error_rate: _4,
    ...expectedSecond
  } = counted(within('acme', agent, { ...span, fromMs: splitMs }));
  expect(first).toMatchObject(expectedFirst);
  expect(second).toMatchObject(expectedSecond);
});

test.each(['1d', '7d'])('top errors over %s group what differs only in numbers and quoted names', async (range) => {
  const { body } = await api.get('globex', `/api/v1/agents/writer/metrics?time_range=${range}`);
  const found = within('globex', 'writer', spanOf(Number.parseInt(range, 10), 'realtime'));
  const groups = new Map<string, RawRow[]>();
  for (const row of found.filter((candidate) => candidate.type === 'task.failed')) {
    const message = String(row.error_message)
      .replace(/"[^"]*"/, '<text>')
      .replace(/\d+/g, '<n>');
    const key = JSON.stringify([row.error_category, row.error_code || null, message]);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const expected = [...groups]
    .map(([key, members]) => {
      const [category, code, message] = JSON.parse(key);
      const times = members.map((row) => row.ts);
      return {
        category,
        code,
        message,
        count: members.length,
        first_seen: new Date(Math.min(...times)).toISOString(),
        last_seen: new Date(Math.max(...times)).toISOString(),
      };
    })
    .sort((a, b) => b.count - a.count || b.last_seen.localeCompare(a.last_seen))
    .slice(0, 5);
  expect(body.top_errors).toEqual(expected);
});

test('an agent that has only talked answers zeros, nulls and no_data', async () => {
  const { status, body } = await api.get('acme', '/api/v1/agents/talker/metrics?time_range=30d');
  expect(status).toBe(200);
  expect(body).toMatchObject({
    total_executions: 0,
    success_rate: null,
    error_rate: null,
    execution_times: { avg_ms: null, min_ms: null, max_ms: null, p50_ms: null, p95_ms: null, p99_ms: null },
    top_errors: [],
    trend: 'no_data',
    tokens: { in: 0, out: 0, total: 0 },
    cost_cents: 0,
    avg_confidence: null,
    max_memory_mb: null,
    coverage: { from: null, to: null, freshest_event: null },
  });
});

test('an agent this tenant never sent an event of is a 404, whatever other tenants have', async () => {
  const { status, body } = await api.get('initech', '/api/v1/agents/planner/metrics');
  expect(status).toBe(404);
  expect(body).toMatchObject({ code: 'not_found', status: 404, type: 'urn:tidemark:error:not_found' });
});

test('the alias of the studio answers the same', async () => {
  const query = 'metrics?time_range=7d&metric_type=aggregated';
  const here = await api.get('acme', `/api/v1/agents/planner/${query}`);
  const alias = await api.get('acme', `/api/v1/agent-studio/agents/planner/${query}`);
  expect(alias).toEqual(here);
});

test('coverage says where the data begins and ends and how fresh it is', async () => {
  const { body } = await api.get('acme', '/api/v1/agents/planner/metrics?time_range=90d&metric_type=aggregated');
  const terminal = within('acme', 'planner', spanOf(90, 'aggregated')).filter((row) => row.type !== 'task.running');
  const times = terminal.map((row) => row.ts);
  const firstDay = Math.floor(Math.min(...times) / dayMs) * dayMs;
  const endDay = Math.floor(Math.max(...times) / dayMs) * dayMs + dayMs;
  expect(body.coverage).toEqual({
    from: new Date(firstDay).toISOString(),
    to: new Date(endDay).toISOString(),
    freshest_event: new Date(Math.max(...terminal.map((row) => row.received))).toISOString(),
    source: ['agent_performance_daily', 'agent_events'],
  });
});

test('a rolling range reads minutes only at its edges', async () => {
  store.asked.length = 0;
  await api.get('acme', '/api/v1/agents/planner/metrics?time_range=90d');
  const params = store.asked.find((query) => query.name === 'agent_performance')?.params ?? {};
  const minutes = [0, 1, 2].map((span) => Number(params[`to_${span}`]) - Number(params[`from_${span}`]));
  expect(sum(minutes)).toBeLessThanOrEqual((3 * dayMs) / 1000);
});
