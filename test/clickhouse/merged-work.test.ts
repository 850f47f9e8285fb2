import { afterAll, beforeAll, expect, test } from 'vitest';
import { mergedRuns, mergedTasks, mergedWork } from '../../src/clickhouse/queries/work/merged-work.js';
import { createSegmentWriter } from '../../src/clickhouse/segments/segment-insert.js';
import type { SegmentWriter } from '../../src/core/ports/segment-writer.js';
import { EngineStore } from '../support/engine-store.js';
import { noonMs, row } from '../support/event-rows.js';
import { randomInteger, seededRandom, testSeed } from '../support/seeded-random.js';
import { type RawRow, timeText, writeSegment } from '../support/segment-file.js';

const database = 'tidemark';
let store: EngineStore;
let writer: SegmentWriter;
let segments = 0;

beforeAll(async () => {
  store = await EngineStore.withSchema();
  writer = createSegmentWriter({ store }, { database, transport: 'infile' });
});

afterAll(() => store.end());

async function insert(...blocks: readonly (readonly RawRow[])[]): Promise<void> {
  for (const block of blocks)
    await writer.insert(await writeSegment(store, { id: `merged-${++segments}`, blocks: [block] }));
}

const at = (offsetMs: number): string => timeText(noonMs + offsetMs);

async function taskOf(taskId: string): Promise<Record<string, unknown>[]> {
  return await store.select(`SELECT * FROM agent_task_history WHERE task_id = '${taskId}' ORDER BY run_id, agent_id`);
}

test.each([
  ['agent_task_history', mergedTasks],
  ['agent_runs', mergedRuns],
] as const)('the view %s is the SQL the API reads by', async (view, kind) => {
  const [shown] = await store.select<{ same: number }>(`
    WITH (SELECT as_select FROM system.tables WHERE database = '${database}' AND name = '${view}') AS shown
    SELECT replaceAll(replaceAll(formatQuerySingleLine(shown), '${database}.', ''), '  ', ' ')
      = replaceAll(formatQuerySingleLine(${literal(mergedWork(kind))}), '  ', ' ') AS same`);
  expect(shown?.same).toBe(1);
});

function literal(sql: string): string {
  return `'${sql.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

test('a start that tells everything and a bare end are one task that knows all of it', async () => {
  const start = row({
    type: 'task.running',
    agent_id: 'a',
    task_id: 'told-once',
    name: 'plan',
    user_id: 'ann',
    crew_id: 'crew',
    agent_version: '2',
    inputs: { symbol: 'ABC', days: '3' },
    labels: { team: 'x' },
    ts: at(0),
  });
  const end = row({
    type: 'task.completed',
    agent_id: 'a',
    task_id: 'told-once',
    outputs: { ok: 'true' },
    tokens_in: 7,
    ts: at(1500),
  });
  await insert([end], [start]);
  expect(await taskOf('told-once')).toEqual([
    expect.objectContaining({
      name: 'plan',
      user_id: 'ann',
      crew_id: 'crew',
      agent_version: '2',
      status: 'completed',
      tokens_in: 7,
      cost_micros: null,
      inputs: { symbol: 'ABC', days: '3' },
      labels: { team: 'x' },
      outputs: { ok: 'true' },
      started_at: at(0),
      ended_at: at(1500),
      duration_ms: 1500,
      start: at(0),
      conflicting_ends: 0,
    }),
  ]);
});

test.each(['duration_ms', 'start, status', 'finish_reason, error_message', 'labels', 'attempt AS told_start'])(
  'columns nobody names are left out, and %s is what it is among all of them',
  async (columns) => {
    const [alone, whole] = [mergedWork(mergedTasks, { namedIn: columns }), mergedWork(mergedTasks)];
    expect(alone.length).toBeLessThan(whole.length / 3);
    for (const unnamed of ['tokens_reasoning', 'crew_id', 'outputs']) expect(alone).not.toContain(unnamed);
    const read = (merged: string) => store.select(`SELECT ${columns} FROM (${merged}) ORDER BY ALL`);
    const all = await read(whole);
    expect(all.length).toBeGreaterThan(0);
    expect(await read(alone)).toEqual(all);
  },
);

test('of what several events tell the later wins, and maps are merged by key', async () => {
  const task = (fields: RawRow) => row({ agent_id: 'a', task_id: 'told-twice', ...fields });
  await insert([
    task({ type: 'task.completed', name: 'last', inputs: { b: '3', c: '4' }, ts: at(3000) }),
    task({ type: 'task.running', name: 'first', user_id: 'ann', inputs: { a: '1', b: '2' }, ts: at(1000) }),
    task({ type: 'task.running', name: 'between', ts: at(2000) }),
    task({ type: 'task.pending', name: 'before', user_id: 'bob', ts: at(0) }),
  ]);
  expect(await taskOf('told-twice')).toEqual([
    expect.objectContaining({
      name: 'last',
      user_id: 'ann',
      inputs: { a: '1', b: '3', c: '4' },
      started_at: at(1000),
      duration_ms: 2000,
    }),
  ]);
});

test('an attempt is timed by its own start, and an end is never undone by a later start', async () => {
  const task = (fields: RawRow) => row({ agent_id: 'a', task_id: 'tried', ...fields });
  await insert([
    task({ type: 'task.running', attempt: 1, ts: at(0) }),
    task({ type: 'task.failed', attempt: 1, error_category: 'tool', error_message: 'no', ts: at(1000) }),
    task({ type: 'task.running', attempt: 2, ts: at(5000) }),
    task({ type: 'task.completed', attempt: 2, ts: at(5200) }),
    task({ type: 'task.running', attempt: 2, ts: at(9000) }),
  ]);
  expect(await taskOf('tried')).toEqual([
    expect.objectContaining({
      status: 'completed',
      attempt: 2,
      started_at: at(5000),
      ended_at: at(5200),
      duration_ms: 200,
      error_category: '',
      error_message: '',
    }),
  ]);
});

test('one task id is a task in each run, and of each agent where no run is told', async () => {
  const task = (fields: RawRow) => row({ type: 'task.completed', task_id: 'shared', ...fields });
  await insert([
    task({ agent_id: 'a', run_id: 'r1', name: 'a in r1' }),
    task({ agent_id: 'a', run_id: 'r2', name: 'a in r2' }),
    task({ agent_id: 'b', run_id: 'r2', name: 'b in r2', ts: at(10) }),
    task({ agent_id: 'a', name: 'a alone' }),
    task({ agent_id: 'b', name: 'b alone' }),
  ]);
  const tasks = await taskOf('shared');
  expect(tasks.map(({ run_id: run, agent_id: agent, name }) => [run, agent, name])).toEqual([
    ['', 'a', 'a alone'],
    ['', 'b', 'b alone'],
    ['r1', 'a', 'a in r1'],
    ['r2', 'b', 'b in r2'],
  ]);
});

/** What one task's events add up to, told without SQL. */
function expectedTask(events: readonly RawRow[]): Record<string, unknown> {
  const number = (event: RawRow, name: string) => Number(event[name] ?? 0);
  const moment = (event: RawRow) => Date.parse(`${String(event.ts).replace(' ', 'T')}Z`);
  const ended = (event: RawRow) => !String(event.type).endsWith('.running') && !String(event.type).endsWith('.pending');
  const later = [...events].sort((left, right) => moment(left) - moment(right));
  const state = [...later].sort((left, right) => Number(ended(left)) - Number(ended(right))).at(-1) ?? {};
  const latest = (name: string) => later.filter((event) => event[name] !== undefined).at(-1)?.[name];
  const starts = later.filter((event) => event.type === 'task.running');
  const own = starts.filter((event) => number(event, 'attempt') === number(state, 'attempt'));
  const began = own[0] ?? starts[0];
  const durations = later.filter((event) => event.duration_ms !== undefined && ended(event));
  const told = durations.at(-1);
  const toldMs =
    told !== undefined && number(told, 'attempt') === number(state, 'attempt') ? number(told, 'duration_ms') : null;
  const endMs = ended(state) ? moment(state) : null;
  const startMs = began !== undefined ? moment(began) : endMs !== null && toldMs !== null ? endMs - toldMs : null;
  return {
    status: String(state.type).slice(5),
    name: latest('name') ?? '',
    user_id: latest('user_id') ?? '',
    inputs: Object.assign({}, ...later.map((event) => event.inputs ?? {})),
    tokens_in: latest('tokens_in') ?? 0,
    cost_micros: latest('cost_micros') ?? null,
    started_at: startMs === null ? null : timeText(startMs),
    ended_at: endMs === null ? null : timeText(endMs),
    duration_ms: toldMs ?? (endMs !== null && startMs !== null && endMs >= startMs ? endMs - startMs : null),
  };
}

test('what tasks add up to depends on nothing but their events: not on order, repetition or inserts', async () => {
  const random = seededRandom(testSeed(20_261_126));
  const between = (least: number, most: number) => randomInteger(random, { min: least, max: most });
  const maybe = <Value>(value: Value): Value | undefined => (between(0, 1) === 1 ? value : undefined);
  const events: RawRow[] = [];
  for (let task = 0; task < 60; task++) {
    const moments = new Set<number>();
    while (moments.size < between(1, 6)) moments.add(between(0, 60_000));
    for (const moment of moments) {
      const state = ['pending', 'running', 'running', 'completed', 'failed'][between(0, 4)];
      const fields = {
        type: `task.${state}`,
        agent_id: 'model',
        task_id: `model-${task}`,
        ts: at(moment),
        attempt: between(1, 2),
        name: maybe(`name ${moment}`),
        user_id: maybe(`user ${moment}`),
        inputs: maybe({ [`key${between(1, 3)}`]: `${moment}` }),
        tokens_in: maybe(between(1, 9)),
        cost_micros: maybe(between(0, 9)),
        duration_ms: state === 'completed' ? maybe(between(0, 500)) : undefined,
        error_category: state === 'failed' ? 'tool' : undefined,
      };
      events.push(row(Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))));
    }
  }
  const sent = [...events, ...events.filter(() => between(0, 3) === 0)].sort(() => between(0, 1) - 0.5);
  for (let first = 0; first < sent.length; first += 40) await insert(sent.slice(first, first + 40));
  for (let task = 0; task < 60; task++) {
    const own = events.filter((event) => event.task_id === `model-${task}`);
    const [found] = await taskOf(`model-${task}`);
    expect(found, JSON.stringify(own)).toEqual(expect.objectContaining(expectedTask(own)));
  }
});
