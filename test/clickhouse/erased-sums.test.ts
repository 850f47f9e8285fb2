import { afterAll, beforeAll, expect, test } from 'vitest';
import { prepareErasures, rewrittenTables } from '../../src/clickhouse/erasure/erasable-tables.js';
import { StoreEraser } from '../../src/clickhouse/erasure/store-eraser.js';
import { createSegmentWriter } from '../../src/clickhouse/segments/segment-insert.js';
import { silentLogger } from '../../src/core/logger.js';
import { EngineStore } from '../support/engine-store.js';
import { row } from '../support/event-rows.js';
import { FakeClock } from '../support/fake-clock.js';
import { seededRandom } from '../support/seeded-random.js';
import { writeSegment } from '../support/segment-file.js';

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
  const segment = await writeSegment(store, { id: 'one', blocks: [[...of('run-erased'), ...of('run-kept')]] });
  await createSegmentWriter({ store }, { database: 'tidemark', transport: 'infile' }).insert(segment);
}

const sums = () =>
  Promise.all([
    store.select('SELECT pattern_id, observations, evidence, description FROM agent_discovered_patterns'),
    store.select('SELECT * FROM agent_errors_daily ORDER BY ALL'),
  ]);

test('sums of which an erasure left no row in their part are not added up again by a replay', async () => {
  await leaveApart();
  await insert();
  const eraser = new StoreEraser(
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
  await eraser.erase({ tenant: 'acme', kind: 'run', ids: ['run-erased'], requestedBy: 'the operator' });
  const before = await sums();
  expect(before[0]).toMatchObject([{ observations: 2, evidence: ['run-kept'] }]);
  await eraser.pass();
  clock.advance(25 * 3_600_000);
  await expect.poll(() => eraser.pass(), { timeout: 20_000, interval: 200 }).toBe(true);
  const replaced = `SELECT name FROM system.parts WHERE NOT active AND table IN ('${rewrittenTables.join("', '")}')`;
  await expect.poll(() => store.select(replaced), { timeout: 60_000, interval: 200 }).toEqual([]);
  await insert();
  expect(await sums()).toEqual(before);
  await eraser.stop();
});
