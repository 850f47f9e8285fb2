import { afterAll, beforeAll, expect, test } from 'vitest';
import { selectScope } from '../../src/clickhouse/maintenance/agent-selection.js';
import { settleFailures } from '../../src/clickhouse/maintenance/failure-settlement.js';
import { createInsertToken } from '../../src/clickhouse/maintenance/insert-token.js';
import { refreshRecovered } from '../../src/clickhouse/maintenance/recovered-refresh.js';
import type { DeliveryHold } from '../../src/core/ports/delivery-hold.js';
import { createQueryApi, type QueryApi } from '../api/api-client.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api/api-store.js';
import { FakeClock } from '../support/fake-clock.js';
import { seededRandom } from '../support/seeded-random.js';

/**
 * Rows of one key meet when the engine merges their parts, some time. Nobody may see when that is: every view and every
 * answer is the same before as after.
 */
const dayMs = 86_400_000;
const nowMs = Math.floor(Date.now() / 60_000) * 60_000;
/** Of yesterday at noon, so that it lies in one day and one month's part. */
const noonMs = Math.floor(nowMs / dayMs) * dayMs - dayMs / 2;
const nothingDelivered: DeliveryHold = { whileHeld: (work) => work() };
const clock = new FakeClock(nowMs);
const nextToken = createInsertToken(clock, seededRandom(1));

let store: QueryStore;
let api: QueryApi;
let tables: string[];
let views: string[];

function event(type: string, afterMs: number, more: object): RawRow {
  const ts = noonMs + afterMs;
  return { tenant: 'acme', agent_id: 'a', run_id: 'r', flow_id: 'f', type, ts, received: ts, ...more };
}

const failure = { error_category: 'tool', error_code: 'timeout', error_message: 'no answer after 3 s' };
const task = (index: number) => ({ task_id: `t${index}`, crew_id: 'c', engagement_id: 'e', user_id: 'u' });

/** In parts of their own: failures of four tasks, then two of them complete, then a third, and so on. */
const parts: readonly (readonly RawRow[])[] = [
  [
    event('run.started', 0, { name: 'plan' }),
    ...[1, 2, 3, 4].flatMap((index) => [
      event('task.running', index, { ...task(index), name: `work ${index}` }),
      event('task.failed', 10 + index, { ...task(index), ...failure, duration_ms: 10 * index, memory_mb: 300 }),
    ]),
    event('pattern.observed', 20, { pattern_id: 'p', pattern_type: 'loop', confidence: 0.5, evidence: ['r'] }),
    event('pattern.feedback', 21, { pattern_id: 'p', event_id: 'once', feedback_score: 4, feedback_text: 'right' }),
    event('memory.stored', 22, {}),
  ],
  [1, 2].map((index) => event('task.completed', 100 + index, { ...task(index), attempt: 2, duration_ms: 20 })),
  [
    event('task.completed', 203, { ...task(3), attempt: 2, duration_ms: 40, memory_mb: 100, tokens_in: 7 }),
    event('step.failed', 204, { ...task(3), step_id: 's', ...failure }),
    event('step.completed', 205, { ...task(3), step_id: 's', attempt: 2 }),
    event('pattern.observed', 206, { pattern_id: 'p', confidence: 0.9, evidence: ['r2'] }),
    // Told again: it counts once.
    event('pattern.feedback', 21, { pattern_id: 'p', event_id: 'once', feedback_score: 4, feedback_text: 'right' }),
    event('memory.recalled', 207, {}),
  ],
  [event('run.failed', 300, failure), event('run.started', 0, { name: 'plan', inputs: { topic: 'x' } })],
];

beforeAll(async () => {
  store = await openQueryStore();
  api = createQueryApi({ store: store.reader, clock, exporter: store.exporter });
  const found = await store.metadata.rows<{ name: string; engine: string }>({
    name: 'test',
    sql: `SELECT name, engine FROM system.tables WHERE database = currentDatabase() ORDER BY name`,
    params: {},
  });
  tables = found.filter(({ engine }) => engine.endsWith('MergeTree')).map(nameOf);
  // A row of the digests is a state for whoever reads them to merge.
  views = found.filter(({ name, engine }) => engine === 'View' && name !== 'agent_duration_digests').map(nameOf);
  await store.run('SYSTEM STOP MERGES');
  const deps = { store: store.writer, reader: store.metadata, delivery: nothingDelivered, nextToken };
  const span = { fromMs: noonMs - dayMs, untilMs: nowMs };
  for (const part of parts) {
    await store.insert(part);
    await refreshRecovered(deps, span, {
      agents: selectScope({ tenant: 'acme', agentId: null }),
      isStopping: () => false,
    });
    await settleFailures(deps, () => false, { rows: 0, failures: 20 });
  }
});

afterAll(() => store.close());

async function seen(): Promise<Record<string, unknown>> {
  const all: Record<string, unknown> = {};
  for (const view of views) {
    const sql = `SELECT * FROM ${view} WHERE tenant = 'acme'`;
    const rows = await store.metadata.rows<object>({ name: 'test', sql, params: {} });
    all[view] = rows.map((row) => JSON.stringify(row)).sort();
  }
  const days = `from=${dayOf(noonMs - 40 * dayMs)}&to=${dayOf(noonMs)}`;
  for (const path of [
    'agents',
    'agents/a/metrics?metric_type=aggregated&time_range=7d',
    'agents/a/metrics?metric_type=realtime&time_range=7d',
    `agents/a/errors?${days}`,
    'failures',
    'failures/breakdown?group_by=code',
    'monitoring/tasks',
    'monitoring/agents/a/memory/stats',
    'runs',
    'runs/r',
    'flows',
    'patterns',
    'patterns/p',
    'engagements/e/performance',
    'metrics/dashboard',
  ]) {
    const { status, body } = await api.get('acme', `/api/v1/${path}`);
    expect([path, status, body.detail]).toEqual([path, 200, undefined]);
    all[path] = body;
  }
  return all;
}

function dayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}

test('every view and every answer is the same before its rows are merged and after', async () => {
  const before = await seen();
  const parted = await partsByTable();
  expect(Object.values(parted).filter((count) => count > 1).length).toBeGreaterThan(8);
  await store.run('SYSTEM START MERGES');
  for (const table of tables) await store.run(`OPTIMIZE TABLE ${table} FINAL`);
  expect(await seen()).toEqual(before);
});

test('and they say what happened', async () => {
  const after = await seen();
  expect(after[`agents/a/errors?from=${dayOf(noonMs - 40 * dayMs)}&to=${dayOf(noonMs)}`]).toMatchObject({
    errors: [{ count: 4, recovered: 3 }],
  });
  const groups = (after.agent_errors_daily as string[]).map((row) => JSON.parse(row));
  expect(groups).toMatchObject([{ occurrences: 4, recovered: 3 }]);
  const outcomes = (after.agent_failures as string[]).map((row) => JSON.parse(row).outcome);
  expect(outcomes.sort()).toEqual(['failed', 'failed', 'recovered', 'recovered', 'recovered', 'recovered']);
  expect(after['patterns/p']).toMatchObject({ observations: 2, feedback: { count: 1 } });
});

function nameOf({ name }: { readonly name: string }): string {
  return name;
}

async function partsByTable(): Promise<Record<string, number>> {
  const rows = await store.metadata.rows<{ table: string; parts: number }>({
    name: 'test',
    sql: `SELECT table, toUInt32(count()) AS parts FROM system.parts
      WHERE database = currentDatabase() AND active GROUP BY table`,
    params: {},
  });
  return Object.fromEntries(rows.map(({ table, parts }) => [table, parts]));
}
