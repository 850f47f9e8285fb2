import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RollupMemory } from '../../../src/clickhouse/memory/rollup-memory.js';
import { FakeClock } from '../../support/fake-clock.js';
import { createQueryApi } from '../api-client.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api-store.js';

/**
 * A breakdown of what is remembered is the one that the engine adds up, as time goes on and whoever changes the store.
 * The tests write past the memory, as another collector does.
 */
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const nowMs = Math.floor(Date.now() / hourMs) * hourMs + 20 * minuteMs;

let store: QueryStore;

beforeAll(async () => {
  store = await openQueryStore();
  await store.insert(Array.from({ length: 60 }, (_, index) => failure(`t${index}`, nowMs - (index + 1) * hourMs)));
});

afterAll(() => store.close());

function failure(task: string, ts: number): RawRow {
  const agent = `agent-${task.length % 3}`;
  return {
    tenant: 'acme',
    agent_id: agent,
    type: 'task.failed',
    task_id: task,
    run_id: `run-${task}`,
    error_category: 'tool',
    ts,
    received: ts,
  };
}

async function breakdown(memory: RollupMemory | null, atMs: number): Promise<Readonly<Record<string, unknown>>> {
  const remembered = memory === null ? {} : { memory };
  const api = createQueryApi({ store: store.reader, ...remembered, clock: new FakeClock(atMs) });
  const from = new Date(atMs - 50 * hourMs - 30 * minuteMs).toISOString();
  const { status, body } = await api.get('acme', `/api/v1/failures/breakdown?group_by=agent&from=${from}`);
  expect(status).toBe(200);
  return body;
}

/** Compares with what the engine adds up. Returns the answer, and which statements the remembering one took. */
async function same(atMs: number) {
  const expected = await breakdown(null, atMs);
  store.asked.length = 0;
  const answer = await breakdown(store.memory, atMs);
  expect(answer).toEqual(expected);
  return { names: store.asked.map(({ name }) => name), totals: answer.totals as Readonly<Record<string, number>> };
}

const whole = ['new_tries', 'failure_groups', 'failure_examples'];

describe('failures by agent', () => {
  test('are told by one look at the store while nothing is stored and no failure leaves the range', async () => {
    await same(nowMs);
    expect((await same(nowMs)).names).toEqual(['store_changes']);
    expect((await same(nowMs + 5 * minuteMs)).names).toEqual(['store_changes']);
  });

  test('are read again when the oldest failure has left the range', async () => {
    const { count } = (await same(nowMs)).totals;
    // 30 minutes on from where the range began lies the failure before it.
    const later = await same(nowMs + 31 * minuteMs);
    expect(later.names).toEqual(expect.arrayContaining(whole));
    expect(later.totals.count).toBe(Number(count) - 1);
  });

  test('are read again when the range begins before the one that was read', async () => {
    await same(nowMs);
    expect((await same(nowMs - minuteMs)).names).toEqual(expect.arrayContaining(whole));
  });

  test('tell a failure and what became of it at once', async () => {
    const { count } = (await same(nowMs)).totals;
    await store.insert([failure('late', nowMs - 90 * minuteMs)]);
    const failed = await same(nowMs);
    expect(failed.totals).toMatchObject({ count: Number(count) + 1, recovered: 0 });
    await store.insert([{ ...failure('late', nowMs - 80 * minuteMs), type: 'task.completed', error_category: '' }]);
    expect((await same(nowMs)).totals).toMatchObject({ count: Number(count) + 1, recovered: 1 });
  });

  test('tell a failure of a fast clock when its time has come', async () => {
    const { count } = (await same(nowMs)).totals;
    await store.insert([failure('fast', nowMs + minuteMs)]);
    expect((await same(nowMs)).totals.count).toBe(count);
    expect((await same(nowMs + minuteMs / 2)).names).toEqual(['store_changes']);
    expect((await same(nowMs + 2 * minuteMs)).totals.count).toBe(Number(count) + 1);
  });
});
