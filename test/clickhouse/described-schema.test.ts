import { afterAll, beforeAll, expect, test } from 'vitest';
import { contractViews } from '../../src/clickhouse/contract-views.js';
import { migrate } from '../../src/clickhouse/migrate.js';
import { readMigrationFiles } from '../../src/clickhouse/migration-file.js';
import { schemaObjects } from '../../src/clickhouse/schema-objects.js';
import { silentLogger } from '../../src/core/logger.js';
import { packageFile } from '../../src/core/package-root.js';
import { EngineStore } from '../support/engine-store.js';

const database = 'tidemark';
const files = readMigrationFiles(packageFile('clickhouse/migrations/'));
let store: EngineStore;

beforeAll(async () => {
  store = await EngineStore.start();
  await migrate({ store, logger: silentLogger }, { database });
});

afterAll(() => store.end());

interface StoredObject {
  readonly name: string;
  readonly engine: string;
  readonly create_table_query: string;
  readonly as_select: string;
}

function stored(): Promise<StoredObject[]> {
  return store.select(`SELECT name, engine, create_table_query, as_select FROM system.tables
    WHERE database = '${database}' AND name != 'schema_migrations' ORDER BY name`);
}

function literal(sql: string): string {
  return `'${sql.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** Statements as the engine spells them, without what only one side has: quoted names, the database, defaults. */
async function spelled(statements: readonly string[]): Promise<string[]> {
  const rows = await store.select<{ sql: string }>(`
    SELECT arrayJoin(arrayMap(x -> formatQuerySingleLine(x), [${statements.map(literal).join(', ')}])) AS sql`);
  return rows.map(({ sql }) =>
    sql
      .replaceAll('`', '')
      .replaceAll(`${database}.`, '')
      .replace(/^CREATE (TABLE|VIEW|MATERIALIZED VIEW) IF NOT EXISTS/, 'CREATE $1')
      .replace(/, index_granularity = 8192| SETTINGS index_granularity = 8192(?! *,)/, ''),
  );
}

test('a fresh store has one object a migration, by its name, and nothing else', async () => {
  const named = files.map(({ name }) => name.slice('0000_'.length, -'.sql'.length));
  expect((await stored()).map(({ name }) => name)).toEqual(named.toSorted());
  expect([...schemaObjects(files).keys()]).toEqual(named);
});

test('tables and public views are what their migrations say, to the last setting', async () => {
  const objects = (await stored()).filter(({ engine }) => engine !== 'MaterializedView');
  const described = schemaObjects(files);
  expect(objects.length).toBeGreaterThan(30);
  const there = await spelled(objects.map((object) => object.create_table_query));
  const told = await spelled(objects.map(({ name }) => described.get(name)?.statements.join(';') ?? ''));
  expect(there).toEqual(told);
});

test('materialized views run the query of their migration', async () => {
  const objects = (await stored()).filter(({ engine }) => engine === 'MaterializedView');
  const described = schemaObjects(files);
  const selects = objects.map(({ name }) => {
    const [, target, select] = / TO (\w+) AS\s(.*)$/s.exec(described.get(name)?.statements.join(';') ?? '') ?? [];
    expect(target).toBe(name.replace('_mv_', '_'));
    return select ?? '';
  });
  expect(objects.length).toBeGreaterThan(10);
  expect(await spelled(objects.map(({ as_select }) => as_select))).toEqual(await spelled(selects));
});

test('the public views are those of the contract', async () => {
  const views = (await stored()).filter(({ engine }) => engine === 'View');
  expect(views.map(({ name }) => name)).toEqual([...contractViews]);
});
