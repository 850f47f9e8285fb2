import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { dropExpiredParts } from '../../src/clickhouse/retention/expired-parts.js';
import { setExpiryOwner } from '../../src/clickhouse/retention/expiry-owner.js';
import { applyRetention, expiringTables, ttlDaysOf } from '../../src/clickhouse/retention/table-retention.js';
import { createSegmentWriter } from '../../src/clickhouse/segments/segment-insert.js';
import { createStoreUpkeep } from '../../src/clickhouse/store-upkeep.js';
import { systemClock, systemRandom } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/logger.js';
import { retentionDays } from '../../src/core/retention.js';
import { EngineStore } from '../support/engine-store.js';
import { rollupRows, row } from '../support/event-rows.js';
import { type RawRow, timeText, writeSegment } from '../support/segment-file.js';

const dayMs = 86_400_000;
const nowMs = Date.now();
const logger = silentLogger;
let store: EngineStore;

beforeEach(async () => {
  store = await EngineStore.withSchema();
});

afterEach(() => store.end());

async function insert(id: string, rows: readonly RawRow[]): Promise<void> {
  const segment = await writeSegment(store, { id, blocks: [rows] });
  await createSegmentWriter({ store }, { database: 'tidemark', transport: 'infile' }).insert(segment);
}

/** The rows of a day that lies `days` back. */
function daysAgo(days: number): RawRow[] {
  const time = timeText(nowMs - days * dayMs);
  return [
    ...rollupRows,
    row({ type: 'run.failed', run_id: 'x', error_category: 'tool', error_message: 'lost' }),
    row({ type: 'task.failed', task_id: '9', error_category: 'tool', error_message: 'lost' }),
  ].map((fields) => ({ ...fields, ts: time, received: time }));
}

async function rowsOf(tables = expiringTables.map(({ table }) => table)): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of tables) {
    const [found] = await store.select<{ rows: number }>(`SELECT count() AS rows FROM ${table}`);
    counts[table] = Number(found?.rows);
  }
  return counts;
}

async function daysKept(): Promise<Record<string, number | null>> {
  const rows = await store.select<{ name: string; engine_full: string }>(
    "SELECT name, engine_full FROM system.tables WHERE database = 'tidemark' AND engine_full LIKE '% TTL %'",
  );
  return Object.fromEntries(rows.map(({ name, engine_full }) => [name, ttlDaysOf(engine_full)]));
}

const mutations = () =>
  store.client.writerRows<{ count: number }>({
    name: 'mutations',
    sql: 'SELECT toUInt32(count()) AS count FROM system.mutations',
    params: {},
  });

/** Merges and what the TTL drops go on in the background, within moments after an insert. */
async function withQuickExpiry(): Promise<void> {
  for (const { table } of expiringTables) {
    await store.run(`ALTER TABLE ${table} MODIFY SETTING merge_with_ttl_timeout = 0`);
  }
}

test('every table with a TTL is one whose days are configured, and the default leaves it alone', async () => {
  const kept = await daysKept();
  const {
    day_finalizations_v1: ledger,
    failure_settlements_v1: settled,
    erased_ids_v1: ids,
    leases_v1: leases,
    ...expiring
  } = kept;
  expect([ledger, settled, ids, leases]).toEqual([400, 90, 400, 2]);
  expect(expiring).toEqual(
    Object.fromEntries(expiringTables.map(({ table, kept: name }) => [table, retentionDays[name]])),
  );
  store.statements.length = 0;
  await applyRetention({ store: store.client, logger }, retentionDays);
  expect(await daysKept()).toEqual(kept);
});

test('40 days later raw rows are gone by themselves, days and minutes remain, and no mutation ran', async () => {
  await withQuickExpiry();
  await insert('old', daysAgo(40));
  await insert('new', daysAgo(1));
  await expect.poll(() => rowsOf(['agent_events_raw_v1'])).toEqual({ agent_events_raw_v1: daysAgo(1).length });
  const days = await store.select(
    'SELECT day, total, failed FROM agent_performance_daily WHERE total > 1 ORDER BY day',
  );
  expect(days).toMatchObject([{ total: 4 }, { total: 4 }]);
  expect(await rowsOf(['agent_errors_per_day_v1', 'agent_task_history'])).toMatchObject({ agent_errors_per_day_v1: 4 });
  expect(await mutations()).toEqual([{ count: 0 }]);
});

test('a configured retention changes the metadata alone, and a replay across it changes nothing', async () => {
  await insert('kept', daysAgo(1));
  const before = await rowsOf();
  await applyRetention({ store: store.client, logger }, { raw: 7, minutes: 20, history: 14, errors: 60 });
  expect(await daysKept()).toMatchObject({
    agent_events_raw_v1: 7,
    agent_performance_per_minute_v1: 20,
    agent_task_history_v1: 14,
    agent_run_activity_v1: 14,
    agent_errors_per_day_v1: 60,
  });
  expect(await mutations()).toEqual([{ count: 0 }]);
  await insert('kept', daysAgo(1));
  await store.crash();
  await insert('kept', daysAgo(1));
  expect(await rowsOf()).toEqual(before);
});

test('parts written under a longer retention are dropped once their newest row has expired', async () => {
  await insert('old', daysAgo(10));
  await insert('new', daysAgo(1));
  const all = await rowsOf();
  const retention = { raw: 7, minutes: 7, history: 7, errors: 7 };
  await applyRetention({ store: store.client, logger }, retention);
  for (const { table } of expiringTables) await store.run(`SYSTEM STOP MERGES ${table}`);
  expect(await dropExpiredParts({ store: store.client, logger }, { retention, nowMs: nowMs - 4 * dayMs })).toBe(0);
  expect(await rowsOf()).toEqual(all);
  await dropExpiredParts({ store: store.client, logger }, { retention, nowMs });
  const left = await rowsOf();
  for (const { table } of expiringTables) expect([table, left[table]]).toEqual([table, (all[table] ?? 0) / 2]);
  expect(await dropExpiredParts({ store: store.client, logger }, { retention, nowMs })).toBe(0);
  expect(await store.select('SELECT count() AS days FROM agent_performance_daily WHERE total > 1')).toEqual([
    { days: 2 },
  ]);
  expect(await mutations()).toEqual([{ count: 0 }]);
});

test('an engine that keeps what has expired removes nothing, whatever its clock says, over restarts too', async () => {
  const own = await EngineStore.start({ keepsExpired: true });
  onTestFinished(() => own.end());
  const received: number[] = [];
  const receipt = { nowMs: () => nowMs, follow: (ms: number) => void received.push(ms) };
  const counter = { inc: () => {} };
  const upkeep = createStoreUpkeep(
    {
      store: own.client,
      delivery: { whileHeld: (work) => work() },
      undeliveredSinceMs: () => null,
      receipt,
      clock: systemClock,
      random: systemRandom,
      logger,
      instruments: {
        maintenance: {
          finalizations: counter,
          agentsRepaired: counter,
          failures: counter,
          seconds: { observe: () => {} },
          lastSuccess: { set: () => {} },
        },
        erasure: { completed: counter, rows: counter, failures: counter },
        parts: { partsBroken: counter, partsDetached: counter, rowsMissing: counter, mergesHeld: { set: () => {} } },
      },
    },
    {
      database: 'tidemark',
      startedMs: () => nowMs,
      url: null,
      target: async () => ({ kind: 'embedded' }),
      settings: null,
      cluster: null,
      engine: null,
      schedule: 'on',
      skewFutureMs: 3_600_000,
      retention: retentionDays,
      erasure: { lateDays: 30, purgeHours: 24 },
    },
  );
  await upkeep.prepare();
  const rows = daysAgo(40);
  const segment = await writeSegment(own, { id: 'old', blocks: [rows] });
  await createSegmentWriter({ store: own }, { database: 'tidemark', transport: 'infile' }).insert(segment);
  const counted = async () => {
    await own.run('OPTIMIZE TABLE agent_events_raw_v1 FINAL');
    const [found] = await own.select<{ rows: number }>('SELECT count() AS rows FROM agent_events_raw_v1');
    return Number(found?.rows);
  };
  expect(await counted()).toBe(rows.length);
  await own.crash();
  expect(await counted()).toBe(rows.length);
  await upkeep.prepare();
  expect(received).toEqual([0, Math.floor((nowMs - 40 * dayMs) / 1_000) * 1_000 + 1_000]);
  await own.run('SYSTEM START TTL MERGES agent_events_raw_v1');
  expect(await counted()).toBe(0);
  await setExpiryOwner(own.client, 'engine');
  const [kept] = await own.select<{ kept: number }>(
    "SELECT count() AS kept FROM system.tables WHERE engine_full LIKE '%ttl_in_pool%'",
  );
  expect(Number(kept?.kept)).toBe(0);
});
