import { gzipSync } from 'node:zlib';
import { createClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askPort, type EngineAnswer } from '../support/ask-engine.js';
import { createTestEngine, type TestEngine } from '../support/embedded-engine.js';

/** What a client keeps from one request to the next, and what it pastes. */
let rig: TestEngine;

beforeAll(async () => {
  const readers = [
    { name: 'default', password: '', tenant: null },
    { name: 'ann', password: 'anns', tenant: null },
  ];
  rig = createTestEngine({ readerTables: ['t'], readers, userSessionsMax: 3, temporarySessionsMax: 1 });
  await rig.engine.start();
  await write('CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n');
});

afterAll(() => rig.end());

function write(sql: string | Buffer, query = '', init: RequestInit = {}): Promise<EngineAnswer> {
  return askPort(rig, sql, { user: 'tidemark', query, init });
}

const read = (sql: string, query = '') => askPort(rig, sql, { query });

test('a session keeps what SET and USE set, beneath what a request says, and one without keeps nothing', async () => {
  for (const ask of [read, write]) {
    expect(await ask("SET join_use_nulls = 1, param_x = 'it\\'s', log_comment = 'c'", 'session_id=a')).toMatchObject({
      code: 0,
      text: '',
    });
    const sql = "SELECT getSetting('join_use_nulls'), {x:String}";
    expect((await ask(sql, 'session_id=a')).text).toBe("true\tit\\'s\n");
    expect((await ask(sql, 'session_id=a&join_use_nulls=0&param_x=y')).text).toBe('false\ty\n');
    expect((await ask(sql, 'session_id=b')).code).toBe(456);
    expect((await ask('SET join_use_nulls = DEFAULT', 'session_id=a')).code).toBe(0);
    expect((await ask(sql, 'session_id=a')).text).toBe("false\tit\\'s\n");
    expect((await ask('USE system', 'session_id=a')).code).toBe(0);
    expect((await ask('SELECT currentDatabase()', 'session_id=a')).text).toBe('system\n');
    expect((await ask('SELECT currentDatabase()', 'session_id=a&database=tidemark')).text).toBe('tidemark\n');
    expect((await ask('SELECT currentDatabase()')).text).toBe('tidemark\n');
    expect((await ask('SET join_use_nulls = 1')).code).toBe(0);
    expect((await ask("SELECT getSetting('join_use_nulls')")).text).toBe('false\n');
    expect((await ask('USE nowhere', 'session_id=a')).code).toBe(81);
    expect((await ask('SET no_such_setting = 1', 'session_id=a')).code).toBe(115);
    expect((await ask('SELECT 1', 'session_id=a&close_session=1')).text).toBe('1\n');
    expect((await ask('SELECT 1', 'session_id=a&session_check=1')).code).toBe(372);
  }
  await read("SET session_timezone = 'Asia/Tokyo'", 'session_id=tz');
  for (const [query, zone] of [
    ['session_id=tz', 'Asia/Tokyo'],
    ['session_id=tz&session_timezone=Europe%2FParis&wait_end_of_query=0', 'Europe/Paris'],
    ['', 'UTC'],
  ]) {
    const answer = await fetch(`${rig.engine.url}/?query=SELECT%20timezone()&${query}`);
    expect([answer.headers.get('x-clickhouse-timezone'), await answer.text()]).toEqual([zone, `${zone}\n`]);
  }
  for (const sql of ['SET readonly = 0', 'SET use_query_cache = 1', 'SET ROLE x']) {
    expect((await read(sql, 'session_id=c')).code, sql).toBe(164);
  }
  expect((await read("SELECT getSetting('readonly')", 'session_id=c')).text).toBe('1\n');
});

test("a session is its user's own, one request at a time is in it, and it ends by itself", async () => {
  await read('SET max_threads = 1, join_use_nulls = 1', 'session_id=own');
  const anns = await askPort(rig, "SELECT getSetting('join_use_nulls')", {
    user: 'ann',
    password: 'anns',
    query: 'session_id=own',
  });
  expect(anns.text).toBe('false\n');
  const slow = read('SELECT sum(sipHash64(number)) FROM numbers(1000000000000)', 'session_id=own&query_id=slow');
  await expect.poll(async () => (await rig.engine.health()).details.guest_reads_running).toBe(1);
  expect(await read('SELECT 1', 'session_id=own')).toMatchObject({ code: 373 });
  expect((await read("KILL QUERY WHERE query_id = 'slow'")).code).toBe(0);
  expect((await slow).code).toBe(394);
  expect((await read('SELECT 1', 'session_id=own&session_check=1&session_timeout=1')).code).toBe(0);
  // A look that still finds it prolongs it; the engine ends it some time after its second.
  const look = () => read('SELECT 1', 'session_id=own&session_check=1&session_timeout=1');
  await expect.poll(async () => (await look()).code, { interval: 2_500 }).toBe(372);
  expect((await read('SELECT 1', 'session_id=own&session_timeout=0')).code).toBe(0);
  expect((await read('SELECT 1', 'session_id=own&session_check=1')).code).toBe(372);
  expect((await read('SELECT 1', 'session_id=own&session_timeout=3601')).code).toBe(374);
  expect((await read('SELECT 1', `session_id=${'x'.repeat(257)}`)).code).toBe(36);
});

test('of too many sessions the one that has been idle for the longest goes', async () => {
  for (const id of ['s1', 's2', 's3', 's4']) await read('SET join_use_nulls = 1', `session_id=${id}`);
  expect((await read('SELECT 1', 'session_id=s1&session_check=1')).code).toBe(372);
  expect((await read("SELECT getSetting('join_use_nulls')", 'session_id=s4&session_check=1')).text).toBe('true\n');
});

test('temporary tables live as long as their session', async () => {
  const inSession = (sql: string, query = '') => write(sql, `session_id=tmp${query}`);
  expect(await inSession('CREATE TEMPORARY TABLE mine (a UInt8, b String)')).toMatchObject({ code: 0 });
  expect(await inSession('INSERT INTO mine FORMAT TSV\n1\tx\n2\ty\n')).toMatchObject({ code: 0 });
  expect((await inSession('SELECT a, b FROM mine ORDER BY a', '&join_use_nulls=1')).text).toBe('1\tx\n2\ty\n');
  // What a request sets is undone for the next on the same connection.
  expect((await inSession("SELECT count(), getSetting('join_use_nulls') FROM mine")).text).toBe('2\tfalse\n');
  expect((await write('SELECT * FROM mine')).code).toBe(60);
  expect((await write('SELECT * FROM mine', 'session_id=other')).code).toBe(60);
  expect((await write('CREATE TEMPORARY TABLE mine (a UInt8)', 'session_id=other')).code).toBe(202);
  // More than an eighth of the memory, parted among those that may have some, cannot stay.
  const large =
    'INSERT INTO mine SELECT 1, repeat(toString(number), 100000) FROM numbers(1000, 350) SETTINGS max_block_size = 100';
  expect(await inSession(large)).toMatchObject({ code: 0 });
  const refused = await inSession(large);
  expect(refused.code).toBe(241);
  expect(refused.text).toContain('Temporary tables of the session');
  expect((await inSession('SELECT * FROM mine')).code).toBe(60);
  expect((await inSession('CREATE TEMPORARY TABLE mine (a UInt8)')).code).toBe(0);
  expect(await inSession('DROP TEMPORARY TABLE mine'), 'the last of them').toMatchObject({ code: 0 });
  await inSession('SELECT 1', '&close_session=1');
  expect((await inSession('SELECT * FROM mine', '&close_session=1')).code).toBe(60);
  expect((await read('CREATE TEMPORARY TABLE mine (a UInt8)', 'session_id=tmp')).code).toBe(164);
});

test("a client of ClickHouse's own uses a session", async () => {
  const password = rig.writerPassword;
  const client = createClient({ url: rig.engine.url, username: 'tidemark', password, session_id: 'client' });
  await client.command({ query: 'CREATE TEMPORARY TABLE of_client (n UInt64)' });
  await client.insert({ table: 'of_client', values: [{ n: 1 }, { n: 2 }], format: 'JSONEachRow' });
  const rows = await client.query({ query: 'SELECT sum(n) AS s FROM of_client', format: 'JSONEachRow' });
  expect(await rows.json()).toEqual([{ s: 3 }]);
  await client.command({ query: 'SELECT 1', http_headers: {}, clickhouse_settings: {} });
  await client.close();
  await write('SELECT 1', 'session_id=client&close_session=1');
});

test('pasted text is taken as a server takes it', async () => {
  for (const ask of [read, write]) {
    for (const sql of ['\ufeffSELECT 1', 'SELECT\u00a01', 'SELECT 1;\u00a0', 'SELECT 1\u200b', 'SELECT ‘1’ AS “x”']) {
      expect((await ask(sql)).text, JSON.stringify(sql)).toBe('1\n');
    }
  }
  expect(await write('\ufeffINSERT\u00a0INTO\u2003t\u3000(n) FORMAT TSV\n7\n')).toMatchObject({ code: 0 });
  expect((await read('SELECT n FROM t')).text).toBe('7\n');
  for (const sql of ['SELECT 1; SELECT 2', 'SELECT 1;SELECT 2;']) {
    expect((await read(sql)).text).toContain('Syntax error (Multi-statements are not allowed): failed at position 9');
  }
});

test('names that are words of the language are names', async () => {
  expect((await write('CREATE TABLE insert (insert UInt8, file String, `select` UInt8) ENGINE = Memory')).code).toBe(0);
  expect((await write("INSERT INTO insert (insert, file) VALUES (1, 'a')")).code).toBe(0);
  expect((await write("INSERT INTO insert SELECT 2, 'b', 3")).code).toBe(0);
  expect((await write('SELECT insert, file FROM insert ORDER BY file')).text).toBe('1\ta\n2\tb\n');
  expect((await write('WITH insert AS (SELECT 1 AS insert) SELECT insert FROM insert')).text).toBe('1\n');
});

test('what the engine cannot is said with the code of a server', async () => {
  const refused: Record<string, number> = {
    'CREATE USER x': 495,
    'CREATE ROLE x': 495,
    'CREATE ROW POLICY x ON t USING 1 TO x': 495,
    'GRANT SELECT ON *.* TO x': 495,
    'SET ROLE x': 495,
    'CREATE TABLE y ON CLUSTER c (a Int8) ENGINE = Memory': 701,
    'BEGIN TRANSACTION': 48,
    'BACKUP TABLE t TO Null': 48,
  };
  for (const [sql, code] of Object.entries(refused)) expect((await write(sql)).code, sql).toBe(code);
  expect((await read('SELECT 1', 'role=x')).code).toBe(511);
});

test('who may not write is told so before his data is looked at; readonly=1 makes a reader of the writer', async () => {
  const broken = { headers: { 'content-encoding': 'gzip' } };
  const insert = `query=${encodeURIComponent('INSERT INTO t FORMAT TSV')}`;
  const answer = await askPort(rig, Buffer.from('no gzip'), { query: insert, init: broken });
  expect(answer.code).toBe(164);
  expect((await askPort(rig, gzipSync('1\n'), { query: insert, init: broken })).code).toBe(164);
  for (const level of [1, 2]) expect((await write('TRUNCATE TABLE t', `readonly=${level}`)).code).toBe(164);
});

test('system.query_log tells whoever asks the last statements of his own, the writer those of all', async () => {
  const ann = { user: 'ann', password: 'anns' };
  await askPort(rig, 'SELECT 41 + 1', { ...ann, query: "query_id=anns&log_comment=it's" });
  expect((await askPort(rig, 'SELECT nope', { ...ann, query: 'query_id=failed' })).code).toBe(47);
  await read('SELECT 43', 'query_id=other');
  const columns = 'type, query_id, query, user, result_rows, exception_code, log_comment';
  const sql = `SELECT ${columns} FROM system.query_log WHERE query_id IN ('anns', 'failed', 'other')
    ORDER BY query_start_time_microseconds, type FORMAT TSV`;
  const own = [
    "QueryStart\tanns\tSELECT 41 + 1\tann\t0\t0\tit\\'s\n",
    "QueryFinish\tanns\tSELECT 41 + 1\tann\t1\t0\tit\\'s\n",
    'QueryStart\tfailed\tSELECT nope\tann\t0\t0\t\n',
    'ExceptionWhileProcessing\tfailed\tSELECT nope\tann\t0\t47\t\n',
  ].join('');
  const others = [
    'QueryStart\tother\tSELECT 43\tdefault\t0\t0\t\n',
    'QueryFinish\tother\tSELECT 43\tdefault\t1\t0\t\n',
  ];
  expect((await askPort(rig, sql, ann)).text).toBe(own);
  expect((await write(sql)).text).toBe([own, ...others].join(''));
  const hidden = "SELECT count(), countIf(user != 'ann'), max(throwIf(user != 'ann')) FROM `system`.query_log AS q";
  const [count, foreign] = (await askPort(rig, hidden, ann)).text.split('\t').map(Number);
  expect([Number(count) > 1, foreign]).toEqual([true, 0]);
  expect((await askPort(rig, 'DESCRIBE TABLE system.query_log', ann)).text).toContain('query_duration_ms\tUInt64');
  expect((await write('SELECT count() > 0 FROM system.query_log', 'session_id=log')).text).toBe('1\n');
  expect((await write('SELECT count() > 0 FROM system.query_log', 'session_id=log&close_session=1')).text).toBe('1\n');
  expect((await askPort(rig, 'SELECT * FROM _query_log', ann)).code).not.toBe(0);
});

test('what a client says of itself is in the log, also when that is asked of the cluster of one server', async () => {
  const headers = {
    'user-agent': 'reports/1.0',
    referer: 'http://reports.example/',
    'x-forwarded-for': '10.0.0.9',
  };
  await askPort(rig, 'SELECT 44', { query: 'query_id=told', init: { headers } });
  const log = (from: string) =>
    `SELECT http_user_agent, http_referer, forwarded_for, client_name FROM ${from} WHERE query_id = 'told' LIMIT 1`;
  const told = 'reports/1.0\thttp://reports.example/\t10.0.0.9\t\n';
  for (const from of [
    'system.query_log',
    "clusterAllReplicas('default', system.query_log)",
    "cluster(default, 'system', 'query_log') AS l",
  ]) {
    for (const ask of [read, write]) expect([from, (await ask(log(from))).text]).toEqual([from, told]);
  }
  expect((await read("SELECT c.one FROM cluster('default', view(SELECT 1 AS one)) AS c")).code).toBe(497);
  expect((await read("SELECT * FROM cluster('default', system.parts)")).code).toBe(497);
  expect((await read("SELECT * FROM cluster('default', system.one, rand())")).code).toBe(497);
  expect((await read("SELECT * FROM clusterAllReplicas('fleet', system.one)")).text).toContain(
    "cluster 'fleet' not found",
  );
  expect((await write("SELECT * FROM cluster('default', system.one) JOIN cluster('default', t) ON 1")).code).toBe(0);
});

test('system.query_log tells the rows of an INSERT, not its data, and null for what is not known', async () => {
  await write(Buffer.from('INSERT INTO t FORMAT TSV\n1\n2\n'), 'query_id=data');
  await write('INSERT INTO t SELECT number FROM numbers(3)', 'query_id=moved');
  await write('SELECT count() FROM t', 'query_id=counted');
  await write('OPTIMIZE TABLE t FINAL', 'query_id=nothing&wait_end_of_query=1');
  await write("SELECT throwIf(sleep(0.01) = 0, 'boom')", 'query_id=failing');
  await write('SELECT 1 +', 'query_id=unread');
  const about = 'query_id, type, read_rows, written_rows, result_rows, exception_code';
  const log = `SELECT ${about} FROM system.query_log WHERE query_id = `;
  const end = "AND type != 'QueryStart'";
  expect((await write(`${log} 'data' ${end}`)).text).toBe('data\tQueryFinish\t2\t2\t0\t0\n');
  expect((await write("SELECT DISTINCT query FROM system.query_log WHERE query_id = 'data'")).text).toBe(
    'INSERT INTO t FORMAT TSV\\n\n',
  );
  expect((await write(`${log} 'moved' ${end}`)).text).toBe('moved\tQueryFinish\t\\N\t\\N\t0\t0\n');
  expect((await write(`${log} 'counted' ${end}`)).text).toBe('counted\tQueryFinish\t\\N\t0\t1\t0\n');
  expect((await write(`${log} 'unread'`)).text).toBe('unread\tExceptionBeforeStart\t0\t0\t0\t62\n');
  expect((await write(`${log} 'failing' ${end}`)).text).toBe('failing\tExceptionWhileProcessing\t\\N\t\\N\t0\t395\n');
});
