import { afterAll, beforeAll, expect, test } from 'vitest';
import { askPort, type EngineAnswer } from '../support/ask-engine.js';
import { EngineStore } from '../support/engine-store.js';

/** Settings beside a statement and in it, of readers of all tenants and of one, and of the writer; the real schema. */
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
  for (const tenant of ['acme', 'beta']) {
    await store.run(`INSERT INTO agent_events_raw_v1
      (tenant, received, ts, type, agent_id, run_id, task_id, duration_ms, labels)
      SELECT '${tenant}', now64(3), now64(3), 'task.completed', concat('agent-', toString(number), '-${tenant}'),
        'run', toString(number), 5, map('team', if(number < 2, 'a', 'b')) FROM numbers(4)`);
  }
});

afterAll(() => store.end());

type Who = { readonly user: string; readonly password?: string };

function ask(sql: string, who: Who = all, query = ''): Promise<EngineAnswer> {
  return askPort(store.test, sql, { ...who, query });
}

const text = async (sql: string, who: Who = all, query = '') => (await ask(sql, who, query)).text;
const code = async (sql: string, who: Who = all, query = '') => (await ask(sql, who, query)).code;

test('settings in a statement mean what they mean beside it, and go before those', async () => {
  for (const who of [all, acme, writer]) {
    const joined = "SELECT getSetting('join_use_nulls')";
    expect(await text(`${joined} SETTINGS join_use_nulls = 1`, who)).toBe('true\n');
    expect(await text(`${joined} SETTINGS join_use_nulls = 1, max_threads = 1 FORMAT CSV`, who)).toBe('true\n');
    expect(await text(`${joined} FORMAT TSV SETTINGS join_use_nulls = true`, who)).toBe('true\n');
    expect(await text(`${joined} SETTINGS join_use_nulls = 0`, who, 'join_use_nulls=1')).toBe('false\n');
    expect(await text(`${joined} SETTINGS join_use_nulls = DEFAULT`, who, 'join_use_nulls=1')).toBe('false\n');
    expect(await text('SELECT 1 AS settings, 2 ORDER BY settings', who)).toBe('1\t2\n');
    expect(await text("SELECT 1 SETTINGS log_comment = 'a\\n\\'b\\'', async_insert = 1", who)).toBe('1\n');
    expect(await text('SELECT 1 UNION ALL SELECT 2 SETTINGS max_threads = 1', who)).toMatch(/^[12]\n[12]\n$/);
  }
});

test('what is not his to change is refused with the code of a server, wherever it stands', async () => {
  const refused: Record<string, number> = {
    'readonly=0': 164,
    'no_such_setting=1': 115,
    'max_memory_usage=999999999999': 452,
    'enable_analyzer=0': 164,
    'query_plan_merge_filters=1': 164,
    'use_query_cache=1': 164,
    'implicit_select=1': 164,
    'additional_result_filter=1': 164,
  };
  for (const [setting, expected] of Object.entries(refused)) {
    expect(await code(`SELECT 1 SETTINGS ${setting}`), setting).toBe(expected);
    if (setting !== 'readonly=0') expect(await code('SELECT 1', all, setting), setting).toBe(expected);
  }
  expect(await text('SELECT 1', all, 'implicit_select=0&dialect=clickhouse')).toBe('1\n');
  expect(await text("SELECT getSetting('max_threads')", all, 'max_threads=64')).toBe('1\n');
  expect(await text("SELECT getSetting('max_threads') SETTINGS max_threads = 64")).toBe('1\n');
  for (const setting of ['additional_result_filter=1', 'parallel_replicas_custom_key=1', 'format_schema_source=x']) {
    expect(await code('SELECT 1', writer, setting), setting).toBe(164);
  }
});

test('a setting that ends anything but the statement is refused to a reader', async () => {
  for (const sql of [
    'SELECT * FROM (SELECT 1 SETTINGS max_threads = 1)',
    'SELECT 1 SETTINGS max_threads = 1 UNION ALL SELECT 2',
    "SELECT * FROM (SELECT tenant FROM agent_events SETTINGS additional_table_filters = {'tidemark.agent_events':'1'})",
    'SELECT (SELECT 1 SETTINGS max_memory_usage = 1) SETTINGS max_threads = 1',
    'WITH (SELECT 1 SETTINGS max_threads = 1) AS a SELECT a',
  ]) {
    expect(await code(sql), sql).toBe(164);
  }
});

test('system.settings says which settings a reader may change', async () => {
  const sql = `SELECT name FROM system.settings WHERE NOT readonly AND name IN
    ('max_threads', 'readonly', 'output_format_json_quote_64bit_integers', 'output_format_schema',
     'send_progress_in_http_headers',
     'enable_analyzer', 'additional_table_filters') ORDER BY name FORMAT TSV`;
  expect((await text(sql)).trim().split('\n')).toEqual([
    'additional_table_filters',
    'max_threads',
    'output_format_json_quote_64bit_integers',
    'send_progress_in_http_headers',
  ]);
  expect(await text("SELECT s.readonly FROM system.settings AS s WHERE s.name = 'max_threads'")).toBe('0\n');
  expect(await text("SELECT settings.readonly FROM `system`.`settings` WHERE name = 'max_threads'")).toBe('0\n');
  expect(await text("SELECT readonly FROM system.settings WHERE name = 'enable_analyzer'", writer)).toBe('0\n');
});

const filtered = (condition: string, table = 'agent_events') =>
  `SELECT arraySort(groupUniqArray(agent_id)) FROM agent_events
   SETTINGS additional_table_filters = {'${table}': '${condition.replaceAll("'", "\\'")}'}`;

test("Grafana's ad-hoc filters hold for a reader, beside the front's own", async () => {
  expect(await text(filtered(" task_id = '1' "))).toBe("['agent-1-acme','agent-1-beta']\n");
  expect(await text(filtered(" task_id = '1' AND labels['team'] = 'a' ", 'tidemark.agent_events'), acme)).toBe(
    "['agent-1-acme']\n",
  );
  for (const none of ["''", 'DEFAULT', '{}']) {
    const sql = `SELECT uniqExact(agent_id) FROM agent_events SETTINGS additional_table_filters = ${none}`;
    expect(await text(sql, acme), none).toBe('4\n');
  }
  const beside = `additional_table_filters=${encodeURIComponent("{'agent_events':'task_id = \\'2\\''}")}`;
  expect(await text('SELECT DISTINCT agent_id FROM agent_events', acme, beside)).toBe('agent-2-acme\n');
  expect(await text('SELECT count() FROM agent_events SETTINGS additional_table_filters = {}', acme)).toBe('4\n');
});

test('a filter gets round no tenant, no closed table and no function that is refused', async () => {
  const refused: readonly (readonly [string, string, number])[] = [
    ["tenant != 'acme'", 'tidemark.agent_events_raw_v1', 60],
    ['1', 'agent_events_raw_v1', 60],
    ['1', 'system.tables', 497],
    ['1', 'system.columns', 497],
    ['1', 'x', 60],
    ["file('/etc/passwd') != ''", 'agent_events', 497],
    ["length(arrayMap(file, ['/etc/passwd'])[1]) > 0", 'agent_events', 497],
    // Also of the table itself, which would filter it again, and again.
    ['agent_id IN (SELECT agent_id FROM agent_events)', 'agent_events', 36],
    ['1 IN (SELECT 1 FROM agent_events_raw_v1)', 'agent_events', 36],
    ["1 IN (SELECT 1 FROM merge('tidemark', '.*'))", 'agent_events', 497],
    ['1) OR (1', 'agent_events', 0],
    ['1) UNION ALL SELECT 1 FROM agent_runs WHERE (1', 'agent_events', 36],
    ['1) SETTINGS max_threads = 1 --', 'agent_events', 62],
    ['1) ORDER BY (1', 'agent_events', 36],
    ['1) LIMIT (1', 'agent_events', 36],
    ['1; SELECT 2', 'agent_events', 62],
    ['{f:Identifier}', 'agent_events', 36],
  ];
  for (const [condition, table, expected] of refused) {
    const answer = await ask(filtered(condition, table), acme);
    expect(answer.code, `${condition} ${answer.text}`).toBe(expected);
    expect(answer.text).not.toContain('beta');
  }
  expect(await code("SELECT 1 SETTINGS additional_table_filters = 'x'", acme)).not.toBe(0);
  expect(await code('SELECT 1', acme, "additional_table_filters={'agent_events':'1'} UNION ALL SELECT 1")).not.toBe(0);
  // A writer's filters are judged too.
  expect(await code(filtered("file('/etc/passwd') != ''"), writer)).toBe(497);
  expect(await text(filtered("task_id = '1'", 'agent_events_raw_v1'), writer)).toContain("'agent-1-beta'");
  expect(await code("CREATE VIEW v AS SELECT 1 SETTINGS additional_table_filters = {'a':'1'}", writer)).toBe(164);
});

test('a filter is run behind that of the tenant: nothing in it sees rows of others', async () => {
  for (const condition of [
    "NOT throwIf(tenant = 'beta')",
    "throwIf(agent_id LIKE '%beta') = 0",
    "intDiv(1, agent_id NOT LIKE '%beta') = 1",
    "toUInt8(if(tenant = 'beta', 'x', '1')) = 1",
  ]) {
    const answer = await ask(filtered(condition), acme);
    expect(answer, condition).toMatchObject({ code: 0 });
    expect(answer.text).not.toContain('beta');
  }
  // A name that a filter has cannot be lent to a table with a filter of the front's.
  const aliased = `SELECT count() FROM system.tables AS \`tidemark.agent_events\` WHERE name = 'agent_events_raw_v1'
    SETTINGS additional_table_filters = {'tidemark.agent_events':'1'}`;
  expect(await text(aliased, acme)).toBe('0\n');
});

test('JSON paths, and columns that are called like functions, are no functions', async () => {
  expect(await text(`SELECT j.a.b, j.^c, j.d.:Int64 FROM (SELECT '{"a":{"b":1},"c":{"x":2},"d":3}'::JSON AS j)`)).toBe(
    '1\t{"x":2}\t3\n',
  );
  expect(await text("SELECT 'x' AS file, file, upper(file), count(file) GROUP BY file ORDER BY file")).toBe(
    'x\tx\tX\t1\n',
  );
  expect(await text("SELECT url FROM (SELECT 'u' AS url) WHERE url = 'u'")).toBe('u\n');
  for (const sql of [
    "SELECT arrayMap(file, ['/etc/passwd'])",
    "SELECT (SELECT 1 AS file), arrayMap(file, ['/etc/passwd'])",
  ]) {
    expect(await code(sql), sql).toBe(497);
  }
  expect(await code('1 + 1')).toBe(62);
});

test('the writer may send back what system.settings told, which changes nothing', async () => {
  const told = "SELECT name, value FROM system.settings WHERE name IN ('default_table_engine', 'implicit_select')";
  const rows = await text(`${told} ORDER BY name`, writer);
  expect(rows).toBe('default_table_engine\tMergeTree\nimplicit_select\t0\n');
  const query = rows.trim().replaceAll('\t', '=').replaceAll('\n', '&');
  expect(await text('SELECT 1', writer, query)).toBe('1\n');
  expect(await text("SELECT 1 SETTINGS default_table_engine = 'MergeTree'", writer)).toBe('1\n');
  const others = ['default_table_engine=Log', 'url_base=http://127.0.0.1', 'format_schema=x', 'polyglot_dialect=x'];
  for (const other of others) expect(await code('SELECT 1', writer, other), other).toBe(164);
  expect(await code('1 + 1', writer, 'implicit_select=1')).toBe(164);
});
