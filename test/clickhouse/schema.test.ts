import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrate } from '../../src/clickhouse/migrate.js';
import { createSegmentWriter, insertStatement } from '../../src/clickhouse/segment-insert.js';
import { rawColumns, rawTable } from '../../src/core/event-schema.js';
import { silentLogger } from '../../src/core/logger.js';
import type { SegmentWriter } from '../../src/core/ports.js';
import { ChdbStore } from '../support/chdb-store.js';
import { type RawRow, timeText, writeSegment } from '../support/segment-file.js';

const directory = mkdtempSync(join(tmpdir(), 'tidemark-schema-'));
/** Within every TTL, and not so close to midnight or the end of a month that rows of one test part. */
const noonMs = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 43_200_000;
const database = 'tidemark';
let store: ChdbStore;
let writer: SegmentWriter;

beforeAll(async () => {
  await open();
  await migrate({ store, logger: silentLogger }, { database });
  // Parts stay as they were inserted, so that a test can count them.
  for (const { name } of await store.select<{ name: string }>(tables)) await store.run(`SYSTEM STOP MERGES ${name}`);
});

afterAll(() => {
  store.close();
  rmSync(directory, { recursive: true, force: true });
});

const tables = `SELECT name FROM system.tables WHERE database = '${database}' AND engine LIKE '%MergeTree'`;

async function open(): Promise<void> {
  store = await ChdbStore.open(join(directory, 'db'), database);
  writer = createSegmentWriter({ store }, { database, transport: 'infile' });
}

function row(fields: RawRow): RawRow {
  return { tenant: 'default', received: timeText(noonMs + 500), ts: timeText(noonMs), agent_id: 'a', ...fields };
}

async function insert(id: string, blocks: readonly (readonly RawRow[])[]): Promise<void> {
  await writer.insert(await writeSegment(store, { directory, id, blocks }));
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

test('a materialized view fills its target column by column', async () => {
  for (const name of ['performance_per_minute', 'performance_per_day', 'task_history']) {
    const target = (await columnsOf(`agent_${name}_v1`)).map((column) => column.name);
    const view = (await columnsOf(`agent_${name}_mv_v1`)).map((column) => column.name);
    expect(view).toEqual(target);
  }
});

test('every table a segment reaches remembers tokens and is synced before the insert is acknowledged', async () => {
  const rows = await store.select<{ name: string; engine_full: string }>(`SELECT name, engine_full FROM system.tables
    WHERE database = '${database}' AND engine LIKE '%MergeTree' AND name != 'schema_migrations'`);
  expect(rows.map((table) => table.name).sort()).toEqual([
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

test('the blocks of a segment become one part, whatever their sizes', async () => {
  const block = (count: number) =>
    Array.from({ length: count }, () => row({ type: 'log', agent_id: 'parts', level: 'info' }));
  await insert('parts', [block(1), block(700), block(3), block(300)]);
  const [found] = await store.select(
    `SELECT count() AS rows, uniq(_part) AS parts FROM ${rawTable} WHERE agent_id = 'parts'`,
  );
  expect(found).toEqual({ rows: 1004, parts: 1 });
});

const rollupRows: readonly RawRow[] = [
  row({
    type: 'task.completed',
    agent_id: 'r',
    task_id: '1',
    duration_ms: 100,
    confidence: 0.5,
    memory_mb: 64,
    tokens_in: 5,
  }),
  row({ type: 'task.completed', agent_id: 'r', task_id: '2', duration_ms: 300, llm_calls: 2 }),
  row({ type: 'task.failed', agent_id: 'r', task_id: '3', duration_ms: 200, error_category: 'tool', cost_micros: 7 }),
  row({ type: 'task.cancelled', agent_id: 'r', task_id: '4' }),
  // Usage of steps and runs is summed, their durations are not executions; rolled_up usage is never summed.
  row({
    type: 'step.completed',
    agent_id: 'r',
    step_id: 's',
    duration_ms: 9999,
    tokens_in: 10,
    tokens_out: 3,
    confidence: 1,
  }),
  row({ type: 'run.completed', agent_id: 'r', run_id: 'x', tokens_in: 1000, usage_scope: 'rolled_up' }),
  // Not ended: not in the rollups.
  row({ type: 'task.running', agent_id: 'r', task_id: '1', tokens_in: 77 }),
  row({ type: 'log', agent_id: 'r', level: 'info', message: 'x' }),
];

const rollupValues = {
  total: 4,
  successful: 2,
  failed: 1,
  cancelled: 1,
  success_rate: (100 * 2) / 3,
  error_rate: 100 / 3,
  avg_duration_ms: 200,
  min_duration_ms: 100,
  max_duration_ms: 300,
  p50_duration_ms: 200,
  p95_duration_ms: 300,
  p99_duration_ms: 300,
  llm_calls: 2,
  tokens_in: 15,
  tokens_out: 3,
  cost_micros: 7,
  avg_confidence: 0.5,
  avg_memory_mb: 64,
  max_memory_mb: 64,
};

test('both rollups count executions, merge durations and sum only own usage of what ended', async () => {
  await insert('rollup', [rollupRows.slice(0, 3), rollupRows.slice(3)]);
  for (const view of ['agent_performance_minutely', 'agent_performance_daily']) {
    const rows = await store.select(`SELECT * FROM ${view} WHERE tenant = 'default' AND agent_id = 'r'`);
    expect(rows).toEqual([expect.objectContaining(rollupValues)]);
  }
});

test('a minute without durations or finished executions has null rates and durations, and spoils no later one', async () => {
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
  for (const [index, order] of orders.entries()) {
    for (const split of ['one segment', 'three segments'] as const) {
      const task = `order-${index}-${split === 'one segment' ? 1 : 3}`;
      const events = [
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
      const arriving = order.map((position) => events[position] ?? {});
      if (split === 'one segment') await insert(task, [arriving]);
      else for (const [part, event] of arriving.entries()) await insert(`${task}-${part}`, [[event]]);
      const rows = await store.select(`SELECT status, duration_ms, outputs FROM agent_task_history
        WHERE tenant = 'default' AND task_id = '${task}'`);
      expect(rows, task).toEqual([{ status: 'completed', duration_ms: 5000, outputs: { a: '1' } }]);
    }
  }
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

interface Fingerprint {
  readonly raw: number;
  readonly day: number;
  readonly minute: number;
  readonly tasks: number;
  readonly digest: number;
}

async function fingerprint(): Promise<Fingerprint | undefined> {
  const [found] = await store.select<Fingerprint>(`SELECT
    (SELECT count() FROM ${rawTable}) AS raw,
    (SELECT sum(total) FROM agent_performance_per_day_v1) AS day,
    (SELECT sum(total) FROM agent_performance_per_minute_v1) AS minute,
    (SELECT count() FROM agent_task_history) AS tasks,
    (SELECT sum(duration_sum_ms) FROM agent_performance_per_day_v1) AS digest`);
  return found;
}

test('a replayed segment changes neither rows nor rollups nor task history, also after a restart of the engine', async () => {
  const segment = await writeSegment(store, { directory, id: 'replay', blocks: [rollupRows.slice(0, 4), rollupRows] });
  const before = await fingerprint();
  await writer.insert(segment);
  const inserted = await fingerprint();
  const states = await store.select('SELECT count() AS rows FROM agent_task_history_v1');
  expect(inserted?.raw).toBe((before?.raw ?? 0) + segment.rows);
  await writer.insert(segment);
  expect(await fingerprint()).toEqual(inserted);
  expect(await store.select('SELECT count() AS rows FROM agent_task_history_v1')).toEqual(states);
  store.close();
  await open();
  await writer.insert(segment);
  expect(await fingerprint()).toEqual(inserted);
  // The same bytes under another token are other events.
  await writer.insert({ ...segment, id: 'replay-other' });
  expect((await fingerprint())?.raw).toBe((inserted?.raw ?? 0) + segment.rows);
});

test('a segment of an older version, with fewer columns, still inserts', async () => {
  const path = join(directory, 'older.native');
  await store.run(`SELECT 'default' AS tenant, now64(3) AS received, now64(3) AS ts, 'old' AS agent_id, 'log' AS type
    INTO OUTFILE '${path}' FORMAT Native`);
  const columns = ['tenant', 'received', 'ts', 'agent_id', 'type'];
  await writer.insert({
    id: 'older',
    dataPath: path,
    bytes: 1,
    rows: 1,
    columns,
    firstReceivedMs: 0,
    lastReceivedMs: 0,
  });
  expect(await store.select(`SELECT type, name FROM ${rawTable} WHERE agent_id = 'old'`)).toEqual([
    { type: 'log', name: '' },
  ]);
});

for (const [column, value] of [
  ['duration_ms', -1],
  ['memory_mb', -0.5],
  ['confidence', 1.25],
  ['effectiveness', -0.1],
] as const) {
  test(`a segment with a ${column} out of bounds is refused for good and leaves nothing behind`, async () => {
    const before = await fingerprint();
    const bad = insert(`bad-${column}`, [
      [row({ type: 'log', level: 'info' })],
      [row({ type: 'log', [column]: value })],
    ]);
    await expect(bad).rejects.toMatchObject({ code: 'store_rejected', retryable: false });
    expect(await fingerprint()).toEqual(before);
  });
}

test('a column the store does not know is refused for good', async () => {
  const segment = await writeSegment(store, {
    directory,
    id: 'unknown',
    blocks: [[row({ type: 'log', level: 'info' })]],
  });
  const insertion = writer.insert({ ...segment, columns: ['tenant', 'no_such_column'] });
  await expect(insertion).rejects.toMatchObject({ code: 'store_rejected' });
});

test('a file that is not Native is refused for good', async () => {
  const segment = await writeSegment(store, {
    directory,
    id: 'garbage',
    blocks: [[row({ type: 'log', level: 'info' })]],
  });
  writeFileSync(segment.dataPath, 'not a block of columns '.repeat(100));
  await expect(writer.insert(segment)).rejects.toMatchObject({ code: 'store_rejected' });
});

test('a segment that claims a column that is no name is corrupt, and nothing is sent', async () => {
  const segment = { id: 's', dataPath: '/x', bytes: 1, rows: 1, firstReceivedMs: 0, lastReceivedMs: 0 };
  for (const columns of [[], ["tenant') FORMAT Null --"]]) {
    expect(() => insertStatement({ ...segment, columns }, { database, transport: 'infile' })).toThrow(
      expect.objectContaining({ code: 'segment_corrupt' }),
    );
  }
});

test('the path and the token of a segment are quoted', () => {
  const segment = {
    id: "a'b",
    dataPath: "/data/it's \\here",
    bytes: 1,
    rows: 1,
    firstReceivedMs: 0,
    lastReceivedMs: 0,
  };
  const sql = insertStatement({ ...segment, columns: ['tenant'] }, { database, transport: 'infile' });
  expect(sql).toContain("FROM INFILE '/data/it\\'s \\\\here'");
  expect(sql).toContain("insert_deduplication_token = 'a\\'b'");
});
