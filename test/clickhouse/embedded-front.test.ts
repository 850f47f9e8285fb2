import { once } from 'node:events';
import { lstatSync } from 'node:fs';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { EngineProcessOptions } from '../../src/clickhouse/embedded/process/engine-process.js';
import { defaultWatch } from '../../src/clickhouse/embedded/process/engine-watch.js';
import { askChannel, askPort } from '../support/ask-engine.js';
import { createTestEngine, type TestEngine } from '../support/embedded-engine.js';

/**
 * The engine's open port as its neighbours meet it: who may ask, and what nobody can take from the others. One engine
 * for the tests that want no limits of their own.
 */
let shared: TestEngine;

beforeAll(async () => {
  shared = createEngine();
  await shared.engine.start();
});

afterAll(() => shared.end());

function createEngine(options: Partial<EngineProcessOptions> = {}): TestEngine {
  // Refusals are counted by the watch.
  const watch = { ...defaultWatch, pauseMs: 200 };
  return createTestEngine({ readerTables: ['t'], watch, ...options });
}

async function startEngine(options: Partial<EngineProcessOptions> = {}): Promise<TestEngine> {
  const rig = createEngine(options);
  onTestFinished(() => rig.end());
  await rig.engine.start();
  return rig;
}

/** A raw exchange: what comes back until the other side closes, or `answer` says that it is enough. */
async function exchange(rig: TestEngine, text: string): Promise<string> {
  const socket = connect(rig.engine.port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  let received = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    received += chunk;
  });
  socket.on('error', () => undefined);
  socket.write(text);
  await expect.poll(() => socket.closed || /\r\n\r\n[\s\S]*\n$/.test(received)).toBe(true);
  return received;
}

function get(path: string, headers: readonly string[] = [], host = 'Host: 127.0.0.1'): string {
  return [`GET ${path} HTTP/1.1`, host, ...headers, '', ''].join('\r\n');
}

const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0);

test('a page of another origin, or under a name that is not ours, gets no answer and runs nothing', async () => {
  const rig = shared;
  const query = '/?query=SELECT%20424242';
  const refused = [
    get(query, [], 'Host: rebound.example'),
    get(query, [], 'Host: 127.0.0.1.example'),
    get('/ping', [], 'Host: rebound.example:8123'),
    get(query, ['Origin: https://page.example']),
    get(query, ['Origin: null']),
    get(query, ['Origin: http://127.0.0.1:3000']),
    get(query, ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: no-cors']),
    get(query, ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document']),
    get(query, ['Sec-Fetch-Site: same-site']),
    // All that a browser says of itself when a page asks an address it does not trust.
    get(query, ['User-Agent: Mozilla/5.0 (X11; Linux x86_64)', 'Accept-Language: en'], 'Host: 0.0.0.0'),
    'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://page.example\r\nContent-Length: 13\r\n\r\nSELECT 424242',
    // Of an old browser.
    'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nReferer: https://page.example/\r\nUser-Agent: Mozilla/4.0\r\n' +
      'Accept-Language: en\r\nContent-Length: 13\r\n\r\nSELECT 424242',
    'OPTIONS / HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://page.example\r\n\r\n',
  ];
  for (const text of refused) {
    const answer = await exchange(rig, text);
    expect(statusOf(answer), text).toBe(403);
    expect(answer).not.toContain('424242\n');
    expect(answer).toContain('Cross-Origin-Resource-Policy: same-origin');
    expect(answer.toLowerCase()).not.toContain('access-control-allow');
  }
  expect(statusOf(await exchange(rig, get(query, [], 'Host: 127.0.0.1\r\nHost: rebound.example')))).toBe(400);
  for (const host of ['localhost:8123', '[::1]', 'clickhouse.localhost', '127.0.0.1']) {
    expect(await exchange(rig, get(query, [], `Host: ${host}`)), host).toContain('424242');
  }
  const answer = await exchange(rig, get(query));
  expect(answer).toContain('Cross-Origin-Resource-Policy: same-origin');
  expect(answer).toContain('X-Content-Type-Options: nosniff');
});

test('names that were configured are ours too', async () => {
  const rig = await startEngine({ hosts: ['clickhouse.internal'] });
  expect(statusOf(await exchange(rig, get('/ping', [], 'Host: ClickHouse.internal:80')))).toBe(200);
  expect(statusOf(await exchange(rig, get('/ping', [], 'Host: elsewhere.internal')))).toBe(403);
});

test('broken heads are answered or cut, and never taken for two requests', async () => {
  const rig = shared;
  const broken = [
    'GET /ping HTTP/1.1\r\n\r\n',
    'GET /ping HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Folded: a\r\n b\r\n\r\n',
    'GET /ping HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Nul: a\0b\r\n\r\n',
    'GET /ping HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 8\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nSELECT 1',
    'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 8\r\nContent-Length: 9\r\n\r\nSELECT 1',
    `GET /${'x'.repeat(200_000)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`,
    'BREW / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
  ];
  for (const text of broken) {
    const answer = await exchange(rig, text);
    expect(answer.match(/HTTP\/1\.1 /g)?.length ?? 0, text.slice(0, 80)).toBeLessThan(2);
    expect(answer).toMatch(/^(?:HTTP\/1\.1 4\d\d |$)/);
  }
  const chunked = 'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n';
  expect(await exchange(rig, `${chunked}8;name=value\r\nSELECT 1\r\n0\r\n\r\n`)).toContain('1\n');
});

test("nobody but the collector's own user can open its channel, and its accounts are none of the port", async () => {
  const rig = shared;
  expect(lstatSync(rig.engine.channelPath).mode & 0o777).toBe(0o600);
  expect(await askPort(rig, 'SELECT 1', { user: 'collector', password: rig.writerPassword })).toMatchObject({
    code: 516,
  });
  expect((await askPort(rig, "SELECT file('/etc/hostname')", { user: 'tidemark' })).code).toBe(497);
  expect((await askChannel(rig, 'SELECT 1')).text).toBe('1\n');
});

test('idle connections make room for new ones, and are none of the channel', async () => {
  const rig = await startEngine({ guestConnectionsMax: 20 });
  const idle: Socket[] = [];
  for (let index = 0; index < 60; index++) {
    const socket = connect(rig.engine.port, '127.0.0.1').on('error', () => undefined);
    await once(socket, 'connect');
    // Half of them have begun a request that never comes.
    if (index % 2 === 0) socket.write('POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-');
    idle.push(socket);
  }
  onTestFinished(() => idle.forEach((socket) => void socket.destroy()));
  for (let index = 0; index < 5; index++) expect((await askPort(rig, 'SELECT 7')).text).toBe('7\n');
  expect((await askChannel(rig, 'SELECT 8')).text).toBe('8\n');
  await expect.poll(() => idle.filter((socket) => socket.closed).length).toBeGreaterThanOrEqual(40);
  await expect.poll(() => rig.refusals.get('connection') ?? 0).toBeGreaterThanOrEqual(40);
});

test('guests at their limits leave the collector its own', async () => {
  const rig = await startEngine({ guestReadsMax: 1, guestStreamsMax: 1, waitingRequestsMax: 2 });
  const endless = 'SELECT sum(sipHash64(number)) FROM numbers(1000000000000)';
  const gone = new AbortController();
  const hostile = Array.from({ length: 12 }, () =>
    askPort(rig, endless, { init: { signal: gone.signal } }).catch(() => ({ code: -1 })),
  );
  const loadOf = async () => (await rig.engine.health()).details;
  // Whoever comes next finds no place to wait in either.
  await expect.poll(loadOf).toMatchObject({ guest_reads_running: 1, guest_reads_waiting: 2 });
  expect((await askChannel(rig, 'SELECT count() FROM system.processes')).code).toBe(0);
  await askChannel(rig, 'CREATE TABLE t (id UInt64) ENGINE = MergeTree ORDER BY id');
  expect((await askChannel(rig, 'INSERT INTO t SELECT number FROM numbers(1000)')).code).toBe(0);
  expect(await loadOf()).toMatchObject({ reads_running: 0, reads_waiting: 0 });
  const refused = await askPort(rig, 'SELECT 1');
  expect([refused.code, refused.status]).toEqual([202, 503]);
  gone.abort();
  await Promise.all(hostile);
});

test('memory, rows, bytes, threads and time of a guest have bounds that his statement does not lift', async () => {
  const rig = await startEngine({
    guestMemoryBytesMax: 200_000_000,
    guestResultBytesMax: 1_000_000,
    guestRowsMax: 1_000,
    // Far more than a statement takes until it meets another of them.
    guestQueryMsMax: 200_000,
    guestThreadsMax: 1,
  });
  const held = 'wait_end_of_query=1';
  const code = async (sql: string, query = '') => (await askPort(rig, sql, { query: `${held}&${query}` })).code;
  expect(await code('SELECT quantileExact(number) FROM numbers(1000000000)', 'max_memory_usage=0')).toBe(241);
  expect(await code('SELECT groupArray(number) FROM numbers(1000000000)')).toBe(241);
  // Constant columns count once for the engine, and a thousand times on the wire.
  expect(await code("SELECT repeat('x', 10000) FROM numbers(900)")).toBe(396);
  expect(await code("SELECT repeat('x', 10000) FROM numbers(900)", 'max_result_bytes=0&max_result_rows=0')).toBe(396);
  expect(await code('SELECT number FROM numbers(2000)', 'max_result_rows=1000000')).toBe(396);
  expect(await code('SELECT sum(sipHash64(number)) FROM numbers(1000000000000)', 'max_execution_time=0.3')).toBe(159);
  for (const asked of ['0', '1000000']) {
    const sql = "SELECT getSetting('max_execution_time')";
    expect((await askPort(rig, sql, { query: `${held}&max_execution_time=${asked}` })).text).toBe('200\n');
  }
  expect((await askPort(rig, "SELECT getSetting('max_threads')", { query: 'max_threads=64' })).text).toBe('1\n');
  expect((await askPort(rig, "SELECT getSetting('max_threads')", { query: 'max_threads=0' })).text).toBe('1\n');
  expect(
    (await askPort(rig, "SELECT getSetting('max_execution_time')", { query: 'max_execution_time=0.2' })).text,
  ).toBe('0.2\n');
  await expect.poll(() => rig.refusals.get('limit') ?? 0).toBeGreaterThanOrEqual(6);
});

test('a statement in a hundred thousand chunks is read once, for a reader and for the writer', async () => {
  const rig = shared;
  const chunk = '2\r\n  \r\n';
  for (const user of ['default', 'tidemark']) {
    const authorization = Buffer.from(`${user}:${user === 'tidemark' ? rig.writerPassword : ''}`).toString('base64');
    const head = [`POST / HTTP/1.1`, 'Host: 127.0.0.1', `Authorization: Basic ${authorization}`];
    const begin = `${[...head, 'Transfer-Encoding: chunked'].join('\r\n')}\r\n\r\n11\r\nINSERT INTO t -- \r\n`;
    const socket = connect(rig.engine.port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    let answer = '';
    socket.setEncoding('latin1').on('data', (data: string) => {
      answer += data;
    });
    socket.write(begin);
    for (let batch = 0; batch < 100; batch++) socket.write(chunk.repeat(1_000));
    socket.write('c\r\n\n VALUES (1)\r\n0\r\n\r\n');
    await expect.poll(() => answer).toMatch(/^HTTP\/1\.1 \d+/);
    // It was understood: what is refused is the statement.
    expect(answer).toMatch(user === 'tidemark' ? /tables are being made/ : /READONLY/);
    expect((await rig.engine.health()).status).toBe('healthy');
  }
});

test('a request that does not arrive is cut, and counted', async () => {
  const rig = await startEngine({ guestBodyMsMax: 300 });
  const slow = request({ port: rig.engine.port, host: '127.0.0.1', method: 'POST', path: '/' });
  const cut = once(slow, 'error');
  slow.write('SELECT ');
  await cut;
  await expect.poll(() => rig.refusals.get('slow_request') ?? 0).toBe(1);
});

test('a body that inflates without end is cut at the limit of a statement', async () => {
  const rig = await startEngine({ guestQueryBytesMax: 10_000 });
  const bomb = gzipSync(Buffer.alloc(50_000_000, ' '));
  const answer = await askPort(rig, bomb, { init: { headers: { 'content-encoding': 'gzip' } } });
  expect([answer.code, answer.status]).toEqual([223, 413]);
});

test('a page of an origin that was configured may ask, with a password, and reads the answer', async () => {
  const origin = 'https://app.example';
  const rig = await startEngine({ corsOrigins: [origin] });
  const preflight = [
    'OPTIONS / HTTP/1.1',
    'Host: 127.0.0.1',
    `Origin: ${origin}`,
    'Access-Control-Request-Method: POST',
    'Connection: close',
  ];
  const asked = await exchange(rig, [...preflight, '', ''].join('\r\n'));
  expect(statusOf(asked)).toBe(204);
  expect(asked).toContain(`Access-Control-Allow-Origin: ${origin}`);
  expect(asked).toMatch(/Access-Control-Allow-Headers: Authorization, /);
  const answer = await exchange(
    rig,
    get('/?query=SELECT%20424242', [`Origin: ${origin}`, 'Sec-Fetch-Site: cross-site']),
  );
  expect(answer).toContain('424242');
  expect(answer).toContain(`Access-Control-Allow-Origin: ${origin}`);
  expect(answer.toLowerCase()).not.toContain('allow-credentials');
  const failed = await exchange(rig, get('/?query=SELECT%20nope', [`Origin: ${origin}`]));
  expect(failed).toContain(`Access-Control-Allow-Origin: ${origin}`);
  for (const other of ['https://app.example:8443', 'http://app.example', 'https://app.example.evil', 'null']) {
    const refused = await exchange(rig, get('/?query=SELECT%20424242', [`Origin: ${other}`]));
    expect([statusOf(refused), refused.includes('Access-Control-Allow')], other).toEqual([403, false]);
  }
});

test('a result has the type that the engine gives its format; where there is no result no format is told', async () => {
  const typed = async (sql: string) => {
    const headers = { 'x-clickhouse-user': 'tidemark', 'x-clickhouse-key': shared.writerPassword };
    const answer = await fetch(shared.engine.url, { method: 'POST', body: sql, headers });
    expect(answer.status, await answer.text()).toBe(200);
    return [answer.headers.get('x-clickhouse-format'), answer.headers.get('content-type')];
  };
  const plain = 'text/plain; charset=UTF-8';
  expect(await typed('SELECT 1 FORMAT CSV')).toEqual(['CSV', 'text/csv; charset=UTF-8; header=absent']);
  expect(await typed('SELECT 1 FORMAT CSVWithNames')).toEqual([
    'CSVWithNames',
    'text/csv; charset=UTF-8; header=present',
  ]);
  expect(await typed('SELECT 1 FORMAT jsoneachrow')).toEqual(['jsoneachrow', 'application/x-ndjson; charset=UTF-8']);
  expect(await typed('SHOW TABLES')).toEqual(['TabSeparated', 'text/tab-separated-values; charset=UTF-8']);
  const empty = [
    'CREATE TABLE typed (n UInt8) ENGINE = Memory',
    'INSERT INTO typed VALUES (1)',
    'SET join_use_nulls = 1',
  ];
  for (const sql of [...empty, 'INSERT INTO typed SELECT 2', 'TRUNCATE TABLE typed', 'DROP TABLE typed'])
    expect(await typed(sql), sql).toEqual([null, plain]);
});
