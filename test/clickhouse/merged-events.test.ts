import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { readHistoryCandidates } from '../../src/clickhouse/queries/work/history-candidates.js';
import type { HistoryFilter } from '../../src/clickhouse/queries/work/history-filter.js';
import { runKind, taskKind } from '../../src/clickhouse/queries/work/history-kind.js';
import { latestReader, placeShape, placesReader } from '../../src/clickhouse/queries/work/history-latest.js';
import type { MergedWork } from '../../src/clickhouse/queries/work/merged-events.js';
import { readMerged } from '../../src/clickhouse/queries/work/merged-rows.js';
import { wholeColumns } from '../../src/clickhouse/queries/work/work-event.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api/api-store.js';
import { randomInteger, seededRandom, testSeed } from '../support/seeded-random.js';

const noonMs = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 43_200_000;
let store: QueryStore;
const random = seededRandom(testSeed(20_261_127));
const between = (least: number, most: number) => randomInteger(random, { min: least, max: most });

beforeAll(async () => {
  store = await openQueryStore();
});

afterAll(() => store.close());

const base = { tenant: 'default', agent_id: 'a', received: noonMs + 500 };

const texts = ['agent_name', 'agent_version', 'parent_id', 'flow_id', 'crew_id', 'engagement_id', 'user_id'];
const more = ['session_id', 'environment', 'name', 'model', 'provider'];
const ofEnd = ['finish_reason', 'error_code', 'error_message'];
const counts = ['llm_calls', 'tokens_in', 'tokens_out', 'tokens_cache_read', 'tokens_cache_write', 'tokens_reasoning'];
const maps = ['inputs', 'outputs', 'labels'];
const optionals = ['duration_ms', 'cost_micros', 'memory_mb', 'confidence'];

/** An event that tells some of everything there is. */
function told(kind: 'task' | 'run', unit: number, offsetMs: number): RawRow {
  const states =
    kind === 'task' ? ['pending', 'running', 'completed', 'failed', 'cancelled'] : ['started', 'completed'];
  const state = states[between(0, states.length - 1)]!;
  const fields: Record<string, unknown> = {
    type: `${kind}.${state}`,
    ...base,
    agent_id: `agent ${between(1, 2)}`,
    run_id: kind === 'run' ? `run ${unit}` : ['', 'r', 'r'][unit % 3],
    ...(kind === 'task' ? { task_id: `task ${unit}` } : {}),
    ts: noonMs + offsetMs,
    received: noonMs + 60_000 + between(0, 3),
    attempt: between(0, 2),
    conflicting_end: state === 'completed' && between(0, 3) === 0 ? 1 : 0,
    usage_scope: between(0, 1) === 1 ? 'own' : 'rolled_up',
  };
  const maybe = (name: string, value: unknown) => {
    if (between(0, 2) === 0) fields[name] = value;
  };
  for (const name of [...texts, ...more, ...ofEnd]) maybe(name, `${name} ${between(1, 9)} é`.repeat(between(1, 12)));
  for (const name of counts) maybe(name, between(0, 9));
  for (const name of maps) maybe(name, { [`k${between(1, 4)}`]: `${offsetMs}`, [`k${between(5, 9)}`]: 'x' });
  for (const name of optionals) maybe(name, name === 'confidence' ? between(0, 4) / 4 : between(0, 9_000));
  if (fields.cost_micros !== undefined) fields.cost_source = between(0, 1) === 1 ? 'reported' : 'priced';
  maybe('started_at', noonMs + between(-5_000, 20_000));
  maybe('ended_at', noonMs + between(0, 30_000));
  if (state === 'failed') fields.error_category = ['tool', 'model'][between(0, 1)];
  return fields as RawRow;
}

const shownTexts = [...texts, ...more, ...ofEnd, 'cost_source', 'error_category'];
const shownNumbers = [...counts, ...optionals, 'attempt', 'conflicting_ends'];
const times = {
  updated_ms: 'ts',
  received_ms: 'received',
  started_ms: 'started_at',
  ended_ms: 'ended_at',
  start_ms: 'start',
};

function shown(work: MergedWork, names: readonly string[]): string {
  const values = work as unknown as Readonly<Record<string, unknown>>;
  return JSON.stringify(
    names.map((name) => values[name] ?? (shownTexts.includes(name) || name === 'run_id' ? '' : null)),
  );
}

test.each([
  [taskKind, 'agent_task_history', ['task_id']],
  [runKind, 'agent_runs', ['usage_scope']],
] as const)('what events add up to here is what the view of the engine adds them up to', async (kind, view, own) => {
  const events: RawRow[] = [];
  for (let unit = 0; unit < 150; unit++) {
    const moments = new Set(Array.from({ length: between(1, 7) }, () => between(0, 20_000)));
    for (const moment of moments) events.push(told(kind.kind, unit, moment));
  }
  await store.insert(events);
  await store.insert(events.filter(() => between(0, 4) === 0));
  const names = [
    ...own,
    'run_id',
    'agent_id',
    'status',
    ...shownTexts,
    ...shownNumbers,
    ...maps,
    ...Object.keys(times),
  ];
  const timed = Object.entries(times).map(([name, column]) => `toUnixTimestamp64Milli(${column}) AS ${name}`);
  const columns = [...names.filter((name) => !(name in times)), ...timed];
  const rows = await store.reader.rows<Record<string, unknown>>({
    name: 'test',
    sql: `SELECT ${columns.join(', ')} FROM ${view}`,
    params: {},
  });
  const merged = await readMerged(store.reader, kind, {
    name: 'test',
    where: 'tenant = {tenant:String}',
    params: { tenant: 'default' },
    columns: [...wholeColumns, ...(kind === runKind ? (['usage_scope'] as const) : [])],
  });
  expect(rows.length).toBeGreaterThanOrEqual(150);
  const here = (merged ?? []).map((work) => shown(work, names)).sort();
  expect(here).toEqual(rows.map((one) => JSON.stringify(names.map((name) => one[name]))).sort());
});

const placed: readonly Omit<HistoryFilter, 'tenant'>[] = [
  { errorText: 'MESSAGE 3 É' },
  { errorText: 'message 4', runId: 'r' },
  { errorText: 'message 5', status: 'failed' },
  { errorText: 'message 6', agentId: 'agent 1' },
  { errorCategory: 'tool' },
  { status: 'completed' },
  { status: 'failed', userId: `${'user_id 1 é'.repeat(2)}` },
];

test.each(placed)('places are those of whole events, by id and by start: %o', async (asked) => {
  const filter = { tenant: 'default', ...asked };
  const tables = new Set<string>();
  const reader = {
    rows: <Row>(query: Parameters<typeof store.reader.rows>[0]) => {
      if (query.name.endsWith('_places')) tables.add(/FROM (\w+)/.exec(query.sql)?.[1] ?? '');
      return store.reader.rows<Row>(query);
    },
  };
  for (const kind of [taskKind, runKind]) {
    const whole = latestReader(kind, { columns: [], sql: { columns: '', row: z.object(placeShape) } });
    for (const limit of [15, 5_000]) {
      const { rows, since, isLast } = await readHistoryCandidates(reader, kind, filter, { limit });
      const ids = [...new Set(rows.map(({ id }) => id))];
      const last = rows.at(-1);
      const through = last && !isLast ? { ...last, startMs: last.start_ms } : undefined;
      const told = async (read: typeof whole, known: typeof since) => {
        const found = await read(reader, filter, { ids, through, since: known });
        return found.map(({ id, run, agent, place_ms: placeMs, has_ended: hasEnded }) => ({
          ...{ id, run, agent, placeMs, hasEnded },
        }));
      };
      const wanted = await told(whole, undefined);
      expect(await told(placesReader(kind), undefined)).toEqual(wanted);
      // However close together they lie.
      expect(await told(placesReader(kind), since && { ...since, rows: 1, rowsBefore: 0 })).toEqual(wanted);
      if (kind === taskKind && limit === 5_000 && !('userId' in asked)) expect(wanted).not.toEqual([]);
    }
  }
  expect(tables.has(taskKind.merged.stateTable)).toBe(true);
  expect(tables.has(taskKind.byStartTable)).toBe(!('agentId' in asked || 'userId' in asked));
});

test('events that only a hash tells apart, and very many, are left to the engine', async () => {
  const same = { ...base, type: 'task.running', task_id: 'twins', ts: noonMs };
  const read = (taskId: string) =>
    readMerged(store.reader, taskKind, {
      name: 'test',
      where: 'task_id = {task_id:String}',
      params: { task_id: taskId },
      columns: ['name'],
    });
  await store.insert([
    { ...same, name: 'one' },
    { ...same, name: 'one' },
  ]);
  expect(await read('twins')).toMatchObject([{ name: 'one' }]);
  await store.insert([{ ...same, name: 'other' }]);
  expect(await read('twins')).toBeNull();
  await store.insert(Array.from({ length: 20_001 }, (_, at) => ({ ...same, task_id: 'long', ts: noonMs + at })));
  expect(await read('long')).toBeNull();
});

test('whole rows of a list by error text are not asked for the text again, and leave out what changed', async () => {
  const end = (id: string, more: object) => ({
    ...base,
    type: 'task.failed',
    task_id: id,
    run_id: 'ends',
    ts: noonMs,
    started_at: noonMs - 9,
    error_category: 'tool',
    ...more,
  });
  await store.insert([
    end('told', { error_message: 'Rate limit of 9' }),
    end('told twice', { error_message: 'rate LIMIT of 8' }),
    end('told twice', { error_message: 'RATE limit of 7', ts: noonMs + 1, attempt: 2 }),
    end('beyond', { error_message: 'Rate limit für 6' }),
    end('changed', { error_message: 'rate limit of 5' }),
    end('changed', { error_message: 'quota', ts: noonMs + 1, attempt: 2 }),
    end('done', { error_message: 'rate limit of 4' }),
    end('done', { type: 'task.completed', error_category: '', ts: noonMs + 1, attempt: 2 }),
  ]);
  const asked: string[] = [];
  const reader = {
    rows: <Row>(query: Parameters<typeof store.reader.rows>[0]) => {
      asked.push(query.sql);
      return store.reader.rows<Row>(query);
    },
  };
  const filter = { tenant: 'default', errorText: 'rate limit' };
  const { rows } = await readHistoryCandidates(reader, taskKind, filter, { limit: 100 });
  // Two events of one start are one place.
  expect(rows.map(({ id }) => id)).toEqual(['told twice', 'told', 'done', 'changed', 'beyond']);
  expect(asked.join()).not.toMatch(/LIMIT 1 BY|\b1 AND|AND 1\b|WHERE 1\b/);
  asked.length = 0;
  const ids = rows.map(({ id }) => id);
  const read = latestReader(taskKind, { columns: [], sql: { columns: '', row: z.object(placeShape) } });
  const held = async (didHold: boolean) =>
    (await read(reader, filter, { ids, didHold })).map(({ id, place_ms: placeMs }) => ({ id, placeMs }));
  const wanted = ['told twice', 'told', 'beyond'].map((id) => ({ id, placeMs: noonMs - 9 }));
  expect(await held(true)).toEqual(wanted);
  expect(asked.join()).not.toContain('error_text');
  expect(await held(false)).toEqual(wanted);
  expect(asked.join()).toContain('error_text');
});
