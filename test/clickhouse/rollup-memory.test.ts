import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { RollupMemory } from '../../src/clickhouse/memory/rollup-memory.js';
import { StoreChanges } from '../../src/clickhouse/memory/store-changes.js';
import { readAgentErrorDays } from '../../src/clickhouse/queries/agents/agent-errors.js';
import { readAgentPerformance } from '../../src/clickhouse/queries/agents/agent-performance.js';
import { CollectorError } from '../../src/core/errors.js';
import { rememberedTables } from '../../src/core/ports/read-memory.js';
import type { StoreReader } from '../../src/core/ports/store-reader.js';
import { floorTo } from '../../src/core/time-span.js';
import { openMemory, openQueryStore, type QueryStore, type RawRow } from '../api/api-store.js';
import { FakeClock } from '../support/fake-clock.js';

/**
 * What is remembered of the rollups is what the store would answer, whoever changes the store. The tests write past the
 * memory, as another collector on the same store does.
 */
const dayMs = 86_400_000;
const todayMs = floorTo(Date.now(), dayMs);
const key = { tenant: 'acme', agentId: 'planner' };
const days = { fromMs: todayMs - 29 * dayMs, toMs: todayMs + dayMs };

let store: QueryStore;

beforeAll(async () => {
  store = await openQueryStore();
  const rows: RawRow[] = [];
  for (let day = days.fromMs; day < days.toMs; day += dayMs) rows.push(...executions(day, 6));
  await store.insert(rows);
});

afterAll(() => store.close());

beforeEach(async () => {
  // What the test before left is known.
  await answers(remembering());
  store.asked.length = 0;
});

function executions(day: number, count: number, agentId = key.agentId): RawRow[] {
  return Array.from({ length: count }, (_, index) => ({
    tenant: key.tenant,
    agent_id: agentId,
    type: index % 3 === 0 ? 'task.failed' : 'task.completed',
    task_id: `task-${day}-${index}`,
    run_id: `run-${day}-${index % 2}`,
    error_category: index % 3 === 0 ? 'tool' : '',
    error_code: index % 3 === 0 ? 'timeout' : '',
    error_message: index % 3 === 0 ? `no answer after ${index} s` : '',
    duration_ms: 100 + index * 7,
    ts: day + index * 60_000,
    received: Date.now(),
  }));
}

const remembering = () => ({ ...store.reader, memory: store.memory.open() });

async function answers(reader: Parameters<typeof readAgentPerformance>[0]) {
  const range = { days, minutes: [], splitMs: todayMs - 15 * dayMs, dayLeftOutMs: null };
  const errors = { days, raw: [], covered: days };
  const [performance, groups] = await Promise.all([
    readAgentPerformance(reader, key, range),
    readAgentErrorDays(reader, key, { range: { ...errors }, limit: 20 }),
  ]);
  return {
    ...performance,
    buckets: 0,
    percentiles: performance.percentiles.map((value) => Math.fround(value ?? 0)),
    groups,
  };
}

const namesAsked = () => store.asked.map(({ name }) => name).filter((name) => name !== 'store_changes');

/** Changes the store, and compares what is remembered with what the store says. Returns what was read for it. */
async function afterwards(change: () => Promise<unknown>): Promise<readonly string[]> {
  const before = await answers(store.reader);
  await change();
  const now = await answers(store.reader);
  store.asked.length = 0;
  const told = await answers(remembering());
  const read = namesAsked();
  expect(told).toEqual(now);
  expect(now).not.toEqual(before);
  return read;
}

describe('the memory of the rollups', () => {
  test('answers what has not changed with one look at the store', async () => {
    expect(await answers(remembering())).toEqual(await answers({ rows: store.reader.rows }));
    store.asked.length = 0;
    await answers(remembering());
    expect(store.asked.map(({ name }) => name)).toEqual(['store_changes']);
  });

  test('reads a day again after late events of another collector, and no other day', async () => {
    const late = todayMs - 5 * dayMs;
    const read = await afterwards(() => store.insert(executions(late, 4)));
    expect([...read].sort()).toEqual(['agent_buckets', 'error_days']);
    const days = store.asked.filter(({ name }) => name === 'agent_buckets').map(({ params }) => params);
    const day = new Date(late).toISOString().slice(0, 10);
    const next = new Date(late + dayMs).toISOString().slice(0, 10);
    expect(days).toEqual([expect.objectContaining({ from_day: day, to_day: next })]);
  });

  test('reads nothing again because parts were merged', async () => {
    await store.run('OPTIMIZE TABLE agent_performance_per_day_v1 FINAL');
    await store.run('OPTIMIZE TABLE agent_errors_per_day_v1 FINAL');
    await answers(remembering());
    expect(namesAsked()).toEqual([]);
  });

  test('follows inserts that were merged away before it looked', async () => {
    await afterwards(async () => {
      await store.insert(executions(todayMs - 3 * dayMs, 3));
      await store.insert(executions(todayMs - 9 * dayMs, 2));
      await store.run('OPTIMIZE TABLE agent_performance_per_day_v1 FINAL');
      await store.run('OPTIMIZE TABLE agent_errors_per_day_v1 FINAL');
    });
  });

  test('follows rows that were removed and written again, as a finalization and an erasure do', async () => {
    const day = new Date(todayMs - 4 * dayMs).toISOString().slice(0, 10);
    await afterwards(() =>
      store.run(`DELETE FROM agent_performance_per_day_v1 WHERE agent_id = 'planner' AND day = '${day}'
        SETTINGS lightweight_deletes_sync = 2`),
    );
    await afterwards(() =>
      store.run(`INSERT INTO agent_performance_per_day_v1 (tenant, agent_id, day, events, total, successful)
        SELECT 'acme', 'planner', toDate('${day}'), 7, 7, 7`),
    );
    await afterwards(() =>
      store.run(`DELETE FROM agent_errors_per_day_v1 WHERE agent_id = 'planner' AND day = '${day}'
        SETTINGS lightweight_delete_mode = 'alter_update', lightweight_deletes_sync = 2`),
    );
  });

  test('of a store that does not let its parts be read, nothing is remembered and everything answered', async () => {
    const refusing: StoreReader = {
      rows: (query) =>
        query.name === 'store_changes'
          ? Promise.reject(new CollectorError('internal', 'cannot run store_changes: ACCESS_DENIED'))
          : store.reader.rows(query),
    };
    const outcomes = new Set<string>();
    const none = openMemory(refusing, 1 << 20, ({ outcome }) => outcomes.add(outcome));
    const asRefused = () => answers({ ...refusing, memory: none.open() });
    expect(await asRefused()).toEqual(await answers({ rows: store.reader.rows }));
    await store.insert(executions(todayMs, 5));
    expect(await asRefused()).toEqual(await answers({ rows: store.reader.rows }));
    expect(none.bytes).toBe(0);
    expect([...outcomes]).toEqual(['unseen']);
    await none.stop();
  });
});

describe('the memory of the rollups, of a store that loses rows or has several collectors', () => {
  test('errors up to now follow completions and erasures of raw events', async () => {
    const range = { days: { fromMs: 0, toMs: 0 }, raw: [days], covered: days };
    const errors = async (reader: Parameters<typeof readAgentErrorDays>[0]) =>
      await readAgentErrorDays(reader, key, { range, limit: 20 });
    const same = async () => {
      const now = await errors({ rows: store.reader.rows });
      expect(await errors(remembering())).toEqual(now);
      return now;
    };
    const before = await same();
    store.asked.length = 0;
    await errors(remembering());
    expect(store.asked.map(({ name }) => name)).toEqual(['store_changes']);
    const [failed] = executions(todayMs - 2 * dayMs, 1);
    await store.insert([{ ...failed!, type: 'task.completed', ts: Date.now(), received: Date.now() }]);
    const after = await same();
    expect(after.map(({ recovered }) => recovered)).not.toEqual(before.map(({ recovered }) => recovered));
    const where = `agent_id = 'planner' AND task_id = '${failed!.task_id}'`;
    await store.run(`DELETE FROM agent_events_raw_v1 WHERE ${where} SETTINGS lightweight_deletes_sync = 2`);
    const erased = await same();
    expect(erased[0]?.failed).toBe((before[0]?.failed ?? 0) - 1);
  });

  test('knows no more of a partition that was dropped', async () => {
    const month = new Date(todayMs - 29 * dayMs).toISOString().slice(0, 7).replace('-', '');
    await afterwards(() => store.run(`ALTER TABLE agent_performance_per_day_v1 DROP PARTITION ${month}`));
  });

  test('two collectors on a store answer alike, each with a memory of its own', async () => {
    const other = openMemory(store.reader, 1 << 20);
    const asOther = () => answers({ ...store.reader, memory: other.open() });
    expect(await asOther()).toEqual(await answers(remembering()));
    await store.insert(executions(todayMs, 5));
    expect(await asOther()).toEqual(await answers({ rows: store.reader.rows }));
    expect(await asOther()).toEqual(await answers(remembering()));
    await other.stop();
  });

  test('keeps to its bytes, the agents that were asked for last', async () => {
    const small = openMemory(store.reader, 20_000);
    const read = (agentId: string) => {
      const range = { days, minutes: [], splitMs: days.fromMs, dayLeftOutMs: null };
      return readAgentPerformance({ ...store.reader, memory: small.open() }, { tenant: key.tenant, agentId }, range);
    };
    for (let agent = 0; agent < 12; agent++) await read(`agent-${agent}`);
    expect(small.bytes).toBeGreaterThan(0);
    expect(small.bytes).toBeLessThanOrEqual(20_000);
    store.asked.length = 0;
    await read('agent-11');
    expect(namesAsked()).toEqual([]);
    await read('agent-0');
    expect(namesAsked()).toEqual(['agent_buckets']);
    await small.stop();
  });
});

describe('the memory of errors up to now', () => {
  test('errors of whole days and of raw events beside them are remembered, runs of both counted once', async () => {
    const edge = { fromMs: todayMs, toMs: todayMs + 3_600_000 };
    const before = { fromMs: days.fromMs, toMs: todayMs };
    const range = { days: before, raw: [edge], covered: days };
    const errors = async (reader: Parameters<typeof readAgentErrorDays>[0]) =>
      await readAgentErrorDays(reader, key, { range, limit: 20 });
    const run_id = `run-${todayMs - 3 * dayMs}-0`;
    const [failed, , , again] = executions(todayMs, 4);
    await store.insert([
      { ...failed!, run_id, task_id: 'edge-1', error_message: 'no answer after 1 s' },
      { ...again!, run_id: '', task_id: 'edge-2', error_message: 'no answer from "é" <b@example.org> in 7 s' },
    ]);
    const now = await errors({ rows: store.reader.rows });
    expect(await errors(remembering())).toEqual(now);
    // What was read before a look has seen the inserts of above is read once more.
    expect(await errors(remembering())).toEqual(now);
    store.asked.length = 0;
    expect(await errors(remembering())).toEqual(now);
    expect(namesAsked()).toEqual([]);
    await store.insert([{ ...failed!, type: 'task.completed', task_id: 'edge-1', ts: Date.now() }]);
    const after = await errors({ rows: store.reader.rows });
    expect(after).not.toEqual(now);
    expect(await errors(remembering())).toEqual(after);
  });
});

describe('a look at what has changed', () => {
  test('is not taken where nothing is remembered, and what came meanwhile is read all the same', async () => {
    await answers(remembering());
    const asOf = (agentId: string) => {
      const range = { days, minutes: [], splitMs: days.fromMs, dayLeftOutMs: null };
      return (reader: StoreReader) => readAgentPerformance(reader, { tenant: key.tenant, agentId }, range);
    };
    const read = asOf('newcomer');
    await store.insert(executions(todayMs - dayMs, 4, 'newcomer'));
    store.asked.length = 0;
    expect((await read(remembering())).total).toBe(4);
    expect(store.asked.map(({ name }) => name)).toEqual(['agent_buckets']);
    await store.insert(executions(todayMs - dayMs, 3, 'newcomer'));
    expect((await read(remembering())).total).toBe(7);
    store.asked.length = 0;
    expect((await read(remembering())).total).toBe(7);
    expect(store.asked.map(({ name }) => name)).toEqual(['store_changes']);
  });

  test('is one of now for a moment, unless this collector has written', async () => {
    const clock = new FakeClock(Date.now());
    let ownSteps = 0;
    const ignore = () => undefined;
    const instruments = { reads: { inc: ignore }, evictions: { inc: ignore }, bytes: { set: ignore } };
    const deps = { store: store.reader, ownSteps: () => ownSteps, clock, instruments };
    const memory = new RollupMemory(deps, { bytesMax: 1 << 20, unseenMsMax: 250 });
    const looksOf = async () => {
      store.asked.length = 0;
      const told = await answers({ ...store.reader, memory: memory.open() });
      const looks = store.asked.filter(({ name }) => name === 'store_changes').length;
      expect(told).toEqual(await answers({ rows: store.reader.rows }));
      return looks;
    };
    expect(await looksOf()).toBe(1);
    expect(await looksOf()).toBe(0);
    clock.advance(249);
    expect(await looksOf()).toBe(0);
    await store.insert(executions(todayMs - 2 * dayMs, 3));
    ownSteps += 2;
    expect(await looksOf()).toBe(1);
    await store.insert(executions(todayMs - 2 * dayMs, 2));
    clock.advance(250);
    expect(await looksOf()).toBe(1);
    await memory.stop();
  });
});

test('of one key, what is asked twice at once is read once, and apart where not every answer fits both', async () => {
  const memory = store.memory.open()!;
  const ask = (from: number, fits?: (value: number) => boolean) =>
    memory.value<number>({
      sources: [],
      key: `numbers ${fits === undefined}`,
      read: async () => from,
      bytesOf: () => 8,
      ...(fits === undefined ? {} : { fits }),
    });
  expect(await Promise.all([ask(1), ask(2)])).toEqual([1, 1]);
  const below = (most: number) => ask(most, (value) => value <= most);
  expect(await Promise.all([below(2), below(1)])).toEqual([2, 1]);
});

describe('what the memory makes of the parts of a table', () => {
  const table = 'agent_performance_per_day_v1';
  const made: number[] = [];
  let failure: Error | null = null;
  /** Rows of all parts, added up so slowly that all who ask have come. */
  const rowsOf = (memory = store.memory) =>
    memory.open()!.parts<number, number>({
      table,
      key: 'rows of parts',
      range: '',
      together: 'rows of parts',
      days: null,
      read: async ({ known }) => {
        const unknown = '_part NOT IN {known:Array(String)}';
        const sql = `SELECT _part AS part, count() AS rows FROM ${table} WHERE ${unknown} GROUP BY part`;
        const rows = await store.reader.rows<{ part: string; rows: number }>({ name: 'parts', sql, params: { known } });
        return new Map(rows.map(({ part, rows }) => [part, Number(rows)]));
      },
      join: async (values) => {
        await sleep(300);
        if (failure !== null) throw failure;
        made.push(values.length);
        return values.reduce((sum, rows) => sum + (rows ?? 0), 0);
      },
      bytesOf: () => 8,
    });

  test('is made once for all who ask for it while it is made, and again after it failed', async () => {
    // A merge would make parts that nothing is known of.
    await store.run(`SYSTEM STOP MERGES ${table}`);
    onTestFinished(() => store.run(`SYSTEM START MERGES ${table}`));
    failure = new Error('not this time');
    await expect(rowsOf()).rejects.toThrow('not this time');
    failure = null;
    const all = await Promise.all([1, 2, 3, 4, 5].map(() => rowsOf()));
    expect(all[0]).toBeGreaterThan(0);
    expect(new Set(all).size).toBe(1);
    expect(made).toHaveLength(1);
    await store.insert(executions(todayMs, 3, 'another'));
    await expect.poll(() => rowsOf()).not.toBe(all[0]);
    expect(made).toHaveLength(2);
  });
});

test('of tables whose parts do not tell all nothing is remembered, and no part is asked for again', async () => {
  await store.run('CREATE DATABASE elsewhere');
  onTestFinished(() => store.run('DROP DATABASE elsewhere'));
  const asked: string[] = [];
  const changes = new StoreChanges({
    rows: (query) => {
      asked.push(query.name);
      return store.metadata.rows({ ...query, sql: query.sql.replaceAll('currentDatabase()', "'elsewhere'") });
    },
  });
  const make = (name: string) => store.run(`CREATE TABLE elsewhere.${name} (n UInt64) ENGINE = Memory`);
  // Not yet there is not yet known.
  for (let look = 0; look < 2; look++) expect(await changes.look()).toBeNull();
  for (const table of rememberedTables) await make(table);
  for (let look = 0; look < 3; look++) expect(await changes.look()).toBeNull();
  expect(asked.filter((name) => name === 'store_changes')).toHaveLength(3);
});
