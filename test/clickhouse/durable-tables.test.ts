import { expect, onTestFinished, test } from 'vitest';
import { unsafeTableStatements } from '../../src/clickhouse/durable-tables.js';
import { migrate } from '../../src/clickhouse/migrate.js';
import { silentLogger } from '../../src/core/logger.js';
import { EngineStore } from '../support/engine-store.js';

test('tables whose merges a power cut can take away are named with the statement that mends them', async () => {
  const store = await EngineStore.start();
  onTestFinished(() => store.end());
  await migrate({ store, logger: silentLogger }, { database: 'tidemark' });
  const reader = { rows: <Row>(query: Parameters<typeof store.writerRows>[0]) => store.writerRows<Row>(query) };
  // The embedded engine has its settings from its configuration.
  expect(await unsafeTableStatements(reader)).toEqual([]);
  await store.run('ALTER TABLE agent_runs_v1 MODIFY SETTING old_parts_lifetime = 5, min_rows_to_fsync_after_merge = 0');
  const [statement, ...more] = await unsafeTableStatements(reader);
  expect(more).toEqual([]);
  await store.run(statement!);
  expect(await unsafeTableStatements(reader)).toEqual([]);
});
