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

/** What makes a table, with the settings and codecs that later migrations gave it. */
function withLaterChanges([creation = '', ...changes]: readonly string[]): string {
  return changes.reduce((statement, change) => {
    const [, list] = /^ALTER TABLE \w+\s+MODIFY SETTING\s(.*)$/s.exec(change) ?? [];
    if (list !== undefined) return list.split(',').reduce(withSetting, statement);
    const codecs = [...change.matchAll(/MODIFY COLUMN (\w+) (CODEC\(\w+\))/g)];
    expect(codecs, change).not.toEqual([]);
    return codecs.reduce((made, [, column = '', codec = '']) => withCodec(made, column, codec), statement);
  }, creation);
}

/** The engine tells it behind the comment. */
function withCodec(statement: string, column: string, codec: string): string {
  const told = statement.replace(new RegExp(`\\n\\s*${column} [^']+COMMENT '[^']+'`), `$& ${codec}`);
  expect(told, column).not.toBe(statement);
  return told;
}

/** The engine appends those that the table did not have. */
function withSetting(statement: string, assignment: string): string {
  const [name, value] = assignment.split('=').map((part) => part.trim());
  const given = new RegExp(`\\b${name} = \\w+`);
  if (given.test(statement)) return statement.replace(given, `${name} = ${value}`);
  return statement.replace(/\nCOMMENT (?!.*\nCOMMENT )/s, `,\n    ${name} = ${value}$&`);
}

test('a fresh store has one object a migration that creates, by its name, and nothing else', async () => {
  const creating = files.filter(({ up }) => up.every((statement) => statement.startsWith('CREATE')));
  const named = creating.map(({ name }) => name.slice('0000_'.length, -'.sql'.length));
  expect((await stored()).map(({ name }) => name)).toEqual(named.toSorted());
  expect([...schemaObjects(files).keys()]).toEqual(named);
});

test('tables and public views are what their migrations say, to the last setting', async () => {
  const objects = (await stored()).filter(({ engine }) => engine !== 'MaterializedView');
  const described = schemaObjects(files);
  expect(objects.length).toBeGreaterThan(30);
  const there = await spelled(objects.map((object) => object.create_table_query));
  const told = await spelled(objects.map(({ name }) => withLaterChanges(described.get(name)?.statements ?? [])));
  expect(there).toEqual(told);
});

test('materialized views run the query of their migration', async () => {
  const objects = (await stored()).filter(({ engine }) => engine === 'MaterializedView');
  const described = schemaObjects(files);
  const selects = objects.map(({ name }) => {
    const [creation = '', ...changes] = described.get(name)?.statements ?? [];
    const [, target, select] = / TO (\w+) AS\s(.*)$/s.exec(creation) ?? [];
    expect(target).toBe(name.replace('_mv_', '_'));
    return changes.reduce((_, change) => change.replace(/^ALTER TABLE \w+ MODIFY QUERY\s/, ''), select ?? '');
  });
  expect(objects.length).toBeGreaterThan(10);
  expect(await spelled(objects.map(({ as_select }) => as_select))).toEqual(await spelled(selects));
});

test('the public views are those of the contract', async () => {
  const views = (await stored()).filter(({ engine }) => engine === 'View');
  expect(views.map(({ name }) => name)).toEqual([...contractViews]);
});
