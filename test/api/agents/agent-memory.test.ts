import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { seededRandom } from '../../support/seeded-random.js';
import { createQueryApi, type QueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api-store.js';

const dayMs = 86_400_000;
const todayMs = Math.floor(Date.now() / dayMs) * dayMs;
const nowMs = todayMs + 12_345_678;

let store: QueryStore;
let api: QueryApi;

function memory(tenant: string, agentId: string, type: 'stored' | 'recalled', ts: number): RawRow {
  return { tenant, agent_id: agentId, type: `memory.${type}`, ts, received: nowMs };
}

beforeAll(async () => {
  store = await openQueryStore();
  api = createQueryApi({ store: store.reader, memory: store.memory, clock: new FakeClock(nowMs) });
  const rows: RawRow[] = [
    ...[1, 2, 3].map((n) => memory('acme', 'archivist', 'stored', nowMs - n)),
    memory('acme', 'archivist', 'recalled', nowMs - 5),
    // The first and the last millisecond of a day.
    memory('acme', 'archivist', 'stored', todayMs - 2 * dayMs),
    memory('acme', 'archivist', 'recalled', todayMs - dayMs - 1),
    memory('acme', 'archivist', 'recalled', todayMs - 6 * dayMs),
    memory('globex', 'archivist', 'recalled', nowMs - 9),
    { tenant: 'acme', agent_id: 'forgetful', type: 'log', ts: nowMs, received: nowMs },
  ];
  const random = seededRandom(7);
  const shuffled = rows
    .map((row) => ({ row, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ row }) => row);
  for (const part of [0, 1, 2]) await store.insert(shuffled.filter((_, n) => n % 3 === part));
});

afterAll(async () => {
  await store.close();
});

function pathOf(agentId: string, query = ''): string {
  return `/api/v1/monitoring/agents/${agentId}/memory/stats${query}`;
}

function dayOf(daysAgo: number): string {
  return new Date(todayMs - daysAgo * dayMs).toISOString().slice(0, 10);
}

test('memory operations are counted by day, and days without any are zeros', async () => {
  const { status, body } = await api.get('acme', pathOf('archivist', `?from=${dayOf(3)}`));
  expect(status).toBe(200);
  expect(body).toEqual({
    app_agent_id: 'archivist',
    letta_agent_id: null,
    memories_stored_count: 4,
    memories_recalled_count: 3,
    last_activity_timestamp: new Date(nowMs - 1).toISOString(),
    agent_id: 'archivist',
    from: new Date(todayMs - 3 * dayMs).toISOString(),
    to: new Date(todayMs + dayMs).toISOString(),
    stored: 4,
    recalled: 2,
    first_activity: new Date(todayMs - 6 * dayMs).toISOString(),
    last_activity: new Date(nowMs - 1).toISOString(),
    per_day: [
      { day: dayOf(3), stored: 0, recalled: 0 },
      { day: dayOf(2), stored: 1, recalled: 1 },
      { day: dayOf(1), stored: 0, recalled: 0 },
      { day: dayOf(0), stored: 3, recalled: 1 },
    ],
  });
});

test('without a range the last 30 days are told', async () => {
  const { body } = await api.get('acme', pathOf('archivist'));
  expect([body.stored, body.recalled]).toEqual([4, 3]);
  expect((body.per_day as { day: string }[]).map(({ day }) => day)).toEqual(
    Array.from({ length: 30 }, (_, index) => dayOf(29 - index)),
  );
});

test('a range without operations is zeros, and the activity of all time stays', async () => {
  const { body } = await api.get('acme', pathOf('archivist', `?from=${dayOf(5)}&to=${dayOf(4)}`));
  expect(body).toMatchObject({ stored: 0, recalled: 0, last_activity: new Date(nowMs - 1).toISOString() });
  expect(body.per_day).toHaveLength(2);
});

test('a known agent without memory has zeros, an unknown one is a 404', async () => {
  const { status, body } = await api.get('acme', pathOf('forgetful', `?from=${dayOf(1)}`));
  expect(status).toBe(200);
  expect(body).toMatchObject({ stored: 0, recalled: 0, first_activity: null, last_activity: null });
  expect(body.per_day).toEqual([1, 0].map((ago) => ({ day: dayOf(ago), stored: 0, recalled: 0 })));
  for (const agentId of ['nobody', 'x'.repeat(257)]) {
    const unknown = await api.get('acme', pathOf(agentId));
    expect([unknown.status, unknown.body.code]).toEqual([404, 'not_found']);
  }
});

test('an agent id shared by two tenants is two agents', async () => {
  const { body } = await api.get('globex', pathOf('archivist'));
  expect(body).toMatchObject({ stored: 0, recalled: 1, last_activity: new Date(nowMs - 9).toISOString() });
  expect((await api.get('globex', pathOf('forgetful'))).status).toBe(404);
});

test('the public view has a row an agent and day', async () => {
  const rows = await store.reader.rows({
    name: 'test',
    sql: `SELECT toString(day) AS day, stored, recalled, toUnixTimestamp64Milli(last_activity) AS last_ms
      FROM agent_memory_daily WHERE tenant = {tenant:String} AND agent_id = 'archivist' ORDER BY day`,
    params: { tenant: 'acme' },
  });
  expect(rows).toEqual([
    { day: dayOf(6), stored: 0, recalled: 1, last_ms: todayMs - 6 * dayMs },
    { day: dayOf(2), stored: 1, recalled: 1, last_ms: todayMs - dayMs - 1 },
    { day: dayOf(0), stored: 3, recalled: 1, last_ms: nowMs - 1 },
  ]);
});

test.each([
  ['?from=yesterday', 'from'],
  [`?from=${dayOf(1)}&to=${dayOf(2)}`, 'to'],
  ['?from=2020-01-01', 'from'],
  ['?from=2199-01-01', 'from'],
  ['?days=3', 'days'],
])('%s is refused with the parameter', async (query, path) => {
  const { status, body } = await api.get('acme', pathOf('archivist', query));
  expect([status, body.code]).toEqual([400, 'parameter_invalid']);
  expect((body.errors as { path: string }[])[0]?.path).toBe(path);
});
