import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ClickhouseClient } from '../../../src/clickhouse/client.js';
import { ClusterSegmentWriter } from '../../../src/clickhouse/cluster/cluster-segment-writer.js';
import { migrate } from '../../../src/clickhouse/migrate.js';
import { connectToServer, type ServerConnection } from '../../../src/clickhouse/server/server-connection.js';
import { systemClock, systemRandom } from '../../../src/core/clock.js';
import { silentLogger } from '../../../src/core/logger.js';
import type { InsertNote } from '../../../src/core/ports/insert-notes.js';
import type { SpoolSegment } from '../../../src/core/ports/spool-reader.js';
import { defaultConfig } from '../../support/default-config.js';
import { tempDir } from '../../support/temp-dir.js';
import { TwoShards } from '../../support/two-shards.js';

let shards: TwoShards;
let server: ServerConnection;
let client: ClickhouseClient;

beforeAll(async () => {
  shards = await TwoShards.start();
  server = connectToServer(
    { clock: systemClock, random: systemRandom },
    {
      ...defaultConfig.clickhouse,
      url: shards.url,
      user: 'tidemark',
      password: shards.password,
      cluster: shards.cluster,
      reads: defaultConfig.query,
    },
  );
  client = server.client;
  const target = await server.target();
  await migrate({ store: client, logger: silentLogger }, { database: 'tidemark', target });
});
afterAll(async () => {
  await client.close();
  await shards.end();
});

test('a new cluster gets the whole schema, and one that has it gets nothing more', async () => {
  const target = await server.target();
  const again = await migrate({ store: client, logger: silentLogger }, { database: 'tidemark', target });
  expect(again.steps).toEqual([]);
  const asked = shards.asked.length;
  await migrate({ store: client, logger: silentLogger }, { database: 'tidemark', target });
  expect(shards.asked.slice(asked).filter((sql) => sql.includes('CREATE'))).toEqual([]);
});

const segmentRows = 10;

/** Ten tasks of today that took `first`, `first` + 1, … ms. */
async function segmentOf(directory: string, first: number): Promise<SpoolSegment> {
  const id = `01a21be9${String(first).padStart(4, '0')}-000000-7b12b7328d8e03a8`;
  const columns = ['tenant', 'received', 'type', 'agent_id', 'task_id', 'ts', 'duration_ms', 'attempt'];
  const rows = await shards.bytes(`
    SELECT 'acme' AS tenant, now64(3, 'UTC') AS received, 'task.completed' AS type, 'writer' AS agent_id,
      toString(${first} + number) AS task_id, toStartOfDay(now64(3, 'UTC')) AS ts,
      toFloat64(${first} + number) AS duration_ms, toUInt16(1) AS attempt
    FROM numbers(${segmentRows}) FORMAT Native`);
  const dataPath = join(directory, `${id}.data`);
  writeFileSync(dataPath, rows);
  const bytes = rows.length;
  return { id, dataPath, bytes, rows: segmentRows, columns, firstReceivedMs: 1, lastReceivedMs: 1 };
}

test('segments sent twice are there once, in the shard of their id, and percentiles are exact over both', async () => {
  const directory = tempDir();
  let note: InsertNote | null = null;
  const notes = {
    read: async () => note,
    write: async (written: InsertNote) => {
      note = written;
    },
  };
  const writer = new ClusterSegmentWriter(
    { store: client, topology: server.topology!, notes },
    { database: 'tidemark', quorum: null },
  );
  const segments = await Promise.all(Array.from({ length: 15 }, (_, at) => segmentOf(directory, 1 + at * segmentRows)));
  for (const segment of [...segments, ...segments]) await writer.insert(segment);

  const sums = ['shard_1', 'shard_2'].map(async (database) => {
    const tables = ['count() FROM shard.agent_events_raw_v1', 'sum(total) FROM shard.agent_performance_per_day_v1'];
    return await Promise.all(tables.map((table) => shards.run(`SELECT ${table.replace('shard.', `${database}.`)}`)));
  });
  const [one, two] = await Promise.all(sums);
  for (const [raw, rollup] of [one!, two!]) {
    expect(Number(raw)).toBeGreaterThan(0);
    expect(rollup).toBe(raw);
  }
  expect(Number(one![0]) + Number(two![0])).toBe(150);
  const sql =
    'SELECT total, p50_duration_ms, p95_duration_ms, p99_duration_ms, max_duration_ms FROM agent_performance_daily';
  expect(await client.rows({ name: 'day', sql, params: {} })).toEqual([
    { total: 150, p50_duration_ms: 75, p95_duration_ms: 143, p99_duration_ms: 149, max_duration_ms: 150 },
  ]);
  const tasks = await client.rows({
    name: 'tasks',
    sql: 'SELECT count() AS count FROM agent_task_history',
    params: {},
  });
  expect(tasks).toEqual([{ count: 150 }]);
});

test('an insert that names no shard is refused, and what goes by itself goes to one', async () => {
  await client.command({
    name: 'row of the upkeep',
    sql: "INSERT INTO agent_memory_per_day_v1 (tenant, agent_id, day, stored) SELECT 'acme', 'writer', today(), 1",
  });
  expect(
    await client.rows({ name: 'sum', sql: 'SELECT sum(stored) AS n FROM agent_memory_per_day_v1', params: {} }),
  ).toEqual([{ n: 1 }]);
  const bare = 'INSERT INTO tidemark.agent_memory_per_day_v1 (tenant) SELECT 1';
  await expect(shards.run(bare)).rejects.toThrow(/more than one shard and no sharding key/);
});
