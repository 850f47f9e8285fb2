import { afterAll, beforeAll, expect, test } from 'vitest';
import { contractViews } from '../../src/clickhouse/contract-views.js';
import { isPreview } from '../../src/clickhouse/embedded/guard/preview-shape.js';
import { parseTree } from '../../src/clickhouse/embedded/guard/syntax-tree.js';
import { EngineStore } from '../support/engine-store.js';

let store: EngineStore;
const reader = { user: 'default', password: 'password-of-all' };

beforeAll(async () => {
  store = await EngineStore.withSchema({ readers: [{ name: reader.user, password: reader.password, tenant: null }] });
  // Two inserts of the same runs, so that each of them has rows in two parts.
  for (const type of ['started', 'completed']) {
    await store.run(`INSERT INTO agent_events_raw_v1
      (tenant, received, ts, type, agent_id, run_id, task_id, step_id, duration_ms, memory_mb, error_category)
      SELECT 'acme', now64(3), now64(3), kind, concat('agent-', toString(number % 5)), concat('run-', toString(number)),
        if(kind LIKE 'run.%', '', concat('task-', toString(number))), if(kind LIKE 'step.%', 'step', ''), number, 1, ''
      FROM numbers(3000)
      ARRAY JOIN ['run.${type}', 'task.${type === 'started' ? 'running' : type}', 'step.${type}'] AS kind`);
  }
});

afterAll(() => store.end());

const settingSql = 'SELECT name, value FROM system.settings';
const settingOf = (rows: readonly { name: string; value: string }[]) =>
  rows.find(({ name }) => name === 'optimize_aggregation_in_order')?.value;

test('a preview groups in the order of the key, and other statements as the engine does', async () => {
  expect(settingOf(await store.selectAsGuest(`${settingSql} LIMIT 10000`, reader))).toBe('1');
  for (const other of [`${settingSql} WHERE name != ''`, `${settingSql} ORDER BY name LIMIT 10000`]) {
    expect(settingOf(await store.selectAsGuest(other, reader)), other).toBe('0');
  }
});

test('the rows of a preview are rows of the view, whichever view it is', async () => {
  const sorted = (rows: readonly unknown[]) => rows.map((value) => JSON.stringify(value)).sort();
  for (const view of contractViews.filter((name) => name !== 'agent_duration_digests')) {
    const all = new Set(sorted(await store.selectAsGuest(`SELECT * FROM ${view}`, reader)));
    const preview = sorted(await store.selectAsGuest(`SELECT * FROM ${view} LIMIT 100`, reader));
    expect(new Set(preview).size, view).toBe(Math.min(100, all.size));
    expect(
      preview.filter((row) => !all.has(row)),
      view,
    ).toEqual([]);
  }
});

/** The tree of a statement as the engine tells it, of which `lines` are below SELECT. */
const treeOf = (...lines: readonly string[]) =>
  parseTree([
    'SelectWithUnionQuery (children 1)',
    ' ExpressionList (children 1)',
    `  SelectQuery (children ${lines.filter((line) => !line.startsWith(' ')).length})`,
    ...lines.map((line) => `   ${line}`),
  ]);
const columns = ['ExpressionList (children 1)', ' Asterisk'];
const table = [
  'TablesInSelectQuery (children 1)',
  ' TablesInSelectQueryElement (children 1)',
  '  TableExpression (children 1)',
  '   TableIdentifier agent_runs',
];
const limit = ['Literal UInt64_100'];

test('columns of one table and a small limit are a preview, and nothing else is', () => {
  expect(isPreview(treeOf(...columns, ...table, ...limit))).toBe(true);
  expect(isPreview(treeOf(...columns, ...table, ...limit, 'Literal UInt64_5', 'Set'))).toBe(true);
  const others = [
    [...columns, ...table],
    [...columns, ...table, 'Set'],
    [...columns, ...table, 'Literal UInt64_10001'],
    [...columns, ...table, 'Function equals (children 1)', ' Identifier x', ...limit],
    [...columns, ...table, ...limit, 'ExpressionList (children 1)', ' Identifier tenant'],
    ['ExpressionList (children 1)', ' Function count (children 1)', '  ExpressionList', ...table, ...limit],
    [...columns, ...table.slice(0, 3), '   Subquery (children 1)', '    SelectWithUnionQuery', ...limit],
  ];
  for (const lines of others) expect(isPreview(treeOf(...lines)), lines.join('|')).toBe(false);
});
