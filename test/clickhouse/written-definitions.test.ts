import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { mustBeWritten, whileDefinitionsChange } from '../../src/clickhouse/integrity/written-definitions.js';
import { migrate } from '../../src/clickhouse/migrate.js';
import type { StoreStatement, StoreWriter } from '../../src/clickhouse/store-writer.js';
import { silentLogger } from '../../src/core/logger.js';
import { askChannel } from '../support/ask-engine.js';
import { createTestEngine } from '../support/embedded-engine.js';
import { EngineStore } from '../support/engine-store.js';
import { fill, hasDisk, smallDisk } from '../support/small-disk.js';
import { tempDir } from '../support/temp-dir.js';

const database = 'tidemark';

const files = {
  '0001_t.sql': 'CREATE TABLE IF NOT EXISTS t (n UInt8) ENGINE = MergeTree ORDER BY n',
  '0002_t_s.sql': "ALTER TABLE t ADD COLUMN IF NOT EXISTS s String DEFAULT 's';\nALTER TABLE t MODIFY COMMENT 'two'",
  '0003_v.sql': 'CREATE TABLE IF NOT EXISTS v (n UInt8) ENGINE = MergeTree ORDER BY n',
  '0004_v_mv.sql': 'CREATE MATERIALIZED VIEW IF NOT EXISTS v_mv TO v AS SELECT n FROM t',
};

function migrationsUpTo(count: number): URL {
  const path = tempDir();
  for (const [name, up] of Object.entries(files).slice(0, count)) {
    writeFileSync(join(path, name), `-- ${name}\n-- up\n${up};\n-- down\nSELECT 1;\n`);
  }
  return pathToFileURL(`${path}/`);
}

/** An engine whose writes to files fail while one statement runs. */
async function setUp(options: { readonly dataDir?: string } = {}) {
  const store = await EngineStore.start(options);
  onTestFinished(() => store.end());
  let failing: { readonly statement: RegExp; readonly bytes: number } | null = null;
  const between: StoreWriter = {
    async command(statement: StoreStatement) {
      if (failing?.statement.test(statement.sql) !== true) return await store.command(statement);
      store.limitFiles(failing.bytes);
      failing = null;
      await store.command(statement).finally(() => store.limitFiles('unlimited'));
    },
    insertStream: (...insert) => store.insertStream(...insert),
    writerRows: (query) => store.writerRows(query),
  };
  const { engine } = store.test;
  const own = { store: between, engine, logger: silentLogger };
  return {
    store,
    migrateTo: (count: number, fails: typeof failing = null) => {
      failing = fails;
      const mustHaveWritten = (names: string[]) => mustBeWritten(own, names);
      return whileDefinitionsChange(own, async () => {
        await migrate({ ...own, mustHaveWritten }, { database, directory: migrationsUpTo(count) });
      });
    },
  };
}

for (const bytes of [0, 20]) {
  test.skipIf(process.platform !== 'linux')(
    `a migration of which only ${bytes} bytes of a definition were written is not done, and is taken again`,
    async () => {
      const { store, migrateTo } = await setUp();
      await migrateTo(1);
      await store.run('INSERT INTO t VALUES (1)');
      for (const [number, statement] of [/ADD COLUMN/, /CREATE TABLE/, /CREATE MATERIALIZED/].entries()) {
        await expect(migrateTo(number + 2, { statement, bytes })).rejects.toThrow();
        await migrateTo(number + 2);
      }
      expect(store.test.restarts).toEqual(Array(3).fill('definition_unwritten'));
      expect(store.test.definitions).toEqual(['put_back', 'set_aside', 'set_aside']);
      await store.run("INSERT INTO t VALUES (2, 'z')");
      await store.test.engine.stop(5_000);
      const next = createTestEngine({ dataDir: store.test.dataDir });
      onTestFinished(() => next.end());
      await next.engine.start();
      expect((await askChannel(next, 'SELECT n, s FROM t ORDER BY n')).text).toBe('1\ts\n2\tz\n');
      expect((await askChannel(next, 'SELECT n FROM v')).text).toBe('2\n');
      expect(next.definitions).toEqual([]);
    },
  );
}

test.skipIf(!hasDisk)(
  'on a full disk a migration that changes a definition is not done, and is taken when there is room',
  async () => {
    const disk = smallDisk(128 * 1_048_576);
    const { store, migrateTo } = await setUp({ dataDir: join(disk, 'engine') });
    await migrateTo(1);
    await store.run('INSERT INTO t VALUES (1)');
    const filling = fill(disk);
    await expect(migrateTo(2)).rejects.toThrow();
    rmSync(filling);
    await store.test.engine.ready();
    await migrateTo(2);
    expect(store.test.restarts).toContain('definition_unwritten');
    expect(store.test.definitions).toEqual(['put_back']);
    expect(await store.select('SELECT n, s FROM t')).toEqual([{ n: 1, s: 's' }]);
  },
);

test.skipIf(process.platform !== 'linux')(
  'a new database and a new ledger whose definitions were not written are made again before there is a row',
  async () => {
    const { store, migrateTo } = await setUp();
    const database = join(store.test.dataDir, 'db', 'metadata', 'tidemark.sql');
    rmSync(join(store.test.dataDir, 'definitions.json'));
    truncateSync(database);
    await expect(migrateTo(1)).rejects.toThrow('metadata/tidemark.sql');
    expect(readFileSync(database, 'utf8')).toContain('ENGINE = Atomic');
    await expect(migrateTo(1, { statement: /schema_migrations/, bytes: 0 })).rejects.toThrow();
    await migrateTo(1);
    expect(store.test.definitions).toEqual(['set_aside', 'set_aside']);
    await store.crash();
    expect(await store.select('SELECT count() AS steps FROM schema_migrations')).toEqual([{ steps: 1 }]);
  },
);
