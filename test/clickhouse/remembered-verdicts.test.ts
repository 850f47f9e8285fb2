import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Asked, askPort } from '../support/ask-engine.js';
import { EngineStore } from '../support/engine-store.js';

/**
 * The guard judges a text once. These are requests whose verdict it must not take from an equal text before: each is
 * asked on an engine that has passed the text, and again when it has refused it.
 */
let store: EngineStore;
const all = { user: 'default', password: 'password-of-all' };
const acme = { user: 'acme', password: 'password-of-acme' };
const writer = { user: 'tidemark' };

beforeAll(async () => {
  store = await EngineStore.withSchema({
    readers: [
      { name: 'default', password: all.password, tenant: null },
      { name: 'acme', password: acme.password, tenant: 'acme' },
    ],
  });
});

afterAll(() => store.end());

const ask = (sql: string, who: Asked = all, query = '') => askPort(store.test, sql, { ...who, query });
const code = async (sql: string, who: Asked = all, query = '') => (await ask(sql, who, query)).code;

/** Asks what passes and what is refused in turn, three times. */
async function inTurn(passing: () => Promise<number>, refused: () => Promise<number>, expected: number) {
  for (let turn = 0; turn < 3; turn++) {
    expect(await passing()).toBe(0);
    expect(await refused()).toBe(expected);
  }
}

test('values of parameters are values: none makes a text mean anything else', async () => {
  const sql = 'SELECT {a:String} AS a, {b:Array(String)} AS b FROM system.one WHERE {c:String} != {d:String}';
  const hostile = [
    'plain',
    "'); DROP TABLE agent_events; --",
    "file('/etc/passwd')",
    'system.parts',
    '`agent_events_raw_v1`',
    '{a:Identifier}',
    '1 SETTINGS readonly = 0',
    'x INTO OUTFILE y',
    "', param_c='",
  ];
  for (const value of hostile) {
    const named = { param_a: value, param_b: "['\\\\']", param_c: value, param_d: 'other' };
    const { text } = await ask(`${sql} FORMAT JSONEachRow`, all, new URLSearchParams(named).toString());
    expect(JSON.parse(text)).toEqual({ a: value, b: ['\\'] });
  }
  for (const type of ['UInt8', 'Array(UInt8)', 'DateTime']) {
    const typed = `SELECT {a:${type}} AS a`;
    expect(await code(typed, all, new URLSearchParams({ param_a: "file('/etc/passwd')" }).toString())).not.toBe(0);
  }
});

test('a parameter that is a name is judged by its value each time', async () => {
  const table = 'SELECT count() FROM {x:Identifier}';
  const named = (name: string) => code(table, all, `param_x=${name}`);
  await inTurn(
    () => named('agent_events'),
    () => named('agent_events_raw_v1'),
    60,
  );
  const called = (name: string) => code("SELECT arrayMap({f:Identifier}, ['/etc/passwd'])", all, `param_f=${name}`);
  await inTurn(
    () => called('upper'),
    () => called('file'),
    497,
  );
  // Within a string it is none, and the text is remembered.
  const { text } = await ask("SELECT '{x:Identifier}'", all, 'param_x=agent_events_raw_v1');
  expect(text).toBe('{x:Identifier}\n');
});

test('settings beside a text that passed are judged each time, and those in it are part of the text', async () => {
  const sql = 'SELECT count() FROM agent_events';
  for (const [setting, expected] of [
    ['enable_analyzer=0', 164],
    ['max_memory_usage=999999999999', 452],
    ['no_such_setting=1', 115],
    ['additional_result_filter=1', 164],
  ] as const) {
    await inTurn(
      () => code(sql),
      () => code(sql, all, setting),
      expected,
    );
    await inTurn(
      () => code(`${sql} SETTINGS max_threads = 1`),
      () => code(`${sql} SETTINGS ${setting}`),
      expected,
    );
  }
  const filter = (value: string) => `additional_table_filters=${encodeURIComponent(value)}`;
  await inTurn(
    () => code(sql, all, filter("{'agent_events': 'agent_id != \\'x\\''}")),
    () => code(sql, all, filter("{'agent_events': 'file(\\'/etc/passwd\\') != 1'}")),
    497,
  );
});

test('a text that passed one user is judged anew for another, and in another database', async () => {
  const plan = 'EXPLAIN PLAN SELECT count() FROM agent_events';
  await inTurn(
    () => code(plan),
    () => code(plan, acme),
    497,
  );
  const raw = 'SELECT count() FROM agent_events_raw_v1';
  await inTurn(
    () => code(raw, writer),
    () => code(raw),
    60,
  );
  const parts = 'SELECT count() FROM agent_events';
  await inTurn(
    () => code(parts),
    () => code(parts, all, 'database=system'),
    60,
  );
});

test('a text that passed is judged anew when the schema has changed', async () => {
  const make = (sql: string) => code(sql, writer);
  expect(await make('CREATE TABLE late (tenant String, a UInt8) ENGINE = MergeTree ORDER BY a')).toBe(0);
  expect(await make("INSERT INTO late VALUES ('acme', 1), ('beta', 2)")).toBe(0);
  const sql = 'SELECT count() FROM late';
  expect(await code(sql, writer)).toBe(0);
  expect(await code(sql)).toBe(60);
  expect(await make('DROP TABLE late SYNC')).toBe(0);
  expect(await code(sql, writer)).toBe(60);
  const view = "SELECT groupArray(a) FROM (SELECT * FROM agent_events WHERE tenant = 'x')";
  const before = await code(view);
  expect(await make('CREATE TABLE late (tenant String, a UInt8) ENGINE = MergeTree ORDER BY a')).toBe(0);
  expect(await code(view)).toBe(before);
  expect(await code(sql)).toBe(60);
  expect(await make('DROP TABLE late SYNC')).toBe(0);
});
