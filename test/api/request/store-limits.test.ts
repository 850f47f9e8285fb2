import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type ApiContext, readWithin } from '../../../src/api/request/api-context.js';
import {
  type ClickhouseClient,
  type ClickhouseLimits,
  clickhouseLimits,
  createClickhouseClient,
} from '../../../src/clickhouse/client.js';
import { type Clock, systemClock } from '../../../src/core/clock.js';
import type { HttpRequest } from '../../../src/core/ports/http-route.js';
import type { StoreReader } from '../../../src/core/ports/store-reader.js';
import { askChannel } from '../../support/ask-engine.js';
import { defaultConfig } from '../../support/default-config.js';
import { createTestEngine, type TestEngine } from '../../support/embedded-engine.js';
import { FakeClock } from '../../support/fake-clock.js';

/** The limits of reads on the real engine, which here runs two reads at a time. */
let rig: TestEngine;

beforeAll(async () => {
  rig = createTestEngine({ readConnections: 2 });
  await rig.engine.start();
});

afterAll(() => rig.end());

function readerOf(limits: Partial<ClickhouseLimits> = {}): ClickhouseClient {
  // None of these reads is to end by its own time.
  const reads = { ...defaultConfig.query, timeoutMs: 120_000 };
  const client = createClickhouseClient(
    { clock: systemClock },
    {
      ...rig.clientOptions(),
      limits: { ...clickhouseLimits(reads), concurrencyMax: 2, tenantConcurrencyMax: 1, ...limits },
    },
  );
  onTestFinished(() => client.close());
  return client;
}

/** Would run for hours; `mark` finds it among the engine's processes. */
const endless = (tenant: string, mark: string) => ({
  name: 'endless',
  sql: `SELECT count() AS n FROM numbers_mt(10000000000000) WHERE sipHash64(number, '${mark}') % 7 = 0`,
  params: { tenant },
});
const short = (tenant: string) => ({ name: 'short', sql: 'SELECT 1 AS n', params: { tenant } });

const engineReads = async () => (await rig.engine.health()).details.reads_running;

async function listed(store: StoreReader, mark: string): Promise<number> {
  // The query that asks is listed as well.
  const others = "position(query, {mark:String}) > 0 AND position(query, 'processes') = 0";
  const sql = `SELECT count() AS n FROM system.processes WHERE ${others}`;
  const [row] = await store.rows<{ readonly n: number }>({ name: 'listed', sql, params: { mark, tenant: 'watcher' } });
  return row!.n;
}

function requestOf(signal = new AbortController().signal): HttpRequest {
  return {
    method: 'GET',
    path: '/',
    params: {},
    query: new URLSearchParams(),
    headers: new Map(),
    body: new Uint8Array(),
    signal,
  };
}

function contextOf(store: StoreReader, queryMsMax: number, clock: Clock = systemClock): ApiContext {
  // readWithin takes nothing else of a context.
  return { store, clock, options: { timeoutMs: queryMsMax } } as ApiContext;
}

test('a query that outlasts its request is stopped in the engine, and its lane is free again', async () => {
  const store = readerOf();
  const clock = new FakeClock();
  const context = contextOf(store, 2_000, clock);
  const answers = ['a', 'b'].map((tenant) =>
    readWithin(context, requestOf(), (bound) => bound.rows(endless(tenant, 'outlasts'))),
  );
  const ended = Promise.allSettled(answers);
  await expect.poll(engineReads).toBe(2);
  clock.advance(2_000);
  const outlasted = { status: 'rejected', reason: { code: 'query_timeout' } };
  expect(await ended).toMatchObject([outlasted, outlasted]);
  await expect.poll(engineReads).toBe(0);
  expect(await store.rows(short('a'))).toEqual([{ n: 1 }]);
  expect(await listed(store, 'outlasts')).toBe(0);
});

test('a query whose client goes away is stopped in the engine', async () => {
  const store = readerOf();
  const gone = new AbortController();
  const answer = readWithin(contextOf(store, 60_000), requestOf(gone.signal), (bound) =>
    bound.rows(endless('a', 'left behind')),
  );
  await expect.poll(() => listed(store, 'left behind')).toBe(1);
  gone.abort();
  await expect(answer).rejects.toMatchObject({ code: 'query_timeout' });
  await expect.poll(() => listed(store, 'left behind')).toBe(0);
});

test('the engine stops a query by itself when its time is over', async () => {
  const body = endless('a', 'over time').sql;
  const { status, code } = await askChannel(rig, body, 'max_execution_time=0.3');
  expect([status, code]).toEqual([408, 159]);
});

test('endless reads of one tenant do not keep another one waiting', async () => {
  const store = readerOf();
  const gone = new AbortController();
  const greedy = Array.from({ length: 20 }, () => store.rows({ ...endless('greedy', 'greedy'), signal: gone.signal }));
  const ended = Promise.allSettled(greedy);
  for (let index = 0; index < 5; index++) expect(await store.rows(short('modest'))).toEqual([{ n: 1 }]);
  expect(await listed(store, 'greedy'), 'one runs, the others wait their turn').toBe(1);
  gone.abort();
  expect((await ended).map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 'rejected'));
});

test('the store is healthy while every place is taken by an endless read', async () => {
  const store = readerOf({ concurrencyMax: 1 });
  const gone = new AbortController();
  const ended = Promise.allSettled([store.rows({ ...endless('a', 'every place'), signal: gone.signal })]);
  await expect.poll(engineReads).toBe(1);
  expect(await store.health()).toMatchObject({ status: 'healthy', details: { reads: 1 } });
  gone.abort();
  await ended;
});

test('a query that needs more memory than one may have is too large, and the engine goes on', async () => {
  const pid = rig.engine.pid();
  const store = readerOf({ memoryBytesMax: 32 * 1_048_576 });
  const sql = 'SELECT length(groupArray(number)) AS n FROM numbers({count:UInt64})';
  const read = (count: number) => store.rows({ name: 'hoarder', sql, params: { tenant: 'a', count } });
  await expect(read(100_000_000)).rejects.toMatchObject({ code: 'query_too_large', retryable: false });
  await expect(read(100_000_000)).rejects.toThrow(/^cannot run hoarder: it needs more memory or rows than one/);
  expect(await read(1_000)).toEqual([{ n: 1_000 }]);
  expect(rig.engine.pid()).toBe(pid);
  expect(rig.restarts).toEqual([]);
});

test('a query that finds no memory left in the engine may be asked again', async () => {
  const pid = rig.engine.pid();
  const store = readerOf({ memoryBytesMax: 2 ** 40 });
  const sql = 'SELECT length(groupArray(number)) AS n FROM numbers({count:UInt64})';
  const reading = store.rows({ name: 'hoarder', sql, params: { tenant: 'a', count: 1_000_000_000_000 } });
  await expect(reading).rejects.toMatchObject({ code: 'store_unavailable', retryable: true });
  await expect(reading).rejects.toThrow(/\(total\) memory limit/);
  expect(await store.rows(short('a'))).toEqual([{ n: 1 }]);
  expect(rig.engine.pid()).toBe(pid);
});

test('a result with more rows than one may have is too large', async () => {
  const store = readerOf({ readRowsMax: 1_000 });
  const query = { name: 'long', sql: 'SELECT number FROM numbers(2000)', params: { tenant: 'a' } };
  await expect(store.rows(query)).rejects.toMatchObject({ code: 'query_too_large' });
});
