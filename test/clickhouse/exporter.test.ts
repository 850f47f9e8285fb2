import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  type ClickhouseClient,
  type ClickhouseLimits,
  type ClickhouseOptions,
  clickhouseLimits,
  createClickhouseClient,
} from '../../src/clickhouse/client.js';
import { systemClock } from '../../src/core/clock.js';
import { askChannel } from '../support/ask-engine.js';
import { defaultConfig } from '../support/default-config.js';
import { createTestEngine, type TestEngine } from '../support/embedded-engine.js';

function clientOf(access: Omit<ClickhouseOptions, 'limits'>, limits: Partial<ClickhouseLimits> = {}): ClickhouseClient {
  const client = createClickhouseClient(
    { clock: systemClock },
    { ...access, limits: { ...clickhouseLimits(defaultConfig.query), ...limits } },
  );
  onTestFinished(() => client.close());
  return client;
}

async function startEngine(limits: Partial<ClickhouseLimits> = {}) {
  const rig = createTestEngine();
  onTestFinished(() => rig.end());
  await rig.engine.start();
  return { rig, client: clientOf(rig.clientOptions(), limits) };
}

function numbers(count: number) {
  const sql = 'SELECT number AS n, toString(number) AS t FROM numbers({count:UInt64})';
  return { name: 'numbers', sql, params: { count }, format: 'csv' } as const;
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

async function leftovers(rig: TestEngine): Promise<readonly string[]> {
  const sql = "SELECT count() FROM system.processes WHERE query LIKE '%AS n%' AND query NOT LIKE '%processes%'";
  const running = (await askChannel(rig, sql)).text;
  return [...(running.trim() === '0' ? [] : ['a query']), ...readdirSync(join(rig.dataDir, 'results'))];
}

test('an export has all rows, beyond the limits of a read, in each format', async () => {
  const { client } = await startEngine({ readRowsMax: 10 });
  const expected = Array.from({ length: 3 }, (_, n) => ({ n, t: String(n) }));
  expect(await textOf(await client.export(numbers(3)))).toBe('"n","t"\n0,"0"\n1,"1"\n2,"2"\n');
  expect(JSON.parse(await textOf(await client.export({ ...numbers(3), format: 'json' })))).toEqual(expected);
  expect(JSON.parse(await textOf(await client.export({ ...numbers(0), format: 'json' })))).toEqual([]);
  const lines = (await textOf(await client.export({ ...numbers(3), format: 'ndjson' }))).trim().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toEqual(expected);
  const parquet = await textOf(await client.export({ ...numbers(3), format: 'parquet' }));
  expect([parquet.slice(0, 4), parquet.slice(-4)]).toEqual(['PAR1', 'PAR1']);
  const nothing = { ...numbers(1), sql: 'SELECT NULL AS a, 1 AS b, toFloat64(nan) AS c FROM numbers({count:UInt64})' };
  expect(await textOf(await client.export(nothing))).toBe('"a","b","c"\n,1,nan\n');
  expect(JSON.parse(await textOf(await client.export({ ...nothing, format: 'json' })))).toEqual([
    { a: null, b: 1, c: null },
  ]);
  expect((await textOf(await client.export(numbers(300_000)))).split('\n').length).toBe(300_002);
});

test('a statement that cannot run rejects before there is a body', async () => {
  const { client } = await startEngine();
  await expect(client.export({ ...numbers(1), sql: 'SELECT nope' })).rejects.toMatchObject({ code: 'internal' });
});

test('one export more than allowed is overloaded, and ending an iteration early gives the place back', async () => {
  const { rig, client } = await startEngine({ exportsMax: 1 });
  const body = await client.export(numbers(1e12));
  await expect(client.export(numbers(1))).rejects.toMatchObject({ code: 'overloaded' });
  for await (const _ of body) break;
  await expect.poll(() => leftovers(rig)).toEqual([]);
  expect(await textOf(await client.export(numbers(1)))).toBe('"n","t"\n0,"0"\n');
});

test('an export whose reader went away before it began to read gives its place back', async () => {
  const { rig, client } = await startEngine({ exportsMax: 1 });
  const gone = new AbortController();
  await client.export({ ...numbers(1e12), signal: gone.signal });
  gone.abort();
  await expect.poll(() => leftovers(rig)).toEqual([]);
  expect(await textOf(await client.export(numbers(1)))).toBe('"n","t"\n0,"0"\n');
});

test('an export that takes too long fails with query_timeout, however far it came', async () => {
  const { client } = await startEngine({ exportTimeoutMs: 1_000 });
  const reading = async () => {
    for await (const _ of await client.export(numbers(1e12)));
  };
  await expect(reading()).rejects.toMatchObject({ code: 'query_timeout' });
});

test('an engine that dies midway is an error of the iteration, not its end', async () => {
  const { rig, client } = await startEngine();
  const body = await client.export(numbers(1e12));
  process.kill(rig.engine.pid()!, 'SIGKILL');
  const reading = async () => {
    for await (const _ of body);
  };
  await expect(reading()).rejects.toMatchObject({ code: 'store_unavailable' });
});

test('a server that ends the answer of a failed statement as if it were whole is not believed', async () => {
  const tag = 'abcdefghijklmnop';
  const failed = `\r\n__exception__\r\n${tag}\r\nCode: 241. DB::Exception: too much\r\n34 ${tag}\r\n__exception__\r\n`;
  const server = createServer((_, response) => {
    response.setHeader('X-ClickHouse-Exception-Tag', tag);
    response.end(`"n","t"\n0,"0"\n${failed}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const account = { user: 'default', password: '' };
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = clientOf({ url, database: 'tidemark', writer: account, reader: account });
  const reading = async () => textOf(await client.export(numbers(1)));
  await expect(reading()).rejects.toMatchObject({ code: 'store_unavailable' });
});
