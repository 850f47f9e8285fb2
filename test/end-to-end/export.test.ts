import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dailyRowsSql, type RowSums, storedSumsSql } from '../../bench/daily-rows.js';
import { readExport } from '../../bench/export-file.js';
import { exportFormats } from '../../src/core/ports/store-exporter.js';
import { CollectorProcess, testKey } from '../support/collector-process.js';

/** Enough that an answer passes every buffer on its way many times. */
const agents = 500;
const days = 100;
/** What the test calls today also when that is over before it ends. */
const nowMs = Date.now();
const otherKey = 'tdm_test_key_of_another_tenant';
const directory = mkdtempSync(join(tmpdir(), 'tidemark-test-'));
const collector = new CollectorProcess({
  dataDir: join(directory, 'data'),
  env: {
    TIDEMARK_API_KEYS: `${testKey}:default:admin,${otherKey}:other:read`,
    TIDEMARK_MAINTENANCE_SCHEDULE: 'off',
    // Longer than a client that takes its answer stands still on a machine that does much else.
    TIDEMARK_HTTP_REPLY_IDLE_TIMEOUT_MS: '8000',
  },
});

beforeAll(async () => {
  await collector.start();
  // Until the schema is there, reads are answered as those of a store that is away.
  while ((await collector.get<{ readonly status: string }>('/health')).status !== 'healthy') {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  // Two inserts share each partition, so that parts have to be merged on the way.
  for (const firstAgent of [0, agents / 2]) {
    await collector.write(dailyRowsSql({ agents, days, lastDay: dayBefore(0) }, { firstAgent, agents: agents / 2 }));
  }
});

afterAll(async () => {
  await collector.stop();
  rmSync(directory, { recursive: true, force: true });
});

function exportOf(target: string, key = testKey): Promise<Response> {
  return fetch(`${collector.url}/api/v1/metrics/export${target}`, { headers: { authorization: `Bearer ${key}` } });
}

function dayBefore(count: number, ms = nowMs): string {
  return new Date(ms - count * 86_400_000).toISOString().slice(0, 10);
}

interface Health {
  readonly dependencies: readonly { readonly name: string; readonly details: Readonly<Record<string, unknown>> }[];
}

async function exportsUnderWay(): Promise<unknown> {
  const { dependencies } = await collector.get<Health>('/health/deep');
  return dependencies.find(({ name }) => name === 'clickhouse')?.details.exports;
}

test.each(exportFormats)('the rows of a long range read back from %s are those of the store', async (format) => {
  const [stored] = await collector.query<RowSums>(storedSumsSql);
  const path = join(directory, `days.${format}`);
  const askedMs = Date.now();
  const response = await exportOf(`?format=${format}&from=${dayBefore(days)}`);
  await pipeline(Readable.fromWeb(response.body!), createWriteStream(path));
  expect(await readExport(path, format)).toEqual(stored);
  expect(stored?.rows).toBe(agents * days);
  const names = [askedMs, Date.now()].map((ms) => `tidemark-daily-${dayBefore(days)}-${dayBefore(0, ms)}.${format}`);
  expect(names.map((name) => `attachment; filename="${name}"`)).toContain(response.headers.get('content-disposition'));
});

test('a range and an agent are kept to, names are quoted, and another tenant has no rows', async () => {
  const range = `from=${dayBefore(2)}&to=${dayBefore(1)}`;
  const one = (await (await exportOf(`?format=json&agent_id=agent-000007&${range}`)).json()) as Record<
    string,
    unknown
  >[];
  expect(one.map(({ agent_id, day }) => [agent_id, day])).toEqual([
    ['agent-000007', dayBefore(2)],
    ['agent-000007', dayBefore(1)],
  ]);
  expect(Object.keys(one[0]!)).not.toContain('tenant');
  expect(one[0]!.agent_name).toBe('Agent, "the" first');
  const csv = await (await exportOf(`?agent_id=agent-000007&${range}`)).text();
  expect(csv.split('\n')[1]).toContain('"Agent, ""the"" first",12,');
  const other = await exportOf('?format=ndjson', otherKey);
  expect([other.status, await other.text()]).toEqual([200, '']);
});

test('an empty range is an empty file of its format', async () => {
  const range = 'from=2020-01-01&to=2020-01-31';
  const csv = await exportOf(`?${range}`);
  expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
  expect(await csv.text()).toMatch(/^"agent_id","day",[^\n]*"updated_at"\n$/);
  expect(await (await exportOf(`?format=json&${range}`)).json()).toEqual([]);
  expect(await (await exportOf(`?format=ndjson&${range}`)).text()).toBe('');
  const parquet = Buffer.from(await (await exportOf(`?format=parquet&${range}`)).arrayBuffer());
  expect([parquet.toString('latin1', 0, 4), parquet.toString('latin1', parquet.length - 4)]).toEqual(['PAR1', 'PAR1']);
});

test('bad parameters are named, an unknown agent is not found', async () => {
  const bad = await exportOf('?format=xlsx&from=2026-02-30&to=2026-1-1&agents=x');
  const { code, errors } = (await bad.json()) as {
    readonly code: string;
    readonly errors: { readonly path: string }[];
  };
  expect([bad.status, code, errors.map(({ path }) => path).sort()]).toEqual([
    400,
    'parameter_invalid',
    ['agents', 'format', 'from', 'to'],
  ]);
  const reversed = await exportOf(`?from=${dayBefore(1)}&to=${dayBefore(2)}`);
  expect([reversed.status, await reversed.json()]).toMatchObject([400, { errors: [{ path: 'from' }] }]);
  expect((await exportOf('?agent_id=nobody')).status).toBe(404);
  expect((await exportOf('?agent_id=agent-000007', otherKey)).status).toBe(404);
});

test('a client that goes away or takes nothing is counted, and its place is free again', async () => {
  const target = `/api/v1/metrics/export?format=json&from=${dayBefore(days)}`;
  const gone = await exportOf(target.slice(target.indexOf('?')));
  await gone.body!.cancel();
  const stalled = connect(Number(new URL(collector.url).port), '127.0.0.1');
  stalled.on('error', () => undefined).pause();
  stalled.write(`GET ${target} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${testKey}\r\n\r\n`);
  const failed = (reason: string) => async () =>
    (await collector.metrics()).get(`tidemark_exports_failed_total{reason="${reason}"}`);
  await expect.poll(failed('client_gone')).toBe(1);
  await expect.poll(failed('client_stalled')).toBe(1);
  stalled.destroy();
  await expect.poll(exportsUnderWay).toBe(0);
});

test('an engine that is killed midway cuts the answer', async () => {
  const response = await exportOf(`?format=json&from=${dayBefore(days)}`);
  process.kill(collector.enginePid()!, 'SIGKILL');
  await expect(response.arrayBuffer()).rejects.toThrow('terminated');
  await collector.query('SELECT 1 AS up');
  expect((await exportOf('?agent_id=agent-000007')).status).toBe(200);
});
