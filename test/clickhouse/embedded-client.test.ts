import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { ClickHouseError, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askChannel } from '../support/ask-engine.js';
import { createTestEngine, type TestEngine } from '../support/embedded-engine.js';

let rig: TestEngine;
let writer: ReturnType<typeof client>;
let reader: ReturnType<typeof client>;

beforeAll(async () => {
  rig = createTestEngine({ readerTables: ['ev'] });
  await rig.engine.start();
  writer = client('tidemark', rig.writerPassword);
  reader = client('default', '');
  await writer.command({
    query: `CREATE TABLE ev (id UInt64, text String, tags Array(String)) ENGINE = MergeTree ORDER BY id
            SETTINGS non_replicated_deduplication_window = 100`,
  });
});

afterAll(async () => {
  await writer.close();
  await reader.close();
  await rig.end();
});

function client(username: string, password: string, compressed = false) {
  return createClient({
    url: rig.engine.url,
    username,
    password,
    log: { level: ClickHouseLogLevel.OFF },
    compression: { request: compressed, response: compressed },
  });
}

async function rows(sql: string): Promise<unknown[]> {
  const result = await reader.query({ query: sql, format: 'JSONEachRow' });
  return await result.json();
}

async function exec(query: string, values: Readable): Promise<void> {
  const { stream } = await writer.exec({ query, values });
  for await (const _ of stream);
}

test('both kinds of ping succeed', async () => {
  expect(await reader.ping()).toEqual({ success: true });
  expect(await reader.ping({ select: true })).toEqual({ success: true });
});

test('query parameters keep quotes, backslashes, line breaks and arrays of them', async () => {
  const text = 'it\'s \\ a "test"\nwith\ttabs, \\n and ünïcode ✓';
  const list = ["a'b", 'c\\d', 'e,f', '', "['x']", 'line\n\nDROP TABLE ev'];
  const result = await reader.query({
    query:
      'SELECT {text:String} AS text, {list:Array(String)} AS list, {id:UInt64} AS id, {none:Nullable(String)} AS none',
    query_params: { text, list, id: 42, none: null },
    format: 'JSONEachRow',
  });
  expect(await result.json()).toEqual([{ text, list, id: 42, none: null }]);
});

test('a parameter does not outlive its request', async () => {
  await reader.query({ query: 'SELECT {secret:String}', query_params: { secret: 'x' }, format: 'TabSeparated' });
  await expect(reader.query({ query: 'SELECT {secret:String}', format: 'TabSeparated' })).rejects.toMatchObject({
    code: '456',
    type: 'UNKNOWN_QUERY_PARAMETER',
  });
});

test('settings of a request shape its result', async () => {
  const query = 'SELECT toUInt64(7) AS n';
  const quoted = await reader.query({
    query,
    format: 'JSONEachRow',
    clickhouse_settings: { output_format_json_quote_64bit_integers: 1 },
  });
  expect(await quoted.json()).toEqual([{ n: '7' }]);
  const plain = await reader.query({
    query,
    format: 'JSONEachRow',
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
  });
  expect(await plain.json()).toEqual([{ n: 7 }]);
});

test('insert in JSONEachRow keeps text that looks like SQL after a blank line', async () => {
  const text = 'first\n\nDROP TABLE ev;\n\nSELECT 1';
  await writer.insert({ table: 'ev', values: [{ id: 1, text, tags: ['a', "b'"] }], format: 'JSONEachRow' });
  expect(await rows('SELECT text, tags FROM ev WHERE id = 1')).toEqual([{ text, tags: ['a', "b'"] }]);
});

test('a RowBinary body keeps bytes 0x0A 0x0A and SQL behind them', async () => {
  const text = '\n\nDROP TABLE ev\n\n';
  const id = Buffer.alloc(8);
  id.writeBigUInt64LE(0x0a0an);
  const row = Buffer.concat([id, Buffer.from([text.length]), Buffer.from(text), Buffer.from([0])]);
  await exec('INSERT INTO ev (id, text, tags) FORMAT RowBinary', Readable.from([row.subarray(0, 9), row.subarray(9)]));
  expect(await rows('SELECT text FROM ev WHERE id = 2570')).toEqual([{ text }]);
});

test('a Native body is inserted as it came out, with settings in the statement', async () => {
  const sql = "SELECT number + 1000 AS id, concat('\n\n', toString(number)) AS text, ['x'] AS tags FROM numbers(10)";
  const answer = await fetch(`${rig.engine.url}/?default_format=Native`, { method: 'POST', body: sql });
  const native = Buffer.from(await answer.arrayBuffer());
  const insert = 'INSERT INTO tidemark.ev (id, text, tags) SETTINGS max_insert_threads = 1 FORMAT Native';
  await exec(insert, Readable.from([native]));
  expect(await rows('SELECT count() AS n, min(text) AS first FROM ev WHERE id BETWEEN 1000 AND 1009')).toEqual([
    { n: 10, first: '\n\n0' },
  ]);
});

test('a replay with the same deduplication token changes nothing', async () => {
  const insert = async (token: string) => {
    const sql = `INSERT INTO ev (id, text) SETTINGS insert_deduplication_token = '${token}' FORMAT TabSeparated`;
    await exec(sql, Readable.from(['5000\ta\n5001\tb\n']));
  };
  await insert('segment-1');
  await insert('segment-1');
  expect(await rows('SELECT count() AS n FROM ev WHERE id IN (5000, 5001)')).toEqual([{ n: 2 }]);
  await insert('segment-2');
  expect(await rows('SELECT count() AS n FROM ev WHERE id IN (5000, 5001)')).toEqual([{ n: 4 }]);
});

test('VALUES with expressions and a blank line in a string are inserted, with SQL and data in one body', async () => {
  await writer.command({
    query: "INSERT INTO ev (id, text) VALUES (6000, 'x\n\nDROP TABLE ev'), (6001, concat('y', 'z'))",
  });
  expect(await rows('SELECT text FROM ev WHERE id IN (6000, 6001) ORDER BY id')).toEqual([
    { text: 'x\n\nDROP TABLE ev' },
    { text: 'yz' },
  ]);
});

test('gzip works in both directions', async () => {
  const gzip = client('tidemark', rig.writerPassword, true);
  const values = Array.from({ length: 2_000 }, (_, at) => ({ id: 10_000 + at, text: `row ${at}`, tags: [] }));
  await gzip.insert({ table: 'ev', values, format: 'JSONEachRow' });
  const result = await gzip.query({ query: 'SELECT id FROM ev WHERE id >= 10000 ORDER BY id', format: 'JSONEachRow' });
  expect(await result.json()).toHaveLength(2_000);
  await gzip.close();
  const plain = await fetch(`${rig.engine.url}/?enable_http_compression=1`, {
    method: 'POST',
    headers: { 'accept-encoding': 'gzip' },
    body: 'SELECT number FROM numbers(10000)',
  });
  expect(plain.headers.get('content-encoding')).toBe('gzip');
  expect((await plain.text()).split('\n')).toHaveLength(10_001);
});

test('errors carry the code and the type of ClickHouse', async () => {
  const failure = await reader.query({ query: 'SELECT * FROM nowhere' }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ClickHouseError);
  expect(failure).toMatchObject({ code: '60', type: 'UNKNOWN_TABLE' });
  await expect(reader.query({ query: 'selct 1' })).rejects.toMatchObject({ code: '62', type: 'SYNTAX_ERROR' });
  await expect(reader.query({ query: 'SELECT toUInt8(1) + no_such_column' })).rejects.toMatchObject({ code: '47' });
  const bad = writer.insert({ table: 'ev', values: Readable.from(['{"id":"x"}\n']), format: 'JSONEachRow' });
  await expect(bad).rejects.toMatchObject({ code: '27' });
});

test('reads go on while an insert runs', async () => {
  const insert = writer.command({
    query: "INSERT INTO ev (id, text) SELECT number + 1000000, repeat('x', 200) FROM numbers(300000)",
  });
  const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => rows(`SELECT ${at} AS n`)));
  expect(answers).toEqual(Array.from({ length: 20 }, (_, at) => [{ n: at }]));
  await insert;
  expect(await rows('SELECT count() AS n FROM ev WHERE id >= 1000000')).toEqual([{ n: 300_000 }]);
});

test('a read whose client goes away is cancelled and frees its connection', async () => {
  const slow = 'SELECT sum(sipHash64(number)) FROM numbers(1000000000000)';
  const controllers = Array.from({ length: 2 }, () => new AbortController());
  const given = controllers.map(({ signal }) =>
    reader.query({ query: slow, abort_signal: signal }).catch(() => 'gone'),
  );
  while ((await rig.engine.health()).details.guest_reads_running !== 2)
    await new Promise((resolve) => setTimeout(resolve, 5));
  for (const controller of controllers) controller.abort();
  expect(await Promise.all(given)).toEqual(['gone', 'gone']);
  expect(await rows('SELECT 1 AS n')).toEqual([{ n: 1 }]);
});

test('max_execution_time ends a read with code 159', async () => {
  const slow = reader.query({
    query: 'SELECT sum(sipHash64(number)) FROM numbers(1000000000000)',
    clickhouse_settings: { max_execution_time: 0.2 },
  });
  await expect(slow).rejects.toMatchObject({ code: '159', type: 'TIMEOUT_EXCEEDED' });
});

test('curl-like requests: query in the URL, in the body, or both joined by a line break', async () => {
  const url = rig.engine.url;
  expect(await (await fetch(`${url}/ping`)).text()).toBe('Ok.\n');
  expect(await (await fetch(`${url}/`)).text()).toBe('Ok.\n');
  expect(await (await fetch(`${url}/?query=SELECT%201`)).text()).toBe('1\n');
  expect(
    await (await fetch(`${url}/?query=SELECT`, { method: 'POST', body: '2 AS n FORMAT JSONEachRow' })).text(),
  ).toBe('{"n":2}\n');
  expect((await fetch(`${url}/nowhere`)).status).toBe(404);
  const named = await fetch(`${url}/?query_id=mine&param_x=3`, {
    method: 'POST',
    headers: { 'x-clickhouse-format': 'CSV', 'x-clickhouse-user': 'default', 'x-clickhouse-database': 'system' },
    body: 'SELECT currentDatabase(), {x:UInt8}',
  });
  expect(await named.text()).toBe('"system",3\n');
  expect(named.headers.get('x-clickhouse-query-id')).toBe('mine');
  expect(named.headers.get('x-clickhouse-format')).toBe('CSV');
  expect(named.headers.get('x-clickhouse-timezone')).toBe('UTC');
  expect(JSON.parse(named.headers.get('x-clickhouse-summary') ?? '')).toMatchObject({ result_rows: '1' });
  const failed = await fetch(`${url}/`, { method: 'POST', body: 'SELECT * FROM nowhere' });
  expect(failed.status).toBe(404);
  expect(failed.headers.get('x-clickhouse-exception-code')).toBe('60');
  expect(await failed.text()).toMatch(/^Code: 60\. DB::Exception: .*\(UNKNOWN_TABLE\) \(version [0-9.]+\)\n$/s);
});

test('the greeting of clickhouse-go is answered at revision 54460 and says revision 0', async () => {
  const answer = await fetch(
    `${rig.engine.url}/?client_protocol_version=54460&default_format=Native&database=default`,
    {
      method: 'POST',
      body: 'SELECT displayName(), version(), revision(), timezone()',
    },
  );
  const bytes = Buffer.from(await answer.arrayBuffer());
  expect(bytes.subarray(0, 10)).toEqual(Buffer.from([1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0, 4, 1]));
  const revision = bytes.indexOf('revision()') + 'revision()'.length;
  expect(bytes.subarray(revision, revision + 12)).toEqual(Buffer.from([6, ...Buffer.from('UInt32'), 0, 0, 0, 0, 0]));
});

test('a gzip body that is cut off is an error and inserts nothing', async () => {
  const whole = gzipSync(Buffer.from('{"id":7000,"text":"x"}\n'.repeat(500)));
  const answer = await fetch(`${rig.engine.url}/?query=INSERT%20INTO%20ev%20FORMAT%20JSONEachRow`, {
    method: 'POST',
    headers: { authorization: basic('tidemark', rig.writerPassword), 'content-encoding': 'gzip' },
    body: whole.subarray(0, whole.length - 20),
  });
  expect(answer.headers.get('x-clickhouse-exception-code')).toBe('354');
  expect(await rows('SELECT count() AS n FROM ev WHERE id = 7000')).toEqual([{ n: 0 }]);
});

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

test('a read with parameters is stopped when its client goes away', async () => {
  const running = async () =>
    Number((await askChannel(rig, "SELECT count() FROM system.processes WHERE query LIKE '%sleepEachRow%'")).text) - 1;
  const gone = new AbortController();
  const read = writer.query({
    query: 'SELECT sum(sleepEachRow(0.1)) FROM numbers({rows:UInt64})',
    query_params: { rows: 500 },
    clickhouse_settings: { max_block_size: '1' },
    abort_signal: gone.signal,
  });
  await expect.poll(running).toBe(1);
  gone.abort();
  await expect(read).rejects.toThrow();
  await expect.poll(running).toBe(0);
});
