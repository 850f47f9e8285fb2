import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { settleFailures } from '../../../src/clickhouse/maintenance/failure-settlement.js';
import { createInsertToken } from '../../../src/clickhouse/maintenance/insert-token.js';
import type { DeliveryHold } from '../../../src/core/ports/delivery-hold.js';
import type { StoreReader } from '../../../src/core/ports/store-reader.js';
import { FakeClock } from '../../support/fake-clock.js';
import { seededRandom, testSeed } from '../../support/seeded-random.js';
import { createQueryApi, type QueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api-store.js';
import { type ExpectedFailure, failureHistory } from './failure-history.js';

const nothingDelivered: DeliveryHold = { whileHeld: (work) => work() };

const seed = testSeed(53);
const nowMs = Math.floor(Date.now() / 60_000) * 60_000;
const tenants = ['acme', 'globex'] as const;

let store: QueryStore;
let api: QueryApi;
const expected: ExpectedFailure[] = [];

beforeAll(async () => {
  process.stdout.write(`failure-settlement: seed ${seed}, now ${nowMs}\n`);
  store = await openQueryStore();
  const random = seededRandom(seed);
  const nextToken = createInsertToken(new FakeClock(nowMs), random);
  api = createQueryApi({ store: store.reader, clock: new FakeClock(nowMs) });
  const made = tenants.map((tenant) => failureHistory({ tenant, runs: 60, nowMs, days: 6 }, random));
  const rows = inOrderOfTries(made.flatMap((history) => history.rows).map((row) => ({ row, place: random() })));
  expected.push(...made.flatMap((history) => history.expected));
  // Nearly every event before or after the first pass, whatever it says of which.
  await store.insert(rows.filter(({ place }) => place < 0.5).map(({ row }) => row));
  await settleFailures({ store: store.writer, delivery: nothingDelivered, nextToken }, () => false, {
    rows: 0,
    failures: 20,
  });
  await leaveToReaders();
  await store.insert(rows.filter(({ place }) => place >= 0.5).map(({ row }) => row));
});

afterAll(() => store.close());

interface Placed {
  readonly row: RawRow;
  readonly place: number;
}

/**
 * No later try of a step comes before the failure of its first. Without that failure it looks like a try of another
 * step of the same name whose tries have ids of their own, and what has been stored of that step since is not undone.
 */
function inOrderOfTries(placed: readonly Placed[]): Placed[] {
  const stepOf = ({ tenant, run_id, task_id, step_id }: RawRow) => [tenant, run_id, task_id, step_id].join('|');
  const first = new Map<string, number>();
  for (const { row, place } of placed) {
    if (row.type !== 'step.failed' || row.attempt !== 1) continue;
    first.set(stepOf(row), Math.min(place, first.get(stepOf(row)) ?? 1));
  }
  return placed.map(({ row, place }) =>
    Number(row.attempt) > 1 ? { row, place: Math.max(place, first.get(stepOf(row)) ?? 0) } : { row, place },
  );
}

/** As if what is there had been inserted well before the last pass. */
async function leaveToReaders(): Promise<void> {
  await store.run(`ALTER TABLE agent_failures_v1 UPDATE inserted = inserted - toIntervalHour(1)
    WHERE 1 SETTINGS mutations_sync = 2`);
  // A column of the key is not updated: the rows are inserted once more.
  await store.run('CREATE TABLE tries_before AS agent_tries_v1');
  await store.run(
    'INSERT INTO tries_before SELECT * REPLACE (inserted - toIntervalHour(1) AS inserted) FROM agent_tries_v1',
  );
  await store.run('EXCHANGE TABLES tries_before AND agent_tries_v1');
  await store.run('DROP TABLE tries_before SYNC');
}

async function countsOf(tenant: string): Promise<unknown> {
  const { body } = await api.get(tenant, '/api/v1/failures/breakdown?group_by=agent&limit=100');
  const groups = body.groups as { key: string; count: number; retried: number; recovered: number }[];
  return groups
    .map(({ key, count, retried, recovered }) => ({ key, count, retried, recovered }))
    .sort((a, b) => a.key.localeCompare(b.key));
}

function recountOf(tenant: string): unknown {
  const found = expected.filter((failure) => failure.tenant === tenant);
  return [...new Set(found.map((failure) => failure.agent_id))].sort().map((key) => {
    const group = found.filter((failure) => failure.agent_id === key);
    return {
      key,
      count: group.length,
      retried: group.filter(({ status }) => status !== 'failed').length,
      recovered: group.filter(({ status }) => status === 'recovered').length,
    };
  });
}

async function stored(): Promise<Record<string, number>> {
  const rows = await store.reader.rows<{ outcome: string; failures: number }>({
    name: 'test',
    sql: 'SELECT toString(outcome) AS outcome, toUInt32(count()) AS failures FROM agent_failures GROUP BY outcome',
    params: {},
  });
  return Object.fromEntries(rows.map(({ outcome, failures }) => [outcome, failures]));
}

function outcomes(): Record<string, number> {
  const of = (status: string) => expected.filter((failure) => failure.status === status).length;
  return { failed: of('failed'), retried: of('retried'), recovered: of('recovered') };
}

test('answers join what came since the last pass: later tries of earlier failures, and late failures', async () => {
  const settled = await stored();
  expect(settled.recovered).toBeGreaterThan(10);
  expect(settled).not.toEqual(outcomes());
  for (const tenant of tenants) expect(await countsOf(tenant)).toEqual(recountOf(tenant));
});

test('a further pass stores what was joined, repeated events once, and changes no answer', async () => {
  const nextToken = createInsertToken(new FakeClock(nowMs + 1), seededRandom(seed));
  await settleFailures({ store: store.writer, delivery: nothingDelivered, nextToken });
  expect(await stored()).toEqual(outcomes());
  await leaveToReaders();
  for (const tenant of tenants) expect(await countsOf(tenant)).toEqual(recountOf(tenant));
  await settleFailures({ store: store.writer, delivery: nothingDelivered, nextToken });
  expect(await stored()).toEqual(outcomes());
});

test('beside very many new tries a breakdown has the outcomes stored last, and says of when', async () => {
  const nextToken = createInsertToken(new FakeClock(nowMs + 2), seededRandom(seed));
  const failed = { tenant: 'initech', agent_id: 'a', type: 'task.failed', error_category: 'tool', received: nowMs };
  await store.insert([{ ...failed, task_id: 'mended', ts: nowMs - 60_000 }]);
  await settleFailures({ store: store.writer, delivery: nothingDelivered, nextToken });
  await store.insert([{ ...failed, type: 'task.completed', task_id: 'mended', ts: nowMs - 1_000 }]);
  const breakdown = async () => (await api.get('initech', '/api/v1/failures/breakdown')).body;
  const joined = { totals: { count: 1, recovered: 1 }, outcomes_as_of: null };
  await vi.waitFor(async () => expect(await breakdown()).toMatchObject(joined), { timeout: 60_000 });
  await store.run(`INSERT INTO agent_events_raw_v1 (tenant, received, ts, type, agent_id, task_id)
    SELECT 'initech', toDateTime64(${nowMs / 1_000}, 3) AS at, at, 'task.completed', 'a', toString(number)
    FROM numbers(50000)`);
  const behind = { totals: { count: 1, recovered: 0 }, outcomes_as_of: expect.any(String) };
  await vi.waitFor(async () => expect(await breakdown()).toMatchObject(behind), { timeout: 60_000 });
  await settleFailures({ store: store.writer, delivery: nothingDelivered, nextToken });
  expect(await breakdown()).toMatchObject({ totals: { count: 1, recovered: 1 }, outcomes_as_of: expect.any(String) });
});

test('a try is of a step of the same name until its own first failure comes; what was stored stays', async () => {
  const nextToken = createInsertToken(new FakeClock(nowMs + 4), seededRandom(seed));
  const step = { agent_id: 'a', type: 'step.failed', run_id: 'r', task_id: 't', name: 'search', step_kind: 'tool' };
  const failed = (tenant: string, step_id: string, attempt: number) => {
    const ts = nowMs - 60_000 + 1_000 * attempt;
    return { ...step, tenant, step_id, attempt, ts, received: ts, error_category: 'tool' };
  };
  const retried = async (tenant: string) => (await api.get(tenant, '/api/v1/failures/breakdown')).body.totals;
  await store.insert([failed('settled', 'one', 1), failed('settled', 'two', 2)]);
  await settleFailures({ store: store.writer, delivery: nothingDelivered, nextToken });
  await store.insert([
    failed('settled', 'two', 1),
    failed('joined', 'one', 1),
    failed('joined', 'two', 2),
    failed('joined', 'two', 1),
  ]);
  // Of the two steps the first attempts: of one it was wrong to say that it was tried again.
  expect(await retried('settled')).toMatchObject({ count: 3, retried: 2 });
  expect(await retried('joined')).toMatchObject({ count: 3, retried: 1 });
});

test('days are settled together as far as few failed, and apart else', async () => {
  const days = [5, 3, 2, 1].map((day) => nowMs - day * 86_400_000);
  const failed = { tenant: 'spread', agent_id: 'a', type: 'task.failed', error_category: 'tool' };
  await store.insert(days.map((ts, at) => ({ ...failed, task_id: `t${at}`, ts, received: nowMs })));
  const slicesOf = async (failures: number) => {
    const made = vi.spyOn(store.writer, 'command');
    const nextToken = createInsertToken(new FakeClock(nowMs + 5), seededRandom(seed + failures));
    await settleFailures({ store: store.writer, delivery: nothingDelivered, nextToken }, () => false, {
      rows: 0,
      failures,
    });
    const statements = made.mock.calls.map(([{ sql }]) => sql);
    made.mockRestore();
    return statements.filter((sql) => sql.startsWith('CREATE TABLE')).length;
  };
  expect(await slicesOf(1)).toBeGreaterThanOrEqual(days.length);
  expect(await slicesOf(1_000_000)).toBe(1);
});

test('what became of a step is told in little memory, however many first attempts failed that day', async () => {
  const mebibyte = 1_048_576;
  const step = { tenant: 'crowd', agent_id: 'a', run_id: 'r', task_id: 't', name: 'search', step_kind: 'tool' };
  const tried = (type: string, step_id: string, attempt: number) => {
    const ts = nowMs - 60_000 + 1_000 * attempt;
    return { ...step, type, step_id, attempt, ts, received: ts, error_category: 'tool' };
  };
  await store.insert([
    tried('step.failed', 'one', 1),
    tried('step.failed', 'two', 2),
    tried('step.completed', 'three', 3),
  ]);
  await store.run(`INSERT INTO agent_failures_v1 (tenant, lane, ts, received, inserted, unit, attempt, kind, family)
    SELECT 'crowd', 'failed', toDateTime64(${nowMs / 1_000 - 3_600}, 3) AS at, at, now64(3), rand64(), 1, 'step', number
    FROM numbers(1000000)`);
  const reader: StoreReader = {
    rows: (query) => store.reader.rows({ ...query, settings: { ...query.settings, max_memory_usage: 20 * mebibyte } }),
  };
  const small = createQueryApi({ store: reader, clock: new FakeClock(nowMs) });
  const { status, body } = await small.get('crowd', '/api/v1/failures?limit=2');
  expect(status, JSON.stringify(body)).toBe(200);
  expect(body.failures).toMatchObject([
    { step_id: 'two', status: 'recovered' },
    { step_id: 'one', status: 'recovered' },
  ]);
});

test('a pass with nothing new writes nothing', async () => {
  await leaveToReaders();
  const nextToken = createInsertToken(new FakeClock(nowMs + 3), seededRandom(seed));
  await settleFailures({ store: store.writer, delivery: nothingDelivered, nextToken });
  const marks = () =>
    store.reader.rows({
      name: 'test',
      sql: 'SELECT max(settled_at) AS at, count() AS marks FROM failure_settlements_v1',
      params: {},
    });
  const before = await marks();
  await settleFailures({ store: store.writer, delivery: nothingDelivered, nextToken });
  expect(await marks()).toEqual(before);
});

test('after a clock that was ahead is set back, what comes is joined and settled as ever', async () => {
  const nextToken = createInsertToken(new FakeClock(nowMs + 3), seededRandom(seed));
  const settle = () => settleFailures({ store: store.writer, delivery: nothingDelivered, nextToken });
  await settle();
  await store.run("INSERT INTO failure_settlements_v1 SELECT now64(3, 'UTC') + toIntervalDay(40)");
  const failed = { tenant: 'hooli', agent_id: 'a', type: 'task.failed', error_category: 'tool', received: nowMs };
  await store.insert([{ ...failed, task_id: 'mended', ts: nowMs - 60_000 }]);
  await store.insert([{ ...failed, type: 'task.completed', task_id: 'mended', ts: nowMs - 1_000 }]);
  const { body } = await api.get('hooli', '/api/v1/failures/breakdown');
  expect(body).toMatchObject({ totals: { count: 1, recovered: 1 } });
  await settle();
  expect(await store.metadata.rows({ name: 'test', sql: aheadSql, params: {} })).toEqual([]);
  const outcome = "SELECT max(outcome) AS stored FROM agent_failures_v1 WHERE tenant = 'hooli' AND lane = 'failed'";
  expect(await store.metadata.rows({ name: 'test', sql: outcome, params: {} })).toEqual([{ stored: 2 }]);
});

/** Settlements of a time that is still to come. */
const aheadSql = "SELECT settled_at FROM failure_settlements_v1 WHERE settled_at > now64(3, 'UTC') + toIntervalHour(1)";
