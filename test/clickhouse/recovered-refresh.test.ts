import { afterAll, beforeAll, expect, test } from 'vitest';
import { selectScope } from '../../src/clickhouse/maintenance/agent-selection.js';
import { createInsertToken } from '../../src/clickhouse/maintenance/insert-token.js';
import { refreshRecovered } from '../../src/clickhouse/maintenance/recovered-refresh.js';
import { readingAsWriter } from '../../src/clickhouse/maintenance/rollup-repair.js';
import { createSegmentWriter } from '../../src/clickhouse/segments/segment-insert.js';
import { systemClock } from '../../src/core/clock.js';
import type { DeliveryHold } from '../../src/core/ports/delivery-hold.js';
import { EngineStore } from '../support/engine-store.js';
import { noonMs, row } from '../support/event-rows.js';
import { seededRandom } from '../support/seeded-random.js';
import { type RawRow, timeText, writeSegment } from '../support/segment-file.js';

const nothingDelivered: DeliveryHold = { whileHeld: (work) => work() };

const dayMs = 86_400_000;
const todayMs = Math.floor(noonMs / dayMs) * dayMs + dayMs;
let store: EngineStore;
let segments = 0;

beforeAll(async () => {
  store = await EngineStore.withSchema();
});

afterAll(() => store.end());

async function insert(rows: readonly RawRow[]): Promise<void> {
  const segment = await writeSegment(store, { id: `s${++segments}`, blocks: [rows] });
  await createSegmentWriter({ store }, { database: 'tidemark', transport: 'infile' }).insert(segment);
}

const nextToken = createInsertToken(systemClock, seededRandom(3));

/** The last three days and today. */
function refresh(tenant: string | null = null): Promise<void> {
  const span = { fromMs: todayMs - 3 * dayMs, untilMs: todayMs + dayMs };
  const agents = selectScope({ tenant, agentId: null });
  return refreshRecovered({ store, reader: readingAsWriter(store), delivery: nothingDelivered, nextToken }, span, {
    agents,
    isStopping: () => false,
  });
}

const failure = (tenant: string, task: string, more: RawRow = {}): RawRow =>
  row({
    tenant,
    type: 'task.failed',
    task_id: task,
    run_id: `run-${task}`,
    error_category: 'tool',
    error_code: 'timeout',
    error_message: `no answer after ${task.length * 7} s`,
    ...more,
  });
const completion = (tenant: string, task: string, atMs: number, more: RawRow = {}): RawRow =>
  row({ tenant, type: 'task.completed', task_id: task, run_id: `run-${task}`, ts: timeText(atMs), ...more });

const groups = (tenant: string) =>
  store.select(`SELECT toString(day) AS day, error_code, occurrences, recovered, affected_runs
    FROM agent_errors_daily WHERE tenant = '${tenant}' ORDER BY day, error_code`);

const day = timeText(noonMs).slice(0, 10);

test('a failure recovered when its task completed later, or at the same time in a higher attempt', async () => {
  await insert([
    failure('r', 'later'),
    failure('r', 'earlier'),
    failure('r', 'higher', { attempt: 1 }),
    failure('r', 'same', { attempt: 2 }),
    failure('r', 'never'),
    failure('r', ''),
    failure('r', 'elsewhere'),
    completion('r', 'later', noonMs + 60_000),
    completion('r', 'earlier', noonMs - 60_000),
    completion('r', 'higher', noonMs, { attempt: 2 }),
    completion('r', 'same', noonMs, { attempt: 2 }),
    completion('r', '', noonMs + 60_000),
    completion('r', 'elsewhere', noonMs + 60_000, { agent_id: 'other' }),
    completion('r2', 'never', noonMs + 60_000),
  ]);
  await refresh();
  expect(await groups('r')).toEqual([{ day, error_code: 'timeout', occurrences: 7, recovered: 2, affected_runs: 7 }]);
});

test('a completion on a later day reaches the day of the failure, and nothing is written twice', async () => {
  await insert([failure('late', 'x'), failure('late', 'y', { error_code: 'refused' })]);
  await refresh('late');
  const [open] = await groups('late');
  expect(open).toMatchObject({ recovered: 0 });
  await insert([completion('late', 'x', noonMs + 0.6 * dayMs)]);
  await refresh('late');
  const expected = [
    { day, error_code: 'refused', occurrences: 1, recovered: 0, affected_runs: 1 },
    { day, error_code: 'timeout', occurrences: 1, recovered: 1, affected_runs: 1 },
  ];
  expect(await groups('late')).toEqual(expected);
  const rows = () => store.select(`SELECT count() AS rows FROM agent_errors_per_day_v1 WHERE tenant = 'late'`);
  await store.run('OPTIMIZE TABLE agent_errors_per_day_v1 FINAL');
  const before = await rows();
  await refresh('late');
  expect(await rows()).toEqual(before);
  expect(await groups('late')).toEqual(expected);
});

test('a failure that was stored twice recovers once', async () => {
  const twice = failure('twice', 'a', { event_id: 'one' });
  await insert([twice, failure('twice', 'b', { event_id: 'two' }), completion('twice', 'a', noonMs + 1_000)]);
  await insert([{ ...twice, received: timeText(noonMs + 90_000) }]);
  await refresh('twice');
  expect(await groups('twice')).toMatchObject([{ recovered: 1 }]);
});

test('times of the groups stay as they were', async () => {
  await insert([failure('times', 'a'), completion('times', 'a', noonMs + 1_000)]);
  const seen = () => store.select(`SELECT first_seen, last_seen FROM agent_errors_daily WHERE tenant = 'times'`);
  const before = await seen();
  await refresh('times');
  expect(await groups('times')).toMatchObject([{ recovered: 1 }]);
  expect(await seen()).toEqual(before);
});

test('a task that another tenant completed under the same agent and id has not recovered', async () => {
  for (const tenant of ['both-1', 'both-2', 'both-3']) await insert([failure(tenant, 'a'), failure(tenant, 'b')]);
  await insert([completion('both-2', 'a', noonMs + 1_000), completion('both-3', 'b', noonMs + 1_000)]);
  await insert([completion('both-2', 'b', noonMs - 1_000), completion('both-1', 'b', noonMs - 1_000)]);
  await refresh();
  const recovered = await store.select(`SELECT tenant, sum(recovered) AS recovered FROM agent_errors_daily
    WHERE startsWith(tenant, 'both-') GROUP BY tenant ORDER BY tenant`);
  expect(recovered).toEqual([
    { tenant: 'both-1', recovered: 0 },
    { tenant: 'both-2', recovered: 1 },
    { tenant: 'both-3', recovered: 1 },
  ]);
});
