import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { directoryOf } from '../../src/clickhouse/segments/part-census.js';
import { createSegmentWriter, insertStatement } from '../../src/clickhouse/segments/segment-insert.js';
import { rawTable } from '../../src/core/event-schema.js';
import type { SegmentWriter } from '../../src/core/ports/segment-writer.js';
import { EngineStore } from '../support/engine-store.js';
import { asAgent, rollupRows, rollupValues, row } from '../support/event-rows.js';
import { type RawRow, writeSegment } from '../support/segment-file.js';

const database = 'tidemark';
let store: EngineStore;
let writer: SegmentWriter;

beforeAll(async () => {
  store = await EngineStore.withSchema();
  writer = createSegmentWriter({ store }, { database, transport: 'infile' });
  // Parts stay as they were inserted, so that a test can count them.
  for (const { name } of await store.select<{ name: string }>(tables)) await store.run(`SYSTEM STOP MERGES ${name}`);
});

afterAll(() => store.end());

const tables = `SELECT name FROM system.tables WHERE database = '${database}' AND engine LIKE '%MergeTree'`;

async function insert(id: string, blocks: readonly (readonly RawRow[])[]): Promise<void> {
  await writer.insert(await writeSegment(store, { id, blocks }));
}

test('the blocks of a segment become one part, whatever their sizes', async () => {
  const block = (count: number) =>
    Array.from({ length: count }, () => row({ type: 'log', agent_id: 'parts', level: 'info' }));
  await insert('parts', [block(1), block(700), block(3), block(300)]);
  const [found] = await store.select(
    `SELECT count() AS rows, uniq(_part) AS parts FROM ${rawTable} WHERE agent_id = 'parts'`,
  );
  expect(found).toEqual({ rows: 1004, parts: 1 });
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

test('a replay changes neither rows nor rollups nor task history, also after a crash of the engine', async () => {
  const segment = await writeSegment(store, { id: 'replay', blocks: [rollupRows.slice(0, 4), rollupRows] });
  const before = await fingerprint();
  await writer.insert(segment);
  const inserted = await fingerprint();
  const states = await store.select('SELECT count() AS rows FROM agent_task_history_v1');
  expect(inserted?.raw).toBe((before?.raw ?? 0) + segment.rows);
  await writer.insert(segment);
  expect(await fingerprint()).toEqual(inserted);
  expect(await store.select('SELECT count() AS rows FROM agent_task_history_v1')).toEqual(states);
  await store.crash();
  await writer.insert(segment);
  expect(await fingerprint()).toEqual(inserted);
  // The same bytes under another token are other events.
  await writer.insert({ ...segment, id: 'replay-other' });
  expect((await fingerprint())?.raw).toBe((inserted?.raw ?? 0) + segment.rows);
});

test('a segment sent as a body becomes one part, and is recognised when its file is inserted later', async () => {
  const blocks = [rollupRows.slice(0, 5), rollupRows];
  const segment = await writeSegment(store, { id: 'body', blocks: blocks.map((rows) => rows.map(asAgent('body'))) });
  const sender = createSegmentWriter({ store }, { database, transport: 'body' });
  await sender.insert(segment);
  const inserted = await fingerprint();
  const [found] = await store.select(
    `SELECT count() AS rows, uniq(_part) AS parts FROM ${rawTable} WHERE agent_id = 'body'`,
  );
  expect(found).toEqual({ rows: segment.rows, parts: 1 });
  await writer.insert(segment);
  await sender.insert(segment);
  expect(await fingerprint()).toEqual(inserted);
});

test('an insert that got into the raw table alone is completed, not repeated, by its replay', async () => {
  const segment = await writeSegment(store, { id: 'half', blocks: [rollupRows.map(asAgent('half'))] });
  await store.run('RENAME TABLE agent_performance_per_day_v1 TO rollup_away');
  await expect(writer.insert(segment)).rejects.toMatchObject({ code: 'store_unreachable', retryable: true });
  await store.run('RENAME TABLE rollup_away TO agent_performance_per_day_v1');
  await writer.insert(segment);
  await writer.insert(segment);
  expect(await store.select(`SELECT count() AS rows FROM ${rawTable} WHERE agent_id = 'half'`)).toEqual([
    { rows: rollupRows.length },
  ]);
  for (const view of ['agent_performance_minutely', 'agent_performance_daily']) {
    const rows = await store.select(`SELECT * FROM ${view} WHERE tenant = 'default' AND agent_id = 'half'`);
    expect(rows).toEqual([expect.objectContaining(rollupValues)]);
  }
});

test('a segment of an older version, with fewer columns, still inserts', async () => {
  const path = join(store.directory, 'older.native');
  const block = `SELECT 'default' AS tenant, now64(3) AS received, now64(3) AS ts, 'old' AS agent_id, 'log' AS type`;
  writeFileSync(path, await store.native(block));
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
    id: 'unknown',
    blocks: [[row({ type: 'log', level: 'info' })]],
  });
  const insertion = writer.insert({ ...segment, columns: ['tenant', 'no_such_column'] });
  await expect(insertion).rejects.toMatchObject({ code: 'store_rejected' });
});

test('a file that is not Native is refused for good', async () => {
  const segment = await writeSegment(store, {
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

test('filters of the rare lookups are made by the first merge of a part, those of a run by its insert', async () => {
  const block = Array.from({ length: 20 }, (_, i) =>
    row({
      type: 'task.completed',
      agent_id: 'filters',
      run_id: `filters-${i}`,
      task_id: 'filtered',
      session_id: 'own',
    }),
  );
  await insert('filters', [block]);
  expect(await filtersOf('filters')).toEqual({ raw: ['run_id'], tasks: ['run_id'] });
  for (const table of [rawTable, tasksByStart]) {
    await store.run(`SYSTEM START MERGES ${table}`);
    await store.run(`OPTIMIZE TABLE ${table} FINAL`);
    await store.run(`SYSTEM STOP MERGES ${table}`);
  }
  expect(await filtersOf('filters')).toEqual({
    raw: ['run_id', 'task_id'],
    tasks: ['engagement_id', 'run_id', 'session_id', 'user_id'],
  });
  const found = `SELECT count() AS rows FROM ${rawTable} WHERE tenant = 'default' AND task_id = 'filtered'`;
  expect(await store.select(found)).toEqual([{ rows: block.length }]);
});

const tasksByStart = 'agent_tasks_by_start_v1';

/** Columns with a Bloom filter in the parts that hold rows of an agent. */
async function filtersOf(agent: string): Promise<Record<'raw' | 'tasks', string[]>> {
  const of = async (table: string): Promise<string[]> => {
    const parts = await store.select<{ path: string }>(
      `SELECT path FROM system.parts WHERE active AND database = '${database}' AND table = '${table}'
       AND name IN (SELECT _part FROM ${table} WHERE agent_id = '${agent}')`,
    );
    const files = parts.flatMap(({ path }) => readdirSync(directoryOf(path, store.test.dataDir)));
    return files.flatMap((file) => /^skp_idx_(\w+)_bloom\.idx/.exec(file)?.[1] ?? []).toSorted();
  };
  return { raw: await of(rawTable), tasks: await of(tasksByStart) };
}
