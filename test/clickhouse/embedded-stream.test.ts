import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
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
    const whole = await fetch(`${rig.engine.url}/?query=${encodeURIComponent(sql)}`);
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

test('the limit of bytes is one of results that are held, not of streamed ones', async () => {
  const rig = await startEngine({ guestResultBytesMax: 100_000 });
  const sql = 'SELECT number FROM numbers(1000000) FORMAT CSV';
  const held = await fetch(`${rig.engine.url}/?query=${encodeURIComponent(sql)}`);
  expect(held.headers.get('x-clickhouse-exception-code')).toBe('396');
  const lines = (await (await fetch(address(rig, sql, '&enable_http_compression=1'))).text()).split('\n');
  expect(lines.length).toBe(1_000_001);
});

test('a statement that fails midway is cut, without the footer that would make it look whole', async () => {
  const rig = shared;
  const failing = 'SELECT number, throwIf(number = 3000000) FROM numbers(5000000)';
  for (const [format, ending] of [
    ['Parquet', 'PAR1'],
    ['JSONCompact', '}\n'],
    ['XML', '</result>\n'],
  ] as const) {
    const { bytes, complete } = await drained(await open(rig, `${failing} FORMAT ${format}`));
    expect(complete).toBe(false);
    expect(bytes.length).toBeGreaterThan(100_000);
    expect(bytes.toString('latin1').endsWith(ending)).toBe(false);
  }
  expect(await leftovers(rig)).toEqual([]);
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
  await expect.poll(() => leftovers(rig), { timeout: 20_000 }).toEqual([]);
  await expect.poll(() => readdirSync(join(rig.dataDir, 'results'))).toEqual([]);
  expect(await (await fetch(address(rig, 'SELECT 1'))).text()).toBe('1\n');
});

test('a client that takes nothing is cut off, and other reads go on meanwhile', async () => {
  const rig = await startEngine({ guestStreamsMax: 6, guestReadsMax: 1, streamIdleMsMax: 1_000 });
  const stalled = await Promise.all(Array.from({ length: 6 }, () => open(rig, endless)));
  expect(await (await fetch(`${rig.engine.url}/?query=SELECT%201`)).text()).toBe('1\n');
  await expect.poll(() => leftovers(rig), { timeout: 20_000 }).toEqual([]);
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
