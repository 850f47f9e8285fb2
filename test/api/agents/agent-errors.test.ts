import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { seededRandom, testSeed } from '../../support/seeded-random.js';
import { createQueryApi, type QueryApi } from '../api-client.js';
import { openMemory, openQueryStore, type QueryStore, type RawRow } from '../api-store.js';
import { dayMs, errorGroups, history, minuteMs, type Span, within } from './agent-history.js';

const seed = testSeed(31);
const nowMs = Math.floor(Date.now() / minuteMs) * minuteMs + 12_345;
const todayMs = Math.floor(nowMs / dayMs) * dayMs;

let store: QueryStore;
let api: QueryApi;
const rows: RawRow[] = [];

beforeAll(async () => {
  process.stdout.write(`agent-errors: seed ${seed}, now ${nowMs}\n`);
  store = await openQueryStore();
  const random = seededRandom(seed);
  for (const tenant of ['acme', 'globex']) {
    rows.push(...history({ tenant, agentId: 'planner', count: 2_000, nowMs, days: 100 }, random));
  }
  rows.push({ tenant: 'acme', agent_id: 'calm', type: 'task.completed', task_id: 'c', ts: nowMs, received: nowMs });
  for (const [agent, ages] of Object.entries(failedAgo)) rows.push(...ages.map((age) => failure(agent, age)));
  await store.insert(rows);
  api = createQueryApi({ store: store.reader, memory: store.memory, clock: new FakeClock(nowMs) });
});

afterAll(async () => {
  await store.close();
});

/** Days ago that agents failed. */
const failedAgo = { 'long ago': [50, 52], lately: [0, 0], both: [0, 50], twice: [3, 20], never: [] } as const;

function failure(agentId: string, daysAgo: number): RawRow {
  const ts = nowMs - daysAgo * dayMs;
  const told = { error_category: 'tool', error_code: 'e1', error_message: `lost ${daysAgo}` };
  return {
    ...{ tenant: 'acme', agent_id: agentId, type: 'task.failed', task_id: `t${daysAgo}`, ts, received: nowMs },
    ...told,
  };
}

interface ErrorsAnswer {
  readonly errors: readonly { readonly count: number; readonly days: readonly { day: string; count: number }[] }[];
  readonly [name: string]: unknown;
}

async function errorsOf(query: string, agentId = 'planner'): Promise<ErrorsAnswer> {
  const { status, body } = await api.get('acme', `/api/v1/agents/${agentId}/errors?limit=100${query}`);
  expect(status).toBe(200);
  return body as ErrorsAnswer;
}

function rolling(days: number): Span {
  const toMs = Math.floor(nowMs / minuteMs) * minuteMs + minuteMs;
  return { fromMs: toMs - days * dayMs, toMs };
}

function daily(days: number): Span {
  return { fromMs: todayMs - (days - 1) * dayMs, toMs: todayMs + dayMs };
}

function text(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

test.each([1, 7, 30])(
  'realtime errors of %i days are those of the events, and know what recovered since',
  async (days) => {
    const body = await errorsOf(`&time_range=${days}d`);
    const found = within(rows, 'acme', 'planner', rolling(days));
    const expected = errorGroups(found, rows);
    expect(body.errors.map(({ days: _days, ...error }) => error)).toEqual(expected);
    expect(body.failed_executions).toBe(found.filter((row) => row.type === 'task.failed').length);
    expect(body.total_groups).toBe(expected.length);
    expect(body.coverage).toMatchObject({ errors: { recovered_as_of: 'now' }, source: ['agent_events'] });
  },
);

test('the made-up failures of every group recover in part, so that the tests above can fail', () => {
  const groups = errorGroups(within(rows, 'acme', 'planner', rolling(30)), rows);
  for (const { recovered, failed_for_good: forGood } of groups) expect(Math.min(recovered, forGood)).toBeGreaterThan(0);
});

test.each([1, 7, 30, 90])('aggregated errors of %i days are those of the whole days', async (days) => {
  const body = await errorsOf(`&time_range=${days}d&metric_type=aggregated`);
  const expected = errorGroups(within(rows, 'acme', 'planner', daily(days)));
  expect(body.errors.map(({ days: _days, ...error }) => error)).toEqual(expected);
  expect(body.coverage).toMatchObject({ errors: { recovered_as_of: 'maintenance' }, source: ['agent_errors_daily'] });
});

test('errors of a rolling 90 days begin with the first whole day: the raw events before have expired', async () => {
  const body = await errorsOf('&time_range=90d');
  const span = rolling(90);
  const covered = { fromMs: Math.ceil(span.fromMs / dayMs) * dayMs, toMs: span.toMs };
  expect(body.coverage).toMatchObject({ errors: { from: text(covered.fromMs), to: text(covered.toMs) } });
  const counts = (errors: readonly object[]) =>
    errors.map((error) => ({ ...error, days: 0, recovered: 0, failed_for_good: 0 }));
  expect(counts(body.errors)).toEqual(counts(errorGroups(within(rows, 'acme', 'planner', covered))));
});

test('each group says on which days it occurred', async () => {
  for (const query of ['&time_range=30d', '&time_range=30d&metric_type=aggregated']) {
    const [first] = (await errorsOf(query)).errors;
    const counts = first?.days.map((day) => day.count) ?? [];
    expect(counts.reduce((total, count) => total + count, 0)).toBe(first?.count);
    const days = first?.days.map((day) => day.day) ?? [];
    expect(days.length).toBeGreaterThan(5);
    expect(days).toEqual([...new Set(days)].sort());
  }
});

test('what recovered over whole days is the sum of what the maintenance found for each day', async () => {
  const day = (age: number) => text(todayMs - age * dayMs).slice(0, 10);
  const group = `'acme', 'mended', '%', 'tool', 'e1', 'lost <n>'`;
  const columns = 'tenant, agent_id, day, error_category, error_code, message';
  const values = [
    [day(1), 5, 0],
    [day(1), 3, 0],
    [day(1), 0, 2],
    [day(1), 0, 4],
    [day(2), 6, 6],
    [day(3), 1, 0],
  ];
  for (const [on, occurrences, recovered] of values) {
    await store.run(`INSERT INTO agent_errors_per_day_v1 (${columns}, occurrences, recovered, first_seen, last_seen)
      VALUES (${group.replace('%', String(on))}, ${occurrences}, ${recovered}, '${on} 01:00:00', '${on} 02:00:00')`);
  }
  const body = await errorsOf('&time_range=7d&metric_type=aggregated', 'mended');
  expect(body.errors).toMatchObject([{ count: 15, recovered: 10, failed_for_good: 5, affected_runs: 0 }]);
});

test('a limit leaves the most frequent, and says how many groups there are', async () => {
  const all = await errorsOf('&time_range=30d');
  const { body } = await api.get('acme', '/api/v1/agents/planner/errors?time_range=30d&limit=2');
  expect(body.errors).toEqual(all.errors.slice(0, 2));
  expect(body).toMatchObject({ total_groups: all.errors.length, limit: 2, failed_executions: all.failed_executions });
});

test('an agent without failures has no errors; an unknown one, or that of another tenant, is a 404', async () => {
  expect(await errorsOf('', 'calm')).toMatchObject({ errors: [], failed_executions: 0, total_groups: 0 });
  for (const [tenant, agentId] of [
    ['initech', 'planner'],
    ['globex', 'calm'],
    ['acme', `x${'%'.repeat(20)}`],
    ['acme', "planner' OR '1'='1"],
    ['acme', '🌊'.repeat(16_000)],
  ] as const) {
    const { status } = await api.get(tenant, `/api/v1/agents/${encodeURIComponent(agentId)}/errors?time_range=30d`);
    expect(status, agentId.slice(0, 30)).toBe(404);
  }
});

test.each(['0', '101', '-1', 'all', ''])('the limit %j is refused with what is allowed', async (limit) => {
  const { status, body } = await api.get('acme', `/api/v1/agents/planner/errors?limit=${limit}`);
  expect(status).toBe(400);
  expect(body.detail).toContain('expected an integer from 1 to 100');
});

test('of more than 20,000 tasks that failed the engine groups the failures, to the same answer', async () => {
  const task = (type: string, atMs: string, from: string) => `
    SELECT 'acme', 'flooded', '${type}', 'flood ' || toString(number), 'run ' || toString(number % 7),
      fromUnixTimestamp64Milli(${atMs}), fromUnixTimestamp64Milli(${nowMs}), 1,
      ${type === 'task.failed' ? `'tool', 'e1', 'lost ' || toString(number)` : `'', '', ''`}
    FROM ${from}`;
  const insert = (select: string) =>
    store.run(`INSERT INTO agent_events_raw_v1
      (tenant, agent_id, type, task_id, run_id, ts, received, attempt, error_category, error_code, error_message)
      ${select}`);
  // Each third completes a second later, one of them before it failed.
  await insert(
    task('task.completed', `${nowMs - 50_000} - if(number = 3, 20000, 0)`, 'numbers(20_001) WHERE number % 3 = 0'),
  );
  const failed = task('task.failed', String(nowMs - 60_000), 'numbers(20_000)');
  await insert(failed);
  const group = { category: 'tool', code: 'e1', message: 'lost <n>', affected_runs: 7 };
  const found = async () => (await errorsOf('&time_range=1d', 'flooded')).errors;
  const few = { ...group, count: 20_000, recovered: 6_666, failed_for_good: 13_334 };
  await vi.waitFor(async () => expect(await found()).toMatchObject([few]), { timeout: 60_000 });
  await insert(`${failed.replace('numbers(20_000)', 'numbers(20_000, 1)')}`);
  const many = { ...group, count: 20_001, recovered: 6_666, failed_for_good: 13_335 };
  store.asked.length = 0;
  await vi.waitFor(async () => expect(await found()).toMatchObject([many]), { timeout: 60_000 });
  const asked = store.asked.filter(({ name }) => name === 'agent_failures').map(({ sql }) => sql);
  expect(asked).toHaveLength(2);
  expect(asked[1]).toContain('ARRAY JOIN failures');
});

test('small reads answer what they would if they were planned as any other', async () => {
  store.asked.length = 0;
  for (const type of ['realtime', 'aggregated']) {
    for (const days of [1, 7, 30, 90]) {
      // Another api has nothing remembered.
      const memory = openMemory(store.reader, 1_000_000);
      const cold = createQueryApi({ store: store.reader, memory, clock: new FakeClock(nowMs) });
      for (const path of ['errors', 'metrics']) {
        const { status } = await cold.get(
          'acme',
          `/api/v1/agents/planner/${path}?metric_type=${type}&time_range=${days}d`,
        );
        expect(status).toBe(200);
      }
      await memory.stop();
    }
  }
  const small = store.asked.filter(({ isSmall }) => isSmall === true);
  expect([...new Set(small.map(({ name }) => name))]).toEqual(
    expect.arrayContaining(['agent_buckets', 'agent_failures', 'error_days']),
  );
  for (const { signal: _, ...asked } of small) {
    const { isSmall: __, ...usual } = asked;
    const [rows, others] = [await store.reader.rows(asked), await store.reader.rows(usual)];
    const [told, toldByOthers] = [apartFromStart(rows), apartFromStart(others)];
    expect(told.rows, asked.name).toEqual(toldByOthers.rows);
    expect(Math.abs(told.startedS - toldByOthers.startedS), asked.name).toBeLessThanOrEqual(1);
    expect(rows.length, asked.name).toBeGreaterThan(0);
  }
});

test('of an agent that never failed no metrics look for errors among the raw events', async () => {
  store.asked.length = 0;
  const { status, body } = await api.get('acme', '/api/v1/agents/calm/metrics?time_range=1d');
  expect(status).toBe(200);
  expect(body).toMatchObject({ total_executions: 1, failed_executions: 0, top_errors: [] });
  expect(store.asked.map(({ name }) => name)).toContain('agent_buckets');
  expect(store.asked.map(({ name }) => name)).not.toContain('agent_failures');
});

test.each([
  ['long ago', 2, 'error_days'],
  ['lately', 2, 'agent_failures'],
  ['both', 2, 'agent_failures, error_days'],
  ['never', 0, ''],
])('metrics of 90 days look for errors of an agent that failed %s only there', async (agent, failed, read) => {
  const memory = openMemory(store.reader, 1_000_000);
  const path = `/api/v1/agents/${agent}/metrics?time_range=90d`;
  store.asked.length = 0;
  const clock = new FakeClock(nowMs);
  const { body } = await createQueryApi({ store: store.reader, memory, clock }).get('acme', path);
  const names = new Set(store.asked.map(({ name }) => name));
  await memory.stop();
  expect(body).toMatchObject({ failed_executions: failed });
  expect(['agent_failures', 'error_days'].filter((name) => names.has(name)).join(', ')).toBe(read);
  // A store that remembers nothing reads all of them.
  const { body: all } = await createQueryApi({ store: { rows: store.reader.rows }, clock }).get('acme', path);
  expect(body).toEqual(all);
});

test('metrics look for errors from the day of the first failure on, or take what is remembered', async () => {
  const memory = openMemory(store.reader, 1_000_000);
  const cold = createQueryApi({ store: store.reader, memory, clock: new FakeClock(nowMs) });
  const asked = async (path: string) => {
    store.asked.length = 0;
    const { body } = await cold.get('acme', `/api/v1/agents/twice/${path}`);
    const from = store.asked.filter(({ name }) => name === 'agent_failures').map(({ params }) => params.from_ms);
    const errors = (body.top_errors ?? body.errors) as readonly { readonly count: number }[];
    return { from, failed: errors.reduce((sum, { count }) => sum + count, 0) };
  };
  const day = (ago: number) => todayMs - ago * dayMs;
  try {
    expect(await asked('metrics?time_range=7d')).toEqual({ from: [day(3)], failed: 1 });
    expect(await asked('metrics?time_range=30d')).toEqual({ from: [day(20)], failed: 2 });
    expect(await asked('errors?time_range=7d')).toEqual({ from: [], failed: 1 });
    expect(await asked('errors?time_range=30d')).toEqual({ from: [day(30)], failed: 2 });
    expect(await asked('metrics?time_range=30d')).toEqual({ from: [], failed: 2 });
  } finally {
    await memory.stop();
  }
});

/** The engine's start is a difference of two clocks without their fractions: a second more or less, whenever asked. */
function apartFromStart(rows: readonly unknown[]): { rows: string[]; startedS: number } {
  const started = rows.map((row) => Number((row as { started_s?: unknown }).started_s ?? 0));
  const rest = rows.map((row) => JSON.stringify({ ...(row as object), started_s: null }));
  return { rows: rest.sort(), startedS: Math.max(...started) };
}
