import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CollectorProcess } from '../support/collector-process.js';
import { compareAnswers } from '../support/compared-answers.js';
import { historyEndpoints } from '../support/history-endpoints.js';
import { PlannedHistory } from '../support/planned-history.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';
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

beforeAll(async () => {
  shards = await TwoShards.start();
  alone = new CollectorProcess({ dataDir: join(root, 'alone'), env });
  clustered = new CollectorProcess({
    dataDir: join(root, 'clustered'),
    env: {
      ...env,
      TIDEMARK_CLICKHOUSE_URL: shards.url,
      TIDEMARK_CLICKHOUSE_USER: 'tidemark',
      TIDEMARK_CLICKHOUSE_PASSWORD: shards.password,
      TIDEMARK_CLICKHOUSE_CLUSTER: shards.cluster,
    },
  });
  await Promise.all([alone.start(), clustered.start()]);
});
afterAll(async () => {
  await Promise.all([alone.kill(), clustered.kill()]);
  await shards.end();
  rmSync(root, { recursive: true, force: true });
});

test('every answer over two shards is that of one store', async () => {
  process.stdout.write(`two shards: seed ${seed}\n`);
  const plan = new PlannedHistory(seededRandom(seed), { runs: 12, endMs: Date.now() - 60_000, spanMs: 5 * dayMs });
  for (const collector of [alone, clustered]) await send(collector, plan.events);
  const counts = ['shard_1', 'shard_2'].map((database) =>
    shards.run(`SELECT count() FROM ${database}.agent_events_raw_v1`),
  );
  for (const count of await Promise.all(counts)) expect(Number(count)).toBeGreaterThan(plan.events.length / 10);
  const asked = historyEndpoints(plan);
  await compareAnswers({ name: 'first', key, seed }, { wanted: alone, found: clustered }, asked);
});

/** In parts, the next when the store has the last. */
async function send(collector: CollectorProcess, events: readonly object[]): Promise<void> {
  const size = Math.ceil(events.length / 12);
  for (let at = 0; at < events.length; at += size) {
    const body = JSON.stringify({ events: events.slice(at, at + size) });
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const response = await fetch(`${collector.url}/v1/events`, { method: 'POST', headers, body });
    expect(await response.json()).toMatchObject({ rejected: 0, duplicates: 0 });
    // Each part is a segment of its own.
    await expect.poll(() => stored(collector), { timeout: 60_000 }).toBe(Math.min(at + size, events.length));
  }
}

async function stored(collector: CollectorProcess): Promise<number> {
  const metrics = await collector.metrics();
  return metrics.get('tidemark_spool_events') === 0 ? (metrics.get('tidemark_events_inserted_total') ?? 0) : -1;
}
