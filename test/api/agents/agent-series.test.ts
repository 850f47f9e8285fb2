import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { roundedRate } from '../../support/rounded-rate.js';
import { seededRandom, testSeed } from '../../support/seeded-random.js';
import { createQueryApi, type QueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api-store.js';

const seed = testSeed(5);
const random = seededRandom(seed);
const minuteMs = 60_000;
const hourMs = 3_600_000;
const dayMs = 86_400_000;
const nowMs = Math.floor(Date.now() / minuteMs) * minuteMs + 34_567;
const todayMs = Math.floor(nowMs / dayMs) * dayMs;
const hostileId = "o'brien%_\\ 日本 {tenant:String}";

const stepsMs = { '1m': minuteMs, '5m': 5 * minuteMs, '1h': hourMs, '1d': dayMs } as const;
type Step = keyof typeof stepsMs;
type Point = Readonly<Record<string, number | string | null>>;

let store: QueryStore;
let api: QueryApi;
const rows: RawRow[] = [];

beforeAll(async () => {
  process.stdout.write(`agent-series: seed ${seed}, now ${nowMs}\n`);
  store = await openQueryStore();
  for (const tenant of ['acme', 'globex']) {
    for (const agentId of ['planner', hostileId]) rows.push(...history(tenant, agentId, 2_000));
  }
  for (const edge of [todayMs, todayMs - dayMs, Math.floor(nowMs / hourMs) * hourMs]) {
    for (const ts of [edge - 1, edge, edge + 1]) rows.push(execution('acme', 'planner', ts));
  }
  rows.push({ tenant: 'acme', agent_id: 'talker', type: 'log', ts: nowMs - 5_000, received: nowMs - 4_000 });
  await store.insert(rows);
  api = createQueryApi({ store: store.reader, memory: store.memory, clock: new FakeClock(nowMs) });
});

afterAll(async () => {
  await store.close();
});

/** Three quarters of it within the last two hours, so that buckets of all steps have something to merge. */
function history(tenant: string, agentId: string, count: number): RawRow[] {
  return Array.from({ length: count }, (_, index) => {
    const spanMs = index % 4 === 0 ? 100 * dayMs : 2 * hourMs;
    return execution(tenant, agentId, nowMs - Math.floor(random() * spanMs));
  });
}

function execution(tenant: string, agentId: string, ts: number): RawRow {
  const chance = random();
  const type =
    chance < 0.6 ? 'task.completed' : chance < 0.8 ? 'task.failed' : chance < 0.9 ? 'task.cancelled' : 'step.completed';
  return {
    tenant,
    agent_id: agentId,
    type,
    ts,
    received: Math.max(ts, nowMs - 29 * dayMs),
    duration_ms: random() < 0.9 ? Math.exp(7 + random()) : null,
    llm_calls: Math.floor(random() * 5),
    tokens_in: Math.floor(random() * 4_000),
    tokens_out: Math.floor(random() * 900),
    cost_micros: random() < 0.7 ? Math.floor(random() * 50_000) : null,
    usage_scope: random() < 0.1 ? 'rolled_up' : 'own',
    memory_mb: random() < 0.5 ? random() * 900 : null,
    confidence: random() < 0.7 ? random() : null,
    error_category: type === 'task.failed' ? 'tool' : '',
  };
}

async function series(target: string, tenant = 'acme'): Promise<{ from: string; to: string; points: Point[] }> {
  const { status, body } = await api.get(tenant, `/api/v1/agents/${target}`);
  expect([status, body.code]).toEqual([200, undefined]);
  return body as { from: string; to: string; points: Point[] };
}

const metricLists = [
  'executions,successful,failed,cancelled,success_rate,error_rate,llm_calls,cost_cents',
  'avg_ms,min_ms,max_ms,confidence,memory_mb,tokens_in,tokens_out,tokens',
  'tokens_unpriced',
] as const;

/** A bucket recomputed from the rows alone; averages are compared apart, for the order of their sums. */
function recomputed(key: { readonly tenant: string; readonly agentId: string }, fromMs: number, toMs: number) {
  const found = rows.filter(
    (row) => row.tenant === key.tenant && row.agent_id === key.agentId && row.ts >= fromMs && row.ts < toMs,
  );
  const of = (type: string) => found.filter((row) => row.type === type).length;
  const [successful, failed, cancelled] = [of('task.completed'), of('task.failed'), of('task.cancelled')];
  const executions = found.filter((row) => row.type.startsWith('task.'));
  const own = found.filter((row) => row.usage_scope === 'own');
  const sum = (name: string) => own.reduce((total, row) => total + Number(row[name]), 0);
  const values = (name: string) => executions.map((row) => row[name]).filter((value) => typeof value === 'number');
  const durations = values('duration_ms').sort((a, b) => a - b);
  const [memory, confidence] = [values('memory_mb'), values('confidence')];
  const finished = successful + failed;
  const mean = (list: readonly number[]) => list.reduce((total, value) => total + value, 0) / list.length;
  return {
    exact: {
      executions: executions.length,
      successful,
      failed,
      cancelled,
      success_rate: roundedRate(successful, finished),
      error_rate: roundedRate(failed, finished),
      min_ms: durations[0] ?? null,
      max_ms: durations.at(-1) ?? null,
      llm_calls: sum('llm_calls'),
      tokens_in: sum('tokens_in'),
      tokens_out: sum('tokens_out'),
      tokens: sum('tokens_in') + sum('tokens_out'),
      cost_cents: own.every(({ cost_micros: cost }) => cost == null) ? null : sum('cost_micros') / 10_000,
      tokens_unpriced: own.reduce(
        (total, row) => total + (row.cost_micros === null ? Number(row.tokens_in) + Number(row.tokens_out) : 0),
        0,
      ),
      memory_mb: memory.length === 0 ? null : Math.max(...memory),
    } as Readonly<Record<string, number | null>>,
    rounded: {
      avg_ms: durations.length === 0 ? null : mean(durations),
      confidence: confidence.length === 0 ? null : mean(confidence),
    } as Readonly<Record<string, number | null>>,
    durations,
  };
}

const ranges: readonly (readonly [Step, number, number])[] = [
  ['1m', nowMs - 3 * hourMs, nowMs],
  ['5m', todayMs - 2 * hourMs, todayMs + 3 * minuteMs],
  ['5m', nowMs - 6 * hourMs, nowMs],
  ['1h', nowMs - 80 * dayMs, nowMs - 20 * dayMs],
  ['1h', nowMs - 3 * dayMs, nowMs],
  ['1d', todayMs - 110 * dayMs, nowMs],
];

const cases = ranges.flatMap(([step, fromMs, toMs]) =>
  ['planner', hostileId].flatMap((agentId) =>
    metricLists.map((metrics) => ({ step, fromMs, toMs, agentId, metrics, tenant: 'acme' })),
  ),
);

test.each(cases)('$metrics of $agentId by $step equal a recomputation, bucket by bucket', async (given) => {
  const { step, fromMs, toMs, agentId, metrics } = given;
  const stepMs = stepsMs[step];
  const range = `from=${new Date(fromMs).toISOString()}&to=${new Date(toMs).toISOString()}`;
  const answer = await series(`${encodeURIComponent(agentId)}/series?metric=${metrics}&step=${step}&${range}`);
  const startMs = Math.floor(fromMs / stepMs) * stepMs;
  const endMs = Math.ceil(toMs / stepMs) * stepMs;
  expect(answer).toMatchObject({
    agent_id: agentId,
    step,
    from: new Date(startMs).toISOString(),
    to: new Date(endMs).toISOString(),
  });
  expect(answer.points.length).toBe((endMs - startMs) / stepMs);
  for (const [index, point] of answer.points.entries()) {
    const atMs = startMs + index * stepMs;
    const { exact, rounded } = recomputed(given, atMs, atMs + stepMs);
    const names = metrics.split(',');
    expect(Object.keys(point)).toEqual(['at', ...names]);
    const expected = names.filter((name) => name in exact).map((name) => [name, exact[name]]);
    expect(point).toMatchObject({ at: new Date(atMs).toISOString(), ...Object.fromEntries(expected) });
    for (const name of names.filter((candidate) => candidate in rounded)) {
      const [is, should] = [point[name], rounded[name]];
      if (should === null) expect(is).toBeNull();
      else expect(Number(is) / Number(should)).toBeCloseTo(1, 6);
    }
  }
});

test.each(['5m', '1h', '1d'] as const)('percentiles by %s are those of all durations of a bucket', async (step) => {
  const { points, from } = await series(`planner/series?metric=p50_ms,p95_ms,p99_ms&step=${step}`);
  let compared = 0;
  for (const [index, point] of points.entries()) {
    const atMs = Date.parse(from) + index * stepsMs[step];
    const { durations } = recomputed({ tenant: 'acme', agentId: 'planner' }, atMs, atMs + stepsMs[step]);
    for (const [name, level] of [
      ['p50_ms', 0.5],
      ['p95_ms', 0.95],
      ['p99_ms', 0.99],
    ] as const) {
      if (durations.length === 0) expect(point[name]).toBeNull();
      if (durations.length < 20) continue;
      compared += 1;
      // One value further on each side: between two neighbours of few values no percentile is better than another.
      // Of many, half a percentile, as docs/values.md has it: how far a digest is off changes with the hour of the day.
      const slack = Math.max(1, Math.ceil(0.005 * durations.length));
      const low = durations[Math.max(0, Math.floor(level * (durations.length - 1)) - slack)] ?? 0;
      const high = durations[Math.min(durations.length - 1, Math.ceil(level * (durations.length - 1)) + slack)] ?? 0;
      expect(point[name]).toBeGreaterThanOrEqual(low * 0.999);
      expect(point[name]).toBeLessThanOrEqual(high * 1.001);
    }
  }
  expect(compared).toBeGreaterThan(0);
});

test('without parameters the last 24 hours come by the hour, the current one included', async () => {
  const { from, to, points } = await series('planner/series');
  const endMs = Math.floor(nowMs / hourMs) * hourMs + hourMs;
  expect([from, to]).toEqual([new Date(endMs - dayMs).toISOString(), new Date(endMs).toISOString()]);
  expect(points.length).toBe(24);
  expect(Object.keys(points[0] ?? {})).toEqual(['at', 'executions', 'success_rate', 'p95_ms']);
});

test('a day as the end is the whole day, a range never ends after the bucket of now', async () => {
  const day = new Date(todayMs - dayMs).toISOString().slice(0, 10);
  expect((await series(`planner/series?from=${day}&to=${day}`)).to).toBe(new Date(todayMs).toISOString());
  const clipped = await series(`planner/series?step=5m&to=${new Date(nowMs + 9 * dayMs).toISOString()}`);
  expect(clipped.to).toBe(new Date(Math.floor(nowMs / 300_000) * 300_000 + 300_000).toISOString());
});

test('tenants that share an agent id see their own points', async () => {
  const target = 'planner/series?metric=executions&step=1d';
  const [acme, globex] = await Promise.all([series(target), series(target, 'globex')]);
  for (const [tenant, { points, from }] of [
    ['acme', acme],
    ['globex', globex],
  ] as const) {
    const fromMs = Date.parse(from);
    const { exact } = recomputed({ tenant, agentId: 'planner' }, fromMs, fromMs + points.length * dayMs);
    expect(points.reduce((total, point) => total + Number(point.executions), 0)).toBe(exact.executions);
  }
});

test('an agent without executions has zeros and nulls, an unknown one and one of another tenant is a 404', async () => {
  const { points } = await series('talker/series?metric=executions,success_rate,p95_ms,tokens,cost_cents,min_ms');
  expect(points.length).toBe(24);
  for (const { at: _, ...values } of points) {
    expect(values).toEqual({
      executions: 0,
      success_rate: null,
      p95_ms: null,
      tokens: 0,
      cost_cents: null,
      min_ms: null,
    });
  }
  for (const [tenant, id] of [
    ['acme', 'nobody'],
    ['globex', 'talker'],
    ['acme', "'".repeat(65_536)],
  ] as const) {
    const { status, body } = await api.get(tenant, `/api/v1/agents/${encodeURIComponent(id)}/series`);
    expect([status, body.code]).toEqual([404, 'not_found']);
  }
});

const ago = (days: number): string => new Date(nowMs - days * dayMs).toISOString();

test.each([
  ['metric=speed', 'metric', 'expected some of executions, successful'],
  ['metric=', 'metric', 'unknown metric ""'],
  ['metric=__proto__', 'metric', 'unknown metric'],
  ["metric=executions') UNION ALL SELECT", 'metric', 'unknown metric'],
  ['metric=executions,executions', 'metric', 'twice'],
  [`metric=executions,successful,failed,cancelled,avg_ms,min_ms,max_ms,p50_ms,p95_ms`, 'metric', 'at most 8'],
  [`metric=${'executions,'.repeat(10_000)}`, 'metric', 'at most 8'],
  ['step=2h', 'step', '1m, 5m, 1h, 1d'],
  ['metrics=executions', 'metrics', 'metric, step, from, to'],
  ['from=yesterday', 'from', 'RFC 3339'],
  [`from=${ago(-1)}`, 'from', 'not in the future'],
  [`from=${ago(1)}&to=${ago(1)}`, 'to', 'after from'],
  [`from=${ago(1)}&to=${ago(3)}`, 'to', 'after from'],
  [`step=1m&from=${ago(8)}`, 'from', 'more than 10080: expected a shorter range, or step=5m'],
  [`step=5m&from=${ago(60)}`, 'from', 'more than 10080: expected a shorter range, or step=1h'],
  [`step=1h&from=${ago(91)}`, 'from', 'kept 90 days: expected step=1d, or '],
  [`step=1m&from=${ago(91)}&to=${ago(90.5)}`, 'from', 'kept 90 days: expected step=1d, or '],
  [`step=1d&from=${ago(401)}`, 'from', 'at most 400 days'],
  ['step=1d&to=1970-01-01T00:00:00Z', 'to', 'after from'],
])('%s is refused and the message says what is allowed', async (query, path, allowed) => {
  const { status, body } = await api.get('acme', `/api/v1/agents/planner/series?${query}`);
  expect([status, body.code]).toEqual([400, 'parameter_invalid']);
  expect(body.errors).toMatchObject([{ path }]);
  const [{ message }] = body.errors as [{ message: string }];
  expect(message).toContain(allowed);
  expect(message.length).toBeLessThan(500);
});

test('as many points as are allowed fit, one more does not', async () => {
  const minuteEndMs = Math.floor(nowMs / minuteMs) * minuteMs + minuteMs;
  const from = (points: number) => new Date(minuteEndMs - points * minuteMs).toISOString();
  const { points } = await series(`planner/series?metric=executions&step=1m&from=${from(10_080)}`);
  expect(points.length).toBe(10_080);
  const refused = await api.get('acme', `/api/v1/agents/planner/series?step=1m&from=${from(10_081)}`);
  expect(refused.status).toBe(400);
});

test('a day that minutes no longer hold is read from the days, and every read is bound to the tenant', async () => {
  expect((await series('planner/series?step=1d&to=1970-01-02')).points.length).toBe(2);
  store.asked.length = 0;
  const { points } = await series(`planner/series?step=1d&from=${ago(399)}&metric=executions`);
  expect(points.length).toBe(400);
  await series('talker/series?metric=p95_ms');
  const asked = store.asked.filter(({ name }) => name !== 'store_changes');
  for (const { name, sql, params } of asked) {
    expect(params.tenant, name).toBe('acme');
    expect(sql, name).not.toContain('planner');
    expect(sql.match(/tenant = \{tenant:String\}/g)?.length, name).toBe(sql.match(/FROM agent_/g)?.length);
  }
  expect(asked.map(({ name }) => name)).toEqual(['agent_series', 'agent_series', 'agent_known']);
});
