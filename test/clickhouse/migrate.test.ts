import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { migrate } from '../../src/clickhouse/migrate.js';
import { parseMigration, readMigrationFiles, splitStatements } from '../../src/clickhouse/migration-file.js';
import { schemaObjects } from '../../src/clickhouse/schema-objects.js';
import { holdingClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/logger.js';
import { packageFile } from '../../src/core/package-root.js';
import { EngineStore } from '../support/engine-store.js';
import { tempDir } from '../support/temp-dir.js';
import { ToldProgress } from '../support/told-progress.js';

const database = 'tidemark';
let store: EngineStore;

beforeAll(async () => {
  store = await EngineStore.start();
});

beforeEach(async () => {
  const tables = await store.select<{ name: string }>(`SELECT name FROM system.tables WHERE database = '${database}'`);
  for (const { name } of tables) await store.run(`DROP TABLE ${name} SYNC`);
  store.statements.length = 0;
});

afterAll(() => store.end());

async function objects(): Promise<string[]> {
  const rows = await store.select<{ name: string }>(
    `SELECT name FROM system.tables WHERE database = '${database}' AND name != 'schema_migrations' ORDER BY name`,
  );
  return rows.map((row) => row.name);
}

/** A directory of migrations that create the tables t1, t2, … */
function directoryOf(files: Readonly<Record<string, string>>): URL {
  const path = tempDir();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return pathToFileURL(`${path}/`);
}

function creating(table: string, extra = ''): string {
  return `-- ${table}\n-- up\nCREATE TABLE IF NOT EXISTS ${table} (x UInt8) ENGINE = MergeTree ORDER BY x;
${extra}-- down\nDROP TABLE IF EXISTS ${table};\n`;
}

const deps = () => ({ store, logger: silentLogger });

test('the migrations of the package apply to an empty store, can be taken back and applied again', async () => {
  const names = readdirSync(packageFile('clickhouse/migrations/')).sort();
  const first = await migrate(deps(), { database });
  expect(first.steps.map((step) => step.name)).toEqual(names);
  const created = await objects();
  const described = schemaObjects(readMigrationFiles(packageFile('clickhouse/migrations/')));
  expect([...described.keys()].toSorted()).toEqual(created.toSorted());

  const back = await migrate(deps(), { database, downCount: names.length });
  expect(back.steps.map((step) => step.name)).toEqual([...names].reverse());
  expect(await objects()).toEqual([]);

  await migrate(deps(), { database });
  expect(await objects()).toEqual(created);
});

test('raw events of a store from before its merges were wide are merged into wide parts from then on', async () => {
  const names = readdirSync(packageFile('clickhouse/migrations/')).sort();
  const newer = names.length - names.indexOf('0046_agent_events_raw_merged_wide.sql');
  await migrate(deps(), { database });
  const fresh = await rawTableAsMade();
  await migrate(deps(), { database, downCount: newer });
  expect(await rawTableAsMade()).not.toBe(fresh);
  await insertLogs(30_000);

  await migrate(deps(), { database });
  expect(await rawTableAsMade()).toBe(fresh);
  await insertLogs(30_000);
  const parts = `SELECT part_type AS type FROM system.parts WHERE active AND table = 'agent_events_raw_v1'`;
  expect(await store.select(parts)).toEqual([{ type: 'Compact' }, { type: 'Compact' }]);
  await store.run('OPTIMIZE TABLE agent_events_raw_v1 FINAL');
  expect(await store.select(parts)).toEqual([{ type: 'Wide' }]);
});

async function rawTableAsMade(): Promise<string | undefined> {
  const sql = "SELECT create_table_query AS made FROM system.tables WHERE name = 'agent_events_raw_v1'";
  return (await store.select<{ made: string }>(sql))[0]?.made;
}

async function insertLogs(count: number): Promise<void> {
  await store.run(`INSERT INTO agent_events_raw_v1 (tenant, received, ts, type, agent_id, event_id, level, message)
    SELECT 'acme', now64(3), now64(3), 'log', 'researcher', toString(number), 'info', repeat('x', 300)
    FROM numbers(${count})`);
}

test('with everything applied, migrating is two queries and changes nothing', async () => {
  await migrate(deps(), { database });
  store.statements.length = 0;
  const again = await migrate(deps(), { database });
  expect(again.steps).toEqual([]);
  expect(store.statements).toEqual(['applied_migrations', 'schema_objects']);
});

test('a dry run names what would be done and does nothing, not even the ledger', async () => {
  const files = directoryOf({ '0001_t1.sql': creating('t1') });
  const report = await migrate(deps(), { database, directory: files, dryRun: true });
  expect(report).toMatchObject({ direction: 'up', steps: [{ name: '0001_t1.sql' }] });
  expect(store.statements).toEqual(['applied_migrations']);

  await migrate(deps(), { database, directory: files });
  const down = await migrate(deps(), { database, directory: files, downCount: 1, dryRun: true });
  expect(down).toMatchObject({ direction: 'down', steps: [{ name: '0001_t1.sql' }] });
  expect(await objects()).toEqual(['t1']);
});

test('only what is new is applied, and down takes back the newest alone', async () => {
  const one = { '0001_t1.sql': creating('t1') };
  const two = { ...one, '0002_t2.sql': creating('t2') };
  await migrate(deps(), { database, directory: directoryOf(one) });
  const report = await migrate(deps(), { database, directory: directoryOf(two) });
  expect(report.steps.map((step) => step.name)).toEqual(['0002_t2.sql']);
  await migrate(deps(), { database, directory: directoryOf(two), downCount: 1 });
  expect(await objects()).toEqual(['t1']);
});

test('a step counts after those that were taken while the clock was ahead', async () => {
  const directory = directoryOf({ '0001_t1.sql': creating('t1'), '0002_t2.sql': creating('t2') });
  await migrate(deps(), { database, directory });
  await store.run(
    'INSERT INTO schema_migrations (number, name, checksum, applied, at) SELECT number, name, checksum, applied, ' +
      'at + toIntervalDay(1) FROM schema_migrations WHERE number = 2',
  );
  await migrate(deps(), { database, directory, downCount: 1 });
  expect(await objects()).toEqual(['t1']);
  expect((await migrate(deps(), { database, directory })).steps.map(({ name }) => name)).toEqual(['0002_t2.sql']);
  expect(await objects()).toEqual(['t1', 't2']);
  expect((await migrate(deps(), { database, directory })).steps).toEqual([]);
});

test('an applied migration that was edited stops everything, by name; a mended comment does not', async () => {
  const files = { '0001_t1.sql': creating('t1'), '0002_t2.sql': creating('t2') };
  await migrate(deps(), { database, directory: directoryOf(files) });
  const commented = { ...files, '0001_t1.sql': `-- measured again\n${files['0001_t1.sql']}` };
  expect((await migrate(deps(), { database, directory: directoryOf(commented) })).steps).toEqual([]);
  const edited = { ...files, '0001_t1.sql': creating('t1').replace('UInt8', 'UInt16') };
  for (const options of [{}, { downCount: 1 }, { dryRun: true }]) {
    const result = migrate(deps(), { database, directory: directoryOf(edited), ...options });
    await expect(result).rejects.toMatchObject({
      code: 'migration_changed',
      message: expect.stringContaining('0001_t1.sql'),
    });
  }
});

test('a store that an unreleased version made is refused with what to do, and left as it is', async () => {
  const ours = directoryOf({ '0001_t1.sql': creating('t1'), '0002_t2.sql': creating('t2') });
  // As it was before its migrations were made one file an object: an old file under each number, and more of them.
  const old = { '0001_t1.sql': creating('t1'), '0002_t1_more.sql': creating('t3'), '0003_t2.sql': creating('t2') };
  await migrate(deps(), { database, directory: directoryOf(old) });
  const before = await definitions();
  for (const options of [{}, { downCount: 1 }, { dryRun: true }]) {
    await expect(migrate(deps(), { database, directory: ours, ...options })).rejects.toMatchObject({
      code: 'schema_foreign',
      retryable: false,
      message:
        'cannot use the store: it was made by an unreleased version (0002_t1_more.sql, here 0002_t2.sql), which ' +
        'nothing carries over; move the data directory away, on a server rename database tidemark, and start again',
    });
  }
  // Statements of the first file may be others by now: what is to be done is told all the same.
  const edited = { '0001_t1.sql': creating('t1').replace('UInt8', 'UInt16'), '0002_t2.sql': creating('t2') };
  const result = migrate(deps(), { database, directory: directoryOf(edited) });
  await expect(result).rejects.toMatchObject({ code: 'schema_foreign' });
  expect(await definitions()).toEqual(before);
});

test('a step that failed half-way is taken again from its start', async () => {
  const broken = directoryOf({ '0001_t1.sql': creating('t1', 'CREATE TABLE t2 (x NoSuchType) ENGINE = Memory;\n') });
  await expect(migrate(deps(), { database, directory: broken })).rejects.toMatchObject({
    code: 'store_rejected',
    message: expect.stringContaining('cannot apply migration 0001_t1.sql'),
  });
  expect(await objects()).toEqual(['t1']);
  const mended = directoryOf({ '0001_t1.sql': creating('t1') });
  const report = await migrate(deps(), { database, directory: mended });
  expect(report.steps).toHaveLength(1);
});

test('steps of a new store are recorded at once, and those before one that failed not taken again', async () => {
  const good = { '0001_t1.sql': creating('t1'), '0002_t2.sql': creating('t2') };
  const broken = directoryOf({
    ...good,
    '0003_t3.sql': creating('t3', 'CREATE TABLE t4 (x NoSuchType) ENGINE = Memory;\n'),
  });
  store.statements.length = 0;
  await expect(migrate(deps(), { database, directory: broken })).rejects.toThrow('cannot apply migration 0003_t3.sql');
  expect(store.statements.filter((name) => name === 'record migration')).toHaveLength(1);
  const more = { '0003_t3.sql': creating('t3'), '0004_t4.sql': creating('t4') };
  const report = await migrate(deps(), { database, directory: directoryOf({ ...good, ...more }) });
  expect(report.steps.map(({ name }) => name)).toEqual(['0003_t3.sql', '0004_t4.sql']);
  expect((await migrate(deps(), { database, directory: directoryOf({ ...good, ...more }) })).steps).toEqual([]);
});

test('migrations of a newer version are left alone on a server, and cannot be taken back by an older one', async () => {
  const one = { '0001_t1.sql': creating('t1') };
  await migrate(deps(), { database, directory: directoryOf({ ...one, '0002_t2.sql': creating('t2') }) });
  const target = { kind: 'server' } as const;
  expect((await migrate(deps(), { database, directory: directoryOf(one), target })).steps).toEqual([]);
  const down = migrate(deps(), { database, directory: directoryOf(one), downCount: 1 });
  await expect(down).rejects.toMatchObject({ code: 'migration_changed' });
  expect(await objects()).toEqual(['t1', 't2']);
});

test('the store of an embedded engine that a newer version made is refused, and says so', async () => {
  const one = { '0001_t1.sql': creating('t1') };
  await migrate(deps(), { database, directory: directoryOf({ ...one, '0002_t2.sql': creating('t2') }) });
  await expect(migrate(deps(), { database, directory: directoryOf(one) })).rejects.toMatchObject({
    code: 'schema_newer',
    message: expect.stringContaining('(0002_t2.sql was applied, this version knows 1 migrations)'),
  });
  expect(await objects()).toEqual(['t1', 't2']);
});

test('a gap in the numbers, a wrong name and a missing section are defects', async () => {
  for (const files of [
    { '0002_t1.sql': creating('t1') },
    { '1_t1.sql': creating('t1') },
    { '0001_t1.sql': '-- up\nSELECT 1;\n' },
    { '0001_t1.sql': '-- up\n-- nothing\n-- down\nSELECT 1;\n' },
  ]) {
    await expect(migrate(deps(), { database, directory: directoryOf(files) })).rejects.toThrow(/^migration /);
  }
});

test('statements are split at semicolons, but not inside quotes, names and comments', () => {
  const sql = `
    -- a; comment
    SELECT 'a;b', 'it''s; \\'; fine', "c;d", \`e;f\` /* g; 'h */ - 1 / 2;
    SELECT 2; -- the last; one
    ;;
    SELECT '--no comment', '/* nor this */'`;
  expect(splitStatements(sql)).toEqual([
    expect.stringMatching(/^SELECT 'a;b', 'it''s; \\'; fine', "c;d", `e;f` +- 1 \/ 2$/),
    'SELECT 2',
    "SELECT '--no comment', '/* nor this */'",
  ]);
});

test('the checksum is of the statements, not of their layout', () => {
  const sum = (text: string) => parseMigration('0001_x.sql', text).checksum;
  const base = sum('-- up\nSELECT 1;\n-- down\nSELECT 2;\n');
  expect(base).toMatch(/^[0-9a-f]{64}$/);
  expect(sum('-- why\n-- up\nSELECT\n  1; -- one\n-- down\nSELECT 2;\n')).toBe(base);
  expect(sum('-- up\nSELECT 1;\n-- down\nSELECT 3;\n')).not.toBe(base);
});

async function definitions(): Promise<string[]> {
  const rows = await store.select<{ name: string; query: string }>(
    `SELECT name, create_table_query AS query FROM system.tables WHERE database = '${database}' ORDER BY name`,
  );
  return rows.map(({ name, query }) => `${name}: ${query}`);
}

test('a view that is gone is made again as the migrations left it, and told', async () => {
  await migrate(deps(), { database });
  const before = await definitions();
  for (const view of ['agent_performance_per_day_mv_v1', 'agent_events', 'agent_failures_mv_v1'])
    await store.run(`DROP TABLE ${view} SYNC`);
  const told: object[] = [];
  const logger = { ...silentLogger, error: (context: object) => void told.push(context) };
  await migrate({ store, logger }, { database });
  expect(await definitions()).toEqual(before);
  expect(told.toSorted()).toHaveLength(3);
  expect(told).toContainEqual({ view: 'agent_performance_per_day_mv_v1' });
});

test('a table that is gone is not made again: the store is not used without what was in it', async () => {
  await migrate(deps(), { database });
  await store.run('DROP TABLE agent_failures_v1 SYNC');
  await expect(migrate(deps(), { database })).rejects.toMatchObject({
    code: 'schema_incomplete',
    message: expect.stringMatching(
      /^cannot use the store: agent_failures_v1 is missing though its migration is applied/,
    ),
  });
  expect(await objects()).not.toContain('agent_failures_v1');
});

test('it is told which step is being taken, and how much of one that reads a large table is done', async () => {
  const filled = 'INSERT INTO t1 SELECT number FROM numbers(5900);\n';
  const slow = 'INSERT INTO t2 SELECT sleepEachRow(0.0005) FROM t1 SETTINGS max_block_size = 500;\n';
  const directory = directoryOf({ '0001_t1.sql': creating('t1', filled), '0002_t2.sql': creating('t2', slow) });
  const shown = new ToldProgress();
  await migrate({ ...deps(), progress: { shown, clock: holdingClock } }, { database, directory });
  const parts = shown.told.filter((line) => / \d+ %$/.test(line));
  expect(parts.length).toBeGreaterThan(0);
  for (const part of parts) expect(part).toMatch(/^migration of the store: 0002_t2\.sql \d{1,3} %$/);
  expect(shown.told.filter((line) => !parts.includes(line))).toEqual(
    ['begins, 2 steps', '0001_t1.sql', '1 of 2 steps', '0002_t2.sql', '2 of 2 steps', 'ends'].map(
      (line) => `migration of the store: ${line}`,
    ),
  );
});
