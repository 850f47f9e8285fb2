import { afterAll, beforeAll, expect, test } from 'vitest';
import { normalizedMessage, normalizeMessage } from '../../src/clickhouse/queries/sql/normalized-message.js';
import { createSegmentWriter } from '../../src/clickhouse/segments/segment-insert.js';
import { quoteString } from '../../src/clickhouse/sql-text.js';
import { rawColumns, rawTable } from '../../src/core/event-schema.js';
import type { SegmentWriter } from '../../src/core/ports/segment-writer.js';
import { retentionDays } from '../../src/core/retention.js';
import { EngineStore } from '../support/engine-store.js';
import { noonMs, rollupRows, rollupValues, row } from '../support/event-rows.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';
import { type RawRow, timeText, writeSegment } from '../support/segment-file.js';

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
    WHERE database = '${database}' AND comment = '' AND NOT match(table, '_mv_v[0-9]+$')`);
  expect(bare).toEqual([]);
});

/** Columns the maintenance writes, and no view. */
const maintainedColumns: ReadonlySet<string> = new Set(['repaired_at', 'recovered']);

test('a materialized view fills its target column by column', async () => {
  const views = await store.select<{ name: string }>(`SELECT name FROM system.tables
    WHERE database = '${database}' AND engine = 'MaterializedView'`);
  expect(views.length).toBeGreaterThanOrEqual(8);
  for (const { name } of views) {
    const target = (await columnsOf(name.replace('_mv_', '_'))).map((column) => column.name);
    const view = (await columnsOf(name)).map((column) => column.name);
    expect(view).toEqual(target.filter((column) => !maintainedColumns.has(column)));
  }
});

test('every table a segment reaches remembers tokens and is synced before the insert is acknowledged', async () => {
  const rows = await store.select<{ name: string; engine_full: string }>(`SELECT name, engine_full FROM system.tables
    WHERE database = '${database}' AND engine LIKE '%MergeTree'
    AND name NOT IN ('schema_migrations', 'day_finalizations_v1', 'failure_settlements_v1', 'leases_v1')
    AND NOT startsWith(name, 'eras')`);
  expect(rows.map((table) => table.name).sort()).toEqual([
    'agent_errors_per_day_v1',
    'agent_events_raw_v1',
    'agent_failures_v1',
    'agent_memory_per_day_v1',
    'agent_pattern_feedback_v1',
    'agent_patterns_v1',
    'agent_performance_per_day_v1',
    'agent_performance_per_minute_v1',
    'agent_run_activity_v1',
    'agent_runs_by_start_v1',
    'agent_runs_v1',
    'agent_task_history_v1',
    'agent_tasks_by_start_v1',
    'agent_tries_v1',
    'engagement_performance_per_day_v1',
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

const errorsView = 'agent_errors_per_day_mv_v1';

test('errors of a day are normalized by the expression that normalizes raw ones', async () => {
  const [view] = await store.select<{ as_select: string }>(
    `SELECT as_select FROM system.tables WHERE database = '${database}' AND name = '${errorsView}'`,
  );
  const bare = (sql: string) => sql.replaceAll(/\s+/g, '');
  expect(bare(view?.as_select ?? '')).toContain(`${bare(normalizedMessage('error_message'))}AStext`);
});

test('the collector makes of a message what the engine makes of it', async () => {
  const seed = testSeed(83);
  const random = seededRandom(seed);
  const pick = (list: readonly string[]) => list[Math.floor(random() * list.length)]!;
  const messages = Array.from({ length: 4_000 }, () => {
    const pieces = Array.from({ length: 1 + Math.floor(random() * 24) }, () => pick(messagePieces));
    return [...pieces.join('')].slice(0, 500).join('');
  });
  const engine: string[] = [];
  for (let at = 0; at < messages.length; at += 500) {
    const texts = messages.slice(at, at + 500).map((text) => quoteString(text));
    const message = `arrayJoin([${texts.join(', ')}])`;
    const rows = await store.select<{ text: string }>(
      `SELECT ${normalizedMessage('message')} AS text FROM (SELECT ${message} AS message)`,
    );
    engine.push(...rows.map(({ text }) => text));
  }
  for (const [at, text] of messages.entries()) {
    expect(normalizeMessage(text), `seed ${seed}, of ${JSON.stringify(text)}`).toBe(engine[at]);
  }
});

/** What the patterns look at, and what they might take for it. */
const messagePieces = [
  ...['a', 'F', 'z', '0', '7', '12', '1234567', 'deadbeef', '0x1f', '_', '-', '.', ',', ':', '/', '//', '@', '%', '+'],
  ...[
    '"',
    "'",
    '`',
    '<',
    '>',
    '(',
    ' ',
    '\t',
    '\n',
    '\v',
    '\r',
    '\f',
    '\u00a0',
    '\u2028',
    '\u0130',
    '\u017f',
    '\u212a',
  ],
  ...['é', 'ß', '日本', '😀', '\u0301', '٣', '\u0000', '\\', '$', '$1', '\\1', '^', '|'],
  ...['https://', 'x.y://', 'a@b.c', 'me@example.org', '10.1.2.3', '10.1.2.3:80', '300.1', '1.5', '1,000.25', 'ms'],
  ...['123e4567-e89b-12d3-a456-426614174000', '0123456789abcdef', 'timeout after ', 'agent', '<n>', '<text>'],
];

/** A failed execution of an agent. */
function failure(agent: string, fields: RawRow): RawRow {
  return row({ type: 'task.failed', agent_id: agent, error_category: 'tool', ...fields });
}

function groupsOf(agent: string, columns = 'error_category, error_code, message, occurrences, affected_runs') {
  return store.select(`SELECT ${columns} FROM agent_errors_daily WHERE tenant = 'default' AND agent_id = '${agent}'
    ORDER BY occurrences DESC, error_category, error_code, message`);
}

test('failed executions are grouped by day, category, code and what their messages have in common', async () => {
  const later = { ts: timeText(noonMs + 5_000) };
  await insert('errors-1', [
    [
      failure('e', { run_id: 'r1', error_message: 'no answer from "a" after 311 ms' }),
      failure('e', { run_id: 'r2', error_message: 'no answer from "b" after 95 ms', ...later }),
      failure('e', { run_id: 'r2', error_message: 'no answer from "b" after 95 ms', error_code: 'timeout' }),
      failure('e', { error_message: 'no answer from "b" after 95 ms', error_category: 'model' }),
      // Steps and runs that fail are no executions, a completed task is no error.
      row({ type: 'step.failed', agent_id: 'e', error_category: 'tool', error_message: 'no answer' }),
      row({ type: 'run.failed', agent_id: 'e', error_category: 'tool', error_message: 'no answer' }),
      row({ type: 'task.completed', agent_id: 'e', task_id: '1' }),
    ],
  ]);
  await insert('errors-2', [
    [
      failure('e', { run_id: 'r3', error_message: 'no answer from "c" after 7 ms' }),
      failure('e', { run_id: 'r1', error_message: 'no answer from "d" after 8 ms', ts: timeText(noonMs - 86_400_000) }),
    ],
  ]);
  const message = 'no answer from <text> after <n> ms';
  expect(await groupsOf('e')).toEqual([
    { error_category: 'tool', error_code: '', message, occurrences: 3, affected_runs: 3 },
    { error_category: 'tool', error_code: '', message, occurrences: 1, affected_runs: 1 },
    { error_category: 'tool', error_code: 'timeout', message, occurrences: 1, affected_runs: 1 },
    { error_category: 'model', error_code: '', message, occurrences: 1, affected_runs: 0 },
  ]);
  const [first] = await groupsOf('e', 'first_seen, last_seen, occurrences, recovered');
  const times = { first_seen: timeText(noonMs), last_seen: timeText(noonMs + 5_000) };
  expect(first).toEqual({ ...times, occurrences: 3, recovered: 0 });
});

test('one insert makes at most 100 groups of an agent and day, the rest is counted as <other>', async () => {
  const letters = (index: number) => String.fromCharCode(97 + (index % 26), 97 + Math.floor(index / 26));
  const words = Array.from({ length: 130 }, (_, index) => `cannot find ${letters(index)}`);
  // The first of them twice: the most frequent keep their names.
  const rows = [...words, ...words.slice(0, 60)].map((error_message, index) =>
    failure('many', { error_message, error_code: 'gone', run_id: `run-${index % 7}` }),
  );
  await insert('errors-many', [rows, [failure('few', { error_message: 'cannot find it' })]]);
  const groups = (await groupsOf('many')) as { message: string; error_code: string; occurrences: number }[];
  expect(groups.length).toBe(101);
  expect(groups.reduce((total, group) => total + group.occurrences, 0)).toBe(190);
  const other = groups.find((group) => group.message === '<other>');
  expect(other).toMatchObject({ occurrences: 30, error_code: '', error_category: 'tool', affected_runs: 7 });
  expect(
    groups
      .filter((group) => group.occurrences === 2)
      .map((group) => group.message)
      .sort(),
  ).toEqual(words.slice(0, 60).sort());
  expect(await groupsOf('few')).toMatchObject([{ message: 'cannot find it', occurrences: 1 }]);
});

test('replaying a segment by its token leaves the errors as they were', async () => {
  const blocks = [
    [
      failure('again', { error_message: 'lost 1', run_id: 'r1' }),
      failure('again', { error_message: 'lost 2', run_id: 'r2' }),
    ],
  ];
  await insert('errors-again', blocks);
  const before = await groupsOf('again', '*');
  expect(before).toMatchObject([{ message: 'lost <n>', occurrences: 2, affected_runs: 2 }]);
  await insert('errors-again', blocks);
  expect(await groupsOf('again', '*')).toEqual(before);
  // Another segment with the same events is another two failures.
  await insert('errors-again-2', blocks);
  expect(await groupsOf('again')).toMatchObject([{ occurrences: 4, affected_runs: 2 }]);
});

test('tables keep what the queries count on for as long', async () => {
  const kept = {
    agent_events_raw_v1: `toDateTime(received) + toIntervalDay(${retentionDays.raw})`,
    agent_performance_per_minute_v1: `minute + toIntervalDay(${retentionDays.minutes})`,
    agent_errors_per_day_v1: `day + toIntervalDay(${retentionDays.errors})`,
    agent_task_history_v1: `toDateTime(received) + toIntervalDay(${retentionDays.history})`,
    agent_tasks_by_start_v1: `toDateTime(received) + toIntervalDay(${retentionDays.history})`,
    agent_failures_v1: `toDateTime(received) + toIntervalDay(${retentionDays.history})`,
    agent_tries_v1: `toDateTime(received) + toIntervalDay(${retentionDays.history})`,
    agent_runs_v1: `toDateTime(received) + toIntervalDay(${retentionDays.history})`,
    agent_runs_by_start_v1: `toDateTime(received) + toIntervalDay(${retentionDays.history})`,
    agent_run_activity_v1: `toDateTime(last_received) + toIntervalDay(${retentionDays.history})`,
  };
  for (const [table, ttl] of Object.entries(kept)) {
    const [found] = await store.select<{ engine_full: string }>(
      `SELECT engine_full FROM system.tables WHERE database = '${database}' AND name = '${table}'`,
    );
    expect(found?.engine_full).toContain(`TTL ${ttl} SETTINGS`);
  }
});
