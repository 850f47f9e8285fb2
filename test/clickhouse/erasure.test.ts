import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  impersonalTables,
  ownTables,
  prepareErasures,
  readErasableTables,
} from '../../src/clickhouse/erasure/erasable-tables.js';
import { StoreEraser } from '../../src/clickhouse/erasure/store-eraser.js';
import { RollupDayFinalizer } from '../../src/clickhouse/maintenance/day-finalizer.js';
import { createInsertToken } from '../../src/clickhouse/maintenance/insert-token.js';
import { readErasures } from '../../src/clickhouse/queries/operations/erasures.js';
import { createSegmentWriter } from '../../src/clickhouse/segments/segment-insert.js';
import { systemClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/logger.js';
import type { ErasureReport } from '../../src/core/ports/data-eraser.js';
import { EngineStore } from '../support/engine-store.js';
import { noonMs, row } from '../support/event-rows.js';
import { FakeClock } from '../support/fake-clock.js';
import { seededRandom } from '../support/seeded-random.js';
import { type RawRow, timeText, writeSegment } from '../support/segment-file.js';

let store: EngineStore;
let eraser: StoreEraser;
const clock = new FakeClock(Date.now());
const undelivered = { sinceMs: null as number | null };
const counter = { inc: () => {} };

beforeAll(async () => {
  store = await EngineStore.withSchema();
  await prepareErasures(store.client);
  eraser = createEraser();
});

afterAll(async () => {
  await eraser.stop();
  await store.end();
});

function createEraser(): StoreEraser {
  return new StoreEraser(
    {
      store,
      delivery: { whileHeld: (work) => work() },
      undeliveredSinceMs: () => undelivered.sinceMs,
      clock,
      random: seededRandom(7),
      logger: silentLogger,
      instruments: { completed: counter, rows: counter, failures: counter },
    },
    { lateDays: 30, purgeHours: 24 },
  );
}

async function insert(id: string, rows: readonly RawRow[]): Promise<void> {
  const segment = await writeSegment(store, { id, blocks: [rows] });
  await createSegmentWriter({ store }, { database: 'tidemark', transport: 'infile' }).insert(segment);
}

interface Story {
  readonly tenant: string;
  readonly run: string;
  readonly user: string;
  readonly task: string;
  /** A word that only this story's texts hold. */
  readonly word: string;
}

/** A run with everything an agent can say in it; the steps and logs do not name the person. */
function eventsOf({ tenant, run, user, task, word }: Story): RawRow[] {
  const event = (fields: RawRow) => row({ tenant, run_id: run, ...fields });
  return [
    event({ type: 'run.started', user_id: user, session_id: `session of ${user}` }),
    event({ type: 'task.running', task_id: task, user_id: user, inputs: { asked: `about ${word}` } }),
    event({ type: 'step.started', task_id: task, step_id: `${task} s`, name: 'search' }),
    event({
      type: 'step.failed',
      task_id: task,
      step_id: `${task} s`,
      error_category: 'tool',
      error_message: `no ${word}`,
    }),
    event({ type: 'log', task_id: task, level: 'info', message: `looked for ${word}` }),
    event({
      type: 'task.failed',
      task_id: task,
      user_id: user,
      duration_ms: 70,
      error_category: 'tool',
      error_code: 'not_there',
      error_message: `cannot find ${word}`,
      tokens_in: 11,
    }),
    event({ type: 'pattern.observed', pattern_id: 'p', message: `asks for ${word}`, evidence: [run, task, 'kept'] }),
    event({
      type: 'pattern.feedback',
      pattern_id: 'p',
      user_id: user,
      feedback_score: 3,
      feedback_text: `thanks ${word}`,
    }),
    event({ type: 'memory.stored', user_id: user, message: word }),
    event({ type: 'run.failed', user_id: user, error_category: 'tool', error_message: `ended at ${word}` }),
    row({ tenant, type: 'step.completed', task_id: task, step_id: `${task} t`, outputs: { found: word } }),
  ];
}

/** Tables in which the text is found in any column of any row. */
async function tablesWith(tenant: string, ...texts: readonly string[]): Promise<string[]> {
  const tables = await store.select<{ table: string; columns: string[] }>(`
    SELECT c.table AS table, groupArray(c.name) AS columns FROM system.columns AS c
    INNER JOIN system.tables AS t ON t.name = c.table AND t.database = c.database
    WHERE c.database = 'tidemark' AND t.engine LIKE '%MergeTree' GROUP BY table ORDER BY table`);
  const found: string[] = [];
  for (const { table, columns } of tables) {
    const owned = columns.includes('tenant') ? `tenant = '${tenant}'` : 'true';
    const readable = columns.map((name) =>
      name === 'evidence_latest' ? 'finalizeAggregation(evidence_latest)' : name,
    );
    const row = `toString(tuple(${readable.join(', ')}))`;
    const hits = texts.map((text) => `position(${row}, '${text}') > 0`).join(' OR ');
    const [hit] = await store.select<{ hits: number }>(
      `SELECT count() AS hits FROM ${table} WHERE ${owned} AND (${hits})`,
    );
    if (Number(hit?.hits) > 0) found.push(table);
  }
  return found;
}

async function rollupsOf(tenant: string): Promise<unknown> {
  const [days, minutes, errors, memory, patterns] = await Promise.all([
    store.select(`SELECT * FROM agent_performance_daily WHERE tenant = '${tenant}' ORDER BY agent_id, day`),
    store.select(`SELECT * FROM agent_performance_minutely WHERE tenant = '${tenant}' ORDER BY agent_id, minute`),
    store.select(`SELECT day, error_category, error_code, sum(occurrences) AS occurrences, uniqMerge(runs) AS runs
      FROM agent_errors_per_day_v1 WHERE tenant = '${tenant}' GROUP BY ALL ORDER BY ALL`),
    store.select(`SELECT * FROM agent_memory_daily WHERE tenant = '${tenant}' ORDER BY ALL`),
    store.select(`SELECT pattern_id, observations, evidence_count FROM agent_discovered_patterns
      WHERE tenant = '${tenant}' ORDER BY ALL`),
  ]);
  return { days, minutes, errors, memory, patterns };
}

async function everythingOf(tenant: string): Promise<unknown> {
  const found: Record<string, unknown> = {};
  for (const view of [
    'agent_events',
    'agent_task_history',
    'agent_runs',
    'agent_failures',
    'agent_discovered_patterns',
  ]) {
    found[view] = await store.select(`SELECT * FROM ${view} WHERE tenant = '${tenant}' ORDER BY ALL`);
  }
  found.activity = await store.select(`SELECT * FROM agent_run_activity_v1 WHERE tenant = '${tenant}' ORDER BY ALL`);
  return { ...found, rollups: await rollupsOf(tenant) };
}

function erase(tenant: string, kind: 'run' | 'user', ...ids: readonly string[]): Promise<ErasureReport> {
  return eraser.erase({ tenant, kind, ids, requestedBy: 'the operator' });
}

/** Tables that were mutated, and whether the text of a mutation tells what was erased. */
const mutations = () =>
  store.client.writerRows({
    name: 'mutations',
    sql: `SELECT table, toUInt8(max(match(command, 'run-one|task-one|walrus'))) AS telling FROM system.mutations
      GROUP BY table ORDER BY table`,
    params: {},
  });

test('every table either gives up what it holds of a run or person, or holds nothing of them', async () => {
  const tables = await store.select<{ name: string }>(
    "SELECT name FROM system.tables WHERE database = 'tidemark' AND engine LIKE '%MergeTree' ORDER BY name",
  );
  const erasable = await readErasableTables(store.client);
  const known = [...erasable.map(({ name }) => name), ...impersonalTables, ...ownTables];
  expect(known.toSorted()).toEqual(tables.map(({ name }) => name));
});

test('an erased run is nowhere any more: not its id, not its texts; rollups and all else stay', async () => {
  const story = { tenant: 'runs', run: 'run-one', user: 'anna', task: 'task-one', word: 'walrus' };
  const other = { tenant: 'runs', run: 'run-two', user: 'anna', task: 'task-two', word: 'heron' };
  await insert('runs', [...eventsOf(story), ...eventsOf(other), ...eventsOf({ ...story, tenant: 'elsewhere' })]);
  const rollups = await rollupsOf('runs');
  const elsewhere = await everythingOf('elsewhere');
  expect((await tablesWith('runs', 'run-one', 'task-one', 'walrus')).length).toBeGreaterThan(8);
  const others = await tablesWith('runs', 'run-two', 'task-two', 'heron');

  const report = await erase('runs', 'run', 'run-one');
  expect(report).toMatchObject({ kind: 'run', completedMs: expect.any(Number) });
  expect(report.rows).toMatchObject({
    agent_events_raw_v1: 11,
    agent_task_history_v1: 2,
    agent_runs_v1: 2,
    agent_run_activity_v1: 1,
    agent_errors_per_day_v1: 1,
    agent_pattern_feedback_v1: 1,
  });
  expect(await tablesWith('runs', 'run-one', 'task-one', 'walrus')).toEqual([]);
  expect(await tablesWith('runs', 'run-two', 'task-two', 'heron')).toEqual(others);
  expect(await rollupsOf('runs')).toEqual(rollups);
  expect(await everythingOf('elsewhere')).toEqual(elsewhere);

  await insert('runs', [...eventsOf(story), ...eventsOf(other), ...eventsOf({ ...story, tenant: 'elsewhere' })]);
  expect(await tablesWith('runs', 'run-one', 'task-one', 'walrus')).toEqual([]);
  expect(await rollupsOf('runs')).toEqual(rollups);
  const again = await erase('runs', 'run', 'run-one');
  expect(again.rows).toEqual({});
  expect(await tablesWith('runs', 'run-one')).toEqual([]);
  expect(await mutations()).toEqual([
    { table: 'agent_errors_per_day_v1', telling: 0 },
    { table: 'agent_patterns_v1', telling: 0 },
    { table: 'agent_run_activity_v1', telling: 0 },
  ]);
});

test('a list of runs goes at once, by one request that each of them is found by, and the others stay', async () => {
  const stories = Array.from({ length: 40 }, (_, index) => ({
    tenant: 'many',
    run: `list-${index}-of it's "many\\"`,
    user: 'ida',
    task: `list-task-${index}`,
    word: index % 2 === 0 ? 'marten' : 'heron',
  }));
  const gone = stories.filter(({ word }) => word === 'marten');
  const left = stories.filter(({ word }) => word === 'heron');
  await insert('many', [...stories.flatMap(eventsOf), ...eventsOf({ ...gone[0]!, tenant: 'not many' })]);
  const rollups = await rollupsOf('many');
  const elsewhere = await everythingOf('not many');
  const before = await mutationsOf('agent_run_activity_v1');

  const report = await erase('many', 'run', ...gone.map(({ run }) => run));
  expect(report).toMatchObject({ kind: 'run', ids: 20, completedMs: expect.any(Number) });
  expect(report.rows).toMatchObject({ agent_events_raw_v1: 220, agent_runs_v1: 40, agent_run_activity_v1: 20 });
  expect(await tablesWith('many', 'marten')).toEqual([]);
  const runs = await store.select<{ run_id: string }>("SELECT run_id FROM agent_runs WHERE tenant = 'many'");
  expect(runs.map(({ run_id: id }) => id).sort()).toEqual(left.map(({ run }) => run).sort());
  expect(await rollupsOf('many')).toEqual(rollups);
  expect(await everythingOf('not many')).toEqual(elsewhere);
  expect(await mutationsOf('agent_run_activity_v1')).toBe(before + 1);
  const found = gone.map(({ run: id }) => readErasures(store.client, { tenant: 'many', id, limit: 5 }));
  const ledger = (await Promise.all(found)).map((entries) => entries.map(({ ids, erasure_id: id }) => [id, ids]));
  expect(ledger).toEqual(gone.map(() => [[report.erasureId, 20]]));
  expect(await readErasures(store.client, { tenant: 'many', id: left[0]!.run, limit: 5 })).toEqual([]);
  expect(await store.select('SELECT count() AS rows FROM erasure_targets_v1')).toEqual([{ rows: 0 }]);

  clock.advance(60_000);
  const received = timeText(clock.nowMs());
  const late = (run: string) =>
    row({ tenant: 'many', run_id: run, type: 'log', level: 'info', message: 'x', received });
  await insert(
    'many late',
    [...gone.slice(0, 5), ...left.slice(0, 1)].map(({ run }) => late(run)),
  );
  expect(await eraser.pass()).toBe(true);
  expect(await store.select("SELECT run_id FROM agent_events WHERE tenant = 'many' AND message = 'x'")).toEqual([
    { run_id: left[0]!.run },
  ]);
  const [entry] = await readErasures(store.client, { tenant: 'many', id: gone[0]!.run, limit: 5 });
  expect(entry).toMatchObject({ ids: 20, late_rows: 10 });
});

async function mutationsOf(table: string): Promise<number> {
  const [found] = await store.client.writerRows<{ count: number }>({
    name: 'mutations',
    sql: 'SELECT toUInt32(count()) AS count FROM system.mutations WHERE table = {table:String}',
    params: { table },
  });
  return found?.count ?? 0;
}

test('a person is erased with what names nobody else, and runs with other people keep what is theirs', async () => {
  const story = { tenant: 'users', run: 'run-b', user: 'bertha', task: 'task-b', word: 'otter' };
  const other = { tenant: 'users', run: 'run-c', user: 'carl', task: 'task-c', word: 'heron' };
  const shared = { tenant: 'users', run: 'run-shared', user: 'carl', task: 'task-shared', word: 'heron' };
  const inShared = row({
    tenant: 'users',
    run_id: 'run-shared',
    task_id: 'task-of-b',
    user_id: 'bertha',
    type: 'task.failed',
    error_category: 'tool',
    error_message: 'otter in a shared run',
  });
  const stepInShared = row({
    tenant: 'users',
    run_id: 'run-shared',
    task_id: 'task-of-b',
    type: 'log',
    message: 'otter',
  });
  const rows = [...eventsOf(story), ...eventsOf(other), ...eventsOf(shared), inShared, stepInShared];
  await insert('users', [...rows, ...eventsOf({ ...story, tenant: 'elsewhere too' })]);
  const rollups = await rollupsOf('users');
  const elsewhere = await everythingOf('elsewhere too');
  const report = await erase('users', 'user', 'bertha');
  expect(report.rows).toMatchObject({ agent_events_raw_v1: 13, agent_pattern_feedback_v1: 1 });
  expect(await tablesWith('users', 'bertha', 'run-b', 'task-b', 'task-of-b', 'otter')).toEqual([]);
  expect(await rollupsOf('users')).toEqual(rollups);
  expect(await everythingOf('elsewhere too')).toEqual(elsewhere);
  const [left] = await store.select("SELECT count() AS rows FROM agent_events WHERE tenant = 'users'");
  expect(left).toEqual({ rows: 22 });
  const runs = await store.select("SELECT run_id FROM agent_run_activity_v1 WHERE tenant = 'users' ORDER BY run_id");
  expect(runs).toEqual([{ run_id: 'run-c' }, { run_id: 'run-shared' }]);
});

test('what comes late of an erased run or person is erased too, what a person does afterwards is not', async () => {
  const tenant = 'late';
  const event = (fields: RawRow) => row({ tenant, ...fields });
  await insert('late-1', [
    event({ type: 'run.started', run_id: 'gone' }),
    event({ type: 'run.started', run_id: 'of dora', user_id: 'dora' }),
  ]);
  await erase(tenant, 'run', 'gone');
  await erase(tenant, 'user', 'dora');
  clock.advance(60_000);
  const now = timeText(clock.nowMs());
  await insert('late-2', [
    event({ type: 'log', run_id: 'gone', level: 'info', message: 'late badger', ts: now, received: now }),
    event({ type: 'log', run_id: 'of dora', level: 'info', message: 'late badger', received: now }),
    event({ type: 'task.completed', task_id: 'd', user_id: 'dora', inputs: { a: 'badger' }, received: now }),
    event({ type: 'task.completed', task_id: 'e', user_id: 'dora', inputs: { a: 'new' }, ts: now, received: now }),
  ]);
  expect(await tablesWith(tenant, 'badger')).not.toEqual([]);
  expect(await eraser.pass()).toBe(true);
  expect(await tablesWith(tenant, 'badger', 'gone', 'of dora')).toEqual([]);
  expect(await store.select(`SELECT task_id, inputs FROM agent_task_history WHERE tenant = '${tenant}'`)).toEqual([
    { task_id: 'e', inputs: { a: 'new' } },
  ]);
  expect(
    await store.select(`SELECT sum(late_rows) > 3 AS found FROM erasures_v1 FINAL WHERE tenant = '${tenant}'`),
  ).toEqual([{ found: 1 }]);
});

test('a request is pending while events before it wait, and is completed after a restart', async () => {
  const event = row({ tenant: 'pending', type: 'log', run_id: 'weasel', level: 'info', message: 'weasel' });
  undelivered.sinceMs = clock.nowMs() - 1_000;
  const pending = erase('pending', 'run', 'weasel');
  const ticking = setInterval(() => clock.advance(1_000), 20);
  const report = await pending;
  clearInterval(ticking);
  expect(report).toMatchObject({ completedMs: null, rows: {} });
  await insert('pending', [event]);
  undelivered.sinceMs = null;
  await eraser.stop();
  eraser = createEraser();
  await eraser.pass();
  expect(await tablesWith('pending', 'weasel')).toEqual([]);
  const [entry] = await store.select(`SELECT completed_at IS NOT NULL AS done, rows FROM erasures_v1 FINAL
    WHERE tenant = 'pending'`);
  expect(entry).toEqual({ done: 1, rows: { agent_events_raw_v1: 1, agent_run_activity_v1: 1 } });
});

test('a day or so later nothing of it is on disk, and replays of what was there still change nothing', async () => {
  const story = { tenant: 'disk', run: 'run-d', user: 'emil', task: 'task-d', word: 'lynx' };
  const other = { ...story, run: 'run-e', task: 'task-e', word: 'heron' };
  await insert('disk', [...eventsOf(story), ...eventsOf(other)]);
  await erase('disk', 'run', 'run-d');
  const before = await everythingOf('disk');
  const onDisk = async () => {
    const [found] = await store.client.writerRows<{ rows: number }>({
      name: 'unmasked',
      sql: `SELECT toUInt32(countIf(run_id = 'run-d')) AS rows FROM agent_events_raw_v1
        SETTINGS apply_patch_parts = 0, apply_deleted_mask = 0`,
      params: {},
    });
    return found?.rows;
  };
  expect(await eraser.pass()).toBe(true);
  expect(await onDisk()).toBe(10);
  clock.advance(25 * 3_600_000);
  // One table after another, each in turns of the engine.
  await expect.poll(() => eraser.pass(), { timeout: 240_000, interval: 200 }).toBe(true);
  expect(await onDisk()).toBe(0);
  expect(await store.select("SELECT purged_at IS NULL AS open FROM erasures_v1 FINAL WHERE tenant = 'disk'")).toEqual([
    { open: 0 },
  ]);
  await insert('disk', [...eventsOf(story), ...eventsOf(other)]);
  expect(await everythingOf('disk')).toEqual(before);
  await store.crash();
  await insert('disk', [...eventsOf(story), ...eventsOf(other)]);
  expect(await everythingOf('disk')).toEqual(before);
});

test('finalizing a day of which events were erased leaves its record as it is, and mends the others', async () => {
  const story = { tenant: 'days', run: 'run-f', user: 'finn', task: 'task-f', word: 'stoat' };
  const plain = row({ tenant: 'days', agent_id: 'other', type: 'task.completed', task_id: 'task-o', duration_ms: 5 });
  await insert('days', [...eventsOf(story), plain]);
  const rollups = await rollupsOf('days');
  await erase('days', 'user', 'finn');
  await store.run("DELETE FROM agent_performance_per_day_v1 WHERE tenant = 'days' AND agent_id = 'other'");
  const finalizer = new RollupDayFinalizer(
    {
      store,
      delivery: { whileHeld: (work) => work() },
      undeliveredSinceMs: () => null,
      clock: systemClock,
      nextToken: createInsertToken(systemClock, seededRandom(3)),
      logger: silentLogger,
      instruments: {
        finalizations: counter,
        agentsRepaired: counter,
        failures: counter,
        seconds: { observe: () => {} },
        lastSuccess: { set: () => {} },
      },
    },
    { skewFutureMs: 3_600_000 },
  );
  const dayMs = Math.floor(noonMs / 86_400_000) * 86_400_000;
  const report = await finalizer.finalize({ dayMs, tenant: 'days', agentId: null });
  expect(report).toMatchObject({ agentsRepaired: 1 });
  const after = (await rollupsOf('days')) as { days: object[] };
  const withoutRepairTime = ({ days, ...rest }: { days: object[] }) => ({
    ...rest,
    days: days.map((day) => ({ ...day, updated_at: null })),
  });
  expect(withoutRepairTime(after)).toEqual(withoutRepairTime(rollups as { days: object[] }));
});
