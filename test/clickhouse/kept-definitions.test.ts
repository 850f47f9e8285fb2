import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { KeptDefinitions } from '../../src/clickhouse/embedded/process/kept-definitions.js';
import { silentLogger } from '../../src/core/logger.js';
import { askChannel } from '../support/ask-engine.js';
import { createTestEngine, type TestEngine } from '../support/embedded-engine.js';
import { fill, hasDisk, smallDisk } from '../support/small-disk.js';

async function startEngine(dataDir?: string): Promise<TestEngine> {
  const rig = createTestEngine(dataDir === undefined ? {} : { dataDir });
  onTestFinished(() => rig.end());
  await rig.engine.start();
  return rig;
}

async function run(rig: TestEngine, ...statements: string[]): Promise<void> {
  for (const sql of statements) expect((await askChannel(rig, sql)).text).toBe('');
}

const rows = async (rig: TestEngine, sql: string) => (await askChannel(rig, sql)).text;

function definitionOf(rig: TestEngine, name: string): string {
  const db = join(rig.dataDir, 'db');
  const paths = readdirSync(db, { recursive: true, encoding: 'utf8' });
  const path = paths.find((found) => /^(?:store|metadata\/[^/]*$)/.test(found) && found.endsWith(`/${name}.sql`));
  return join(db, path ?? '');
}

const table = 'CREATE TABLE tidemark.a (n UInt8, s String) ENGINE = MergeTree ORDER BY n';
const view = `CREATE MATERIALIZED VIEW tidemark.b_mv TO tidemark.b AS SELECT n FROM tidemark.a`;

test('definitions that are empty, cut or lack their last lines are put back, and the rows are there', async () => {
  const rig = await startEngine();
  await run(rig, table, 'CREATE TABLE tidemark.b (n UInt8) ENGINE = MergeTree ORDER BY n', view);
  await run(rig, "CREATE TABLE tidemark.c (n UInt8) ENGINE = MergeTree ORDER BY n COMMENT 'all of it'");
  await run(rig, "INSERT INTO tidemark.a VALUES (1, 'x')");
  rig.engine.definitions.keep();
  await rig.engine.stop(5_000);
  truncateSync(definitionOf(rig, 'a'));
  truncateSync(definitionOf(rig, 'tidemark'));
  truncateSync(definitionOf(rig, 'b_mv'), 70);
  const c = readFileSync(definitionOf(rig, 'c'), 'utf8');
  writeFileSync(definitionOf(rig, 'c'), c.slice(0, c.indexOf('COMMENT')));
  const next = await startEngine(rig.dataDir);
  expect(next.definitions).toEqual(['put_back', 'put_back', 'put_back', 'put_back']);
  await run(next, "INSERT INTO tidemark.a VALUES (2, 'y')");
  expect(await rows(next, 'SELECT n, s FROM tidemark.a ORDER BY n')).toBe('1\tx\n2\ty\n');
  expect(await rows(next, 'SELECT n FROM tidemark.b ORDER BY n')).toBe('1\n2\n');
  expect(readFileSync(definitionOf(rig, 'c'), 'utf8')).toBe(c);
});

test('a definition that only the engine finds wrong is put back when the engine refuses it', async () => {
  const rig = await startEngine();
  await run(rig, table, "INSERT INTO tidemark.a VALUES (1, 'x')");
  rig.engine.definitions.keep();
  await rig.engine.stop(5_000);
  const path = definitionOf(rig, 'a');
  writeFileSync(
    path,
    readFileSync(path, 'utf8')
      .replace('(\n', '(\n`added` UInt8,\n')
      .replace(/\)\nENGINE[\s\S]*/, '\n'),
  );
  const next = await startEngine(rig.dataDir);
  expect(next.definitions).toEqual(['put_back']);
  expect(await rows(next, 'SELECT n, s FROM tidemark.a')).toBe('1\tx\n');
  expect(readFileSync(join(rig.dataDir, 'definitions.aside', 'a.sql'), 'utf8')).toContain('added');
});

test('parts that were written after the copy was made are read when the change is made again', async () => {
  const rig = await startEngine();
  await run(rig, table, "INSERT INTO tidemark.a VALUES (1, '10')");
  rig.engine.definitions.keep();
  const changes = [
    "ALTER TABLE tidemark.a ADD COLUMN IF NOT EXISTS added String DEFAULT 'd'",
    'ALTER TABLE tidemark.a MODIFY COLUMN s UInt32 SETTINGS alter_sync = 2, mutations_sync = 2',
  ];
  await run(rig, ...changes, "INSERT INTO tidemark.a VALUES (2, 20, 'z')", 'OPTIMIZE TABLE tidemark.a FINAL');
  await rig.engine.stop(5_000);
  truncateSync(definitionOf(rig, 'a'));
  const next = await startEngine(rig.dataDir);
  expect(await rows(next, 'SELECT n, s FROM tidemark.a ORDER BY n')).toBe('1\t10\n2\t20\n');
  await run(next, ...changes);
  expect(await rows(next, 'SELECT n, s + 1, added FROM tidemark.a ORDER BY n')).toBe('1\t11\td\n2\t21\tz\n');
});

test('a table or view that was never written is set aside, and can be made', async () => {
  const rig = await startEngine();
  await run(rig, table, 'CREATE TABLE tidemark.b (n UInt8) ENGINE = MergeTree ORDER BY n', view);
  await rig.engine.stop(5_000);
  truncateSync(definitionOf(rig, 'b'));
  truncateSync(definitionOf(rig, 'b_mv'), 30);
  const next = await startEngine(rig.dataDir);
  expect(next.definitions).toEqual(['set_aside', 'set_aside']);
  expect(readdirSync(join(rig.dataDir, 'definitions.aside')).sort()).toEqual(['b.sql', 'b_mv.sql']);
  await run(next, 'CREATE TABLE IF NOT EXISTS tidemark.b (n UInt8) ENGINE = MergeTree ORDER BY n', view);
  await run(next, "INSERT INTO tidemark.a VALUES (1, 'x')");
  await next.engine.stop(5_000);
  expect(await rows(await startEngine(rig.dataDir), 'SELECT n FROM tidemark.b')).toBe('1\n');
});

test('a definition without a copy stays where there are rows under it', async () => {
  const rig = await startEngine();
  await run(rig, table, "INSERT INTO tidemark.a VALUES (1, 'x')");
  await rig.engine.stop(5_000);
  rmSync(join(rig.dataDir, 'definitions.json'));
  const path = definitionOf(rig, 'a');
  const whole = readFileSync(path);
  truncateSync(path);
  const next = createTestEngine({ dataDir: rig.dataDir });
  onTestFinished(() => next.end());
  await expect(next.engine.start()).rejects.toMatchObject({ code: 'engine_start_failed' });
  expect(next.definitions).toContain('left');
  expect(existsSync(path)).toBe(true);
  writeFileSync(path, whole);
  expect(await rows(await startEngine(rig.dataDir), 'SELECT n FROM tidemark.a')).toBe('1\n');
});

test.skipIf(!hasDisk)('a definition stays in its place until there is room for its copy', () => {
  const engineDir = smallDisk(1_048_576);
  mkdirSync(join(engineDir, 'db', 'metadata'), { recursive: true });
  const path = join(engineDir, 'db', 'metadata', 'd.sql');
  const whole = `ATTACH DATABASE _\nENGINE = Atomic\nCOMMENT '${'c'.repeat(10_000)}'\n`;
  writeFileSync(path, whole);
  const outcomes: string[] = [];
  const definitions = new KeptDefinitions(
    { logger: silentLogger, instruments: { definitions: { inc: ({ outcome }) => void outcomes.push(outcome) } } },
    engineDir,
  );
  definitions.keep();
  truncateSync(path, 100);
  const filling = fill(engineDir);
  expect(() => definitions.mend(null)).toThrow('ENOSPC');
  expect(readFileSync(path, 'utf8')).toBe(whole.slice(0, 100));
  rmSync(filling);
  expect(definitions.mend(null)).toBe(true);
  expect(readFileSync(path, 'utf8')).toBe(whole);
  expect([definitions.mend(null), outcomes]).toEqual([false, ['put_back']]);
});
