import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrate } from '../../src/clickhouse/migrate.js';
import { createSegmentWriter } from '../../src/clickhouse/segment-insert.js';
import { rawColumns, rawTable } from '../../src/core/event-schema.js';
import { silentLogger } from '../../src/core/logger.js';
import type { SegmentWriter } from '../../src/core/ports.js';
import { EngineStore } from '../support/engine-store.js';
import { noonMs, rollupRows, rollupValues, row } from '../support/event-rows.js';
import { type RawRow, timeText, writeSegment } from '../support/segment-file.js';

const database = 'tidemark';
let store: EngineStore;
let writer: SegmentWriter;

beforeAll(async () => {
  store = await EngineStore.start();
  writer = createSegmentWriter({ store }, { database, transport: 'infile' });
  await migrate({ store, logger: silentLogger }, { database });
  // Parts stay as they were inserted, so that a test can count them.
  for (const { name } of await store.select<{ name: string }>(tables)) await store.run(`SYSTEM STOP MERGES ${name}`);
});

afterAll(() => store.end());

const tables = `SELECT name FROM system.tables WHERE database = '${database}' AND engine LIKE '%MergeTree'`;

async function insert(id: string, blocks: readonly (readonly RawRow[])[]): Promise<void> {
  await writer.insert(await writeSegment(store, { id, blocks }));
}

interface ColumnRow {
  readonly name: string;
  readonly type: string;
  readonly comment: string;
}

function columnsOf(table: string): Promise<ColumnRow[]> {
  return store.select(`SELECT name, type, comment FROM system.columns
    WHERE database = '${database}' AND table = '${table}' ORDER BY position`);
}

test('the raw table has the columns of the event schema, with their types, meanings and order', async () => {
  const expected = rawColumns.map(({ name, column, meaning }) => ({ name, type: column, comment: meaning }));
  expect(await columnsOf(rawTable)).toEqual(expected);
  expect(await columnsOf('agent_events')).toEqual(expected);
});

test('every column of every table and public view carries a comment', async () => {
  const bare = await store.select(`SELECT table, name FROM system.columns
    WHERE database = '${database}' AND comment = '' AND NOT endsWith(table, '_mv_v1')`);
  expect(bare).toEqual([]);
});

/** Columns the maintenance writes, and no view. */
const maintainedColumns: ReadonlySet<string> = new Set(['repaired_at', 'recovered']);

test('a materialized view fills its target column by column', async () => {
  for (const name of ['performance_per_minute', 'performance_per_day', 'errors_per_day', 'task_history']) {
    const target = (await columnsOf(`agent_${name}_v1`)).map((column) => column.name);
    const view = (await columnsOf(`agent_${name}_mv_v1`)).map((column) => column.name);
    expect(view).toEqual(target.filter((column) => !maintainedColumns.has(column)));
  }
});

test('every table a segment reaches remembers tokens and is synced before the insert is acknowledged', async () => {
  const rows = await store.select<{ name: string; engine_full: string }>(`SELECT name, engine_full FROM system.tables
    WHERE database = '${database}' AND engine LIKE '%MergeTree'
    AND name NOT IN ('schema_migrations', 'day_finalizations_v1')`);
  expect(rows.map((table) => table.name).sort()).toEqual([
    'agent_errors_per_day_v1',
    'agent_events_raw_v1',
    'agent_performance_per_day_v1',
    'agent_performance_per_minute_v1',
    'agent_task_history_v1',
  ]);
  for (const table of rows) {
    expect(table.engine_full).toContain('non_replicated_deduplication_window = 10000');
    expect(table.engine_full).toContain('fsync_after_insert = 1');
    expect(table.engine_full).toContain('fsync_part_directory = 1');
  }
});

test('both rollups count executions, merge durations and sum only own usage of what ended', async () => {
  await insert('rollup', [rollupRows.slice(0, 3), rollupRows.slice(3)]);
  for (const view of ['agent_performance_minutely', 'agent_performance_daily']) {
    const rows = await store.select(`SELECT * FROM ${view} WHERE tenant = 'default' AND agent_id = 'r'`);
    expect(rows).toEqual([expect.objectContaining(rollupValues)]);
  }
});

test('a minute without durations has null rates and durations, and spoils no later one', async () => {
  const rates = (agent: string) =>
    store.select(`
    SELECT total, success_rate, min_duration_ms, p50_duration_ms, avg_confidence, max_memory_mb
    FROM agent_performance_minutely WHERE tenant = 'default' AND agent_id = '${agent}'`);
  await insert('null-1', [[row({ type: 'task.cancelled', agent_id: 'n', task_id: '1' })]]);
  expect(await rates('n')).toEqual([
    {
      total: 1,
      success_rate: null,
      min_duration_ms: null,
      p50_duration_ms: null,
      avg_confidence: null,
      max_memory_mb: null,
    },
  ]);
  await insert('null-2', [
    [row({ type: 'task.completed', agent_id: 'n', task_id: '2', duration_ms: 5, memory_mb: 1 })],
  ]);
  expect(await rates('n')).toEqual([
    { total: 2, success_rate: 100, min_duration_ms: 5, p50_duration_ms: 5, avg_confidence: null, max_memory_mb: 1 },
  ]);
});

test('a day holds the minutes of its own events, by event time and not by time of receipt', async () => {
  const lateMs = noonMs - 2 * 86_400_000;
  await insert('late', [
    [
      row({ type: 'task.completed', agent_id: 'l', task_id: '1', ts: timeText(lateMs) }),
      row({ type: 'task.completed', agent_id: 'l', task_id: '2', ts: timeText(lateMs + 60_000) }),
      row({ type: 'task.failed', agent_id: 'l', task_id: '3', error_category: 'infra' }),
    ],
  ]);
  const days = await store.select(`SELECT toString(day) AS day, total FROM agent_performance_daily
    WHERE tenant = 'default' AND agent_id = 'l' ORDER BY day`);
  expect(days).toEqual([
    { day: timeText(lateMs).slice(0, 10), total: 2 },
    { day: timeText(noonMs).slice(0, 10), total: 1 },
  ]);
  const minutes = await store.select(`SELECT total FROM agent_performance_minutely
    WHERE tenant = 'default' AND agent_id = 'l' ORDER BY minute`);
  expect(minutes).toEqual([{ total: 1 }, { total: 1 }, { total: 1 }]);
});

/** Every order in which three events can arrive, over one to three segments. */
const orders = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;

test('a task that ended stays ended whatever the order and the segments its events arrive in', async () => {
  const eventsOf = (task: string): readonly RawRow[] => [
    row({ type: 'task.pending', task_id: task, ts: timeText(noonMs) }),
    // A clock that runs ahead: later than the end, and still not the state.
    row({ type: 'task.running', task_id: task, ts: timeText(noonMs + 9_000), started_at: timeText(noonMs) }),
    row({
      type: 'task.completed',
      task_id: task,
      ts: timeText(noonMs + 5_000),
      duration_ms: 5000,
      outputs: { a: '1' },
    }),
  ];
  const arriving = (place: number, kind: string) =>
    orders.map((order, index) => eventsOf(`order-${kind}-${index}`)[order[place] ?? 0] ?? {});
  await insert('together', [[0, 1, 2].flatMap((place) => arriving(place, 'together'))]);
  for (const place of [0, 1, 2]) await insert(`apart-${place}`, [arriving(place, 'apart')]);
  const rows = await store.select(`SELECT status, duration_ms, outputs FROM agent_task_history
    WHERE tenant = 'default' AND startsWith(task_id, 'order-')`);
  const completed = { status: 'completed', duration_ms: 5000, outputs: { a: '1' } };
  expect(rows).toEqual(Array.from({ length: 2 * orders.length }, () => completed));
});

test('before a task ends its latest state holds, and equal times are told apart by the state', async () => {
  await insert('state-1', [[row({ type: 'task.running', task_id: 'state', ts: timeText(noonMs) })]]);
  await insert('state-2', [[row({ type: 'task.pending', task_id: 'state', ts: timeText(noonMs) })]]);
  const status = () =>
    store.select(`SELECT status FROM agent_task_history WHERE tenant = 'default' AND task_id = 'state'`);
  expect(await status()).toEqual([{ status: 'running' }]);
  await insert('state-3', [[row({ type: 'task.pending', task_id: 'state', ts: timeText(noonMs + 1) })]]);
  expect(await status()).toEqual([{ status: 'pending' }]);
});

test('tasks of two tenants with one id are two tasks', async () => {
  await insert('tenants', [
    [
      row({ type: 'task.completed', task_id: 'shared', tenant: 'default' }),
      row({ type: 'task.running', task_id: 'shared', tenant: 'other' }),
    ],
  ]);
  const rows = await store.select(
    `SELECT tenant, status FROM agent_task_history WHERE task_id = 'shared' ORDER BY tenant`,
  );
  expect(rows).toEqual([
    { tenant: 'default', status: 'completed' },
    { tenant: 'other', status: 'running' },
  ]);
});
