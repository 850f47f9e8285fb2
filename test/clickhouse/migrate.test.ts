import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { migrate } from '../../src/clickhouse/migrate.js';
import { parseMigration, splitStatements } from '../../src/clickhouse/migration-file.js';
import { silentLogger } from '../../src/core/logger.js';
import { packageFile } from '../../src/core/package-root.js';
import { EngineStore } from '../support/engine-store.js';
import { tempDir } from '../support/temp-dir.js';

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
  // A file is named after its object, with a word behind it when it alters one that is there.
  const bases = names.map((name) => name.slice('0000_'.length, -'.sql'.length));
  const named = bases.map((base) => created.findLast((object) => base === object || base.startsWith(`${object}_`)));
  expect([...new Set(named)].toSorted()).toEqual(created.toSorted());

  const back = await migrate(deps(), { database, downCount: names.length });
  expect(back.steps.map((step) => step.name)).toEqual([...names].reverse());
  expect(await objects()).toEqual([]);

  await migrate(deps(), { database });
  expect(await objects()).toEqual(created);
});

test('tasks of the first task history are carried over to the tables that took its place', async () => {
  const names = readdirSync(packageFile('clickhouse/migrations/')).sort();
  const before = names.indexOf('0028_agent_task_history_v2_carried_over.sql');
  await migrate(deps(), { database });
  await migrate(deps(), { database, downCount: names.length - before });
  const task = (id: string, status: string, version: number, more: string) =>
    `('a', '${id}', 'agent', '${status}', now64(3) - 60, now64(3) - 59, ${version}, ${more})`;
  await store.run(`
    INSERT INTO agent_task_history_v1
      (tenant, task_id, agent_id, status, ts, received, version, started_at, duration_ms, user_id, inputs)
    VALUES ${[
      task('t1', 'running', 1, "NULL, NULL, 'u', map('a', 'b')"),
      task('t1', 'completed', 5, "now64(3) - 90, 30000, 'u', map('a', 'b')"),
      task('t2', 'failed', 3, "NULL, 2000, '', map()"),
      task('t3', 'pending', 2, "NULL, NULL, '', map()"),
    ].join(', ')}`);
  const shown = 'task_id, toString(status) AS status, user_id, inputs, duration_ms';
  const old = await store.select(`SELECT ${shown} FROM agent_task_history ORDER BY task_id`);
  expect(old).toMatchObject([
    { task_id: 't1', status: 'completed', inputs: { a: 'b' } },
    { task_id: 't2', status: 'failed' },
    { task_id: 't3', status: 'pending' },
  ]);

  await migrate(deps(), { database });
  expect(await store.select(`SELECT ${shown} FROM agent_task_history ORDER BY task_id`)).toEqual(old);
  expect(await objects()).not.toContain('agent_task_history_v1');
  const seconds = 'toInt32(round(toFloat64(now64(3) - start)))';
  const places = await store.select<{ task_id: string; ago: number }>(`
    SELECT task_id, toString(status) AS status, ${seconds} AS ago
    FROM agent_tasks_by_start_v1 ORDER BY task_id, version`);
  expect(places.map(({ ago, ...place }) => ({ ...place, ago: Math.round((ago - 5) / 30) * 30 }))).toEqual([
    { task_id: 't1', status: 'completed', ago: 90 },
    { task_id: 't2', status: 'failed', ago: 60 },
    { task_id: 't3', status: 'pending', ago: 60 },
  ]);
});

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

test('migrations of a newer version are left alone, and cannot be taken back by an older one', async () => {
  const one = { '0001_t1.sql': creating('t1') };
  await migrate(deps(), { database, directory: directoryOf({ ...one, '0002_t2.sql': creating('t2') }) });
  expect((await migrate(deps(), { database, directory: directoryOf(one) })).steps).toEqual([]);
  const down = migrate(deps(), { database, directory: directoryOf(one), downCount: 1 });
  await expect(down).rejects.toMatchObject({ code: 'migration_changed' });
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
