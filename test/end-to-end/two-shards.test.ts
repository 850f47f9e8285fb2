import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CollectorProcess } from '../support/collector-process.js';
import { compareAnswers } from '../support/compared-answers.js';
import { historyEndpoints } from '../support/history-endpoints.js';
import { PlannedHistory } from '../support/planned-history.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';
import { removeDirectory } from '../support/temp-dir.js';
import { TwoShards } from '../support/two-shards.js';

const seed = testSeed(20_261_127);
const key = 'tdm_test_key_of_the_two_shards';
const dayMs = 86_400_000;
const env = {
  TIDEMARK_API_KEYS: `${key}:first:admin`,
  TIDEMARK_QUERY_CACHE_MS: '0',
  TIDEMARK_HISTORY_LEASE_MS: '3600000',
  TIDEMARK_MAINTENANCE_SCHEDULE: 'off',
};

const root = mkdtempSync(join(tmpdir(), 'tidemark-two-shards-'));
let shards: TwoShards;
let alone: CollectorProcess;
let clustered: CollectorProcess;
let other: CollectorProcess;
let plan: PlannedHistory;

beforeAll(async () => {
  shards = await TwoShards.start();
  alone = new CollectorProcess({ dataDir: join(root, 'alone'), env });
  const server = {
    ...env,
    TIDEMARK_CLICKHOUSE_URL: `http://127.0.0.1:1,${shards.url}`,
    TIDEMARK_CLICKHOUSE_USER: 'tidemark',
    TIDEMARK_CLICKHOUSE_PASSWORD: shards.password,
    TIDEMARK_CLICKHOUSE_CLUSTER: shards.cluster,
    TIDEMARK_CLICKHOUSE_COMPRESSION: 'gzip',
  };
  clustered = new CollectorProcess({ dataDir: join(root, 'clustered'), env: server });
  other = new CollectorProcess({ dataDir: join(root, 'other'), env: server });
  await Promise.all([alone.start(), clustered.start(), other.start()]);
});
afterAll(async () => {
  await Promise.all([alone.kill(), clustered.kill(), other.kill()]);
  await shards.end();
  await removeDirectory(root);
});

test('every answer over two shards is that of one store', async () => {
  process.stdout.write(`two shards: seed ${seed}\n`);
  plan = new PlannedHistory(seededRandom(seed), { runs: 12, endMs: Date.now() - 60_000, spanMs: 5 * dayMs });
  await Promise.all([alone, clustered].map((collector) => send(collector, plan.events)));
  const counts = ['shard_1', 'shard_2'].map((database) =>
    shards.run(`SELECT count() FROM ${database}.agent_events_raw_v1`),
  );
  for (const count of await Promise.all(counts)) expect(Number(count)).toBeGreaterThan(plan.events.length / 10);
  const asked = historyEndpoints(plan);
  await compareAnswers({ name: 'first', key, seed }, { wanted: alone, found: clustered }, asked);
  // Parts of several servers do not tell what has changed: nothing is remembered, and nothing asked about them.
  expect(shards.asked.filter((sql) => sql.includes('min_block_number'))).toEqual([]);
});

test('a run and a person are erased from both shards, and what is left is what one store has left', async () => {
  const run = String(plan.events.find(({ type, run_id: id }) => type === 'task.failed' && id !== undefined)?.run_id);
  const user = String(plan.events.find(({ run_id: id, user_id: by }) => id !== run && by !== undefined)?.user_id);
  for (const text of [run, user]) expect(await tablesOfShards(text)).toContain('agent_events_raw_v1');
  for (const path of [`/api/v1/runs/${run}`, `/api/v1/users/${user}`]) {
    const reports = await Promise.all([alone, clustered].map((collector) => read(collector, path, 'DELETE')));
    const [wanted, found] = reports as ErasureAnswer[];
    expect(found, JSON.stringify(found)).toMatchObject({ status: 'completed', kind: wanted!.kind });
    expect(found!.rows.agent_events_raw_v1).toBe(wanted!.rows.agent_events_raw_v1);
    expect(found!.rows.agent_events_raw_v1).toBeGreaterThan(5);
  }
  for (const text of [run, user]) expect(await tablesOfShards(text)).toEqual([]);
  expect(await shards.run('SELECT count() FROM tidemark.erasure_targets_v1')).toBe('0');
  const asked = historyEndpoints(plan);
  await compareAnswers({ name: 'first', key, seed }, { wanted: alone, found: clustered }, asked);
});

interface ErasureAnswer {
  readonly kind: string;
  readonly rows: Readonly<Record<string, number>>;
}

/** Tables of either shard in which a value is the text. */
async function tablesOfShards(text: string): Promise<string[]> {
  const named = await shards.run(`
    SELECT database, table, groupArray(name) FROM system.columns
    WHERE (startsWith(database, 'shard_') OR database = 'tidemark' AND table LIKE 'eras%') AND type NOT LIKE 'Agg%'
      AND table IN (SELECT name FROM system.tables WHERE engine LIKE '%MergeTree')
    GROUP BY ALL ORDER BY ALL FORMAT JSONCompactEachRow`);
  // One statement for all: one after another they take as long as the rest of the test.
  const each = named.split('\n').map((line) => {
    const [database, table, columns] = JSON.parse(line) as [string, string, string[]];
    const values = columns.map((name) => `toString(${name})`).join(', ');
    return `SELECT '${table}' AS name FROM ${database}.${table} WHERE has([${values}], '${text}') LIMIT 1`;
  });
  const found = await shards.run(`SELECT name FROM (${each.join(' UNION ALL ')}) GROUP BY name ORDER BY name`);
  return found.split('\n').filter((name) => name !== '');
}

test('what is sent again to another collector is one task, and counted once when its day is finalized', async () => {
  const day = Math.floor(Date.now() / dayMs) * dayMs - dayMs;
  const events = Array.from({ length: 100 }, (_, at) => ({
    ...{ type: 'task.completed', event_id: `moved-${at}`, agent_id: 'mover', task_id: `moved-${at}` },
    ...{ ts: day + at * 60_000, duration_ms: at + 1, tokens_in: 1 },
  }));
  const before = await Promise.all([clustered, other].map(inserted));
  for (const collector of [clustered, other, clustered]) await post(collector, events);
  await expect.poll(async () => (await inserted(clustered)) - before[0]!, { timeout: 60_000 }).toBe(100);
  await expect.poll(async () => (await inserted(other)) - before[1]!, { timeout: 60_000 }).toBe(100);

  const date = new Date(day).toISOString().slice(0, 10);
  const path = `/api/v1/agents/mover/metrics?from=${date}&to=${date}&metric_type=aggregated`;
  expect(await read(other, path)).toMatchObject({ total_executions: 200 });
  expect(await read(other, '/api/v1/monitoring/tasks?agent_id=mover')).toMatchObject({ total: 100 });
  const report = await read(other, `/api/v1/maintenance/days/${date}`, 'POST');
  expect(report).toMatchObject({ agents_repaired: 1 });
  for (const collector of [clustered, other]) {
    expect(await read(collector, path)).toMatchObject({
      total_executions: 100,
      execution_times: { min_ms: 1, max_ms: 100, p50_ms: 50, p99_ms: 99 },
      tokens: { in: 100 },
    });
  }
});

async function read({ url }: CollectorProcess, path: string, method = 'GET'): Promise<unknown> {
  const response = await fetch(url + path, { method, headers: { authorization: `Bearer ${key}` } });
  return await response.json();
}

async function post({ url }: CollectorProcess, events: readonly object[]): Promise<unknown> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const response = await fetch(`${url}/v1/events`, { method: 'POST', headers, body: JSON.stringify({ events }) });
  return await response.json();
}

async function inserted(collector: CollectorProcess): Promise<number> {
  return (await ledgerOf(collector)).inserted;
}

interface Ledger {
  readonly inserted: number;
  readonly spooled: number;
}

/** As it is now: a page of metrics is kept for a second. */
async function ledgerOf(collector: CollectorProcess): Promise<Ledger> {
  return ((await read(collector, '/health/deep')) as { readonly ledger: Ledger }).ledger;
}

/** In parts, the next when the store has the last. */
async function send(collector: CollectorProcess, events: readonly object[]): Promise<void> {
  const size = Math.ceil(events.length / 12);
  for (let at = 0; at < events.length; at += size) {
    expect(await post(collector, events.slice(at, at + size))).toMatchObject({ rejected: 0, duplicates: 0 });
    // Each part is a segment of its own.
    await expect.poll(() => stored(collector), { timeout: 60_000 }).toBe(Math.min(at + size, events.length));
  }
}

async function stored(collector: CollectorProcess): Promise<number> {
  const { inserted: all, spooled } = await ledgerOf(collector);
  return spooled === 0 ? all : -1;
}
