import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askPort } from '../support/ask-engine.js';
import { createTestEngine, type TestEngine } from '../support/embedded-engine.js';

/** Forms of the open port: statements, parameters and data that the statement reads as tables. */
let rig: TestEngine;

beforeAll(async () => {
  rig = createTestEngine({ readerTables: ['t'] });
  await rig.engine.start();
  for (const name of ['t', 'hidden']) {
    const sql = `CREATE TABLE ${name} (id UInt64, text String) ENGINE = MergeTree ORDER BY id`;
    await askPort(rig, sql, { user: 'tidemark' });
    await askPort(rig, `INSERT INTO ${name} SELECT number, 'stored' FROM numbers(10)`, { user: 'tidemark' });
  }
});

afterAll(() => rig.end());

interface Form {
  readonly fields?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string | Blob>>;
  readonly query?: string;
  readonly user?: string;
}

async function send({ fields = {}, files = {}, query = '', user = 'default' }: Form) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  for (const [name, data] of Object.entries(files)) form.append(name, new Blob([data]), `${name}.tsv`);
  const answer = await fetch(`${rig.engine.url}/?${query}`, {
    method: 'POST',
    body: form,
    headers: { 'x-clickhouse-user': user, 'x-clickhouse-key': user === 'tidemark' ? rig.writerPassword : '' },
  });
  const code = Number(answer.headers.get('x-clickhouse-exception-code') ?? 0);
  return { code, text: await answer.text() };
}

const kept = () => readdirSync(join(rig.dataDir, 'inserts'));
const people = '1\tAda\n2\tGrace\n';
const structure = { people_structure: 'id UInt64, name String' };

test('a form brings the statement and its parameters, and the URL may bring a part of both', async () => {
  const fields = {
    query: ' {b:Array(String)}, {c:String}',
    param_b: "['x','y\\'z']",
    param_c: 'line\\nbreak',
    param_a: '9',
  };
  const answer = await send({ fields, query: 'query=SELECT%20%7Ba%3AUInt8%7D%2C&param_a=7' });
  expect(answer).toEqual({ code: 0, text: "7\t['x','y\\'z']\tline\\nbreak\n" });
});

test('a parameter may be as long as a URL, and its name may have a dollar sign', async () => {
  const fields = { query: 'SELECT length({a$1:String})', param_a$1: 'x'.repeat(900_000) };
  expect((await send({ fields })).text).toBe('900000\n');
  const tooLong = { query: 'SELECT length({a:String})', param_a: 'x'.repeat(1_100_000) };
  expect(await send({ fields: tooLong })).toMatchObject({ code: 307, text: expect.stringContaining('1048576') });
});

test('a file is a table of the statement, by structure or by types, described in the form or in the URL', async () => {
  const files = { people };
  const query = 'SELECT * FROM people ORDER BY 1 DESC';
  expect((await send({ fields: { ...structure, query }, files })).text).toBe('2\tGrace\n1\tAda\n');
  const inUrl = `people_types=UInt8,Enum8('Ada'%3D1,'Grace'%3D2)&query=${encodeURIComponent(query)}`;
  expect((await send({ query: inUrl, files })).text).toBe('2\tGrace\n1\tAda\n');
  const json = { ...structure, query: 'SELECT _1, name FROM people, list WHERE id = _1', people_format: 'JSONEachRow' };
  const both = { people: '{"id":"5","name":"Five"}', list: '5\n6\n' };
  expect((await send({ fields: { ...json, list_types: 'UInt64' }, files: both })).text).toBe('5\tFive\n');
  expect(
    (await send({ fields: { ...structure, query: 'SELECT count() FROM people' }, files: { people: '' } })).text,
  ).toBe('0\n');
});

test('settings of the URL go on to be settings beside a file', async () => {
  const fields = { ...structure, query: 'SELECT id FROM people FORMAT JSONEachRow', people_format: 'TSV' };
  const query = 'output_format_json_quote_64bit_integers=1&date_time_input_format=best_effort';
  expect((await send({ fields, files: { people }, query })).text).toBe('{"id":"1"}\n{"id":"2"}\n');
});

test('a reader joins them with what is open to him, under his limits, and with nothing else', async () => {
  const files = { people };
  const join = (table: string) => ({ ...structure, query: `SELECT name, text FROM people JOIN ${table} USING id` });
  expect((await send({ fields: join('t'), files })).text.split('\n').sort().join()).toBe(',Ada\tstored,Grace\tstored');
  expect((await send({ fields: join('hidden'), files })).code).toBe(60);
  // A name that is a hidden table's is none for his own.
  const named = { hidden_structure: 'id UInt64, name String', query: 'SELECT * FROM hidden' };
  expect((await send({ fields: named, files: { hidden: people } })).code).toBe(60);
  const locked = { ...structure, query: "SELECT getSetting('readonly') FROM people LIMIT 1" };
  expect((await send({ fields: locked, files })).text).toBe('1\n');
  expect((await send({ fields: { query: 'SELECT * FROM people' } })).code).toBe(60);
});

test.each([
  ['DEFAULT (SELECT sum(id) FROM hidden)', 'x UInt64, id UInt64 DEFAULT (SELECT sum(id) FROM hidden)'],
  ['an end of the type', 'id UInt64), y Tuple(x UInt64'],
  ['an end of the literal', "id UInt64') FROM hidden --"],
  ['a value of a gigabyte', 'id Tuple(FixedString(16777215), Array(FixedString(16777215)), FixedString(999999999))'],
  ['nothing', ' '],
])('a structure with %s makes no table', async (_, said) => {
  const fields = { people_structure: said, query: 'SELECT * FROM people' };
  const answer = await send({ fields, files: { people } });
  expect(answer.code).toBe(36);
  expect(answer.text).not.toContain(rig.dataDir);
  expect(kept()).toEqual([]);
});

test('the writer inserts from one, and data that cannot be read is named without the file that held it', async () => {
  const files = { people };
  const into = { ...structure, query: 'INSERT INTO t SELECT id + 100, name FROM people' };
  expect((await send({ fields: into, files, user: 'tidemark' })).code).toBe(0);
  expect((await send({ fields: { query: 'SELECT text FROM t WHERE id > 100 ORDER BY id' } })).text).toBe(
    'Ada\nGrace\n',
  );
  const asCsv = { ...structure, people_format: 'CSV', query: 'SELECT * FROM people' };
  for (const answer of [
    await send({ fields: asCsv, files }),
    await askPort(rig, 'INSERT INTO t FORMAT CSV\n"x",', { user: 'tidemark' }),
  ]) {
    expect(answer.code).toBe(27);
    expect(answer.text).toMatch(/Cannot parse input|at row 1/);
    expect(answer.text).not.toMatch(/inserts|file\/uri/);
  }
});

test('a session sends one again and again, beside its temporary tables', async () => {
  const query = 'session_id=forms';
  await askPort(rig, 'CREATE TEMPORARY TABLE own (id UInt64)', { user: 'tidemark', query });
  const fields = { ...structure, query: 'SELECT count() FROM people' };
  for (const data of [people, '3\tAlan\n']) {
    const lines = data.split('\n').length - 1;
    const answer = await send({ fields, files: { people: data }, query, user: 'tidemark' });
    expect(answer).toEqual({ code: 0, text: `${lines}\n` });
  }
});

test('a form beyond its limits is refused, and leaves nothing behind', async () => {
  const files = Object.fromEntries(Array.from({ length: 17 }, (_, at) => [`f${at}`, people]));
  expect((await send({ fields: { query: 'SELECT 1' }, files })).code).toBe(307);
  const large = { people: new Blob([new Uint8Array(65 * 1_048_576)]) };
  expect((await send({ fields: { ...structure, query: 'SELECT 1' }, files: large })).code).toBe(307);
  const headers = { 'content-type': 'multipart/form-data; boundary=x' };
  const cut = '--x\r\nContent-Disposition: form-data; name="people"; filename="p"\r\n\r\n1\tA';
  expect((await askPort(rig, cut, { init: { headers } })).code).toBe(36);
  expect((await askPort(rig, 'SELECT 1', { init: { headers: { 'content-type': 'multipart/form-data' } } })).code).toBe(
    36,
  );
  await expect.poll(kept).toEqual([]);
});

test('a form that comes as it is is read so, whatever encoding its client names', async () => {
  const body = [
    '--two words',
    'Content-Disposition: form-data; name="query"',
    '',
    'SELECT 42',
    '--two words--',
    '',
  ].join('\r\n');
  for (const encoding of ['lz4', 'gzip', 'br']) {
    const headers = { 'content-type': 'multipart/form-data; boundary="two words"', 'content-encoding': encoding };
    const answer = await fetch(rig.engine.url, { method: 'POST', body, headers });
    expect([encoding, await answer.text()]).toEqual([encoding, '42\n']);
  }
});

test('a form may be compressed, and one of another encoding is SQL, as curl sends it', async () => {
  const body = ['--x', 'Content-Disposition: form-data; name="query"', '', 'SELECT 5', '--x--', ''].join('\r\n');
  const headers = { 'content-type': 'multipart/form-data; boundary=x', 'content-encoding': 'gzip' };
  expect((await askPort(rig, gzipSync(body), { init: { headers } })).text).toBe('5\n');
  const urlencoded = { 'content-type': 'application/x-www-form-urlencoded' };
  expect((await askPort(rig, 'SELECT 6', { init: { headers: urlencoded } })).text).toBe('6\n');
});
