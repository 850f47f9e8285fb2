import { afterAll, beforeAll, expect, test } from 'vitest';
import { datedTables } from '../../../src/clickhouse/queries/operations/newest-rows.js';
import type { StoreReader } from '../../../src/core/ports/store-reader.js';
import { FakeClock } from '../../support/fake-clock.js';
import { createQueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api-store.js';

const secondMs = 1_000;
const minuteMs = 60_000;
const nowMs = Math.floor(Date.now() / minuteMs) * minuteMs;

interface Newest {
  readonly table: string;
  readonly newest_at: string | null;
  readonly age_ms: number | null;
}

let store: QueryStore;

beforeAll(async () => {
  store = await openQueryStore();
});

afterAll(async () => {
  await store.close();
});

async function newestRows(reader: StoreReader, clock: FakeClock): Promise<Newest[] | null> {
  const { status, body } = await createQueryApi({ store: reader, clock }).get('acme', '/health/deep');
  expect(status).toBe(200);
  return body.newest_rows as Newest[] | null;
}

test('every table that events reach is listed', async () => {
  const rows = await store.reader.rows<{ readonly name: string }>({
    name: 'test',
    sql: `SELECT name FROM system.tables WHERE database = 'tidemark' AND engine LIKE '%MergeTree'
      AND name IN (SELECT replaceOne(name, '_mv_', '_') FROM system.tables WHERE engine = 'MaterializedView')`,
    params: {},
  });
  const filled = ['agent_events_raw_v1', ...rows.map(({ name }) => name)];
  expect(datedTables.map(({ table }) => table).sort()).toEqual(filled.sort());
});

test('tables without a row are null, and then told with the age of their newest row over all tenants', async () => {
  const clock = new FakeClock(nowMs);
  const empty = await newestRows(store.reader, clock);
  expect(empty).toEqual(datedTables.map(({ table }) => ({ table, newest_at: null, age_ms: null })));
  const row = (tenant: string, type: string, ageMs: number, fields: object): RawRow => {
    return { tenant, agent_id: 'a', type, ts: nowMs - ageMs, received: nowMs - ageMs + 250, ...fields };
  };
  await store.insert([
    row('acme', 'task.failed', 90 * minuteMs, {
      task_id: 't',
      run_id: 'r',
      engagement_id: 'e',
      error_category: 'tool',
    }),
    row('globex', 'task.completed', 10 * secondMs, { task_id: 't' }),
    row('globex', 'pattern.observed', 40 * secondMs, { pattern_id: 'p' }),
    row('acme', 'memory.stored', 50 * secondMs, {}),
    row('acme', 'run.completed', 20 * secondMs, { run_id: 'r' }),
    row('acme', 'pattern.feedback', 60 * secondMs, { pattern_id: 'p', feedback_score: 1 }),
  ]);
  const received = (ageMs: number) => ageMs - 250;
  const expected = {
    agent_events_raw_v1: received(10 * secondMs),
    // By the begin of its minute.
    agent_performance_per_minute_v1: minuteMs,
    agent_performance_per_day_v1: received(10 * secondMs),
    agent_errors_per_day_v1: 90 * minuteMs,
    agent_task_history_v1: received(10 * secondMs),
    agent_tasks_by_start_v1: received(10 * secondMs),
    agent_runs_v1: received(20 * secondMs),
    agent_runs_by_start_v1: received(20 * secondMs),
    agent_run_activity_v1: received(20 * secondMs),
    engagement_performance_per_day_v1: received(90 * minuteMs),
    agent_memory_per_day_v1: 50 * secondMs,
    agent_patterns_v1: 40 * secondMs,
    agent_pattern_feedback_v1: received(60 * secondMs),
  };
  const rows = await newestRows(store.reader, clock);
  expect(Object.fromEntries(rows?.map(({ table, age_ms }) => [table, age_ms]) ?? [])).toMatchObject(expected);
  for (const { newest_at, age_ms } of rows ?? []) {
    expect(newest_at).toBe(age_ms === null ? null : new Date(nowMs - age_ms).toISOString());
  }
});

test('the newest rows of partitioned tables are answered without reading one', async () => {
  const sql = `EXPLAIN SELECT max(received) FROM agent_events_raw_v1`;
  const plan = await store.reader.rows<{ readonly explain: string }>({ name: 'test', sql, params: {} });
  expect(plan.map(({ explain }) => explain).join('\n')).toContain('_minmax_count_projection');
});

test('while the store fails or does not answer there are no newest rows, and health is told all the same', async () => {
  const failing: StoreReader = { rows: () => Promise.reject(new Error('away')) };
  expect(await newestRows(failing, new FakeClock(nowMs))).toBeNull();
  const clock = new FakeClock(nowMs);
  let aborted = false;
  const silent: StoreReader = {
    rows: ({ signal }) =>
      new Promise((_, reject) => {
        signal?.addEventListener('abort', () => {
          aborted = true;
          reject(new Error('aborted'));
        });
      }),
  };
  const answer = newestRows(silent, clock);
  await Promise.resolve();
  clock.advance(2_000);
  expect(await answer).toBeNull();
  expect(aborted).toBe(true);
});

test('the newest rows are read once in five seconds, however many ask', async () => {
  const clock = new FakeClock(nowMs);
  const api = createQueryApi({ store: store.reader, clock });
  store.asked.length = 0;
  await Promise.all(Array.from({ length: 20 }, () => api.get('acme', '/health/deep')));
  clock.advance(4_999);
  await api.get('globex', '/api/v1/monitoring/system/health');
  expect(store.asked.map(({ name }) => name)).toEqual(['newest_rows']);
  clock.advance(1);
  await api.get('acme', '/health/deep');
  expect(store.asked).toHaveLength(2);
});
