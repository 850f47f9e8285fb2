import { afterAll, beforeAll, expect, test } from 'vitest';
import { prepareErasures, rewrittenTables } from '../../src/clickhouse/erasure/erasable-tables.js';
import { dropTargets, writeEntry, writeSubjects } from '../../src/clickhouse/erasure/erasure-ledger.js';
import { eraseFromStore } from '../../src/clickhouse/erasure/erasure-work.js';
import { StoreEraser } from '../../src/clickhouse/erasure/store-eraser.js';
import { alwaysHeld, type Lease } from '../../src/clickhouse/maintenance/store-lease.js';
import { readAgentErrors } from '../../src/clickhouse/queries/agents/agent-errors.js';
import { createSegmentWriter } from '../../src/clickhouse/segments/segment-insert.js';
import type { StoreWriter } from '../../src/clickhouse/store-writer.js';
import { silentLogger } from '../../src/core/logger.js';
import { dayMs } from '../../src/core/time-span.js';
import { openMemory } from '../api/api-store.js';
import { EngineStore } from '../support/engine-store.js';
import { noonMs, row } from '../support/event-rows.js';
import { FakeClock } from '../support/fake-clock.js';
import { seededRandom } from '../support/seeded-random.js';
import { type RawRow, writeSegment } from '../support/segment-file.js';

let store: EngineStore;
const clock = new FakeClock(Date.now());
const counter = { inc: () => {} };

beforeAll(async () => {
  store = await EngineStore.withSchema();
  await prepareErasures(store.client);
});

afterAll(async () => {
  await store.end();
});

function createEraser(writer: StoreWriter = store, lease: Lease = alwaysHeld): StoreEraser {
  return new StoreEraser(
    {
      store: writer,
      lease,
      delivery: { whileHeld: (work) => work() },
      undeliveredSinceMs: () => null,
      clock,
      random: seededRandom(7),
      logger: silentLogger,
      instruments: { completed: counter, rows: counter, failures: counter },
    },
    { lateDays: 30, purgeHours: 24 },
  );
}

/** As on a busy engine: old sums are not merged with those that replace them, and its cleanup comes by. */
async function leaveApart(): Promise<void> {
  const small = ['max_space_in_pool', 'min_space_in_pool'].map((pool) => `max_bytes_to_merge_at_${pool} = 1`);
  const soon = ['old_parts_lifetime', 'cleanup_delay_period', 'max_cleanup_delay_period'].map((name) => `${name} = 1`);
  for (const table of rewrittenTables) {
    await store.run(`ALTER TABLE ${table} MODIFY SETTING ${[...small, ...soon].join(', ')}`);
  }
}

async function insert(): Promise<void> {
  const of = (run: string) => {
    const event = { tenant: 'acme', run_id: run, task_id: `task of ${run}` };
    return [
      row({ ...event, type: 'pattern.observed', pattern_id: 'p', message: `asks in ${run}`, evidence: [run] }),
      row({ ...event, type: 'task.failed', error_category: 'tool', error_message: `nothing in ${run}` }),
    ];
  };
  await insertRows('one', [...of('run-erased'), ...of('run-kept')]);
}

async function insertRows(id: string, rows: readonly RawRow[]): Promise<void> {
  const segment = await writeSegment(store, { id, blocks: [rows] });
  await createSegmentWriter({ store }, { database: 'tidemark', transport: 'infile' }).insert(segment);
}

const sums = () =>
  Promise.all([
    store.select('SELECT pattern_id, observations, evidence, description FROM agent_discovered_patterns ORDER BY ALL'),
    store.select('SELECT * FROM agent_errors_daily ORDER BY ALL'),
  ]);

test('sums of which an erasure left no row in their part are not added up again by a replay', async () => {
  await leaveApart();
  await insert();
  const eraser = createEraser();
  await eraser.erase({ tenant: 'acme', kind: 'run', ids: ['run-erased'], requestedBy: 'the operator' });
  const before = await sums();
  expect(before[0]).toMatchObject([{ observations: 2, evidence: ['run-kept'] }]);
  await eraser.pass();
  clock.advance(25 * 3_600_000);
  await expect.poll(() => eraser.pass(), { timeout: 240_000, interval: 200 }).toBe(true);
  const replaced = `SELECT name FROM system.parts WHERE NOT active AND table IN ('${rewrittenTables.join("', '")}')`;
  await expect.poll(() => store.select(replaced), { interval: 200 }).toEqual([]);
  await insert();
  expect(await sums()).toEqual(before);
  await eraser.stop();
});

test('ids whose request another collector is about to write down stay, and those that were left go', async () => {
  const idAt = (timeMs: number) => `${timeMs.toString(36)}abc`;
  const [fresh, left] = [idAt(clock.nowMs()), idAt(clock.nowMs() - 2 * 3_600_000)];
  const late = `${fresh}_run_${clock.nowMs()}_0123456789abcdef`;
  for (const erasureId of [fresh, left, late]) await writeSubjects(store, { erasureId, ids: ['run'] });
  const eraser = createEraser();
  await eraser.pass();
  await eraser.stop();
  expect(await store.select('SELECT erasure_id FROM erasure_targets_v1')).toEqual([{ erasure_id: fresh }]);
  await dropTargets(store, fresh);
});

test('a request that was written down by a clock that was ahead is complete when it is', async () => {
  const of = { erasureId: 'ahead', tenant: 'ahead', kind: 'run', requestedBy: 'the operator' } as const;
  const requestedMs = clock.nowMs() - 1_000;
  await writeSubjects(store, { erasureId: 'ahead', ids: ['a'] });
  const open = { requestedMs, completedMs: null, rows: {}, lateRows: 0, purgedMs: null };
  await writeEntry(store, { ...of, ...open }, requestedMs + 40 * 86_400_000);
  const eraser = createEraser();
  await eraser.pass();
  await eraser.stop();
  const done = "SELECT completed_at IS NOT NULL AS done FROM erasures_v1 FINAL WHERE tenant = 'ahead'";
  expect(await store.select(done)).toEqual([{ done: 1 }]);
});

/** The store, until what a statement that matches does is done. */
function cutAfter(statement: RegExp): StoreWriter {
  return {
    command: async (command) => {
      await store.command(command);
      if (statement.test(command.sql)) throw new Error('cut');
    },
    insertStream: (insert, body) => store.insertStream(insert, body),
    writerRows: (query) => store.writerRows(query),
  };
}

/** As a power cut may have it. */
async function forgetTokens(table: string): Promise<void> {
  for (const tokens of [0, 10_000]) {
    await store.run(`ALTER TABLE ${table} MODIFY SETTING non_replicated_deduplication_window = ${tokens}`);
  }
}

const failureOf = (tenant: string) => (run: string, text: string) =>
  row({
    tenant,
    run_id: run,
    task_id: `task ${run}`,
    type: 'task.failed',
    error_category: 'tool',
    error_message: text,
  });

const requestOf = (tenant: string) => ({ tenant, kind: 'run', requestedBy: 'the operator' }) as const;

const countsOf = (tenant: string) =>
  store.select(`SELECT message, occurrences FROM agent_errors_daily WHERE tenant = '${tenant}' ORDER BY ALL`);

test.each([
  ['moved', /INSERT INTO agent_errors_per_day_v1/],
  ['noted', /'error_groups_moved'/],
  ['masked', /DELETE FROM agent_errors_per_day_v1/],
])('failures that come between two attempts stay counted, and none twice: cut when %s', async (cut, statement) => {
  const tenant = `cut-${cut}`;
  const failure = failureOf(tenant);
  await insertRows(`${tenant}-1`, [
    failure('a', 'jackdaw'),
    failure('a', 'magpie'),
    failure('b', 'shared'),
    failure('a', 'shared'),
  ]);
  const scope = { erasureId: tenant, tenant, kind: 'run', untilMs: null } as const;
  await writeSubjects(store, { erasureId: tenant, ids: ['a'] });
  await expect(eraseFromStore(cutAfter(statement), { ...scope, attempt: 'one' })).rejects.toThrow('cut');
  await forgetTokens('agent_errors_per_day_v1');
  await insertRows(`${tenant}-2`, [failure('b', 'shared')]);
  await eraseFromStore(store, { ...scope, attempt: 'two' });
  expect(await countsOf(tenant)).toEqual([
    { message: '<erased>', occurrences: 2 },
    { message: 'shared', occurrences: 3 },
  ]);
  await dropTargets(store, tenant);
});

/** As the store says it, and as a collector that remembers what it read. */
async function errorsOf(tenant: string): Promise<readonly unknown[]> {
  const days = { fromMs: noonMs - (noonMs % dayMs), toMs: noonMs - (noonMs % dayMs) + dayMs };
  const query = { range: { days, raw: [], covered: days }, limit: 9 };
  const memory = openMemory(store.client, 1_000_000);
  const opened = memory.open();
  const readers = [store.client, { rows: store.client.rows.bind(store.client), memory: opened! }];
  try {
    return await Promise.all(readers.map((reader) => readAgentErrors(reader, { tenant, agentId: 'a' }, query)));
  } finally {
    await memory.stop();
  }
}

test('a failure that comes to a group of which the counts are being moved is counted', async () => {
  const tenant = 'cut-in-between';
  const failure = failureOf(tenant);
  await insertRows(`${tenant}-1`, [failure('a', 'jackdaw')]);
  const scope = { erasureId: tenant, tenant, kind: 'run', untilMs: null } as const;
  await writeSubjects(store, { erasureId: tenant, ids: ['a'] });
  const cut = cutAfter(/INSERT INTO agent_errors_per_day_v1/);
  await expect(eraseFromStore(cut, { ...scope, attempt: 'one' })).rejects.toThrow('cut');
  const moved = [{ message: '<erased>', occurrences: 1, total_groups: 1 }];
  expect(await errorsOf(tenant)).toMatchObject([moved, moved]);
  await insertRows(`${tenant}-2`, [failure('b', 'jackdaw')]);
  await eraseFromStore(store, { ...scope, attempt: 'two' });
  expect(await countsOf(tenant)).toEqual([{ message: '<erased>', occurrences: 2 }]);
  await dropTargets(store, tenant);
});

test('groups are renamed although rows of a token that is known are lost', async () => {
  await leaveApart();
  await insertRows('lost-1', [failureOf('lost')('a', 'jackdaw')]);
  await writeSubjects(store, { erasureId: 'lost', ids: ['a'] });
  let inserts = 0;
  const losing: StoreWriter = {
    command: async (statement) => {
      await store.command(statement);
      if (!/INSERT INTO agent_errors_per_day_v1/.test(statement.sql) || ++inserts > 1) return;
      const [part] = await store.select<{ name: string }>(`SELECT name FROM system.parts
        WHERE active AND table = 'agent_errors_per_day_v1' ORDER BY max_block_number DESC LIMIT 1`);
      await store.run(`ALTER TABLE agent_errors_per_day_v1 DETACH PART '${part?.name}'`);
    },
    insertStream: (insert, body) => store.insertStream(insert, body),
    writerRows: (query) => store.writerRows(query),
  };
  await eraseFromStore(losing, { erasureId: 'lost', tenant: 'lost', kind: 'run', untilMs: null, attempt: 'one' });
  expect(inserts).toBe(2);
  expect(await countsOf('lost')).toEqual([{ message: '<erased>', occurrences: 1 }]);
  await dropTargets(store, 'lost');
});

test('an erasure whose collector loses the lease stops there, and the next one counts nothing twice', async () => {
  await insertRows('lease-1', [failureOf('lease')('a', 'jackdaw')]);
  const lease = { isHeld: true };
  const done: string[] = [];
  const losing: StoreWriter = {
    command: async (statement) => {
      await store.command(statement);
      done.push(statement.sql);
      lease.isHeld &&= !/INSERT INTO agent_errors_per_day_v1/.test(statement.sql);
    },
    insertStream: (insert, body) => store.insertStream(insert, body),
    writerRows: (query) => store.writerRows(query),
  };
  const report = await createEraser(losing, lease).erase({ ...requestOf('lease'), ids: ['a'] });
  expect(report.completedMs).toBeNull();
  expect(done.at(-1)).toMatch(/INSERT INTO agent_errors_per_day_v1/);
  await createEraser().pass();
  expect(await countsOf('lease')).toEqual([{ message: '<erased>', occurrences: 1 }]);
});

test('two collectors that rename the same groups at once move what they count once', async () => {
  await insertRows('twins-1', [failureOf('twins')('a', 'jackdaw')]);
  await writeSubjects(store, { erasureId: 'twins', ids: ['a'] });
  const scope = { erasureId: 'twins', tenant: 'twins', kind: 'run', untilMs: null } as const;
  let open = () => {};
  const bothHaveRead = new Promise<void>((resolve) => {
    open = resolve;
  });
  let waiting = 0;
  const meeting: StoreWriter = {
    command: async (statement) => {
      if (/INSERT INTO agent_errors_per_day_v1/.test(statement.sql)) {
        if (++waiting === 2) open();
        await bothHaveRead;
      }
      await store.command(statement);
      if (/INSERT INTO agent_errors_per_day_v1/.test(statement.sql)) throw new Error('cut');
    },
    insertStream: (insert, body) => store.insertStream(insert, body),
    writerRows: (query) => store.writerRows(query),
  };
  const both = ['one', 'two'].map((attempt) => eraseFromStore(meeting, { ...scope, attempt }));
  for (const { status } of await Promise.allSettled(both)) expect(status).toBe('rejected');
  await eraseFromStore(store, { ...scope, attempt: 'three' });
  expect(await countsOf('twins')).toEqual([{ message: '<erased>', occurrences: 1 }]);
  await dropTargets(store, 'twins');
});

test.each([
  ['masked', /DELETE FROM agent_errors_per_day_v1/],
  ['forgotten', /ALTER TABLE erasure_targets_v1 DROP/],
])('an erasure of late events is completed and counted once, cut short when %s', async (cut, statement) => {
  const tenant = `late-${cut}`;
  const failure = failureOf(tenant);
  await insertRows(`${tenant}-1`, [failure('a', 'jackdaw')]);
  const eraser = createEraser(cutAfter(statement));
  await createEraser().erase({ ...requestOf(tenant), ids: ['a'] });
  clock.advance(1_000);
  await insertRows(`${tenant}-2`, [failure('a', 'magpie')]);
  expect(await eraser.pass()).toBe(false);
  await eraser.stop();
  const next = createEraser();
  await next.pass();
  await next.stop();
  expect(await countsOf(tenant)).toEqual([{ message: '<erased>', occurrences: 2 }]);
  const entry = `SELECT late_rows > 0 AS some FROM erasures_v1 FINAL WHERE tenant = '${tenant}'`;
  expect(await store.select(entry)).toEqual([{ some: 1 }]);
  expect(await store.select('SELECT count() AS left FROM erasure_targets_v1')).toEqual([{ left: 0 }]);
});
