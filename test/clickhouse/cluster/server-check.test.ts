import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkServer, versionMin } from '../../../src/clickhouse/server/server-check.js';
import type { ServerConnection } from '../../../src/clickhouse/server/server-connection.js';
import type { ServerFinding } from '../../../src/clickhouse/server/server-finding.js';
import { ServerSettings } from '../../../src/clickhouse/server/server-settings.js';
import { silentLogger } from '../../../src/core/logger.js';
import type { StoreReader } from '../../../src/core/ports/store-reader.js';
import { EngineStore } from '../../support/engine-store.js';

const alone = { database: 'tidemark', cluster: null, shards: null };
const shard = { number: 1, weight: 1, isReplicatedInside: true, replicas: 2 };

let store: EngineStore;
let reader: StoreReader;
beforeAll(async () => {
  store = await EngineStore.withSchema();
  reader = { rows: (query) => store.writerRows(query) };
});
afterAll(() => store.end());

/** This engine ends statements of its collector itself, and lets nobody see quotas. */
function isOfServer({ what }: ServerFinding): boolean {
  return !what.includes(' end after 60 s') && !what.includes('SHOW QUOTAS ON *.*: ');
}

/** The engine's own answers but for some queries, by name. */
function answering(answers: Readonly<Record<string, readonly object[]>>): StoreReader {
  return {
    rows: async <Row>(query: Parameters<StoreReader['rows']>[0]) =>
      (answers[query.name] as Row[] | undefined) ?? (await reader.rows<Row>(query)),
  };
}

const identity = { version: '26.7.2.1', timezone: 'UTC', user: 'writer' };
const setting = { value: '0', readonly: 0, max: null };

describe('the check of a server', () => {
  test('finds nothing wrong with the schema as it is made', async () => {
    const findings = await checkServer(reader, alone);
    expect(findings.filter(({ isFault }) => isFault)).toEqual([]);
    expect(findings.filter(isOfServer).map(({ what }) => what)).toEqual([
      expect.stringMatching(/^cannot look at Quotas: .*SHOW QUOTAS/),
    ]);
  });

  test('names a table that forgets tokens, with a statement that mends it', async () => {
    await store.run('ALTER TABLE agent_runs_v1 MODIFY SETTING non_replicated_deduplication_window = 5');
    const [finding] = (await checkServer(reader, alone)).filter(({ isFault }) => isFault);
    expect(finding?.what).toMatch(/^agent_runs_v1 forgets the tokens/);
    await store.run(finding!.mend);
    expect((await checkServer(reader, alone)).filter(({ isFault }) => isFault)).toEqual([]);
  });

  const cases: readonly (readonly [string, Readonly<Record<string, readonly object[]>>, RegExp, RegExp])[] = [
    ['an old version', { server_identity: [{ ...identity, version: '24.3.1.1' }] }, /24\.3\.1\.1 is older/, /^update/],
    [
      'a user who may not write',
      { settings_of_the_user: [{ ...setting, name: 'readonly', value: '1' }] },
      /may not write \(readonly = 1\)/,
      /^ALTER USER default SETTINGS readonly = 0$/,
    ],
    [
      'statements that are ended early',
      { settings_of_the_user: [{ ...setting, name: 'max_execution_time', value: '30' }] },
      /end after 30 s/,
      /SETTINGS max_execution_time = 120$/,
    ],
    [
      'a quota',
      { quotas_of_the_user: [{ quota_name: 'small', seconds: 3600, limits: 'queries 100' }] },
      /quota small limits the user within 3600 s: queries 100/,
      /^ALTER QUOTA small FOR INTERVAL 3600 SECOND NO LIMITS$/,
    ],
  ];
  test.each(cases)('names %s', async (_, answers, what, mend) => {
    const findings = await checkServer(answering({ quotas_of_the_user: [], ...answers }), alone);
    const found = findings.find((finding) => what.test(finding.what));
    expect(found?.mend).toMatch(mend);
  });

  test('takes a newer version that nobody knew', async () => {
    const answers = { server_identity: [{ ...identity, version: '31.1.1.1' }], quotas_of_the_user: [] };
    expect((await checkServer(answering(answers), alone)).filter(isOfServer)).toEqual([]);
    expect(versionMin.text).toBe(`${versionMin.major}.${versionMin.minor}`);
  });

  test('names what a cluster lacks: macros, and replication inside of its shards', async () => {
    const shards = [shard, { ...shard, number: 2, isReplicatedInside: false }];
    const found = await checkServer(reader, { ...alone, cluster: 'fleet', shards });
    expect(found.map(({ what }) => what).join('\n')).toMatch(
      /no macro \{shard\}.*no macro \{replica\}.*shards 2 of fleet/s,
    );
  });

  test('has statements that the engine understands', async () => {
    const low = answering({
      settings_of_the_user: [{ ...setting, name: 'readonly', value: '1' }],
    });
    const findings = await checkServer(low, { ...alone, cluster: null });
    const statements = findings.map(({ mend }) => mend).filter((mend) => /^ALTER/.test(mend));
    expect(statements.length).toBeGreaterThan(0);
    for (const sql of statements) await expect(store.run(`EXPLAIN AST ${sql}`)).resolves.toBeUndefined();
  });
});

describe('the settings of a server', () => {
  test('are told by health, and degrade it where rows are in danger', async () => {
    const warned: object[] = [];
    const logger = { ...silentLogger, warn: (context: object) => void warned.push(context) };
    const client = {
      ...store.client,
      writerRows: answering({ settings_of_the_user: [{ ...setting, name: 'readonly', value: '1' }] }).rows,
    };
    const settings = new ServerSettings({ ...alone, client, topology: null, servers: async () => [] } as never, logger);
    expect(settings.health()).toMatchObject({ status: 'healthy', details: { findings: 0 } });
    await settings.look();
    const { status, reason, details } = settings.health();
    expect(status).toBe('degraded');
    expect(details).toMatchObject({
      version: expect.any(String),
      timezone: expect.any(String),
      finding_1: expect.any(String),
    });
    expect(warned.length).toBe(details.findings);
    expect(reason).toMatch(/may not write.*; mend it with ALTER USER default/);
  });

  test('of addresses that are servers of their own end the start', async () => {
    const servers = async () => ['a', 'b'].map((name) => ({ url: `http://${name}`, uuid: name, engine: 'MergeTree' }));
    const server = { ...alone, client: store.client, topology: null, servers } as unknown as ServerConnection;
    await expect(new ServerSettings(server, silentLogger).look()).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('http://a, http://b: each is a server of its own'),
    });
  });
});

test('the server is asked for each grant, and a missing one is told with a statement it parses', async () => {
  const asked: string[] = [];
  const denying: StoreReader = {
    rows: async <Row>(query: Parameters<StoreReader['rows']>[0]) => {
      const rows = await reader.rows<Row>(query);
      if (!query.sql.startsWith('CHECK GRANT')) return rows;
      asked.push(query.sql);
      expect(rows).toEqual([{ result: query.sql.includes('QUOTAS') ? 0 : 1 }]);
      return [{ result: 0 }] as Row[];
    },
  };
  const findings = await checkServer(denying, { ...alone, cluster: 'fleet', shards: [shard] });
  const missing = findings.filter(({ what }) => what.includes(' may not ') && what.includes(' ON '));
  expect(missing).toHaveLength(asked.length);
  expect(missing.map(({ what }) => what)).toContain(
    'user default may not ALTER TABLE ON `tidemark_local`.*: migrations, retention, repairs and erasures',
  );
  expect(missing.map(({ mend }) => mend)).toContain('GRANT SYSTEM SYNC REPLICA ON *.* TO `default`');
  for (const { mend } of missing) expect(await store.select(`EXPLAIN AST ${mend}`)).not.toEqual([]);
});
