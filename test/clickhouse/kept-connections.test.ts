import { afterAll, beforeAll, expect, test } from 'vitest';
import { defaultWatch } from '../../src/clickhouse/embedded/process/engine-watch.js';
import { type Asked, askPort } from '../support/ask-engine.js';
import { EngineStore } from '../support/engine-store.js';

/** Statements that share connections, on the real engine: nothing of one reaches the next. */
let store: EngineStore;
const all = { user: 'default', password: 'password-of-all' };
const acme = { user: 'acme', password: 'password-of-acme' };
const beta = { user: 'beta', password: 'password-of-beta' };
const writer = { user: 'tidemark' };

beforeAll(async () => {
  store = await EngineStore.withSchema({
    guestReadsMax: 4,
    watch: { ...defaultWatch, pauseMs: 200 },
    readers: [
      { name: 'default', password: all.password, tenant: null },
      { name: 'acme', password: acme.password, tenant: 'acme' },
      { name: 'beta', password: beta.password, tenant: 'beta' },
    ],
  });
  for (const tenant of ['acme', 'beta']) {
    await store.run(`INSERT INTO agent_events_raw_v1 (tenant, received, ts, type, agent_id, run_id, task_id)
      SELECT '${tenant}', now64(3), now64(3), 'task.completed', 'agent', 'run', toString(number) FROM numbers(4)`);
  }
});

afterAll(() => store.end());

const ask = (sql: string, who: Asked = all, query = '') => askPort(store.test, sql, { ...who, query });
const text = async (sql: string, who: Asked = all, query = '') => (await ask(sql, who, query)).text;
const code = async (sql: string, who: Asked = all, query = '') => (await ask(sql, who, query)).code;

test('settings of a request, of a statement and of a part of one end with it', async () => {
  const sizes = "SELECT getSetting('max_block_size')";
  const usual = await text(sizes);
  expect(await text(sizes, all, 'max_block_size=77')).toBe('77\n');
  expect(await text(sizes)).toBe(usual);
  expect(await text(`${sizes} SETTINGS max_block_size = 78`)).toBe('78\n');
  expect(await text(sizes)).toBe(usual);
  expect(await text("SELECT count() FROM system.settings WHERE name = 'max_block_size' AND changed")).toBe('0\n');
  const read = (sql: string) => store.select<{ size: number | string }>(sql);
  const [first] = await read("SELECT getSetting('max_block_size') AS size");
  await expect(read('SELECT 1 AS size SETTINGS max_block_size = 79')).rejects.toThrow();
  expect(await read("SELECT getSetting('max_block_size') AS size")).toEqual([first]);
});

test('no statement can change what the next one finds', async () => {
  for (const sql of [
    'CREATE TEMPORARY TABLE left_behind (a Int8)',
    'SET max_threads = 3',
    'SET readonly = 0',
    'SET param_left = 1',
    'USE system',
    'SELECT 1; USE system',
    'SELECT 1; SET param_left = 1',
  ]) {
    await ask(sql);
    await ask(sql, acme);
    await store.client.rows({ name: 'test', sql, params: {} }).catch(() => undefined);
    const found = "SELECT currentDatabase(), getSetting('readonly'), getSetting('max_threads')";
    for (const who of [all, acme]) {
      expect(await text(found, who), sql).toBe('tidemark\t1\t1\n');
      expect(await code('SELECT {left:UInt8}', who), sql).toBe(456);
      expect(await code('SELECT * FROM left_behind', who), sql).toBe(60);
    }
    expect(await store.select('SELECT currentDatabase() AS name'), sql).toEqual([{ name: 'tidemark' }]);
    await store.client.rows({ name: 'test', sql, params: {} }).catch(() => undefined);
    await expect(store.select('SELECT {left:UInt8} AS a'), sql).rejects.toMatchObject({ code: 'internal' });
  }
});

test('each of many statements at once has its own values, and a name that it leaves out has none', async () => {
  const sql = 'SELECT {a:UInt32} AS a, {b:String} AS b';
  const asked = Array.from({ length: 120 }, async (_, index) => {
    const params = { a: index, b: `it's\t${index}\\` };
    expect(await store.client.rows({ name: 'test', sql, params })).toEqual([params]);
    const url = `param_a=${index}&param_b=v${index}&output_format_json_quote_64bit_integers=0`;
    expect(await text(`${sql} FORMAT JSONEachRow`, all, url)).toBe(`{"a":${index},"b":"v${index}"}\n`);
  });
  await Promise.all(asked);
  expect(await code(sql, all, 'param_a=1')).toBe(456);
  const params = { a: 1 };
  await expect(store.client.rows({ name: 'test', sql, params })).rejects.toMatchObject({ code: 'internal' });
});

test('results that are held, piped and handed over follow each other in any format', async () => {
  for (let turn = 0; turn < 3; turn++) {
    for (const query of ['', 'wait_end_of_query=1', 'wait_end_of_query=0']) {
      expect(await text('SELECT 1', all, query)).toBe('1\n');
      expect(await text('EXPLAIN AST SELECT 1', all, query)).toMatch(/^SelectWithUnionQuery/);
      expect(await text('SELECT 2 AS a FORMAT JSONEachRow', all, query)).toBe('{"a":2}\n');
      expect(await text('SELECT 3 FORMAT Native', all, query)).toBe('\x01\x01\x013\x05UInt8\x03');
      expect(await text("SELECT 'a', 4 FORMAT CSV", all, query)).toBe('"a",4\n');
      expect(await text('SELECT sum(number) FROM numbers(300000)', all, query)).toBe('44999850000\n');
    }
  }
});

test('readers of two tenants in turn see their own rows, and the collector all', async () => {
  const sql = 'SELECT groupUniqArray(tenant) AS tenants FROM agent_events';
  for (let turn = 0; turn < 5; turn++) {
    expect(await text(sql, acme)).toBe("['acme']\n");
    expect(await text(sql, beta)).toBe("['beta']\n");
    expect(await text(`${sql} WHERE tenant != 'acme'`, acme)).toBe('[]\n');
    expect(await store.select(`SELECT uniqExact(tenant) AS n FROM agent_events`)).toEqual([{ n: 2 }]);
  }
});

test('a statement that was ended, timed out or failed leaves the next one alone', async () => {
  const endless = 'SELECT count() FROM numbers(1e13)';
  for (let turn = 0; turn < 3; turn++) {
    expect(await text('SELECT 1')).toBe('1\n');
    const controller = new AbortController();
    const aborted = ask(endless, { ...all, init: { signal: controller.signal } }).catch(() => 'aborted');
    const read = store.client.rows({ name: 'test', sql: endless, params: {}, signal: controller.signal });
    setTimeout(() => controller.abort(), 150);
    await expect(read).rejects.toMatchObject({ code: 'query_timeout' });
    expect(await aborted).toBe('aborted');
    expect(await code(endless, all, 'max_execution_time=0.1')).toBe(159);
    expect(await code("SELECT throwIf(1, 'x')")).toBe(395);
    for (let next = 0; next < 20; next++) {
      expect(await text('SELECT count() FROM numbers(2e6) WHERE number % 7 = 8')).toBe('0\n');
      expect(await store.select('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    }
  }
});

test('how many wait is told, and what became of those that may', async () => {
  const connections = () => new Map(store.test.connections);
  const counted = (before: ReadonlyMap<string, number>, name: string) =>
    (store.test.connections.get(name) ?? 0) - (before.get(name) ?? 0);
  const statement = { name: 'test', sql: 'SELECT 1', params: {} };
  // Made, but not told yet: what came before this test.
  await expect.poll(() => store.test.gauges.get('collector wait')).toBeGreaterThan(0);
  const before = connections();
  for (let asked = 0; asked < 12; asked++) await text('SELECT 1', all, `max_block_size=${asked + 1_000}`);
  for (let asked = 0; asked < 3; asked++) await store.client.rows(statement);
  await expect.poll(() => counted(before, 'readers opened')).toBeGreaterThanOrEqual(12);
  expect(store.test.gauges.get('readers wait')).toBe(8);
  expect(counted(before, 'readers crowded_out')).toBeGreaterThanOrEqual(4);
  await expect.poll(() => counted(before, 'collector reused')).toBeGreaterThanOrEqual(2);
  expect(counted(before, 'collector crowded_out')).toBe(0);
});

test('a table, a column and a database are those of now', async () => {
  const change = (sql: string) => ask(sql, writer);
  await change('CREATE DATABASE other ENGINE = Atomic');
  await change('CREATE TABLE other.t (a UInt8) ENGINE = MergeTree ORDER BY a');
  const names = () =>
    ask('SELECT name FROM system.tables WHERE database = currentDatabase()', writer, 'database=other');
  expect((await names()).text).toBe('t\n');
  const columns = "SELECT groupArray(name) AS names FROM system.columns WHERE database = 'other' AND table = 't'";
  expect(await store.select(columns)).toEqual([{ names: ['a'] }]);
  expect(await store.select('SELECT count() AS n FROM other.t')).toEqual([{ n: 0 }]);
  await change('ALTER TABLE other.t ADD COLUMN b String');
  expect(await store.select(columns)).toEqual([{ names: ['a', 'b'] }]);
  await change('INSERT INTO other.t (a, b) VALUES (1, 2)');
  expect(await store.select('SELECT * FROM other.t')).toEqual([{ a: 1, b: '2' }]);
  await change('DROP DATABASE other SYNC');
  expect(await code('SELECT 1', writer, 'database=other')).toBe(81);
  await expect(store.select('SELECT count() FROM other.t')).rejects.toMatchObject({ code: 'store_unavailable' });
});
