import { afterAll, beforeAll, expect, test } from 'vitest';
import { prepareErasures } from '../../src/clickhouse/erasure/erasable-tables.js';
import { StoreEraser } from '../../src/clickhouse/erasure/store-eraser.js';
import { RollupDayFinalizer } from '../../src/clickhouse/maintenance/day-finalizer.js';
import { createInsertToken } from '../../src/clickhouse/maintenance/insert-token.js';
import { createSegmentWriter } from '../../src/clickhouse/segments/segment-insert.js';
import { systemClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/logger.js';
import { EngineStore } from '../support/engine-store.js';
import { noonMs, row } from '../support/event-rows.js';
import { seededRandom } from '../support/seeded-random.js';
import { type RawRow, writeSegment } from '../support/segment-file.js';

/** Erasing removes events and not what they were counted as: a day must not be recounted from what is left. */

const dayMs = Math.floor(noonMs / 86_400_000) * 86_400_000;
const counter = { inc: () => {} };
let store: EngineStore;
let segments = 0;

beforeAll(async () => {
  store = await EngineStore.withSchema();
  await prepareErasures(store.client);
});

afterAll(() => store.end());

async function insert(rows: readonly RawRow[]): Promise<void> {
  const segment = await writeSegment(store, { id: `day-${++segments}`, blocks: [rows] });
  await createSegmentWriter({ store }, { database: 'tidemark', transport: 'infile' }).insert(segment);
}

async function erase(tenant: string, user: string): Promise<void> {
  const eraser = new StoreEraser(
    {
      store,
      delivery: { whileHeld: (work) => work() },
      undeliveredSinceMs: () => null,
      clock: systemClock,
      random: seededRandom(7),
      logger: silentLogger,
      instruments: { completed: counter, rows: counter, failures: counter },
    },
    { lateDays: 30, purgeHours: 24 },
  );
  const report = await eraser.erase({ tenant, kind: 'user', ids: [user], requestedBy: 'the operator' });
  expect(report.rows.agent_events_raw_v1).toBeGreaterThan(0);
  await eraser.stop();
}

async function finalize(tenant: string | null): Promise<number> {
  const finalizer = new RollupDayFinalizer(
    {
      store,
      delivery: { whileHeld: (work) => work() },
      undeliveredSinceMs: () => null,
      clock: systemClock,
      nextToken: createInsertToken(systemClock, seededRandom(3)),
      logger: silentLogger,
      instruments: {
        finalizations: counter,
        agentsRepaired: counter,
        failures: counter,
        seconds: { observe: () => {} },
        lastSuccess: { set: () => {} },
      },
    },
    { skewFutureMs: 3_600_000 },
  );
  return (await finalizer.finalize({ dayMs, tenant, agentId: null })).agentsRepaired;
}

/** Executions of one agent: most for one person, one for another. */
function executions(tenant: string, agent: string): RawRow[] {
  return ['anna', 'anna', 'anna', 'bert'].map((user, index) =>
    row({
      tenant,
      agent_id: agent,
      type: index === 1 ? 'task.failed' : 'task.completed',
      run_id: `run of ${user}`,
      task_id: `${agent} ${index}`,
      event_id: `${tenant} ${agent} ${index}`,
      user_id: user,
      duration_ms: 100 * (index + 1),
      tokens_in: 7,
      ...(index === 1 ? { error_category: 'tool', error_code: 'e', error_message: 'no answer' } : {}),
    }),
  );
}

async function recordsOf(tenant: string): Promise<unknown> {
  const where = `WHERE tenant = '${tenant}'`;
  return {
    days: await store.select(
      `SELECT * EXCEPT (updated_at) FROM agent_performance_daily ${where} ORDER BY agent_id, day`,
    ),
    minutes: await store.select(`SELECT * FROM agent_performance_minutely ${where} ORDER BY agent_id, minute`),
    errors: await store.select(`SELECT error_category, error_code, sum(occurrences) AS failures
      FROM agent_errors_per_day_v1 ${where} GROUP BY ALL ORDER BY ALL`),
  };
}

test('an agent of whom some events were erased stays counted with them when its day is finalized', async () => {
  await insert([...executions('erased', 'a'), ...executions('erased', 'b')]);
  const before = await recordsOf('erased');
  await erase('erased', 'anna');
  const [left] = await store.select("SELECT count() AS rows FROM agent_events WHERE tenant = 'erased'");
  expect(left).toEqual({ rows: 2 });
  expect(await finalize('erased')).toBe(0);
  expect(await finalize(null)).toBe(0);
  expect(await recordsOf('erased')).toEqual(before);
});

test('an agent of the same name, of a tenant that erased nothing, is mended on that day', async () => {
  await insert([...executions('erasing', 'same'), ...executions('mended', 'same')]);
  const [erasing, mended] = [await recordsOf('erasing'), await recordsOf('mended')];
  await erase('erasing', 'anna');
  await store.run("DELETE FROM agent_performance_per_day_v1 WHERE tenant = 'mended'");
  expect(await finalize(null)).toBe(1);
  expect(await recordsOf('erasing')).toEqual(erasing);
  expect(await recordsOf('mended')).toEqual(mended);
});

test('erased events of another day do not keep an agent from being mended', async () => {
  const dayBefore = executions('days', 'a').map((event) => ({
    ...event,
    event_id: `before ${event.event_id}`,
    ts: new Date(noonMs - 86_400_000).toISOString().slice(0, 23).replace('T', ' '),
  }));
  const lasting = executions('days', 'a').map((event) => ({ ...event, user_id: 'carl', run_id: 'run of carl' }));
  await insert([...dayBefore, ...lasting]);
  const before = await recordsOf('days');
  await erase('days', 'anna');
  await store.run(`DELETE FROM agent_performance_per_day_v1 WHERE tenant = 'days' AND day = '${dayText()}'`);
  expect(await finalize('days')).toBe(1);
  expect(await recordsOf('days')).toEqual(before);
});

function dayText(): string {
  return new Date(dayMs).toISOString().slice(0, 10);
}
