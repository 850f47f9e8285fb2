import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { roundedRate } from '../../support/rounded-rate.js';
import { seededRandom, testSeed } from '../../support/seeded-random.js';
import { createQueryApi, type QueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api-store.js';

const seed = testSeed(11);
const random = seededRandom(seed);
const minuteMs = 60_000;
const hourMs = 3_600_000;
const dayMs = 86_400_000;
const nowMs = Math.floor(Date.now() / minuteMs) * minuteMs + 34_567;
const todayMs = Math.floor(nowMs / dayMs) * dayMs;
const dayToMs = Math.floor(nowMs / minuteMs) * minuteMs + minuteMs;
const dayFromMs = dayToMs - dayMs;
const tenants = ['acme', 'globex'] as const;

let store: QueryStore;
let api: QueryApi;
const rows: RawRow[] = [];

beforeAll(async () => {
  process.stdout.write(`dashboard: seed ${seed}, now ${nowMs}\n`);
  store = await openQueryStore();
  for (const tenant of tenants) rows.push(...history(tenant), ...edgeRows(tenant));
  rows.push(...rankedRows(), ...troubledRows(), ...quietRows());
  await store.insert(rows);
  api = createQueryApi({ store: store.reader, memory: store.memory, clock: new FakeClock(nowMs) });
});

afterAll(async () => {
  await store.close();
});

interface Event {
  readonly tenant?: string;
  readonly type?: string;
  readonly ts: number;
  readonly more?: object;
}

let tasks = 0;

function event(agentId: string, { tenant = 'acme', type = 'task.completed', ts, more }: Event): RawRow {
  const failure = type.endsWith('.failed') ? { error_category: 'tool' } : {};
  tasks += 1;
  // Rows expire 30 days after their receipt, so what is older was received late.
  const received = Math.max(ts, nowMs - 29 * dayMs);
  return { tenant, agent_id: agentId, type, task_id: `t${tasks}`, ts, received, ...failure, ...more };
}

/** Events of every kind over 40 days, of agents both tenants have. */
function history(tenant: string): RawRow[] {
  return Array.from({ length: 3_000 }, (_, index) => {
    const kind = random();
    const type =
      kind < 0.7 ? 'task.completed' : kind < 0.74 ? 'task.failed' : kind < 0.8 ? 'task.cancelled' : 'step.completed';
    const usage = {
      llm_calls: Math.floor(random() * 5),
      tokens_in: Math.floor(random() * 4_000),
      tokens_out: Math.floor(random() * 900),
      cost_micros: Math.floor(random() * 50_000),
      usage_scope: random() < 0.1 ? 'rolled_up' : 'own',
      duration_ms: Math.exp(7 + random()),
    };
    const ts = nowMs - Math.floor(random() ** 2 * 40 * dayMs);
    return event(`shared-${index % 7}`, { tenant, type, ts, more: usage });
  });
}

/** One execution on each side of every boundary of the answer. */
function edgeRows(tenant: string): RawRow[] {
  const hours = Math.floor(nowMs / hourMs) * hourMs - 23 * hourMs;
  const edges = [dayFromMs, hours, todayMs, todayMs - dayMs, todayMs - 6 * dayMs, todayMs - 29 * dayMs];
  const times = [...edges, ...edges.map((edge) => edge + hourMs)].flatMap((edge) => [edge - 1, edge, edge + 1]);
  return times.filter((ts) => ts <= nowMs).map((ts) => event('edges', { tenant, ts }));
}

/** Outcomes of an agent over the days of the ranking that are not the last 24 hours. */
function outcomes(agentId: string, successful: number, failed: number): RawRow[] {
  return Array.from({ length: successful + failed }, (_, index) => {
    const type = index < successful ? 'task.completed' : 'task.failed';
    return event(agentId, { type, ts: todayMs - 3 * dayMs + index, more: { agent_name: `Name of ${agentId}` } });
  });
}

function rankedRows(): RawRow[] {
  return [
    ...outcomes('ranked-large', 990, 10),
    ...outcomes('ranked-tiny', 3, 0),
    ...outcomes('ranked-enough', 20, 0),
    ...outcomes('ranked-short', 19, 0),
    ...outcomes('ranked-perfect', 300, 0),
    ...outcomes("ranked-' OR 1=1 --", 200, 0),
  ];
}

interface Phase {
  readonly count: number;
  readonly failed: number;
  /** Log-normal durations around it, in ms. */
  readonly medianMs: number;
  /** Every tenth duration is this much longer. */
  readonly tailFactor?: number;
}

/** 7 days of baseline, then the last 24 hours. */
function phases(agentId: string, baseline: Phase, recent: Phase): RawRow[] {
  const part = ({ count, failed, medianMs, tailFactor = 1 }: Phase, fromMs: number, toMs: number): RawRow[] =>
    Array.from({ length: count }, (_, index) => {
      const type = index < failed ? 'task.failed' : 'task.completed';
      const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
      const ts = fromMs + Math.floor(((toMs - fromMs - 1) * index) / count);
      const factor = index % 10 === 9 ? tailFactor : 1;
      return event(agentId, { type, ts, more: { duration_ms: factor * medianMs * Math.exp(normal / 2) } });
    });
  const yesterdayMs = todayMs - dayMs;
  return [...part(baseline, yesterdayMs - 7 * dayMs, yesterdayMs), ...part(recent, dayFromMs, nowMs)];
}

function troubledRows(): RawRow[] {
  const steady = { count: 400, failed: 12, medianMs: 800 };
  return [
    ...phases('steady', steady, { count: 120, failed: 4, medianMs: 800 }),
    ...phases('steady-bad', { ...steady, failed: 60 }, { count: 120, failed: 18, medianMs: 800 }),
    ...phases('failing-more', steady, { count: 120, failed: 18, medianMs: 800 }),
    ...phases('failing-much', steady, { count: 120, failed: 60, medianMs: 800 }),
    ...phases('failing-always', { ...steady, failed: 200 }, { count: 100, failed: 50, medianMs: 800 }),
    ...phases('failing-few', steady, { count: 19, failed: 19, medianMs: 800 }),
    ...phases('failing-new', { count: 0, failed: 0, medianMs: 1 }, { count: 20, failed: 4, medianMs: 800 }),
    ...phases('slower', steady, { count: 120, failed: 4, medianMs: 2_400 }),
    ...phases('faster', { ...steady, medianMs: 2_400 }, { count: 120, failed: 4, medianMs: 800 }),
    // Its slow executions are slower, and half of them as fast as before; then the other way round.
    ...phases('slower-tail', steady, { count: 120, failed: 4, medianMs: 800, tailFactor: 20 }),
    ...phases('slower-middle', { ...steady, tailFactor: 20 }, { count: 120, failed: 4, medianMs: 2_400 }),
    ...phases('slower-few', steady, { count: 40, failed: 0, medianMs: 8_000 }),
    ...phases('both', steady, { count: 200, failed: 60, medianMs: 3_000 }),
  ];
}

/** Agents without an execution: heard of now, some days ago, weeks ago. */
function quietRows(): RawRow[] {
  return [1, 3, 20].map((days) => event(`quiet-${days}`, { type: 'heartbeat', ts: nowMs - days * dayMs - hourMs }));
}

type Item = Record<string, unknown>;

async function dashboard(tenant = 'acme'): Promise<Record<string, Item>> {
  const { status, body } = await api.get(tenant, '/api/v1/metrics/dashboard');
  expect(status).toBe(200);
  return body as Record<string, Item>;
}

/** Recomputed from the rows alone. */
function totals(tenant: string, fromMs: number, toMs: number) {
  const found = rows.filter((row) => row.tenant === tenant && row.ts >= fromMs && row.ts < toMs);
  const of = (type: string) => found.filter((row) => row.type === type).length;
  const [successful, failed, cancelled] = [of('task.completed'), of('task.failed'), of('task.cancelled')];
  const ended = found.filter(({ type }) => type.startsWith('task.') || type.startsWith('step.'));
  const own = ended.filter((row) => row.usage_scope !== 'rolled_up');
  const sum = (name: string) => own.reduce((total, row) => total + Number(row[name] ?? 0), 0);
  const finished = successful + failed;
  return {
    total_executions: finished + cancelled,
    successful_executions: successful,
    failed_executions: failed,
    cancelled_executions: cancelled,
    error_rate: roundedRate(failed, finished),
    llm_calls: sum('llm_calls'),
    tokens: { in: sum('tokens_in'), out: sum('tokens_out'), total: sum('tokens_in') + sum('tokens_out') },
    cost_cents: own.some((row) => row.cost_micros != null) ? sum('cost_micros') / 10_000 : null,
    tokens_unpriced: own
      .filter((row) => row.cost_micros == null)
      .reduce((total, row) => total + Number(row.tokens_in ?? 0) + Number(row.tokens_out ?? 0), 0),
    rate: roundedRate(successful, finished),
  };
}

/** Now, and on both sides of the last midnight: what is later than the clock is in the store already. */
const clocks = [
  ['now', nowMs],
  ['midnight', todayMs],
  ['the last millisecond before midnight', todayMs - 1],
] as const;

const cases = tenants.flatMap((tenant) => clocks.map(([when, atMs]) => ({ tenant, when, atMs })));

async function dashboardAt(tenant: string, atMs: number): Promise<Record<string, Item>> {
  const past = createQueryApi({ store: store.reader, memory: store.memory, clock: new FakeClock(atMs) });
  const { status, body } = await past.get(tenant, '/api/v1/metrics/dashboard');
  expect(status).toBe(200);
  return body as Record<string, Item>;
}

test.each(cases)('the totals of $tenant at $when equal a recomputation from its events', async ({ tenant, atMs }) => {
  const minuteEndMs = minuteEnd(atMs);
  const dayEndMs = Math.floor(atMs / dayMs) * dayMs + dayMs;
  const { executions } = await dashboardAt(tenant, atMs);
  for (const [name, fromMs, toMs] of [
    ['24h', minuteEndMs - dayMs, minuteEndMs],
    ['7d', dayEndMs - 7 * dayMs, dayEndMs],
    ['30d', dayEndMs - 30 * dayMs, dayEndMs],
  ] as const) {
    const { rate, ...expected } = totals(tenant, fromMs, toMs);
    const [from, to] = [new Date(fromMs).toISOString(), new Date(toMs).toISOString()];
    expect(executions?.[name], name).toEqual({ from, to, average_success_rate: rate, ...expected });
  }
});

test.each(cases)('the series of $tenant at $when have every hour and day, and equal a recomputation', async (given) => {
  const answer = await dashboardAt(given.tenant, given.atMs);
  for (const [name, stepMs, count] of [
    ['hourly', hourMs, 24],
    ['execution_trends', dayMs, 30],
  ] as const) {
    const lastMs = Math.floor(given.atMs / stepMs) * stepMs;
    const expected = Array.from({ length: count }, (_, index) => {
      const startMs = lastMs - (count - 1 - index) * stepMs;
      // The 24 hours end with the current minute.
      const endMs = name === 'hourly' ? Math.min(startMs + stepMs, minuteEnd(given.atMs)) : startMs + stepMs;
      const { rate, ...sums } = totals(given.tenant, startMs, endMs);
      return { at: new Date(startMs).toISOString(), success_rate: rate, ...sums };
    });
    expect(answer[name], name).toEqual(expected);
  }
});

function minuteEnd(atMs: number): number {
  return Math.floor(atMs / minuteMs) * minuteMs + minuteMs;
}

test('agents are counted once, and as active by when they were last heard of', async () => {
  const heard = new Map<string, number>();
  for (const { tenant, agent_id: id, received } of rows) {
    if (tenant === 'acme') heard.set(id, Math.max(received, heard.get(id) ?? 0));
  }
  const since = (fromMs: number) => [...heard.values()].filter((received) => received >= fromMs).length;
  const { agents, freshness } = await dashboard();
  expect(agents).toEqual({
    total: heard.size,
    active_24h: since(dayFromMs),
    active_7d: since(todayMs - 6 * dayMs),
    active_30d: since(todayMs - 29 * dayMs),
  });
  expect(since(dayFromMs)).toBeLessThan(since(todayMs - 6 * dayMs));
  expect(since(todayMs - 6 * dayMs)).toBeLessThan(since(todayMs - 29 * dayMs));
  const newestMs = Math.max(...heard.values());
  expect(freshness).toEqual({ newest_received: new Date(newestMs).toISOString(), age_ms: nowMs - newestMs });
});

/** Lower end of the Wilson interval, by bisection of what it solves: rate - p = z * sqrt(p (1 - p) / n). */
function lowerBound(successful: number, failed: number): number {
  const count = successful + failed;
  const rate = successful / count;
  let [low, high] = [0, rate];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (rate - middle > 1.959963984540054 * Math.sqrt((middle * (1 - middle)) / count)) low = middle;
    else high = middle;
  }
  return 100 * low;
}

test('agents are ranked by what their success rate is at least, not by the rate', async () => {
  const top = (await dashboard()).top_performing_agents as unknown as Item[];
  const ranked = top.filter(({ agent_id: id }) => String(id).startsWith('ranked-'));
  // 990 of 1000 stand before 20 of 20; 3 of 3 and 19 of 19 are too few to be ranked.
  expect(ranked.map(({ agent_id: id }) => id)).toEqual(['ranked-perfect', 'ranked-large', "ranked-' OR 1=1 --"]);
  for (const agent of top) {
    const [successful, failed] = [Number(agent.successful_executions), Number(agent.failed_executions)];
    expect(agent.success_rate_lower_bound).toBeCloseTo(lowerBound(successful, failed), 1);
    expect(agent.success_rate).toBe(roundedRate(successful, successful + failed));
  }
  expect(ranked[1]).toMatchObject({ agent_name: 'Name of ranked-large', successful_executions: 990, success_rate: 99 });
  const bounds = top.map((agent) => Number(agent.success_rate_lower_bound));
  expect(bounds).toEqual([...bounds].sort((a, b) => b - a));
  expect(top.length).toBe(10);
});

async function issuesByAgent(): Promise<Map<string, Item[]>> {
  const agents = (await dashboard()).agents_with_issues as unknown as { agent_id: string; issues: Item[] }[];
  return new Map(agents.map((agent) => [agent.agent_id, agent.issues]));
}

test('agents with issues are those that got worse or are bad, each with its reasons, and no steady one', async () => {
  const found = await issuesByAgent();
  const reasons = [...found].map(([id, issues]) => [id, issues.map(({ reason }) => reason)]);
  expect(Object.fromEntries(reasons)).toEqual({
    'failing-more': ['error_rate_regression'],
    'failing-much': ['error_rate_high', 'error_rate_regression'],
    'failing-always': ['error_rate_high'],
    'failing-new': ['error_rate_high'],
    slower: ['p95_regression'],
    'slower-tail': ['p95_regression'],
    both: ['error_rate_high', 'error_rate_regression', 'p95_regression'],
  });
  expect((await dashboard()).with_issues).toMatchObject({ total: 7, complete: true });
  expect(await dashboard('globex')).toMatchObject({
    with_issues: { total: 0, complete: true },
    agents_with_issues: [],
  });
});

test('an issue carries the numbers it was decided by', async () => {
  const found = await issuesByAgent();
  const [regression] = found.get('failing-more') ?? [];
  expect(regression).toMatchObject({
    message: 'The error rate rose from 3.0 % to 15.0 % in the last 24 hours.',
    recent: { from: new Date(dayFromMs).toISOString(), successful_executions: 102, failed_executions: 18 },
    baseline: {
      from: new Date(todayMs - 8 * dayMs).toISOString(),
      to: new Date(todayMs - dayMs).toISOString(),
      successful_executions: 388,
      failed_executions: 12,
      error_rate: 3,
    },
    change_points: 12,
  });
  expect(regression?.p_value).toBeLessThan(0.0001);
  const [slower] = found.get('slower') ?? [];
  const { recent, baseline, ratio } = slower as { recent: Item; baseline: Item; ratio: number };
  expect(recent.durations).toBe(116);
  expect(baseline.durations).toBe(388);
  expect(ratio).toBe(Number(recent.p95_ms) / Number(baseline.p95_ms));
  for (const [side, fromMs, toMs] of [
    [recent, todayMs - dayMs, todayMs + dayMs],
    [baseline, todayMs - 8 * dayMs, todayMs - dayMs],
  ] as const) {
    const exact = successDurations('slower', fromMs, toMs);
    expect(Number(side.p95_ms)).toBeGreaterThanOrEqual((exact[Math.floor(0.94 * exact.length)] ?? 0) * 0.99);
    expect(Number(side.p95_ms)).toBeLessThanOrEqual((exact[Math.ceil(0.96 * exact.length)] ?? 0) * 1.01);
  }
});

function successDurations(agentId: string, fromMs: number, toMs: number): number[] {
  return rows
    .filter((row) => row.agent_id === agentId && row.type === 'task.completed' && row.ts >= fromMs && row.ts < toMs)
    .map((row) => Number(row.duration_ms))
    .sort((a, b) => a - b);
}

test('a tenant without events has zeros and nulls', async () => {
  const answer = await dashboard('initech');
  expect(answer.agents).toEqual({ total: 0, active_24h: 0, active_7d: 0, active_30d: 0 });
  expect(answer.executions?.['7d']).toMatchObject({
    total_executions: 0,
    average_success_rate: null,
    cost_cents: null,
  });
  expect([answer.top_performing_agents, answer.agents_with_issues, answer.average_success_rate]).toEqual([[], [], 0]);
  expect(answer.freshness).toEqual({ newest_received: null, age_ms: null });
  expect(answer.hourly).toHaveLength(24);
  expect(answer.execution_trends).toHaveLength(30);
});

test('the studio path answers the same, neither takes parameters, and every read is bound to the tenant', async () => {
  store.asked.length = 0;
  const unremembered = createQueryApi({ store: store.reader, clock: new FakeClock(nowMs) });
  const { body } = await unremembered.get('acme', '/api/v1/agent-studio/metrics/dashboard');
  expect(body).toEqual(await dashboard());
  const asked = store.asked.filter(({ name }) => name !== 'store_changes' && name !== 'remembered_tables');
  expect(asked.length).toBeGreaterThan(3);
  for (const { name, sql, params } of asked) {
    expect(params.tenant, name).toBe('acme');
    expect(sql.match(/tenant = \{tenant:String\}/g)?.length, name).toBe(sql.match(/FROM agent_/g)?.length);
  }
  const refused = await api.get('acme', '/api/v1/metrics/dashboard?days=7');
  expect([refused.status, refused.body.code]).toEqual([400, 'parameter_invalid']);
});

test('what has not changed is answered from memory, and what another collector wrote is there', async () => {
  const before = await dashboard();
  store.asked.length = 0;
  expect(await dashboard()).toEqual(before);
  expect(store.asked.map(({ name }) => name)).toEqual(['store_changes']);
  const ended = { type: 'task.completed', task_id: 'late', duration_ms: 5 };
  await store.insert([
    { tenant: 'acme', agent_id: 'newcomer', ts: nowMs - 60_000, received: nowMs - 59_000, ...ended },
  ]);
  const after = await dashboard();
  expect(Number(after.total_agents)).toBe(Number(before.total_agents) + 1);
  const unremembered = createQueryApi({ store: store.reader, clock: new FakeClock(nowMs) });
  expect((await unremembered.get('acme', '/api/v1/metrics/dashboard')).body).toEqual(after);
});
