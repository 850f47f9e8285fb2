import { createReadStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type ClickhouseLimits, clickhouseLimits, createClickhouseClient } from '../../src/clickhouse/client.js';
import { createSegmentWriter } from '../../src/clickhouse/segments/segment-insert.js';
import { type Clock, systemClock } from '../../src/core/clock.js';
import { defaultConfig } from '../support/default-config.js';
import { FakeClock } from '../support/fake-clock.js';
import { exception, ScriptedClickhouse } from '../support/scripted-clickhouse.js';
import { tempDir } from '../support/temp-dir.js';

function clientOf(url: string, options: { readonly limits?: Partial<ClickhouseLimits>; readonly clock?: Clock } = {}) {
  const client = createClickhouseClient(
    { clock: options.clock ?? systemClock },
    {
      url,
      database: 'tidemark',
      writer: { user: 'writer', password: 'w' },
      reader: { user: 'reader', password: 'r' },
      limits: { ...clickhouseLimits(defaultConfig.query), ...options.limits },
    },
  );
  onTestFinished(() => client.close());
  return client;
}

const query = { name: 'some_query', sql: 'SELECT {a:String} AS a', params: { a: 'x' } };

/** Until `condition` holds; the test's own time limit is what ends it otherwise. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

test('a read goes out as the reader, with typed parameters and its limits, and comes back as rows', async () => {
  const server = await ScriptedClickhouse.listen((_, response) => response.end('{"a":"x","n":1}\n{"a":"y","n":2}\n'));
  const client = clientOf(server.url);
  expect(await client.rows(query)).toEqual([
    { a: 'x', n: 1 },
    { a: 'y', n: 2 },
  ]);
  const [seen] = server.seen;
  expect(seen?.user).toBe('reader');
  expect(seen?.body.toString()).toBe('SELECT {a:String} AS a \nFORMAT JSONEachRow');
  expect(Object.fromEntries(seen?.url.searchParams ?? [])).toMatchObject({
    database: 'tidemark',
    param_a: 'x',
    max_execution_time: '10',
    max_memory_usage: '536870912',
    max_result_rows: '1000000',
    cancel_http_readonly_queries_on_client_close: '1',
  });
});

test('a read may have settings of its own', async () => {
  const server = await ScriptedClickhouse.listen((_, response) => response.end('{"a":"x"}\n'));
  const settings = { max_block_size: 77 };
  await clientOf(server.url).rows({ ...query, settings });
  expect(Object.fromEntries(server.seen[0]?.url.searchParams ?? [])).toMatchObject({
    max_block_size: '77',
    max_execution_time: '10',
  });
});

test('the writer sends commands and reads under its own account', async () => {
  const server = await ScriptedClickhouse.listen((_, response) => response.end('{"n":1}\n'));
  const client = clientOf(server.url);
  await client.command({ name: 'c', sql: 'CREATE TABLE x' });
  expect(await client.writerRows(query)).toEqual([{ n: 1 }]);
  expect(server.seen.map((request) => request.user)).toEqual(['writer', 'writer']);
});

test('the statement that creates the database does not name it as its own', async () => {
  const server = await ScriptedClickhouse.listen((_, response) => response.end());
  await clientOf(server.url).command({ name: 'c', sql: 'CREATE DATABASE tidemark', databaseMissing: true });
  expect(server.seen).toHaveLength(1);
  expect(server.seen[0]?.url.searchParams.has('database')).toBe(false);
});

for (const [number, name, read, write] of [
  [62, 'SYNTAX_ERROR', 'internal', 'store_rejected'],
  [159, 'TIMEOUT_EXCEEDED', 'query_timeout', 'store_overloaded'],
  [241, 'MEMORY_LIMIT_EXCEEDED', 'query_too_large', 'store_overloaded'],
  [396, 'TOO_MANY_ROWS_OR_BYTES', 'query_too_large', 'store_rejected'],
  [394, 'QUERY_WAS_CANCELLED', 'query_timeout', 'store_overloaded'],
  [516, 'AUTHENTICATION_FAILED', 'store_unavailable', 'store_unreachable'],
] as const) {
  test(`ClickHouse error ${number} is ${read} for a read and ${write} for a write`, async () => {
    const server = await ScriptedClickhouse.listen((_, response) => exception(response, number, name));
    const client = clientOf(server.url);
    await expect(client.rows(query)).rejects.toMatchObject({ code: read });
    await expect(client.command({ name: 'c', sql: 'X' })).rejects.toMatchObject({ code: write });
  });
}

test('a failing query writes nothing to the console by itself', async () => {
  const outputs = (['log', 'info', 'warn', 'error', 'debug'] as const).map((name) => vi.spyOn(console, name));
  onTestFinished(() => outputs.forEach((output) => void output.mockRestore()));
  const server = await ScriptedClickhouse.listen((_, response) => exception(response, 62, 'SYNTAX_ERROR'));
  await expect(clientOf(server.url).rows(query)).rejects.toThrow();
  for (const output of outputs) expect(output).not.toHaveBeenCalled();
});

test('a store that refuses connections or breaks them is unavailable, and says so in its health', async () => {
  const broken = await ScriptedClickhouse.listen((_, response) => response.destroy());
  const absent = 'http://127.0.0.1:1';
  for (const url of [broken.url, absent]) {
    const client = clientOf(url);
    await expect(client.rows(query)).rejects.toMatchObject({ code: 'store_unavailable', retryable: true });
    await expect(client.command({ name: 'c', sql: 'X' })).rejects.toMatchObject({ code: 'store_unreachable' });
    await expect(client.ping()).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(await client.health()).toMatchObject({ name: 'clickhouse', status: 'degraded' });
  }
});

test('health is that of a query, not of a port: a store that rejects the account is degraded', async () => {
  const good = await ScriptedClickhouse.listen((_, response) => response.end('1\n'));
  expect(await clientOf(good.url).health()).toMatchObject({ status: 'healthy', reason: null });
  const bad = await ScriptedClickhouse.listen((_, response) => exception(response, 516, 'AUTHENTICATION_FAILED'));
  const health = await clientOf(bad.url).health();
  expect(health).toMatchObject({ status: 'degraded', details: { ping_ms: null } });
  expect(JSON.stringify(health)).not.toContain('"w"');
});

test('a read or write without an answer ends at its deadline and hangs up', async () => {
  const server = await ScriptedClickhouse.listen(() => undefined);
  const clock = new FakeClock();
  const client = clientOf(server.url, { clock });
  const reading = client.rows(query);
  const writing = client.command({ name: 'c', sql: 'X' });
  const outcomes = Promise.allSettled([reading, writing]);
  await until(() => server.seen.length === 2);
  clock.advance(clickhouseLimits(defaultConfig.query).writeDurationMsMax);
  expect(await outcomes).toMatchObject([
    { status: 'rejected', reason: { code: 'query_timeout' } },
    { status: 'rejected', reason: { code: 'store_unreachable' } },
  ]);
  await until(() => server.abandoned === 2);
  expect(clock.pendingTimers()).toBe(0);
});

test('a read whose caller gives up ends at once, also while it waits for its turn', async () => {
  const server = await ScriptedClickhouse.listen(() => undefined);
  const client = clientOf(server.url, { limits: { concurrencyMax: 1 } });
  const controller = new AbortController();
  const reads = Promise.allSettled([1, 2].map(() => client.rows({ ...query, signal: controller.signal })));
  await until(() => server.seen.length === 1);
  controller.abort();
  expect(await reads).toMatchObject([{ reason: { code: 'query_timeout' } }, { reason: { code: 'query_timeout' } }]);
  expect(server.seen).toHaveLength(1);
  await until(() => server.abandoned === 1);
});

test('reads beyond the limit wait in order, and beyond the waiting room are refused', async () => {
  const open: (() => void)[] = [];
  const server = await ScriptedClickhouse.listen((_, response) => open.push(() => response.end('{"n":1}\n')));
  const client = clientOf(server.url, { limits: { concurrencyMax: 1, tenantWaitingMax: 2 } });
  const reads = [0, 1, 2].map((index) => client.rows({ ...query, params: { a: String(index) } }));
  await expect(client.rows(query)).rejects.toMatchObject({ code: 'overloaded', retryable: true });
  for (const turn of [1, 2, 3]) {
    await until(() => server.seen.length === turn);
    open.shift()?.();
    await reads[turn - 1];
  }
  expect(server.seen.map((seen) => seen.url.searchParams.get('param_a'))).toEqual(['0', '1', '2']);
});

test('a server gets a segment as the body of one insert, byte for byte, with its token', async () => {
  const server = await ScriptedClickhouse.listen((_, response) => response.end());
  const client = clientOf(server.url);
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
  const dataPath = join(tempDir(), 's.native');
  writeFileSync(dataPath, bytes);
  const writer = createSegmentWriter({ store: client }, { database: 'tidemark', transport: 'body' });
  const segment = { id: 'seg-1', dataPath, bytes: bytes.length, rows: 1, columns: ['tenant', 'type'] };
  await writer.insert({ ...segment, firstReceivedMs: 0, lastReceivedMs: 0 });
  expect(server.seen).toHaveLength(1);
  const [seen] = server.seen;
  expect(seen?.body.equals(bytes)).toBe(true);
  expect(seen?.user).toBe('writer');
  const sql = seen?.url.searchParams.get('query') ?? '';
  expect(sql).toMatch(/^INSERT INTO tidemark\.agent_events_raw_v1 \(tenant, type\) SETTINGS .* FORMAT Native$/);
  expect(sql).toContain("insert_deduplication_token = 'seg-1'");
  expect(sql).toContain('async_insert = 0');
});

test('an insert whose file cannot be read fails as retryable and does not hang', async () => {
  const server = await ScriptedClickhouse.listen((_, response) => response.end());
  const client = clientOf(server.url);
  const missing = () => createReadStream(join(tempDir(), 'missing'));
  await expect(client.insertStream({ name: 'i', sql: 'INSERT' }, missing)).rejects.toMatchObject({
    code: 'store_unreachable',
  });
});

test('an insert that the first server cannot be reached for has its rows taken by the next', async () => {
  const absent = 'http://127.0.0.1:1';
  const server = await ScriptedClickhouse.listen((_, response) => response.end());
  const opened: Readable[] = [];
  const openBody = () => {
    const body = Readable.from([Buffer.from('some '), Buffer.from('rows')]);
    opened.push(body);
    return body;
  };
  for (const url of [`${absent},${server.url}`, `${server.url},${absent}`]) {
    await clientOf(url).insertStream({ name: 'i', sql: 'INSERT' }, openBody);
  }
  expect(server.seen.map(({ body }) => body.toString())).toEqual(['some rows', 'some rows']);
  expect(opened.every(({ destroyed }) => destroyed)).toBe(true);
  expect(opened.length).toBeGreaterThan(2);
});

test('an insert whose connection breaks is not sent to another server, and says what broke', async () => {
  const urls: string[] = [];
  const seen: string[] = [];
  for (const name of ['a', 'b']) {
    const broken = await ScriptedClickhouse.listen((_, response) => {
      seen.push(name);
      response.destroy();
    });
    urls.push(broken.url);
  }
  const insert = clientOf(urls.join(',')).insertStream({ name: 'i', sql: 'INSERT' }, () =>
    Readable.from([Buffer.alloc(100_000)]),
  );
  await expect(insert).rejects.toMatchObject({
    code: 'store_unreachable',
    message: expect.stringMatching(/hang up|RESET/),
  });
  expect(seen).toHaveLength(1);
});

test('an insert that the server refuses while the body is sent keeps its code', async () => {
  const server = await ScriptedClickhouse.listen((_, response) => exception(response, 252, 'TOO_MANY_PARTS'));
  const client = clientOf(server.url);
  const body = Readable.from([Buffer.alloc(100_000), Buffer.alloc(100_000)]);
  await expect(client.insertStream({ name: 'i', sql: 'INSERT' }, () => body)).rejects.toMatchObject({
    code: 'store_overloaded',
  });
  expect(body.destroyed).toBe(true);
});
