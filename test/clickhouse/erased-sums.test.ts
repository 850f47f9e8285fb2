import { afterAll, beforeAll, expect, test } from 'vitest';
import { prepareErasures, rewrittenTables } from '../../src/clickhouse/erasure/erasable-tables.js';
import { dropTargets, writeSubjects } from '../../src/clickhouse/erasure/erasure-ledger.js';
import { eraseFromStore } from '../../src/clickhouse/erasure/erasure-work.js';
import { StoreEraser } from '../../src/clickhouse/erasure/store-eraser.js';
import { createSegmentWriter } from '../../src/clickhouse/segments/segment-insert.js';
import type { StoreWriter } from '../../src/clickhouse/store-writer.js';
import { silentLogger } from '../../src/core/logger.js';
import { EngineStore } from '../support/engine-store.js';
import { row } from '../support/event-rows.js';
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

function createEraser(): StoreEraser {
  return new StoreEraser(
    {
      store,
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
  for (const erasureId of [fresh, left, `${fresh}_late`]) await writeSubjects(store, { erasureId, ids: ['run'] });
  const eraser = createEraser();
  await eraser.pass();
  await eraser.stop();
  expect(await store.select('SELECT erasure_id FROM erasure_targets_v1')).toEqual([{ erasure_id: fresh }]);
  await dropTargets(store, fresh);
});

test('failures that come between two attempts at an erasure stay counted, and none is counted twice', async () => {
  const failure = (run: string, text: string) =>
    row({
      tenant: 'cut',
      run_id: run,
      task_id: `task ${run}`,
      type: 'task.failed',
      error_category: 'tool',
      error_message: text,
    });
  const counts = () =>
    store.select("SELECT message, occurrences FROM agent_errors_daily WHERE tenant = 'cut' ORDER BY ALL");
  await insertRows('cut-1', [failure('a', 'jackdaw'), failure('b', 'shared'), failure('a', 'shared')]);
  const cut: StoreWriter = {
    command: async (statement) => {
      await store.command(statement);
      if (/INSERT INTO agent_errors_per_day_v1/.test(statement.sql)) throw new Error('cut');
    },
    insertStream: (statement, body) => store.insertStream(statement, body),
    writerRows: (query) => store.writerRows(query),
  };
  const scope = { erasureId: 'cut', tenant: 'cut', kind: 'run', untilMs: null } as const;
  await writeSubjects(store, { erasureId: 'cut', ids: ['a'] });
  await expect(eraseFromStore(cut, { ...scope, attempt: 'one' })).rejects.toThrow('cut');
  await insertRows('cut-2', [failure('b', 'shared')]);
  await eraseFromStore(store, { ...scope, attempt: 'two' });
  expect(await counts()).toEqual([
    { message: '<erased>', occurrences: 1 },
    { message: 'shared', occurrences: 3 },
  ]);
  await dropTargets(store, 'cut');
});
