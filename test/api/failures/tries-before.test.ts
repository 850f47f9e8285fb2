import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrate } from '../../../src/clickhouse/migrate.js';
import { silentLogger } from '../../../src/core/logger.js';
import { FakeClock } from '../../support/fake-clock.js';
import { seededRandom, testSeed } from '../../support/seeded-random.js';
import { createQueryApi, type QueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore } from '../api-store.js';
import { type ExpectedFailure, failureHistory } from './failure-history.js';

/** Migrations that gave tries a table of their own. */
const migrationCount = 4;
const seed = testSeed(67);
const nowMs = Math.floor(Date.now() / 60_000) * 60_000;
const failed = { tenant: 'initech', agent_id: 'a', type: 'task.failed', error_category: 'tool', task_id: 'mended' };

let store: QueryStore;
let api: QueryApi;
const expected: ExpectedFailure[] = [];

/** What came before the table of tries and what came after it tells of the same failures. */
beforeAll(async () => {
  process.stdout.write(`tries-before: seed ${seed}, now ${nowMs}\n`);
  store = await openQueryStore();
  const deps = { store: store.writer, logger: silentLogger };
  const last = { downCount: migrationCount };
  const { steps } = await migrate(deps, { database: 'tidemark', ...last });
  expect(steps.at(-1)?.name).toBe('0048_agent_tries_v1.sql');
  const random = seededRandom(seed);
  api = createQueryApi({ store: store.reader, clock: new FakeClock(nowMs) });
  const history = failureHistory({ tenant: 'acme', runs: 60, nowMs, days: 6 }, random);
  expected.push(...history.expected);
  const rows = history.rows.map((row) => ({ row, isEarly: random() < 0.5 }));
  await store.insert(rows.filter(({ isEarly }) => isEarly).map(({ row }) => row));
  // As an insert leaves it that was cut short before it reached the failures: the completion is among the events alone.
  await store.insert([
    { ...failed, ts: nowMs - 60_000, received: nowMs },
    { ...failed, ts: nowMs - 1_000, received: nowMs, type: 'task.completed', error_category: '' },
  ]);
  await store.run(
    "ALTER TABLE agent_failures_v1 DELETE WHERE tenant = 'initech' AND lane != 'failed' SETTINGS mutations_sync = 2",
  );
  await migrate(deps, { database: 'tidemark' });
  await store.insert(rows.filter(({ isEarly }) => !isEarly).map(({ row }) => row));
});

afterAll(() => store.close());

async function countOf(from: string): Promise<number> {
  const sql = `SELECT toInt32(count()) AS n FROM ${from}`;
  const rows = await store.metadata.rows<{ n: number }>({ name: 'test', sql, params: {} });
  return rows[0]?.n ?? Number.NaN;
}

test('failures have the outcomes that tries from before and after tell', async () => {
  const { body } = await api.get('acme', '/api/v1/failures/breakdown?group_by=agent&limit=100');
  expect(body.totals).toMatchObject({
    count: expected.length,
    retried: expected.filter(({ status }) => status !== 'failed').length,
    recovered: expected.filter(({ status }) => status === 'recovered').length,
  });
});

test('a try that had reached only the raw events is there', async () => {
  const { body } = await api.get('initech', '/api/v1/failures/breakdown');
  expect(body.totals).toMatchObject({ count: 1, recovered: 1 });
});

test('every failed attempt that may be a later try is a try of the same unit and family', async () => {
  const tried = `
    (SELECT ts, unit, if(kind = 'step' AND family != unit, family, 0) AS family, attempt FROM agent_failures_v1
    WHERE lane = 'failed' AND (kind != 'step' OR attempt != 1))`;
  const known = 'SELECT ts, unit, family, attempt FROM agent_tries_v1 WHERE NOT completed';
  expect(await countOf(`${tried} WHERE family != 0`)).toBeGreaterThan(5);
  expect(await countOf(`${tried} WHERE family = 0`)).toBeGreaterThan(5);
  expect(await countOf(`${tried} WHERE (ts, unit, family, attempt) NOT IN (${known})`)).toBe(0);
});

test('what tells about failures came into the table of failures before, and does no more', async () => {
  const since = "(SELECT max(inserted) FROM agent_failures_v1 WHERE lane != 'failed')";
  expect(await countOf("agent_failures_v1 WHERE lane != 'failed'")).toBeGreaterThan(10);
  expect(await countOf(`agent_tries_v1 WHERE inserted > ${since}`)).toBeGreaterThan(10);
  expect(await countOf(`agent_failures_v1 WHERE inserted > ${since}`)).toBeGreaterThan(10);
});
