import { availableParallelism } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askPort } from '../support/ask-engine.js';
import { EngineStore } from '../support/engine-store.js';

/** What clients that are not ours send to the open port, as a reader: each of these has to pass the guard. */
let store: EngineStore;

beforeAll(async () => {
  store = await EngineStore.withSchema();
  await store.run(`INSERT INTO agent_events_raw_v1 (tenant, received, ts, type, agent_id, duration_ms)
    VALUES ('default', now64(3), now64(3), 'task.completed', 'a', 5)`);
});

afterAll(() => store.end());

const statements = {
  'clickhouse-connect': [
    'SELECT version(), timezone()',
    'SELECT name, value, readonly as readonly FROM system.settings LIMIT 10000',
    'SELECT 1 AS check',
    'DESCRIBE TABLE agent_events',
    'SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {table:String}',
    'SHOW DATABASES',
    'SHOW TABLES',
    'EXISTS TABLE agent_events',
    'SELECT * FROM agent_events LIMIT 0',
  ],
  'clickhouse-go and the data source of Grafana': [
    'SELECT displayName(), version(), revision(), timezone()',
    'SELECT 1',
    'SELECT version()',
    'SHOW DATABASES',
    'SHOW TABLES FROM "tidemark"',
    'DESC TABLE "tidemark"."agent_events"',
    "SELECT name, database, table FROM system.columns WHERE database LIKE '%'",
    'SELECT name FROM system.functions',
    'SELECT name, engine FROM system.databases',
    `SELECT toStartOfInterval(toDateTime(ts), INTERVAL 60 second) as time, count() FROM agent_events
     WHERE ts >= toDateTime(1700000000) AND ts <= toDateTime(1900000000) GROUP BY time ORDER BY time`,
    `SELECT (intDiv(toUInt32(toDateTime(ts)), 60) * 60) * 1000 AS t, agent_id, quantile(0.95)(duration_ms) AS p95
     FROM agent_events WHERE ts BETWEEN now() - INTERVAL 1 HOUR AND now() GROUP BY t, agent_id ORDER BY t`,
    'SELECT DISTINCT arrayJoin(labels.keys) FROM agent_events LIMIT 1000',
    'SELECT timestamp, body FROM (SELECT ts AS timestamp, ' +
      "message AS body FROM agent_events WHERE message ILIKE '%x%') LIMIT 1000",
  ],
  'the JDBC driver and DBeaver': [
    'SELECT currentUser() AS user, timezone() AS timezone, version() AS version LIMIT 1',
    "SELECT name, engine, total_rows FROM system.tables WHERE database = 'tidemark'",
    "SELECT database AS TABLE_SCHEM, name AS TABLE_NAME, 'TABLE' AS TABLE_TYPE, " +
      'comment FROM system.tables ORDER BY 1, 2',
    `SELECT database, table, name, type, default_kind AS default_type, default_expression, comment, position
     FROM system.columns WHERE table LIKE '%' AND database LIKE 'tidemark' ORDER BY database, table, position`,
    'SELECT name, case_insensitive, alias_to FROM system.data_type_families',
    'SELECT name FROM system.table_engines',
    'SELECT name FROM system.table_functions',
    'SELECT keyword FROM system.keywords',
    "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'tidemark'",
    "SELECT column_name, data_type, is_nullable FROM INFORMATION_SCHEMA.COLUMNS WHERE table_schema = 'tidemark'",
    'SELECT schema_name FROM information_schema.schemata',
    'SHOW CREATE TABLE tidemark.agent_events',
    'SHOW FULL COLUMNS FROM agent_events',
    'SELECT * FROM tidemark.agent_events LIMIT 200',
    'EXPLAIN SELECT * FROM agent_runs',
  ],
  'people in notebooks and at the prompt': [
    'SELECT * FROM agent_performance_daily ORDER BY day DESC LIMIT 10',
    'SELECT agent_id, count(*) FROM agent_task_history GROUP BY 1 HAVING count(*) > 0 ORDER BY 2 DESC',
    'SELECT agent_id, quantilesTDigestMerge(0.5, 0.95, ' +
      '0.99)(duration_digest) FROM agent_duration_digests GROUP BY agent_id',
    `WITH slow AS (SELECT task_id, duration_ms FROM agent_task_history WHERE duration_ms > 1000)
     SELECT count(), avg(duration_ms) FROM slow`,
    'SELECT e.agent_id, r.status FROM agent_events AS e LEFT JOIN agent_runs AS r ON e.run_id = r.run_id LIMIT 5',
    'SELECT sum(tokens_in) OVER (PARTITION BY agent_id ORDER BY ts ROWS BETWEEN 5 PRECEDING AND CURRENT ' +
      'ROW) FROM agent_events',
    "SELECT countIf(type = 'task.failed') / nullIf(count(), 0) AS rate, uniq(run_id), argMax(type, " +
      'ts) FROM agent_events',
    'SELECT toDate(ts) AS d, groupArray(10)(error_code), ' +
      'topK(3)(error_category) FROM agent_events GROUP BY d WITH TOTALS',
    "SELECT JSONExtractString('{\"a\":\"b\"}', 'a'), splitByChar(',', 'a,b')[1], formatDateTime(now(), " +
      "'%F'), toUnixTimestamp(now())",
    "SELECT arrayMap(x -> x * 2, [1, 2]), arraySum([1, 2]), mapKeys(map('a', 1)), tupleElement((1, 2), 1), [1, 2][1]",
    "SELECT CASE WHEN 1 THEN 'a' ELSE 'b' END, if(1, 2, 3), coalesce(NULL, 1), NULL IS NULL, " +
      "1 BETWEEN 0 AND 2, 'a' LIKE 'b'",
    'SELECT number FROM numbers(10) WHERE number NOT IN (1, 2) ORDER BY number DESC LIMIT 3 OFFSET 1',
    "SELECT 'a' IN ('a', 'b'), (1, 2) IN ((1, 2)), 1 IN (SELECT 1), exists(SELECT 1)",
    'SELECT * EXCEPT (tenant) FROM agent_events LIMIT 1',
    "SELECT COLUMNS('duration') FROM agent_events LIMIT 1",
    'SELECT toStartOfHour(ts) AS h, count() FROM agent_events GROUP BY h ORDER BY h WITH FILL STEP toIntervalHour(1)',
    'SELECT formatReadableSize(1024), formatReadableQuantity(1e6), bar(5, 0, 10, 10), toTypeName(now()), ' +
      "dateDiff('day', now(), now())",
  ],
};

test.each(Object.entries(statements).flatMap(([client, list]) => list.map((sql) => [client, sql] as const)))(
  'of %s: %s',
  async (_, sql) => {
    const answer = await askPort(store.test, sql, { query: 'param_table=agent_events&default_format=JSONCompact' });
    expect(answer).toMatchObject({ code: 0, status: 200 });
  },
);

test('a result is that of the statement as it was sent, names of columns included', async () => {
  for (const list of Object.values(statements)) {
    for (const sql of list.filter(
      (one) => /^(?:SELECT|WITH)/.test(one) && !/now|settings|system\.|_schema\./i.test(one),
    )) {
      const format = 'param_table=agent_events&default_format=JSONCompact';
      const [sent, printed] = await Promise.all([
        store.client.rows({ name: 'sent', sql, params: {} }).catch((error: unknown) => String(error)),
        askPort(store.test, sql, { query: `${format}&output_format_json_quote_64bit_integers=0` }),
      ]);
      const { meta, data } = JSON.parse(printed.text) as { meta: { name: string }[]; data: unknown[][] };
      const rows = data.map((row) => Object.fromEntries(meta.map(({ name }, at) => [name, row[at]])));
      expect(rows, sql).toEqual(sent);
    }
  }
});

test('bytes that are no text stand in the literals of a writer, written in either way', async () => {
  const bytes = Buffer.from([0xff, 0x00, 0x5c, 0x80, 0x27, 0xc3]);
  const asked = (literal: Buffer, user: string) =>
    askPort(store.test, Buffer.concat([Buffer.from("SELECT 'ü', hex("), literal, Buffer.from(')')]), { user });
  const heredoc = Buffer.concat([Buffer.from('$x$'), bytes, Buffer.from('$x$')]);
  const quoted = Buffer.concat([Buffer.from("'\xff\x80", 'latin1'), Buffer.from("'")]);
  expect((await asked(heredoc, 'tidemark')).text).toBe(`ü\t${bytes.toString('hex').toUpperCase()}\n`);
  expect((await asked(quoted, 'tidemark')).text).toBe('ü\tFF80\n');
  expect((await asked(heredoc, 'default')).code).toBe(36);
  const named = await askPort(store.test, Buffer.from('SELECT 1 AS `\xff`', 'latin1'), { user: 'tidemark' });
  expect(named.code).toBe(36);
});

test('an INSERT behind WITH brings its data', async () => {
  const write = (sql: string, query = '') => askPort(store.test, sql, { user: 'tidemark', query });
  await write('CREATE TABLE behind_with (s String) ENGINE = Memory');
  const first = 'WITH {SELECT:Int32} AS value INSERT INTO behind_with (s) FORMAT TabSeparated\na;\n';
  expect(await write(first, 'param_SELECT=13')).toMatchObject({ code: 0 });
  expect(await write('WITH 1 AS y INSERT INTO behind_with SELECT toString(y)')).toMatchObject({ code: 0 });
  expect((await write('SELECT s FROM behind_with ORDER BY s')).text).toBe('1\na;\n');
  await write('DROP TABLE behind_with');
});

test('the writer may ask for the threads there are, a reader has those of the configuration', async () => {
  const threads = async (user: string, query: string) =>
    (await askPort(store.test, "SELECT getSetting('max_threads')", { user, query })).text;
  expect(await threads('tidemark', '')).toBe('1\n');
  expect(await threads('tidemark', 'max_threads=100000')).toBe(`${availableParallelism()}\n`);
  expect(await threads('default', 'max_threads=100000')).toBe('1\n');
});
