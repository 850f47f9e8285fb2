import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { seededRandom, testSeed } from '../../support/seeded-random.js';
import { createQueryApi, type QueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api-store.js';
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
  await store.insert(rows);
  api = createQueryApi({ store: store.reader, memory: store.memory, clock: new FakeClock(nowMs) });
});

afterAll(async () => {
  await store.close();
});

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
