import { expect, onTestFinished, test } from 'vitest';
import { EngineStore } from '../support/engine-store.js';

test('merges count no distinct values, and keep the bounds of columns by which reads leave out parts', async () => {
  const store = await EngineStore.withSchema();
  onTestFinished(() => store.end());
  for (const run of ['one', 'two']) {
    await store.run(
      'INSERT INTO agent_events_raw_v1 (tenant, received, type, agent_id, run_id, ts) ' +
        `VALUES ('default', now64(3), 'run.started', 'scout', '${run}', now64(3))`,
    );
  }
  await store.run('OPTIMIZE TABLE agent_events_raw_v1 FINAL');
  await store.run('OPTIMIZE TABLE agent_runs_v1 FINAL');
  const kept = await store.select<{ table: string; kinds: string[] }>(`
    SELECT table, groupUniqArrayArray(statistics) AS kinds FROM system.parts_columns
    WHERE active AND level > 0 AND table IN ('agent_events_raw_v1', 'agent_runs_v1') GROUP BY table ORDER BY table`);
  expect(kept).toEqual([
    { table: 'agent_events_raw_v1', kinds: ['Basic'] },
    { table: 'agent_runs_v1', kinds: ['Basic'] },
  ]);
});
