import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ClickhouseClient } from '../../../src/clickhouse/client.js';
import { migrate } from '../../../src/clickhouse/migrate.js';
import { connectToServer, type ServerConnection } from '../../../src/clickhouse/server/server-connection.js';
import { systemClock, systemRandom } from '../../../src/core/clock.js';
import { silentLogger } from '../../../src/core/logger.js';
import { defaultConfig } from '../../support/default-config.js';
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
