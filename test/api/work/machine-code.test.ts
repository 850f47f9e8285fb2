import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { createQueryApi, type QueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore } from '../api-store.js';

const nowMs = Math.floor(Date.now() / 1_000) * 1_000;

let store: QueryStore;
let api: QueryApi;

beforeAll(async () => {
  store = await openQueryStore({ compiles: true });
  api = createQueryApi({ store: store.reader, clock: new FakeClock(nowMs) });
});

afterAll(() => store.close());

/** Since the engine started. */
async function functionsMade(): Promise<number> {
  const sql = `SELECT toUInt32(sum(value)) AS functions FROM system.events WHERE event = 'CompileFunction'`;
  const rows = await store.metadata.rows<{ functions: number }>({ name: 'functions_made', sql, params: {} });
  return rows[0]?.functions ?? 0;
}

test('for look-ups of runs and tasks by id the engine makes no machine code, however often', async () => {
  const work = { tenant: 'acme', agent_id: 'a', run_id: 'r', ts: nowMs - 3_600_000, received: nowMs - 3_600_000 };
  await store.insert([
    { ...work, type: 'run.started' },
    { ...work, type: 'task.running', task_id: 't' },
    { ...work, type: 'step.failed', task_id: 't', step_id: 's', tokens_in: 3, error_category: 'tool' },
  ]);
  // What the migrations ask for has some.
  const before = await functionsMade();
  const asked = async (path: string, answer: object) => {
    expect((await api.get('acme', `/api/v1/${path}`)).body).toMatchObject(answer);
  };
  const both = async () => {
    await asked('runs/r', { status: 'orphaned', events: 3, tasks: [{ task_id: 't', status: 'orphaned' }] });
    await asked('monitoring/tasks/t', { task_id: 't', run_id: 'r' });
  };
  await vi.waitFor(both, 60_000);
  for (let times = 0; times < 6; times += 1) await both();
  expect(await functionsMade()).toBe(before);
  // It does where it is not told otherwise.
  for (let times = 0; times < 6; times += 1) await store.reader.rows({ name: 'sums', sql: sums, params: { times } });
  expect(await functionsMade()).toBeGreaterThan(before);
});

const sums = `
  SELECT agent_id, sum(tokens_in) AS tokens, sum(tokens_out) AS more, count() AS events
  FROM agent_events_raw_v1 WHERE tokens_in < 100 + {times:UInt32} GROUP BY agent_id`;
