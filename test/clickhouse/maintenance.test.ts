import { expect, onTestFinished, test } from 'vitest';
import { RollupDayFinalizer } from '../../src/clickhouse/maintenance/day-finalizer.js';
import { createInsertToken } from '../../src/clickhouse/maintenance/insert-token.js';
import { Maintenance } from '../../src/clickhouse/maintenance/maintenance.js';
import { reopeningDays } from '../../src/clickhouse/segments/returned-segments.js';
import { createSegmentWriter } from '../../src/clickhouse/segments/segment-insert.js';
import type { StoreWriter } from '../../src/clickhouse/store-writer.js';
import { CollectorError } from '../../src/core/errors.js';
import { silentLogger } from '../../src/core/logger.js';
import type { DeliveryHold } from '../../src/core/ports/delivery-hold.js';
import { retentionDays } from '../../src/core/retention.js';
import { EngineStore } from '../support/engine-store.js';
import { noonMs, row } from '../support/event-rows.js';
import { FakeClock } from '../support/fake-clock.js';
import { seededRandom } from '../support/seeded-random.js';
import { writeSegment } from '../support/segment-file.js';

const dayMs = 86_400_000;
const hourMs = 3_600_000;
const todayMs = Math.floor(noonMs / dayMs) * dayMs + dayMs;

/** A store with one event of yesterday, and the maintenance on a clock that stands at `nowMs`. */
async function setUp(nowMs: number) {
  const store = await EngineStore.withSchema();
  const segment = await writeSegment(store, { id: 's1', blocks: [[row({ type: 'task.completed', task_id: 't' })]] });
  await createSegmentWriter({ store }, { database: 'tidemark', transport: 'infile' }).insert(segment);
  const clock = new FakeClock(nowMs);
  const state = { isAway: false, hasBacklog: false };
  const reachable: StoreWriter = {
    command: (statement) => store.command(statement),
    insertStream: (...given) => store.insertStream(...given),
    writerRows: (query) =>
      state.isAway
        ? Promise.reject(new CollectorError('store_unreachable', 'cannot reach it'))
        : store.writerRows(query),
  };
  const failures: string[] = [];
  const successes: number[] = [];
  const shared = {
    store: reachable,
    delivery: { whileHeld: (work: () => Promise<unknown>) => work() } as DeliveryHold,
    clock,
    nextToken: createInsertToken(clock, seededRandom(5)),
    logger: silentLogger,
    instruments: {
      finalizations: { inc: () => {} },
      agentsRepaired: { inc: () => {} },
      failures: { inc: ({ code }: { readonly code: string }) => void failures.push(code) },
      seconds: { observe: () => {} },
      lastSuccess: { set: (value: number) => void successes.push(value) },
    },
  };
  const finalizer = new RollupDayFinalizer({ ...shared, undeliveredSinceMs: () => null }, { skewFutureMs: hourMs });
  const maintenance = new Maintenance(
    { ...shared, finalizer, hasBacklog: () => state.hasBacklog },
    { retention: retentionDays },
  );
  onTestFinished(async () => {
    await maintenance.stop();
    await store.end();
  });
  const days = async () =>
    (await store.select<{ day: string }>('SELECT toString(day) AS day FROM day_finalizations_v1 ORDER BY day')).map(
      ({ day }) => day,
    );
  return { store, segment, clock, state, maintenance, failures, successes, days };
}

const dateOf = (timeMs: number): string => new Date(timeMs).toISOString().slice(0, 10);

test('a pass under a clock at 1970 ended just now when the clock is set right', async () => {
  const { clock, maintenance, successes } = await setUp(60_000);
  await maintenance.start();
  await expect.poll(() => successes.length).toBe(1);
  clock.advance(5_000);
  clock.stepWall(todayMs - clock.nowMs());
  maintenance.tellLastSuccess();
  expect(successes.at(-1)).toBe(todayMs / 1000 - 5);
  expect(maintenance.health().details.last_success).toBe(new Date(todayMs - 5_000).toISOString());
});

test('a pass runs at the start once the backlog is stored, and again shortly after midnight', async () => {
  const { clock, state, maintenance, successes, days } = await setUp(todayMs + 23.5 * hourMs);
  state.hasBacklog = true;
  await maintenance.start();
  clock.advance(10_000);
  expect(await days()).toEqual([]);
  state.hasBacklog = false;
  // Once: a pass may take long, and the time until midnight is counted below.
  clock.advance(500);
  await expect.poll(() => successes.length).toBe(1);
  expect(await days()).toEqual([dateOf(todayMs - dayMs)]);
  expect(maintenance.health()).toMatchObject({ status: 'healthy', reason: null });

  // Half an hour to midnight, ten minutes behind it: not an hour.
  clock.advance(39 * 60_000);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(successes).toHaveLength(1);
  clock.advance(2 * 60_000);
  await expect.poll(() => successes.length).toBe(2);
  // The new day is finished and due; yesterday's is not due again.
  expect(await days()).toEqual([dateOf(todayMs - dayMs), dateOf(todayMs)]);
});

test('a late event makes its day due within the hour', async () => {
  const { store, clock, maintenance, successes, days } = await setUp(todayMs + 3 * hourMs);
  await maintenance.start();
  await expect.poll(() => successes.length).toBe(1);
  const late = await writeSegment(store, { id: 's2', blocks: [[row({ type: 'task.completed', task_id: 'u' })]] });
  await createSegmentWriter({ store }, { database: 'tidemark', transport: 'infile' }).insert(late);
  clock.advance(hourMs);
  await expect.poll(() => successes.length).toBe(2);
  expect(await days()).toEqual([dateOf(todayMs - dayMs), dateOf(todayMs - dayMs)]);
  clock.advance(hourMs);
  await expect.poll(() => successes.length).toBe(3);
  expect(await days()).toHaveLength(2);
});

test('a segment that lay aside makes the days due again that were finalized without it', async () => {
  const { store, segment, clock, maintenance, successes, days } = await setUp(todayMs + 3 * hourMs);
  await maintenance.start();
  await expect.poll(() => successes.length).toBe(1);
  // Counted a second time where no other table tells: what came back was in the raw rows that the day was made from.
  const insert = 'INSERT INTO agent_memory_per_day_v1 (tenant, agent_id, day, stored, recalled)';
  await store.command({ name: 'twice', sql: `${insert} VALUES ('default', 'a', '${dateOf(noonMs)}', 7, 0)` });
  const writer = createSegmentWriter({ store }, { database: 'tidemark', transport: 'infile' });
  const returning = { ...segment, firstReceivedMs: noonMs, arrived: '' };
  for (let again = 0; again < 2; again++) await reopeningDays(writer, { store, clock }).insert(returning);
  // An entry says that the day is due, however often it is tried.
  expect(await days()).toHaveLength(2);
  clock.advance(hourMs);
  await expect.poll(() => successes.length).toBe(2);
  expect(await days()).toHaveLength(3);
  const [memory] = await store.select<{ n: string }>('SELECT sum(stored) AS n FROM agent_memory_per_day_v1');
  expect(Number(memory?.n)).toBe(0);
  clock.advance(hourMs);
  await expect.poll(() => successes.length).toBe(3);
  expect(await days()).toHaveLength(3);
});

test('a pass that failed is named in health, counted, and tried again after five minutes', async () => {
  const { clock, state, maintenance, failures, successes } = await setUp(todayMs + 3 * hourMs);
  state.isAway = true;
  await maintenance.start();
  await expect.poll(() => failures).toEqual(['store_unreachable']);
  expect(maintenance.health()).toMatchObject({
    name: 'maintenance',
    status: 'degraded',
    reason: 'the last pass failed: cannot reach it',
    details: { last_success: null, error_code: 'store_unreachable' },
  });
  state.isAway = false;
  clock.advance(300_000);
  await expect.poll(() => successes.length).toBe(1);
  expect(maintenance.health()).toMatchObject({ status: 'healthy', reason: null });
});
