import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askPort, type EngineAnswer } from '../support/ask-engine.js';
import { createTestEngine, type TestEngine } from '../support/embedded-engine.js';

let rig: TestEngine;
let outside: string;

beforeAll(async () => {
  rig = createTestEngine({
    guestReadsMax: 1,
    waitingRequestsMax: 1,
    guestQueryBytesMax: 20_000,
    insertBytesMax: 100_000,
    guestResultBytesMax: 1_000_000,
    readerTables: ['t'],
  });
  await rig.engine.start();
  outside = join(rig.spoolDir, '..', 'outside.tsv');
  writeFileSync(outside, '1\tstolen\n');
  await ask('CREATE TABLE t (id UInt64, text String) ENGINE = MergeTree ORDER BY id', 'writer');
});

afterAll(async () => await rig.end());

function ask(
  sql: string | Buffer,
  user: 'writer' | 'reader' = 'reader',
  query = '',
  init: RequestInit = {},
): Promise<EngineAnswer> {
  return askPort(rig, sql, { user: user === 'writer' ? 'tidemark' : 'default', query, init });
}

test('a wrong password and an unknown user are refused with the same words', async () => {
  const wrong = await fetch(`${rig.engine.url}/?query=SELECT%201&user=tidemark&password=guess`);
  expect(wrong.status).toBe(403);
  expect(await wrong.text()).toMatch(
    /^Code: 516\. DB::Exception: tidemark: Authentication failed.*\(AUTHENTICATION_FAILED\)/,
  );
  const headers = { authorization: `Basic ${Buffer.from('nobody:').toString('base64')}` };
  expect(await (await fetch(`${rig.engine.url}/?query=SELECT%201`, { headers })).text()).toContain(
    'nobody: Authentication failed',
  );
  expect((await fetch(`${rig.engine.url}/?query=SELECT%201&user=default`, { headers })).status).toBe(403);
});

test.each([
  'INSERT INTO t VALUES (1, 2)',
  'INSERT INTO t FORMAT JSONEachRow\n{"id":1}',
  'INSERT INTO t SELECT 1, 2',
  'CREATE TABLE x (a Int8) ENGINE = Memory',
  'CREATE TEMPORARY TABLE x (a Int8)',
  'DROP TABLE t',
  'ALTER TABLE t DELETE WHERE 1',
  'TRUNCATE TABLE t',
  'OPTIMIZE TABLE t',
  'SET readonly = 0',
  'SYSTEM STOP MERGES',
  'KILL MUTATION WHERE 1',
  'SELECT 1 SETTINGS readonly = 0',
  "INSERT INTO t FROM INFILE '/etc/passwd' FORMAT LineAsString",
])('the reader is refused: %s', async (sql) => {
  expect((await ask(sql)).code).toBe(164);
});

test.each([
  "SELECT * FROM file('/etc/passwd', 'LineAsString')",
  "SELECT file('/etc/passwd')",
  "SELECT `file`('/etc/passwd')",
  'SELECT "fi\\x6ce"(\'/etc/passwd\')',
  "SELECT * APPLY(file) FROM (SELECT '/etc/passwd' AS a)",
  "SELECT arrayMap(file, ['/etc/passwd'])",
  "SELECT * FROM eval('SELECT 1')",
  "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a Int8')",
  "SELECT * FROM s3 ('http://127.0.0.1:1/bucket/x.csv')",
  "SELECT * FROM remote/**/('127.0.0.1:1', 'system.one')",
  "SELECT * FROM merge('tidemark', '^t$')",
  'SELECT * FROM mergeTreeIndex(tidemark, t)',
  "SELECT 1 INTO OUTFILE '/tmp/tidemark-outfile'",
  "DESCRIBE TABLE file('/etc/passwd', 'LineAsString')",
])('the reader cannot reach outside of the tables: %s', async (sql) => {
  expect((await ask(sql)).code).toBe(497);
});

test('a parameter cannot name what the statement may not', async () => {
  const query = 'param_f=file';
  expect((await ask("SELECT arrayMap({f:Identifier}, ['/etc/passwd'])", 'reader', query)).code).toBe(497);
  // The name of the type is the engine's to tell.
  expect((await ask("SELECT arrayMap({f:`identifier`}, ['/etc/passwd'])", 'reader', query)).code).toBe(50);
  expect((await ask('SELECT {f:String}', 'reader', query)).text).toBe('file\n');
  expect((await ask('SELECT {f:Identifier} FROM (SELECT 1 AS profile)', 'reader', 'param_f=profile')).text).toBe('1\n');
  expect((await ask("SELECT * FROM {f:Identifier}('tidemark', 't')", 'reader', 'param_f=merge')).code).not.toBe(0);
  expect((await ask('SELECT 1 AS x FROM {f:Identifier}', 'reader', 'param_f=system.parts')).code).toBe(497);
});

test('a statement that passed once passes no other user, and no other name in a parameter', async () => {
  const merged = "SELECT count() FROM merge('tidemark', '^t$')";
  expect((await ask(merged, 'writer')).text).toBe('0\n');
  expect((await ask(merged, 'reader')).code).toBe(497);
  const named = 'SELECT arrayMap({f:Identifier}, [1])';
  expect((await ask(named, 'reader', 'param_f=negate')).code).not.toBe(497);
  expect((await ask(named, 'reader', 'param_f=file')).code).toBe(497);
  const constant = 'SELECT {value:UInt8} + 1';
  expect((await ask(constant, 'reader', 'param_value=1')).text).toBe('2\n');
  expect((await ask(constant, 'reader', 'param_value=2')).text).toBe('3\n');
  expect((await ask('SELECT 1; SELECT 2')).code).toBe(62);
});

test('no database of the engine is the file system', async () => {
  for (const user of ['reader', 'writer'] as const) {
    expect((await ask('SELECT * FROM default.`/etc/passwd`', user)).code).toBe(60);
    expect((await ask('SELECT * FROM `/etc/passwd`', user, 'database=default')).code).toBe(60);
  }
});

test('the reader sets what shapes a result and nothing else', async () => {
  expect((await ask("SELECT getSetting('join_use_nulls')", 'reader', 'join_use_nulls=1')).text).toBe('true\n');
  expect((await ask('SELECT 1', 'reader', 'readonly=0&session_id=s&wait_end_of_query=1')).text).toBe('1\n');
  expect((await ask('SELECT 1', 'reader', 'additional_table_filters=x')).code).toBe(62);
  expect((await ask('SELECT 1', 'writer', 'dialect=prql')).code).toBe(164);
  expect((await ask('SELECT 1', 'writer', 'no_such_setting=1')).code).toBe(115);
});

test("a reader's connection is locked, whatever settings and parameters came with the request", async () => {
  const query = 'max_threads=1&param_a=1&readonly=0';
  expect((await ask("SELECT getSetting('readonly'), {a:UInt8}", 'reader', query)).text).toBe('1\t1\n');
  expect((await ask("SELECT getSetting('readonly')", 'writer')).text).toBe('0\n');
});

test.each(['reader', 'writer'] as const)('a %s hides no expression in a list of columns', async (user) => {
  const hidden = "file(\\'/etc/hostname\\')";
  for (const sql of [
    `SELECT x FROM generateRandom('id UInt8, x String ALIAS ${hidden}') LIMIT 1`,
    `SELECT x FROM generateRandom('id UInt8, x String alias/**/${hidden}', 1, 2) LIMIT 1`,
    `SELECT x FROM generateRandom(concat('id UInt8, x String ALI', 'AS ${hidden}')) LIMIT 1`,
    `SELECT x FROM generateRandom('id UInt8, x String \\x41LIAS ${hidden}') LIMIT 1`,
    `SELECT x FROM null('id UInt8, x String DEFAULT ${hidden}')`,
    `SELECT x FROM values('id UInt8, x String ALIAS ${hidden}', (1))`,
    `SELECT x FROM values(concat('id UInt8, x String AL', 'IAS ${hidden}'), (1))`,
    `SELECT x FROM format(CSV, 'id UInt8, x String ALIAS ${hidden}', '1')`,
    `WITH 'id UInt8, x String ALIAS ${hidden}' AS s SELECT x FROM generateRandom(s) LIMIT 1`,
  ]) {
    expect(await ask(sql, user), sql).toMatchObject({ code: 497 });
  }
  expect((await ask("SELECT count() FROM values('a UInt8, b String', (1, 'default'), (2, 'y'))", user)).text).toBe(
    '2\n',
  );
  expect((await ask('SELECT sum(c1) FROM values((1, 2), (3, 4))', user)).text).toBe('4\n');
  // Rows may say what they like: no column is made of them.
  const said = 'x default check ttl alias';
  expect((await ask(`SELECT * FROM format(CSV, 'x String', '"${said}"')`, 'writer')).text).toBe(`${said}\n`);
  expect((await ask("SELECT count() FROM (SELECT * FROM generateRandom('i UInt8', 1) LIMIT 3)", user)).text).toBe(
    '3\n',
  );
});

test('the writer makes columns of every kind of type', async () => {
  const types = [
    "Enum8('a' = 1, 'b' = 2)",
    "Enum('x', 'y')",
    'Tuple(x Int8, y Tuple(Int8, String))',
    'Nested(k String)',
  ];
  const json = "JSON(max_dynamic_paths = 1, a.b UInt32, SKIP c.d, SKIP REGEXP 'x')";
  for (const type of [...types, json, 'Variant(Int8, String)', 'Dynamic(max_types = 3)', 'Array(Nullable(Int8))']) {
    const made = await ask(`CREATE TABLE typed (c ${type}) ENGINE = Memory`, 'writer');
    expect(made, type).toMatchObject({ code: 0 });
    expect((await ask('DROP TABLE typed', 'writer')).code).toBe(0);
  }
});

test('a request for nothing to be changed is kept, whoever asks', async () => {
  for (const readonly of ['1', '2']) {
    const drop = await ask('DROP TABLE IF EXISTS nothing', 'writer', `readonly=${readonly}`);
    expect([drop.code, drop.text]).toEqual([164, expect.stringContaining('readonly=1')]);
    expect((await ask('SELECT 1', 'writer', `readonly=${readonly}`)).text).toBe('1\n');
  }
  expect((await ask('DROP TABLE IF EXISTS nothing', 'writer', 'readonly=0')).code).toBe(0);
});

test('what the reader may: show, describe, explain, exists and the system tables', async () => {
  for (const sql of [
    'SHOW TABLES',
    'DESCRIBE TABLE t',
    'EXPLAIN SELECT 1',
    'EXISTS t',
    'SHOW CREATE TABLE t',
    'SHOW FULL COLUMNS FROM t',
    'SELECT count() FROM system.functions',
  ]) {
    expect((await ask(sql)).code, sql).toBe(0);
  }
});

test('one statement a request, for everybody', async () => {
  for (const user of ['reader', 'writer'] as const) {
    expect((await ask('SELECT 1; SELECT 2', user)).code).toBe(62);
    expect((await ask('SELECT 1;\n-- end\n', user)).text).toBe('1\n');
    expect((await ask('', user, 'query=%20')).code).toBe(62);
  }
  expect((await ask('SELECT 1; DROP TABLE t', 'writer')).code).toBe(62);
  expect((await ask('EXPLAIN INSERT INTO t FORMAT TSV\n1\n\nDROP TABLE t', 'writer')).code).toBe(497);
  expect((await ask('EXISTS t')).text).toBe('1\n');
});

test('a GET changes nothing, whoever asks', async () => {
  const url = `${rig.engine.url}/?user=tidemark&password=${encodeURIComponent(rig.writerPassword)}&query=`;
  const answer = await fetch(url + encodeURIComponent('TRUNCATE TABLE t'));
  expect(answer.headers.get('x-clickhouse-exception-code')).toBe('164');
});

test('the writer is refused what would end, hang or fool it', async () => {
  expect((await ask('SYSTEM SHUTDOWN', 'writer')).code).toBe(497);
  expect((await ask("INSERT INTO FUNCTION file('/tmp/x', 'TSV') SELECT 1", 'writer')).code).toBe(497);
  expect((await ask("SELECT 1 INTO OUTFILE '/tmp/x'", 'writer')).code).toBe(497);
});

test('INFILE takes files of the spool and no path that leads out of it', async () => {
  writeFileSync(join(rig.spoolDir, "o'k.tsv"), '100\tspooled\n');
  symlinkSync(outside, join(rig.spoolDir, 'link.tsv'));
  mkdirSync(`${rig.spoolDir}-beside`);
  writeFileSync(join(`${rig.spoolDir}-beside`, 'x.tsv'), '1\tx\n');
  const infile = (path: string) =>
    ask(`INSERT INTO t (id, text) FROM INFILE '${path}' SETTINGS max_insert_threads = 1 FORMAT TSV`, 'writer');
  expect(await infile(`${rig.spoolDir}/o\\'k.tsv`)).toMatchObject({ code: 0 });
  expect((await ask('SELECT text FROM t WHERE id = 100')).text).toBe('spooled\n');
  // What the engine would take for a pattern, and for an escape.
  mkdirSync(join(rig.spoolDir, 'a\\n{1,2}'));
  writeFileSync(join(rig.spoolDir, 'a\\n{1,2}', '*?[x]|.tsv'), '101\todd\n');
  expect(await infile(`${rig.spoolDir}/a\\\\n{1,2}/*?[x]|.tsv`)).toMatchObject({ code: 0 });
  expect((await ask('SELECT text FROM t WHERE id = 101')).text).toBe('odd\n');
  for (const path of [
    outside,
    `${rig.spoolDir}/../outside.tsv`,
    `${rig.spoolDir}/link.tsv`,
    `${rig.spoolDir}-beside/x.tsv`,
    `${rig.spoolDir}/*.tsv`,
    `${rig.spoolDir}/o\\x27k.tsv`,
    `${rig.spoolDir}/missing.tsv`,
    rig.spoolDir,
    'o.tsv',
  ]) {
    expect(await infile(path), path).toMatchObject({ code: 497, status: 403 });
  }
});

test('every size has a limit with a name, and the connection goes on', async () => {
  expect(await ask(`SELECT '${'x'.repeat(30_000)}'`)).toMatchObject({ code: 223, status: 413 });
  expect(
    await ask(gzipSync(`SELECT '${'x'.repeat(3_000_000)}'`), 'reader', '', { headers: { 'content-encoding': 'gzip' } }),
  ).toMatchObject({ code: 223 });
  const rows = '{"id":1}\n'.repeat(20_000);
  expect(await ask(`INSERT INTO t FORMAT JSONEachRow\n${rows}`, 'writer')).toMatchObject({ code: 307, status: 413 });
  const zipped = gzipSync(`INSERT INTO t FORMAT JSONEachRow\n${rows}`);
  expect(await ask(zipped, 'writer', '', { headers: { 'content-encoding': 'gzip' } })).toMatchObject({ code: 307 });
  expect(await ask('SELECT number FROM numbers(1000000)', 'reader', 'wait_end_of_query=1')).toMatchObject({
    code: 396,
  });
  expect((await ask('SELECT 1')).text).toBe('1\n');
  // A body that was refused is removed after its answer.
  await expect.poll(() => readdirSync(join(rig.dataDir, 'inserts'))).toEqual([]);
});

test('reads beyond the lane and its queue are refused with code 202 and do not wait', async () => {
  const slow = new AbortController();
  const heavy = 'SELECT sum(sipHash64(number)) FROM numbers(1000000000000)';
  const running = ask(heavy, 'reader', '', { signal: slow.signal }).catch(() => 'gone');
  while ((await rig.engine.health()).details.guest_reads_running !== 1)
    await new Promise((resolve) => setTimeout(resolve, 5));
  const waiting = ask('SELECT 7');
  while ((await rig.engine.health()).details.guest_reads_waiting !== 1)
    await new Promise((resolve) => setTimeout(resolve, 5));
  expect(await ask('SELECT 8')).toMatchObject({ code: 202, status: 503 });
  slow.abort();
  expect(await running).toBe('gone');
  expect((await waiting).text).toBe('7\n');
});

test('no password reaches a log line or an error', async () => {
  await ask('SELECT * FROM nowhere', 'writer');
  expect(JSON.stringify(rig.logged)).not.toContain('secret');
  expect(existsSync('/tmp/tidemark-outfile')).toBe(false);
});

test('a name may have quotes and backslashes, and none that would hide a line', async () => {
  const table = '`a``b \\\\ \\\'c"`';
  expect((await ask(`CREATE TABLE ${table} (\`v?\\\`1\` UInt8) ENGINE = Memory`, 'writer')).code).toBe(0);
  expect((await ask(`INSERT INTO ${table} (\`v?\`\`1\`) VALUES (7)`, 'writer')).code).toBe(0);
  expect((await ask(`SELECT "v?\`1" FROM ${table}`, 'writer')).text).toBe('7\n');
  expect((await ask(`SELECT * FROM ${table}`)).code).toBe(60);
  expect((await ask('SELECT 1 AS `a\\`b`')).text).toBe('1\n');
  for (const name of ['`a\\nb`', '`a\\\\\\nb`', '"a\nb"', '`a\\tb`', '`a\\0b`']) {
    expect([name, (await ask(`SELECT 1 AS ${name}`)).code]).toEqual([name, 497]);
  }
  await ask(`DROP TABLE ${table}`, 'writer');
});

test('VALUES is a table in any letters, and its columns have no expressions in any', async () => {
  for (const word of ['VALUES', 'values', 'Values']) {
    expect((await ask(`SELECT * FROM ${word}(('a', 1), ('b', 2)) ORDER BY c2`)).text).toBe('a\t1\nb\t2\n');
    expect((await ask(`SELECT * FROM ${word}('x UInt8 ALIAS 1', (1))`)).code).toBe(497);
  }
});

test('data without a list of columns has none of EPHEMERAL ones, as on a server', async () => {
  const columns = 'a String, e String EPHEMERAL, m String MATERIALIZED upper(a), d String DEFAULT concat(a, e)';
  await ask(`CREATE TABLE \`of \\\`kinds\` (${columns}) ENGINE = Memory`, 'writer');
  expect((await ask('INSERT INTO `of \\`kinds` FORMAT CSV\nx,y\n', 'writer')).code).toBe(0);
  expect((await ask('INSERT INTO tidemark.`of \\`kinds` (a, e) FORMAT CSV\nv,w\n', 'writer')).code).toBe(0);
  expect((await ask('SELECT a, m, d FROM `of \\`kinds` ORDER BY a', 'writer')).text).toBe('v\tV\tvw\nx\tX\ty\n');
  await ask('ALTER TABLE `of \\`kinds` DROP COLUMN m, DROP COLUMN d, DROP COLUMN e', 'writer');
  expect((await ask('INSERT INTO `of \\`kinds` FORMAT CSV\nz\n', 'writer')).code).toBe(0);
  await ask('DROP TABLE `of \\`kinds`', 'writer');
});
