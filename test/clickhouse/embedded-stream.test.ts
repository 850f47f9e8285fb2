import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { EngineProcessOptions } from '../../src/clickhouse/embedded/process/engine-process.js';
import { askChannel } from '../support/ask-engine.js';
import { createTestEngine, type TestEngine } from '../support/embedded-engine.js';

/** Far more than any pipe or socket holds. */
const endless = 'SELECT number, toString(number) AS text FROM numbers(1000000000000) FORMAT CSVWithNames';

/** Of the tests that only read, and want no limits of their own. */
let shared: TestEngine;

beforeAll(async () => {
  shared = createTestEngine();
  await shared.engine.start();
});

afterAll(() => shared.end());

async function startEngine(options: Partial<EngineProcessOptions> = {}): Promise<TestEngine> {
  const rig = createTestEngine(options);
  onTestFinished(() => rig.end());
  await rig.engine.start();
  return rig;
}

function address(rig: TestEngine, sql: string, more = ''): string {
  return `${rig.engine.url}/?wait_end_of_query=0&query=${encodeURIComponent(sql)}${more}`;
}

/** An answer of which only the head was read. */
function open(rig: TestEngine, sql: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(address(rig, sql), (answer) => resolve(answer.pause())).once('error', reject);
  });
}

/** What arrived, and whether the connection said that it was all. */
async function drained(answer: IncomingMessage): Promise<{ readonly bytes: Buffer; readonly complete: boolean }> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of answer) chunks.push(chunk as Buffer);
  } catch {
    // `complete` tells.
  }
  return { bytes: Buffer.concat(chunks), complete: answer.complete };
}

/** Queries of others under way. */
async function leftovers(rig: TestEngine): Promise<readonly string[]> {
  const sql =
    "SELECT count() FROM system.processes WHERE query LIKE '%numbers(10000%' AND query NOT LIKE '%processes%'";
  const running = (await askChannel(rig, sql)).text;
  return running.trim() === '0' ? [] : ['a query'];
}

test('a streamed result is the buffered one, byte for byte, in every kind of format', async () => {
  const rig = shared;
  const select = "SELECT number AS n, concat('text ', toString(number)) AS t FROM numbers(200000)";
  for (const format of ['CSVWithNames', 'TabSeparated', 'JSONEachRow', 'JSONCompact', 'Native', 'Parquet', 'XML']) {
    const sql = `${select} FORMAT ${format}`;
    const streamed = await fetch(address(rig, sql));
    expect(streamed.headers.get('x-clickhouse-format')).toBe(format);
    expect(streamed.headers.get('transfer-encoding')).toBe('chunked');
    const held = 'wait_end_of_query=1&enable_http_compression=0';
    const whole = await fetch(`${rig.engine.url}/?${held}&query=${encodeURIComponent(sql)}`);
    expect(whole.headers.get('transfer-encoding')).toBeNull();
    expect(streamed.headers.get('content-type')).toBe(whole.headers.get('content-type'));
    const withoutTimes = async (answer: Response) =>
      Buffer.from(await answer.arrayBuffer())
        .toString('latin1')
        .replaceAll(/(elapsed\W+)[\d.e-]+/g, '$1');
    expect((await withoutTimes(streamed)) === (await withoutTimes(whole)), format).toBe(true);
  }
});

test('the clause is put where the statement has its place for it', async () => {
  const rig = shared;
  const answers = {
    'SELECT 1 AS format, 2': '1\t2\n',
    'SELECT 1 -- a comment at the end': '1\n',
    'SELECT 1 FORMAT CSV;': '1\n',
    'SELECT 1 SETTINGS max_threads = 1 FORMAT CSV': '1\n',
    "SELECT 'FORMAT CSV' AS x FORMAT CSVWithNames": '"x"\n"FORMAT CSV"\n',
    'SELECT 1 AS format ORDER BY format LIMIT 1': '1\n',
    'SELECT number FROM numbers(0)': '',
    "SELECT 'ü ✓' AS `ä` FORMAT TSVWithNames /* ende */": 'ä\nü ✓\n',
    'WITH 2 AS two SELECT two UNION ALL SELECT (SELECT 2) FORMAT CSV': '2\n2\n',
  };
  const writer = `&user=tidemark&password=${encodeURIComponent(rig.writerPassword)}`;
  for (const [sql, expected] of Object.entries(answers)) {
    expect(await (await fetch(address(rig, sql, writer))).text(), sql).toBe(expected);
  }
});

test('an error within a small result has its status, and its text names no path', async () => {
  const rig = shared;
  const unknown = await fetch(address(rig, 'SELECT nope'));
  expect(unknown.status).toBe(404);
  expect(unknown.headers.get('x-clickhouse-exception-code')).toBe('47');
  const late = await fetch(address(rig, 'SELECT throwIf(number = 3) FROM numbers(10) FORMAT JSON'));
  expect(late.status).toBe(500);
  const syntax = await fetch(address(rig, 'WITH 1 AS a (SELECT a)'));
  expect(syntax.status).toBe(400);
  const text = await syntax.text();
  expect(text).toContain('Code: 62.');
  expect(text).not.toContain(rig.dataDir);
});

test("a client's own INTO OUTFILE stays refused", async () => {
  const rig = shared;
  const answer = await fetch(address(rig, "SELECT 1 INTO OUTFILE '/tmp/x' FORMAT CSV"));
  expect([answer.status, answer.headers.get('x-clickhouse-exception-code')]).toEqual([403, '497']);
});

test('a large result is sent while it is made without being asked to, a small one has its length', async () => {
  const rig = await startEngine({ guestResultBytesMax: 100_000, guestRowsMax: 1_000 });
  const sql = 'SELECT number FROM numbers(1000000) FORMAT CSV';
  const ask = (query: string) => fetch(`${rig.engine.url}/?query=${encodeURIComponent(sql)}${query}`);
  const held = await ask('&wait_end_of_query=1');
  expect(held.headers.get('x-clickhouse-exception-code')).toBe('396');
  for (const query of ['', '&wait_end_of_query=0', '&enable_http_compression=1', '&http_wait_end_of_query=0']) {
    const answer = await ask(query);
    expect([answer.status, answer.headers.get('transfer-encoding')]).toEqual([200, 'chunked']);
    expect(answer.headers.get('x-clickhouse-exception-tag')).toMatch(/^[a-z]{16}$/);
    expect((await answer.text()).split('\n').length).toBe(1_000_001);
  }
  const small = await fetch(`${rig.engine.url}/?enable_http_compression=0&query=SELECT%201`);
  expect(small.headers.get('content-length')).toBe('2');
  // What looks like a mark of a failure in its rows is none without the tag.
  expect(small.headers.get('x-clickhouse-exception-tag')).toMatch(/^[a-z]{16}$/);
});

test('a large result takes the place of a stream, and leaves that of a read to others', async () => {
  // Enough for its first bytes, and for the small reads, on a machine that stands still now and then.
  const guestQueryMsMax = 6_000;
  const rig = await startEngine({ guestReadsMax: 1, guestStreamsMax: 1, guestQueryMsMax, streamMsMax: 60_000 });
  const large = () =>
    new Promise<IncomingMessage>((resolve, reject) => {
      get(`${rig.engine.url}/?query=${encodeURIComponent(endless)}`, (answer) => resolve(answer.pause())).on(
        'error',
        reject,
      );
    });
  const first = await large();
  expect(first.statusCode).toBe(200);
  expect(await (await fetch(`${rig.engine.url}/?query=SELECT%201`)).text()).toBe('1\n');
  // The second finds no place for a stream: it keeps that of a read, and its time, which goes by while nobody takes it.
  const second = await large();
  await sleep(guestQueryMsMax);
  const { bytes, complete } = await drained(second);
  expect(complete).toBe(false);
  expect(bytes.toString('latin1', bytes.length - 400)).toContain('Code: 159. DB::Exception: Timeout exceeded');
  expect(await (await fetch(`${rig.engine.url}/?query=SELECT%202`)).text()).toBe('2\n');
  first.destroy();
  await expect.poll(() => leftovers(rig)).toEqual([]);
});

test('a statement that fails midway ends in the block of an exception and is cut, without its footer', async () => {
  const rig = shared;
  const failing = 'SELECT number, throwIf(number = 3000000) FROM numbers(5000000)';
  for (const [format, ending] of [
    ['Parquet', 'PAR1'],
    ['JSONCompact', '}\n'],
    ['XML', '</result>\n'],
  ] as const) {
    const answer = await open(rig, `${failing} FORMAT ${format}`);
    const tag = String(answer.headers['x-clickhouse-exception-tag']);
    const { bytes, complete } = await drained(answer);
    expect(complete).toBe(false);
    expect(bytes.length).toBeGreaterThan(100_000);
    const [data = '', block = ''] = bytes.toString('latin1').split(`\r\n__exception__\r\n${tag}\r\n`);
    expect(data.endsWith(ending)).toBe(false);
    const [, text = '', length] = /^([\s\S]*\n)(\d+) [a-z]{16}\r\n__exception__\r\n$/.exec(block) ?? [];
    expect(text).toMatch(/^Code: 395\. DB::Exception: .*\(version [\d.]+\)\n$/s);
    expect(Number(length)).toBe(text.length);
  }
  await expect.poll(() => leftovers(rig)).toEqual([]);
});

// Again, if the client heard of the cut before it had inflated what came ahead of it: then it throws that.
test("a client of ClickHouse's own is told of a failure midway", { retry: 3 }, async () => {
  for (const response of [true, false]) {
    const log = { level: ClickHouseLogLevel.OFF };
    const client = createClient({ url: shared.engine.url, compression: { response }, log });
    const query = 'SELECT number, throwIf(number = 300000) FROM numbers(400000)';
    const settings = { max_block_size: '10000' };
    const rows = await client.query({ query, format: 'JSONEachRow', clickhouse_settings: settings });
    await expect(rows.json()).rejects.toMatchObject({ code: '395' });
    await client.close();
  }
});

test('a URL may have a mebibyte', async () => {
  const text = 'x'.repeat(1_000_000);
  const answer = await fetch(`${shared.engine.url}/?query=SELECT%20length({t:String})&param_t=${text}`);
  expect(await answer.text()).toBe('1000000\n');
  const quotes = '%27'.repeat(340_000);
  const escaped = await fetch(`${shared.engine.url}/?query=SELECT%20length({t:String})&param_t=${quotes}`);
  expect(await escaped.text()).toBe('340000\n');
});

test('as many pipes are kept as results were made at once', async () => {
  const rig = await startEngine();
  for (let index = 0; index < 5; index++) {
    expect(await (await fetch(address(rig, 'SELECT number FROM numbers(3)'))).text()).toBe('0\n1\n2\n');
    expect(await (await fetch(address(rig, 'SELECT throwIf(number = 2) FROM numbers(3)'))).text()).toContain('395');
  }
  expect(readdirSync(join(rig.dataDir, 'results'))).toHaveLength(1);
});

test('when the client goes away, its query, its pipe and its place go too', async () => {
  const rig = await startEngine({ guestStreamsMax: 1 });
  const answer = await open(rig, endless);
  const refused = await fetch(address(rig, 'SELECT 1'));
  expect([refused.status, refused.headers.get('x-clickhouse-exception-code')]).toEqual([503, '202']);
  answer.destroy();
  await expect.poll(() => leftovers(rig)).toEqual([]);
  await expect.poll(() => readdirSync(join(rig.dataDir, 'results'))).toEqual([]);
  expect(await (await fetch(address(rig, 'SELECT 1'))).text()).toBe('1\n');
});

test('a client that takes nothing is cut off, and other reads go on meanwhile', async () => {
  const rig = await startEngine({ guestStreamsMax: 6, guestReadsMax: 1, streamIdleMsMax: 5_000 });
  const stalled = await Promise.all(Array.from({ length: 6 }, () => open(rig, endless)));
  expect(await (await fetch(`${rig.engine.url}/?query=SELECT%201`)).text()).toBe('1\n');
  await expect.poll(() => leftovers(rig)).toEqual([]);
  for (const answer of stalled) expect((await drained(answer)).complete).toBe(false);
});

test('an engine that is killed midway cuts the answer, and the next one removes the pipe', async () => {
  const rig = await startEngine();
  const answer = await open(rig, endless);
  process.kill(rig.engine.pid()!, 'SIGKILL');
  expect((await drained(answer)).complete).toBe(false);
  await expect.poll(() => rig.restarts.length).toBe(1);
  await rig.engine.ready();
  expect(await leftovers(rig)).toEqual([]);
  expect(readdirSync(join(rig.dataDir, 'results'))).toEqual([]);
});

test('what an engine before it left is removed at start', async () => {
  const rig = createTestEngine();
  onTestFinished(() => rig.end());
  mkdirSync(join(rig.dataDir, 'results'), { recursive: true });
  writeFileSync(join(rig.dataDir, 'results', '7'), 'left over');
  await rig.engine.start();
  expect(readdirSync(join(rig.dataDir, 'results'))).toEqual([]);
});
