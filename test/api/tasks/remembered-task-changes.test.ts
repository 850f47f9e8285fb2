import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { seededRandom, testSeed } from '../../support/seeded-random.js';
import { createQueryApi } from '../api-client.js';
import { openMemory, openQueryStore, type QueryStore, type RawRow } from '../api-store.js';
import { plannedEvents, shuffled } from '../work/listed-history.js';

const seed = testSeed(90_417);
const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
const [batches, batchRows] = [7, 5];
const filters = [
  'status=failed',
  'status=completed&limit=5',
  'status=cancelled',
  'error_category=tool',
  'error_text=a',
  'agent_id=agent-1&status=failed',
  'user_id=user-1&status=failed',
  'user_id=user-0&error_category=tool',
  'user_id=user-1&model=large-4&error_text=e',
  `status=failed&start_date_from=${new Date(nowMs - 1_800_000).toISOString()}`,
  `error_text=e&start_date_to=${new Date(nowMs - 600_000).toISOString()}`,
];

let store: QueryStore;

beforeAll(async () => {
  store = await openQueryStore();
});

afterAll(() => store.close());

/** Of a seeded history most comes at once, and then some events in turn, in no order. Half of them tell no context. */
function batchesOf(random: () => number): RawRow[][] {
  const told = plannedEvents(random, { kind: 'task', tenant: 'acme', count: 120, nowMs });
  const users = told.map((row) => ({ ...row, user_id: `user-${Number(String(row.user_id).slice(-1)) % 2}` }));
  const apart = { user_id: '', session_id: '', model: '' };
  const rows = shuffled(random, users).map((row) => (random() < 0.5 ? { ...row, ...apart } : row));
  const late = Array.from({ length: batches }, () => rows.splice(0, batchRows));
  return [rows, ...late];
}

test(`what is remembered of lists is what the store tells, whatever comes in between (seed ${seed})`, async () => {
  const random = seededRandom(seed);
  const clock = new FakeClock(nowMs);
  const memory = openMemory(store.reader, 1 << 24, undefined, clock);
  const apis = [{}, { memory }].map((given) => createQueryApi({ store: store.reader, ...given, clock }));
  const page = async (api: number, filter: string) => {
    const { status, body } = await apis[api]!.get('acme', `/api/v1/monitoring/tasks?${filter}`);
    expect(status).toBe(200);
    return body;
  };
  let [held, total] = [0, 0];
  for (const batch of batchesOf(random)) {
    await store.insert(batch);
    // Else what was found changed is read each time.
    clock.advance(2_000);
    for (const filter of filters) {
      // An insert fills one table after another.
      await vi.waitFor(async () => {
        const expected = await page(0, filter);
        store.asked.length = 0;
        expect(await page(1, filter), filter).toEqual(expected);
        total += Number(expected.total);
      }, 60_000);
      if (store.asked.every(({ name }) => name !== 'task_candidates')) held += 1;
    }
  }
  await memory.stop();
  expect(total).toBeGreaterThan(100);
  expect(held, 'told by the memory').toBeGreaterThan(batches);
});
