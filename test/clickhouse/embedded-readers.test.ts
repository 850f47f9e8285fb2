import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { contractViews } from '../../src/clickhouse/contract-views.js';
import { askChannel, askPort } from '../support/ask-engine.js';
import { createTestEngine } from '../support/embedded-engine.js';
import { EngineStore } from '../support/engine-store.js';

/** Readers of all tenants and of one, on the real schema, with rows of two tenants in the same granules. */
let store: EngineStore;
const acme = { user: 'acme', password: 'password-of-acme' };

beforeAll(async () => {
  store = await EngineStore.withSchema({
    readers: [
      { name: 'default', password: 'password-of-all', tenant: null },
      { name: acme.user, password: acme.password, tenant: 'acme' },
      { name: 'quoted', password: 'password-of-quoted', tenant: "a'c\\me" },
    ],
  });
  for (const tenant of ['acme', 'beta', 'acme', 'zeta']) {
    await store.run(`INSERT INTO agent_events_raw_v1
      (tenant, received, ts, type, agent_id, run_id, task_id, step_id, duration_ms, error_category, error_code,
       error_message, pattern_id, pattern_type, usage_scope)
      SELECT '${tenant}', now64(3), now64(3), kind, 'agent-of-${tenant}', 'run-${tenant}', 'task-${tenant}', 'step', 5,
        'tool', 'code', 'secret of ${tenant}', 'pattern-${tenant}', 'kind', 'own'
      FROM (SELECT arrayJoin(['run.started', 'run.completed', 'task.failed', 'step.completed', 'memory.stored',
        'pattern.observed']) AS kind)`);
  }
});

afterAll(() => store.end());

const all = { user: 'default', password: 'password-of-all' };
const code = async (sql: string, who = acme) => (await askPort(store.test, sql, who)).code;

test('each contract view has the rows of all tenants for one reader and of its tenant for another', async () => {
  for (const view of contractViews) {
    const sql = `SELECT tenant, count() AS n FROM ${view} GROUP BY tenant ORDER BY tenant`;
    const rows = await store.selectAsGuest<{ tenant: string; n: number }>(sql, all);
    expect(
      rows.map(({ tenant }) => tenant),
      view,
    ).toEqual(['acme', 'beta', 'zeta']);
    expect(await store.selectAsGuest(sql, acme), view).toEqual(rows.slice(0, 1));
  }
});

test.each([
  "SELECT count() AS n FROM agent_events WHERE tenant != 'acme'",
  "SELECT count() AS n FROM agent_events WHERE tenant = 'beta' OR 1",
  'SELECT uniqExact(tenant) AS n FROM agent_events',
  'SELECT count() AS n FROM (SELECT * FROM agent_events) AS a WHERE a.tenant IN (SELECT tenant FROM agent_runs)',
  'SELECT count() AS n FROM agent_events AS a JOIN agent_runs AS b ON a.run_id = b.run_id',
  'SELECT count() AS n FROM agent_events AS a CROSS JOIN agent_runs AS b',
  'SELECT count() AS n FROM (SELECT tenant FROM agent_events UNION ALL SELECT tenant FROM agent_task_history)',
  'SELECT count() AS n FROM agent_task_history FINAL',
  'SELECT count() AS n FROM tidemark.agent_events',
  'SELECT max(tenant) AS n FROM agent_events',
  'SELECT min(tenant) AS n FROM agent_performance_daily',
  'WITH a AS (SELECT DISTINCT tenant FROM agent_steps) SELECT arraySort(groupArray(tenant)) AS n FROM a',
])('a reader of one tenant gets what there were if there were no other: %s', async (sql) => {
  const lone = sql
    .replaceAll(/(?<![a-z_.])(?:tidemark\.)?(agent_[a-z_]+)(?=[\s)]|$)/g, "(SELECT * FROM $1 WHERE tenant = 'acme')")
    .replaceAll(' FINAL', '');
  expect(await store.selectAsGuest(sql, acme)).toEqual(await store.selectAsGuest(lone, all));
});

test.each([
  "SELECT count() FROM agent_events WHERE throwIf(error_message LIKE '%beta%') = 0",
  "SELECT count() FROM agent_events WHERE run_id = 'run-acme' AND throwIf(tenant != 'acme') = 0",
  "SELECT count() FROM agent_runs WHERE throwIf(run_id != 'run-acme') = 0",
  "SELECT count() FROM agent_task_history WHERE throwIf(task_id != 'task-acme') = 0",
  "SELECT count() FROM agent_steps WHERE throwIf(tenant != 'acme') = 0",
  "SELECT count() FROM agent_failures WHERE throwIf(tenant != 'acme') = 0",
  "SELECT count() FROM agent_performance_daily WHERE throwIf(agent_id != 'agent-of-acme') = 0",
  "SELECT count() FROM agent_performance_minutely WHERE throwIf(agent_id != 'agent-of-acme') = 0",
  "SELECT count() FROM agent_errors_daily WHERE throwIf(tenant != 'acme') = 0",
  "SELECT count() FROM agent_memory_daily WHERE throwIf(tenant != 'acme') = 0",
  "SELECT count() FROM agent_discovered_patterns WHERE throwIf(tenant != 'acme') = 0",
  "SELECT count() FROM agent_runs AS a JOIN agent_runs AS b ON a.run_id = b.run_id AND throwIf(b.tenant != 'acme') = 0",
  "SELECT sum(length(agent_id)) FROM agent_events WHERE toUInt8(replaceOne(tenant, 'acme', '1')) = 1",
  "SELECT agent_id FROM agent_events ORDER BY throwIf(tenant != 'acme')",
])('an expression of a reader of one tenant is not run on rows of another: %s', async (sql) => {
  expect(await askPort(store.test, sql, acme)).toMatchObject({ code: 0 });
});

test('nothing but the contract views is listed, described or counted', async () => {
  for (const who of [all, acme]) {
    const tables = await store.selectAsGuest(
      "SELECT name FROM system.tables WHERE database = 'tidemark' ORDER BY name",
      who,
    );
    expect(tables.map(({ name }) => name)).toEqual(contractViews);
    expect((await askPort(store.test, 'SHOW TABLES', who)).text.trim().split('\n')).toEqual([...contractViews]);
    expect((await askPort(store.test, 'SHOW COLUMNS FROM agent_events_raw_v1', who)).text.trim()).toBe('');
    const columns = "SELECT DISTINCT table FROM system.columns WHERE database = 'tidemark' AND table LIKE '%_v1'";
    expect(await store.selectAsGuest(columns, who)).toEqual([]);
    const listed = "SELECT table_name FROM information_schema.columns WHERE table_name LIKE '%_v1'";
    expect(await store.selectAsGuest(listed, who)).toEqual([]);
    const databases = await store.selectAsGuest('SELECT name FROM system.databases ORDER BY name', who);
    expect(databases.map(({ name }) => name)).toEqual([
      'INFORMATION_SCHEMA',
      'information_schema',
      'system',
      'tidemark',
    ]);
    for (const sql of [
      'SELECT * FROM agent_events_raw_v1',
      'SELECT * FROM erasures_v1',
      'DESCRIBE TABLE agent_runs_v1',
      'SHOW CREATE TABLE agent_runs_v1',
      'EXISTS TABLE agent_runs_v1',
    ]) {
      expect(await code(sql, who), sql).toBe(60);
    }
    expect(await code('SELECT * FROM agent_events', { ...who, password: 'guess' })).toBe(516);
  }
});

test('no system table that is open tells where anything lies on the disk', async () => {
  for (const sql of [
    'SELECT * FROM system.tables',
    'SELECT * FROM system.databases',
    'SELECT * FROM system.settings',
  ]) {
    const { code: failed, text } = await askPort(store.test, sql, all);
    expect(failed, sql).toBe(0);
    expect(text).not.toContain(store.test.dataDir);
  }
});

test('plans, which count the granules of all, are not told to a reader of one tenant', async () => {
  expect(await code('EXPLAIN SELECT count() FROM agent_events', all)).toBe(0);
  expect(await code('EXPLAIN ESTIMATE SELECT count() FROM agent_events', all)).toBe(0);
  for (const kind of ['', 'PLAN ', 'PIPELINE ', 'ESTIMATE ', 'indexes = 1 ']) {
    expect(await code(`EXPLAIN ${kind}SELECT count() FROM agent_events`), kind).toBe(497);
  }
  expect(await code('EXPLAIN SYNTAX SELECT count() FROM agent_events')).toBe(0);
});

test('the name of a tenant is a value, whatever it consists of', async () => {
  const quoted = { user: 'quoted', password: 'password-of-quoted' };
  expect(await store.selectAsGuest('SELECT count() AS n FROM agent_events', quoted)).toEqual([{ n: 0 }]);
});

test('a table that comes later is filtered too', async () => {
  expect(await code('SELECT count() FROM agent_events')).toBe(0);
  await store.run('CREATE TABLE later (tenant String, x UInt8) ENGINE = MergeTree ORDER BY tenant');
  await store.run("INSERT INTO later VALUES ('acme', 1), ('beta', 2)");
  await store.run('CREATE OR REPLACE VIEW agent_memory_daily AS SELECT tenant, x FROM later');
  const rows = await store.selectAsGuest('SELECT x FROM agent_memory_daily', acme);
  expect(rows).toEqual([{ x: 1 }]);
});

test('what is not made yet at the very first start is answered with 503, a wrong name later with 404', async () => {
  const rig = createTestEngine({ readerTables: ['agent_events'] });
  onTestFinished(() => rig.end());
  await rig.engine.start();
  const early = await fetch(`${rig.engine.url}/?query=SELECT+1+FROM+agent_events`);
  expect([early.status, early.headers.get('retry-after')]).toEqual([503, '1']);
  expect(await early.text()).toContain('The collector is starting, its tables are being made; try again.');
  await askChannel(rig, 'CREATE DATABASE IF NOT EXISTS tidemark ENGINE = Atomic', 'database=default');
  await askChannel(rig, 'CREATE VIEW tidemark.agent_events AS SELECT 1 AS n');
  expect(await askPort(rig, 'SELECT n FROM agent_events')).toMatchObject({ status: 200 });
  expect(await askPort(rig, 'SELECT n FROM agent_event')).toMatchObject({ status: 404, code: 60 });
});
