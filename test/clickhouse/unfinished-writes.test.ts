import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { askChannel } from '../support/ask-engine.js';
import { createTestEngine } from '../support/embedded-engine.js';

test('tables beside others whose creation failed half-way do not keep the engine from starting', async () => {
  const rig = createTestEngine();
  onTestFinished(() => rig.end());
  await rig.engine.start();
  const sql = 'CREATE TABLE tidemark.a_beside_segment (n UInt8) ENGINE = MergeTree ORDER BY n';
  expect((await askChannel(rig, sql)).text).toBe('');
  await rig.engine.stop(5_000);
  const store = join(rig.dataDir, 'db', 'store');
  const placeOf = (path: string) => {
    const [uuid = ''] = /[-\da-f]{36}/.exec(readFileSync(path, 'utf8')) ?? [];
    return join(store, uuid.slice(0, 3), uuid);
  };
  const definitions = placeOf(join(rig.dataDir, 'db', 'metadata', 'tidemark.sql'));
  mkdirSync(definitions, { recursive: true });
  const parts = placeOf(join(definitions, 'a_beside_segment.sql'));
  truncateSync(join(parts, 'format_version.txt'));
  writeFileSync(join(definitions, 'b_beside_held_1.sql'), '');
  const next = createTestEngine({ dataDir: rig.dataDir });
  onTestFinished(() => next.end());
  await next.engine.start();
  expect((await askChannel(next, 'SELECT count() FROM system.tables WHERE database = currentDatabase()')).text).toBe(
    '0\n',
  );
  expect(existsSync(parts)).toBe(false);
});

test('a mutation and a format that were never written do not keep the engine from starting', async () => {
  const rig = createTestEngine();
  onTestFinished(() => rig.end());
  await rig.engine.start();
  for (const sql of [
    'CREATE TABLE tidemark.a (n UInt8) ENGINE = MergeTree ORDER BY n',
    'INSERT INTO tidemark.a VALUES (1), (2), (3)',
    `DELETE FROM tidemark.a WHERE n = 3
     SETTINGS lightweight_delete_mode = 'alter_update', lightweight_deletes_sync = 2`,
  ]) {
    expect((await askChannel(rig, sql)).text).toBe('');
  }
  const { text } = await askChannel(rig, "SELECT data_paths[1] FROM system.tables WHERE name = 'a'");
  await rig.engine.stop(5_000);
  const [folder = '', uuid = ''] = text.trim().split('/').filter(Boolean).slice(-2);
  const table = join(rig.dataDir, 'db', 'store', folder, uuid);
  const files = readdirSync(table).filter((name) => /^(mutation_.*|format_version)\.txt$/.test(name));
  expect(files).toHaveLength(2);
  for (const name of files) truncateSync(join(table, name));
  const next = createTestEngine({ dataDir: rig.dataDir });
  onTestFinished(() => next.end());
  await next.engine.start();
  expect((await askChannel(next, 'SELECT count() FROM tidemark.a')).text).toBe('2\n');
  expect((await askChannel(next, 'INSERT INTO tidemark.a VALUES (4)')).text).toBe('');
});
