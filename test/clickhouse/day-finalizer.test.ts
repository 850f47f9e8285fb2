import { afterAll, beforeAll, expect, test } from 'vitest';
import { RollupDayFinalizer, type RollupDayFinalizerDeps } from '../../src/clickhouse/maintenance/day-finalizer.js';
import { readDueDays } from '../../src/clickhouse/maintenance/finalization-ledger.js';
import { createInsertToken } from '../../src/clickhouse/maintenance/insert-token.js';
import { readingAsWriter } from '../../src/clickhouse/maintenance/rollup-repair.js';
import { createSegmentWriter } from '../../src/clickhouse/segments/segment-insert.js';
import { systemClock } from '../../src/core/clock.js';
import { CollectorError } from '../../src/core/errors.js';
import { silentLogger } from '../../src/core/logger.js';
import type { FinalizationScope } from '../../src/core/ports/day-finalizer.js';
import type { DeliveryHold } from '../../src/core/ports/delivery-hold.js';
import type { SegmentWriter } from '../../src/core/ports/segment-writer.js';
import { EngineStore } from '../support/engine-store.js';
import { noonMs, row } from '../support/event-rows.js';
import { FakeClock } from '../support/fake-clock.js';
import { seededRandom } from '../support/seeded-random.js';
import { type RawRow, timeText, writeSegment } from '../support/segment-file.js';

const dayMs = 86_400_000;
const yesterdayMs = Math.floor(noonMs / dayMs) * dayMs;
const database = 'tidemark';
let store: EngineStore;
let writer: SegmentWriter;
let segments = 0;

beforeAll(async () => {
  store = await EngineStore.withSchema();
  writer = createSegmentWriter({ store }, { database, transport: 'infile' });
});

afterAll(() => store.end());

async function insert(rows: readonly RawRow[]): Promise<void> {
  await writer.insert(await writeSegment(store, { id: `s${++segments}`, blocks: [rows] }));
}

/** Nothing else inserts unless the test does. */
const freeDelivery: DeliveryHold = { whileHeld: (work) => work() };

function finalizer(given: Partial<RollupDayFinalizerDeps> = {}) {
  const repaired: number[] = [];
  const counter = { inc: () => {} };
  const made = new RollupDayFinalizer(
    {
      store,
      delivery: freeDelivery,
      undeliveredSinceMs: () => null,
      clock: systemClock,
      nextToken: createInsertToken(systemClock, seededRandom(1)),
      logger: silentLogger,
      instruments: {
        finalizations: counter,
        agentsRepaired: { inc: (count = 1) => void repaired.push(count) },
        failures: counter,
        seconds: { observe: () => {} },
        lastSuccess: { set: () => {} },
      },
      ...given,
    },
    { skewFutureMs: 3_600_000 },
  );
  return Object.assign(made, { repaired });
}

const all = (tenant: string | null = null): FinalizationScope => ({ dayMs: yesterdayMs, tenant, agentId: null });

/** One execution of each outcome a minute, over some minutes, with everything a rollup keeps. */
function executions(tenant: string, agent: string, count: number, offsetMs = 0): RawRow[] {
  return Array.from({ length: count }, (_, index) =>
    row({
      tenant,
      agent_id: agent,
      agent_name: `name of ${agent}`,
      type: index % 3 === 1 ? 'task.failed' : 'task.completed',
      ts: timeText(noonMs + offsetMs + index * 20_000),
      received: timeText(noonMs + offsetMs + index * 20_000 + 400),
      event_id: `${agent}-${offsetMs}-${index}`,
      task_id: `${agent}-t${offsetMs}-${index}`,
      run_id: `r${index % 4}`,
      duration_ms: 100 + index * 1.25,
      tokens_in: 10,
      confidence: 0.1,
      memory_mb: 12.5,
      ...(index % 3 === 1
        ? { error_category: 'tool', error_code: `e${index % 2}`, error_message: `timeout after ${index} ms` }
        : {}),
    }),
  );
}

const views = ['agent_performance_daily', 'agent_performance_minutely', 'agent_errors_daily'];

/** What the public views say of a tenant, without when a day was touched. */
async function records(tenant: string): Promise<unknown[][]> {
  const columns = { agent_performance_daily: '* EXCEPT (updated_at)' } as Readonly<Record<string, string>>;
  return Promise.all(
    views.map((view) =>
      store.select(`SELECT ${columns[view] ?? '*'} FROM ${view} WHERE tenant = '${tenant}'
      ORDER BY ALL`),
    ),
  );
}

const ledgerOf = (tenant: string) =>
  store.select(`SELECT agents, events, agents_repaired FROM day_finalizations_v1 WHERE tenant = '${tenant}'`);

test('a day whose rollups agree with its raw events is not touched', async () => {
  for (const part of [0, 1, 2]) await insert(executions('equal', 'a', 20, part * 600_000));
  await insert(executions('equal', 'b', 5));
  const before = await records('equal');
  const statements = store.statements.length;

  const report = await finalizer().finalize(all('equal'));

  expect(report).toMatchObject({ agents: 2, events: 65, agentsRepaired: 0 });
  expect(await records('equal')).toEqual(before);
  expect(store.statements.slice(statements).filter((name) => /removal|repair/.test(name))).toEqual([]);
  expect(await ledgerOf('equal')).toEqual([{ agents: 2, events: 65, agents_repaired: 0 }]);
});

test('events that were inserted twice count once afterwards, in days, minutes and error groups', async () => {
  const events = executions('twice', 'a', 30);
  await insert(events);
  await insert(executions('twice', 'b', 7));
  const right = await records('twice');
  // Received again much later, and in the minute of the first.
  await insert(events.slice(3, 13).map((event) => ({ ...event, received: timeText(noonMs + 3_600_000) })));
  expect(await records('twice')).not.toEqual(right);

  const report = await finalizer().finalize(all('twice'));

  expect(report).toMatchObject({ agents: 2, events: 37, agentsRepaired: 1 });
  expect(await records('twice')).toEqual(right);
  expect(await finalizer().finalize(all('twice'))).toMatchObject({ events: 37, agentsRepaired: 0 });
});

test('events without an id all count', async () => {
  const event = row({ tenant: 'plain', type: 'task.completed', task_id: 't', duration_ms: 5 });
  await insert([event, event, event]);
  expect(await finalizer().finalize(all('plain'))).toMatchObject({ events: 3, agentsRepaired: 0 });
});

test.each(['agent_performance_per_day_v1', 'agent_performance_per_minute_v1', 'agent_errors_per_day_v1'])(
  'rows missing in %s are restored, percentiles included, and the day says when',
  async (table) => {
    const tenant = `missing-${table}`;
    await insert([...executions(tenant, 'a', 40), ...executions(tenant, 'b', 4)]);
    const right = await records(tenant);
    await store.run(`DELETE FROM ${table} WHERE tenant = '${tenant}' AND agent_id = 'a'`);
    expect(await records(tenant)).not.toEqual(right);
    const startedMs = Date.now();

    expect(await finalizer().finalize(all(tenant))).toMatchObject({ agents: 2, agentsRepaired: 1 });

    expect(await records(tenant)).toEqual(right);
    const [touched] = await store.select<{ at: number }>(`SELECT toUnixTimestamp64Milli(updated_at) AS at
      FROM agent_performance_daily WHERE tenant = '${tenant}' AND agent_id = 'a'`);
    expect(Number(touched?.at)).toBeGreaterThanOrEqual(startedMs);
  },
);

test('a day that was repaired, broken the same way and repaired again is right again', async () => {
  await insert(executions('again', 'a', 10));
  const right = await records('again');
  for (const _ of [1, 2, 3]) {
    await store.run(`DELETE FROM agent_performance_per_day_v1 WHERE tenant = 'again'`);
    expect(await finalizer().finalize(all('again'))).toMatchObject({ agentsRepaired: 1 });
    expect(await records('again')).toEqual(right);
  }
});

test('a segment that is inserted again after a repair still changes nothing', async () => {
  const segment = await writeSegment(store, { id: 'replayed', blocks: [executions('replay', 'a', 10)] });
  await writer.insert(segment);
  const right = await records('replay');
  await store.run(`DELETE FROM agent_performance_per_minute_v1 WHERE tenant = 'replay'`);
  await finalizer().finalize(all('replay'));
  await writer.insert(segment);
  expect(await records('replay')).toEqual(right);
});

test('one agent on demand leaves every other alone', async () => {
  await insert(['a', 'b'].flatMap((agent) => executions('single', agent, 6)));
  await insert(executions('single-other', 'a', 6));
  const right = await records('single');
  await store.run(`DELETE FROM agent_performance_per_day_v1 WHERE startsWith(tenant, 'single')`);

  const report = await finalizer().finalize({ dayMs: yesterdayMs, tenant: 'single', agentId: 'a' });

  expect(report).toMatchObject({ agents: 1, events: 6, agentsRepaired: 1 });
  const rows = await store.select(`SELECT tenant, agent_id, events FROM agent_performance_daily
    WHERE startsWith(tenant, 'single')`);
  expect(rows).toEqual([{ tenant: 'single', agent_id: 'a', events: 6 }]);
  await finalizer().finalize(all('single'));
  expect(await records('single')).toEqual(right);
});

test('ids with quotes, percent signs, line breaks and other scripts are repaired as themselves', async () => {
  const agents = ["o'brien", '100% \\', 'a\nb\tc', '智能体', '{x:String}', 'a,b'];
  await insert(agents.flatMap((agent) => executions("te'nant", agent, 3)));
  const byAgent = `SELECT agent_id, events FROM agent_performance_daily WHERE tenant = 'te\\'nant' ORDER BY agent_id`;
  const right = await store.select(byAgent);
  expect(right).toHaveLength(agents.length);
  await store.run(`DELETE FROM agent_performance_per_day_v1 WHERE tenant = 'te\\'nant' AND agent_id != 'a,b'`);
  expect(await finalizer().finalize(all("te'nant"))).toMatchObject({ agentsRepaired: agents.length - 1 });
  expect(await store.select(byAgent)).toEqual(right);
});

test('more groups of errors than an insert tells apart stay told apart while their number is right', async () => {
  const failure = (index: number) =>
    row({
      tenant: 'groups',
      type: 'task.failed',
      task_id: `t${index}`,
      event_id: `g${index}`,
      error_category: 'tool',
      error_code: `code-${index}`,
      error_message: 'x',
    });
  const failures = Array.from({ length: 150 }, (_, index) => failure(index));
  await insert(failures.slice(0, 75));
  await insert(failures.slice(75));
  const groups = () =>
    store.select(`SELECT count() AS groups, sum(occurrences) AS failures FROM agent_errors_daily
    WHERE tenant = 'groups'`);
  expect(await finalizer().finalize(all('groups'))).toMatchObject({ agentsRepaired: 0 });
  expect(await groups()).toEqual([{ groups: 150, failures: 150 }]);
  await insert(failures.slice(0, 10));
  expect(await finalizer().finalize(all('groups'))).toMatchObject({ events: 150, agentsRepaired: 1 });
  expect(await groups()).toEqual([{ groups: 101, failures: 150 }]);
  expect(await finalizer().finalize(all('groups'))).toMatchObject({ agentsRepaired: 0 });
});

test('the record of an agent whose raw events are gone stays as it is', async () => {
  await insert([...executions('gone', 'a', 3), ...executions('gone', 'b', 3)]);
  await store.run(`DELETE FROM agent_events_raw_v1 WHERE tenant = 'gone' AND agent_id = 'a'`);
  const before = await records('gone');
  expect(await finalizer().finalize(all('gone'))).toMatchObject({ agents: 1, agentsRepaired: 0 });
  expect(await records('gone')).toEqual(before);
});

test('a day that is not over, or whose raw events may have expired, is refused by name', async () => {
  const refused = async (day: number) => {
    const error = await finalizer()
      .finalize({ ...all('equal'), dayMs: day })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CollectorError);
    expect((error as CollectorError).code).toBe('parameter_invalid');
  };
  const today = Math.floor(Date.now() / dayMs) * dayMs;
  await refused(today);
  await refused(today - 29 * dayMs);
  expect(await finalizer().finalize({ ...all('nobody'), dayMs: today - 27 * dayMs })).toMatchObject({ agents: 0 });
});

test('a shorter expiry of the raw events is heeded', async () => {
  await store.run('ALTER TABLE agent_events_raw_v1 MODIFY TTL toDateTime(received) + toIntervalDay(10)');
  const finishedDays = async (nowMs: number) => {
    const { fromMs } = await finalizer({ clock: new FakeClock(nowMs) }).finalizableDays();
    return (yesterdayMs + dayMs - fromMs) / dayMs;
  };
  const lastHourMs = yesterdayMs + 2 * dayMs - 3_600_000;
  expect(await finishedDays(lastHourMs)).toBe(8);
  // In the last hour of a day what was dated up to an hour ahead of its receipt has begun to expire.
  expect(await finishedDays(lastHourMs + 1)).toBe(7);
  await store.run('ALTER TABLE agent_events_raw_v1 MODIFY TTL toDateTime(received) + toIntervalDay(30)');
});

test('one finalization at a time; the second is told to come back', async () => {
  const one = finalizer();
  const first = one.finalize(all('equal'));
  await expect(one.finalize(all('equal'))).rejects.toMatchObject({ code: 'overloaded' });
  await first;
  expect(await one.finalize(all('equal'))).toMatchObject({ agentsRepaired: 0 });
});

test('a crash between removing and writing is found and mended by the next pass', async () => {
  await insert(executions('crash', 'a', 12));
  const right = await records('crash');
  await store.run(`DELETE FROM agent_performance_per_minute_v1 WHERE tenant = 'crash'`);
  // The fleet's own finalization, so that the ledger knows the day; the repair of `crash` is cut short.
  for (const statement of ['removal from agent_performance_per_day_v1', 'removal from agent_errors_per_day_v1']) {
    await finalizer().finalize(all());
    expect(await records('crash')).toEqual(right);
    expect(await dueDays()).not.toContain(yesterdayMs);
    await store.run(`DELETE FROM agent_performance_per_minute_v1 WHERE tenant = 'crash'`);
    await expect(finalizer({ store: crashingAfter(statement) }).finalize(all('crash'))).rejects.toThrow('killed');
    await store.crash();
    expect(await dueDays()).toContain(yesterdayMs);
  }
  await finalizer().finalize(all());
  expect(await records('crash')).toEqual(right);
  expect(await dueDays()).not.toContain(yesterdayMs);
});

/** The store, until the named statement is done; then nothing reaches it any more. */
function crashingAfter(name: string): EngineStore {
  let isDead = false;
  const through = async <T>(work: () => Promise<T>): Promise<T> => {
    if (isDead) throw new CollectorError('store_unreachable', 'killed');
    return work();
  };
  return {
    writerRows: (query) => through(() => store.writerRows(query)),
    insertStream: (...given) => through(() => store.insertStream(...given)),
    command: (statement) =>
      through(async () => {
        await store.command(statement);
        isDead = statement.name === name;
        if (isDead) throw new CollectorError('store_unreachable', 'killed');
      }),
  } as EngineStore;
}

async function dueDays(): Promise<number[]> {
  return readDueDays(readingAsWriter(store), await finalizer().finalizableDays());
}

test('a day is due again when an event of it came later or waited in a spool, and then not any more', async () => {
  await insert(executions('due', 'a', 3));
  await finalizer().finalize(all());
  expect(await dueDays()).not.toContain(yesterdayMs);
  const late = { ...executions('due', 'a', 1, 7_200_000)[0], received: timeText(Date.now() + 1_000) };
  await insert([late]);
  expect(await dueDays()).toContain(yesterdayMs);
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  await finalizer().finalize(all());
  expect(await dueDays()).not.toContain(yesterdayMs);
  // Received before that, and inserted only now.
  await insert(executions('due', 'a', 1, 10_800_000));
  expect(await dueDays()).toContain(yesterdayMs);
  await finalizer().finalize(all());
  expect(await dueDays()).not.toContain(yesterdayMs);
});

test('after a clock that was ahead is set back a day that was due is not due any more', async () => {
  await insert(executions('ahead', 'a', 3));
  await finalizer().finalize(all());
  await store.run(`INSERT INTO day_finalizations_v1
    SELECT * REPLACE (finalized_at + toIntervalDay(40) AS finalized_at) FROM day_finalizations_v1
    WHERE tenant = '' AND agent_id = '' ORDER BY finalized_at DESC LIMIT 1`);
  await insert(executions('ahead', 'a', 1, 10_800_000));
  expect(await dueDays()).toContain(yesterdayMs);
  await finalizer().finalize(all());
  expect(await dueDays()).not.toContain(yesterdayMs);
  await store.run('ALTER TABLE day_finalizations_v1 DELETE WHERE finalized_at > now() SETTINGS mutations_sync = 2');
});

test('events that wait for their insert when a day is finalized keep it due', async () => {
  const waiting = Date.now() - 5_000;
  await finalizer({ undeliveredSinceMs: () => waiting }).finalize(all());
  const [entry] = await store.select<{ at: number }>(`SELECT toUnixTimestamp64Milli(max(received_before)) AS at
    FROM day_finalizations_v1 WHERE finalized_at = (SELECT max(finalized_at) FROM day_finalizations_v1)`);
  expect(Number(entry?.at)).toBe(waiting);
});
