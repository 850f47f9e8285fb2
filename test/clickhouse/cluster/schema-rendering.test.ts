import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { localDatabaseOf, type SchemaTarget } from '../../../src/clickhouse/cluster/schema-target.js';
import { wholeSchema } from '../../../src/clickhouse/migrate.js';
import { readMigrationFiles } from '../../../src/clickhouse/migration-file.js';
import { packageFile } from '../../../src/core/package-root.js';
import { EngineStore } from '../../support/engine-store.js';

const cluster = { kind: 'cluster', cluster: 'fleet', database: 'tidemark' } as const;
const targets: readonly SchemaTarget[] = [{ kind: 'embedded' }, { kind: 'server' }, { kind: 'cloud' }, cluster];

let store: EngineStore;
beforeAll(async () => {
  store = await EngineStore.start();
});
afterAll(() => store.end());

/** Both ways of every migration, with what comes before them. */
function statementsOf(target: SchemaTarget): string[] {
  const { first, steps } = wholeSchema(target, 'tidemark');
  return [...first, ...steps.flatMap(({ up, down }) => [...up, ...down])];
}

describe('the schema', () => {
  test('is judged by an engine that refuses what it does not understand', async () => {
    await expect(store.run("EXPLAIN AST CREATE TABLE a ON CLUSTER (b Int8) ENGINE = Distributed('c')")).rejects.toThrow(
      /Syntax error/,
    );
  });

  test.each(targets)('for $kind is understood by the engine, statement by statement', async (target) => {
    for (const statement of statementsOf(target)) {
      // This engine has no SharedMergeTree, and asks for the engine of a table when it reads its settings.
      const sql = target.kind === 'cloud' ? statement.replace('ENGINE = Shared', 'ENGINE = ') : statement;
      await expect(store.run(`EXPLAIN AST ${sql}`), sql).resolves.toBeUndefined();
    }
  });

  test('for embedded is the files as they are written', () => {
    const written = readMigrationFiles(packageFile('clickhouse/migrations/'));
    expect(wholeSchema({ kind: 'embedded' }, 'tidemark').steps).toEqual(written);
  });

  test.each(targets.slice(1))('for $kind changes only when its rendering is looked at', async (target) => {
    const shown = statementsOf(target).map(shortened).join(';\n\n');
    await expect(`${shown};\n`).toMatchFileSnapshot(`renderings/${target.kind}.sql`);
  });

  test.each(targets)('for $kind has the checksums of the files', (target) => {
    const checksums = ({ steps }: ReturnType<typeof wholeSchema>) => steps.map(({ checksum }) => checksum);
    expect(checksums(wholeSchema(target, 'x'))).toEqual(checksums(wholeSchema({ kind: 'embedded' }, 'x')));
  });
});

test('a cluster has no table that is not replicated, and every statement names its database and the cluster', () => {
  for (const statement of statementsOf(cluster)) {
    // Rows go to all shards by a distributed table, and the engine has no ON CLUSTER for them.
    expect(statement).toMatch(/ ON CLUSTER 'fleet'|^INSERT INTO tidemark\.\w+ /);
    if (!/^CREATE TABLE/.test(statement)) continue;
    expect(statement).toMatch(/ENGINE = (Replicated\w*MergeTree\('\/clickhouse\/tables\/|Distributed\('fleet', )/);
    expect(statement).not.toContain('non_replicated');
  }
});

test('what inserts reach is local to a shard, with a distributed table of its name; a ledger is everywhere', () => {
  const creations = statementsOf(cluster).filter((statement) => statement.startsWith('CREATE TABLE'));
  const local = creations.filter((statement) => statement.includes(`EXISTS ${localDatabaseOf(cluster)}.`));
  const named = (statement: string) => /EXISTS \w+\.(\w+)/.exec(statement)?.[1];
  const distributed = creations.filter((statement) => statement.includes('Distributed('));
  expect(distributed.map(named)).toEqual(local.map(named));
  const fed = statementsOf(cluster).flatMap((statement) => / TO tidemark_local\.(\w+) AS/.exec(statement)?.[1] ?? []);
  expect(local.map(named).sort()).toEqual(['agent_events_raw_v1', ...fed].sort());
  const ledgers = creations.filter((statement) => !local.includes(statement) && !distributed.includes(statement));
  for (const ledger of ledgers) expect(ledger).toMatch(/tables\/all\/tidemark\/\w+', '{shard}-{replica}'/);
});

/** Without columns and the queries of views, which are those of the files. */
function shortened(statement: string): string {
  return statement
    .replace(/\n\(\n.*?\n\)(?=\nENGINE|\nAS )/s, ' (…)')
    .replace(/\bSELECT\n.*?\nFROM\b/gs, 'SELECT … FROM');
}
