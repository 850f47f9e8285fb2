import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { settleFailures } from '../../../src/clickhouse/maintenance/failure-settlement.js';
import { createInsertToken } from '../../../src/clickhouse/maintenance/insert-token.js';
import type { RollupMemory } from '../../../src/clickhouse/memory/rollup-memory.js';
import { UniqueHashes } from '../../../src/clickhouse/queries/sql/unique-states.js';
import { FakeClock } from '../../support/fake-clock.js';
import { seededRandom, testSeed } from '../../support/seeded-random.js';
import { createQueryApi } from '../api-client.js';
import { openMemory, openQueryStore, type QueryStore, type RawRow } from '../api-store.js';
import { failureHistory } from './failure-history.js';

/**
 * While very much comes, a breakdown has the outcomes that are stored, and is told by what was read before and what
 * came since: the same as the engine adds up, whatever came. The tests write past the memory, as others would.
 */
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const seed = testSeed(71);
const random = seededRandom(seed);
/** Before what the store takes for now, whatever the tests add to it, and not near the turn of a bucket. */
const nowMs = Math.floor(Date.now() / hourMs - 6) * hourMs + 20 * minuteMs;
const queries = [
  'group_by=agent',
  'group_by=agent&limit=2',
  'group_by=category&kind=step',
  'group_by=code&category=tool&limit=3',
  'group_by=model',
  'group_by=tool&limit=1',
];

let store: QueryStore;

beforeAll(async () => {
  process.stdout.write(`grown-breakdown: seed ${seed}, now ${nowMs}\n`);
  store = await openQueryStore();
  const { rows } = failureHistory({ tenant: 'acme', runs: 80, nowMs, days: 6 }, random);
  await store.insert(rows);
  await settle();
  await muchComes();
});

afterAll(() => store.close());

/** More tries than are looked at one by one, for as long as they are newer than the last settlement tells. */
async function muchComes(): Promise<void> {
  await store.run(`INSERT INTO agent_tries_v1 (tenant, inserted, ts, received, unit, attempt, completed)
    SELECT 'acme', now64(3), at, at, number, 0, 1
    FROM (SELECT number, toDateTime64(${nowMs / 1_000}, 3, 'UTC') AS at FROM numbers(60000))`);
}

let settlements = 0;

async function settle(): Promise<void> {
  const nextToken = createInsertToken(new FakeClock(nowMs + settlements++), random);
  await settleFailures({ store: store.writer, delivery: { whileHeld: (work) => work() }, nextToken });
}

let tasks = 0;

function failure(ts: number, given: Partial<RawRow> = {}): RawRow {
  const task = `late-${tasks++}`;
  const ids = { task_id: task, run_id: `run-${task}`, agent_id: `agent-${tasks % 3}` };
  const usage = { tokens_in: 7, tokens_out: 2, cost_micros: tasks % 2 === 0 ? 30 : null, usage_scope: 'own' };
  return { tenant: 'acme', type: 'task.failed', ...ids, ...usage, error_category: 'tool', ts, received: ts, ...given };
}

async function breakdown(memory: RollupMemory | null, query: string, atMs: number) {
  const remembered = memory === null ? {} : { memory };
  const api = createQueryApi({ store: store.reader, ...remembered, clock: new FakeClock(atMs) });
  const { status, body } = await api.get('acme', `/api/v1/failures/breakdown?${query}`);
  expect(status).toBe(200);
  return body;
}

/** Compares with what the engine adds up; returns the statements the remembering one took, and the last totals. */
async function same(atMs: number, { asked = queries, memory = store.memory } = {}) {
  let totals: Readonly<Record<string, number>> = {};
  const names = new Set<string>();
  for (const query of asked) {
    const expected = await breakdown(null, query, atMs);
    expect(expected.outcomes_as_of).toEqual(expect.any(String));
    store.asked.length = 0;
    const answer = await breakdown(memory, query, atMs);
    expect({ query, ...answer }).toEqual({ query, ...expected });
    for (const { name } of store.asked) names.add(name);
    totals = answer.totals as typeof totals;
  }
  return { names, totals };
}

async function countOf(atMs: number): Promise<number> {
  return Number((await same(atMs, { asked: ['group_by=agent'] })).totals.count);
}

describe('a breakdown beside much that comes', () => {
  test('is what the engine adds up, whatever it is grouped by', async () => {
    const { names } = await same(nowMs);
    expect(names).toContain('failure_pieces');
    expect(names).not.toContain('failure_groups');
    const again = await same(nowMs);
    expect(again.names).toContain('last_settlement');
    expect(again.names).not.toContain('new_tries');
  });

  test('has failures of now, of yesterday and of a fast clock, each when its time has come', async () => {
    const count = await countOf(nowMs);
    await store.insert([
      failure(nowMs - 1_000),
      failure(nowMs - 1_000, { agent_id: 'another' }),
      failure(nowMs + 30_000),
    ]);
    expect(await countOf(nowMs)).toBe(count + 2);
    expect(await countOf(nowMs + minuteMs)).toBe(count + 3);
    await store.insert([failure(nowMs - 26 * hourMs, { error_code: 'late' })]);
    expect((await same(nowMs + minuteMs)).names).toContain('failure_times');
    expect(await countOf(nowMs + minuteMs)).toBe(count + 4);
  });

  test('reads nothing again of what is over while time goes on and failures come', async () => {
    // A merge of what came with what was there before anybody looked would have all of it read.
    await store.run('SYSTEM STOP MERGES agent_failures_v1');
    for (let step = 1; step <= 12; step++) {
      const atMs = nowMs + step * 20_000;
      await store.insert([failure(atMs - 3_000), failure(atMs - 100)]);
      await same(atMs, { asked: ['group_by=agent&limit=2'] });
      const spans = store.asked.find(({ name }) => name === 'failure_pieces')?.params ?? {};
      const starts = Object.entries(spans)
        .filter(([name]) => name.startsWith('from_'))
        .map(([, from]) => Number(from));
      const [front = 0, ...rest] = starts.sort((a, b) => a - b);
      expect(front).toBeLessThan(nowMs - 6 * 24 * hourMs);
      if (step > 1) expect(Math.min(...rest)).toBeGreaterThan(atMs - minuteMs);
    }
    await store.run('SYSTEM START MERGES agent_failures_v1');
    await same(nowMs + 5 * minuteMs);
    await same(nowMs + 3 * hourMs);
  });
});

describe('what is held of a breakdown', () => {
  test('counts a repeated event and a stored outcome once', async () => {
    const atMs = nowMs + 4 * hourMs;
    const twice = failure(atMs - 2 * hourMs);
    await store.insert([twice]);
    const before = await same(atMs, { asked: ['group_by=agent'] });
    await store.insert([{ ...twice, received: twice.ts + 500 }]);
    expect((await same(atMs, { asked: ['group_by=agent'] })).totals).toEqual(before.totals);
    await store.run(`INSERT INTO agent_failures_v1 SELECT * REPLACE (2 AS outcome)
      FROM agent_failures_v1 WHERE task_id = '${String(twice.task_id)}' AND lane = 'failed' LIMIT 1`);
    const { totals } = await same(atMs);
    expect((await same(atMs, { asked: ['group_by=agent'] })).totals).toMatchObject({
      count: Number(before.totals.count),
      recovered: Number(before.totals.recovered) + 1,
    });
    expect(totals).toBeDefined();
  });

  test('has the outcomes of the next settlement', async () => {
    const atMs = nowMs + 4 * hourMs;
    const mended = failure(atMs - hourMs);
    await store.insert([mended]);
    const { totals } = await same(atMs, { asked: ['group_by=agent'] });
    await store.insert([{ ...mended, type: 'task.completed', error_category: '', ts: mended.ts + 1_000 }]);
    expect((await same(atMs, { asked: ['group_by=agent'] })).totals.recovered).toBe(totals.recovered);
    await settle();
    // A settlement leaves what came in the last two minutes to the next; on a slow machine the others are older.
    await muchComes();
    expect((await same(atMs)).names).toContain('new_tries');
    const { totals: settled } = await same(atMs, { asked: ['group_by=agent'] });
    expect(settled.recovered).toBe(Number(totals.recovered) + 1);
  });

  test('is the same after merges, without rows that are gone, and with an end before what is held', async () => {
    const atMs = nowMs + 4 * hourMs;
    await store.run('OPTIMIZE TABLE agent_failures_v1 FINAL');
    await same(atMs);
    const count = await countOf(atMs);
    await store.run("ALTER TABLE agent_failures_v1 DELETE WHERE agent_id = 'another' SETTINGS mutations_sync = 2");
    expect(await countOf(atMs)).toBe(count - 1);
    const until = (ms: number) =>
      `group_by=agent&to=${new Date(ms).toISOString()}&from=${new Date(nowMs - 5 * 24 * hourMs).toISOString()}`;
    await same(atMs, { asked: [until(atMs - 10 * minuteMs), until(atMs - 20 * minuteMs), until(atMs - 5 * minuteMs)] });
  });

  test('is asked for by several at once, and by a memory without room', async () => {
    const atMs = nowMs + 4 * hourMs;
    await store.insert([failure(atMs - 1_000)]);
    const expected = await breakdown(null, 'group_by=agent', atMs);
    const answers = await Promise.all([1, 2, 3].map(() => breakdown(store.memory, 'group_by=agent', atMs)));
    for (const answer of answers) expect(answer).toEqual(expected);
    const small = openMemory(store.reader, 2_000);
    await same(atMs, { memory: small });
    expect(small.bytes).toBeLessThanOrEqual(2_000);
    await small.stop();
  });
});

describe('a breakdown in a memory that its pieces fill', () => {
  test('is held in fewer of them, and is the same', async () => {
    const beginMs = nowMs + 6 * hourMs;
    const times = Array.from({ length: 20 }, (_, step) => beginMs + step * minuteMs);
    const failing = (atMs: number) =>
      Array.from({ length: 200 }, (_, index) =>
        failure(atMs - 50 * index, { agent_id: `much-${index}`, run_id: 'much' }),
      );
    // A merge of what came with what was there before would have both read again, and held in other pieces.
    await store.run('SYSTEM STOP MERGES agent_failures_v1');
    await store.insert(times.flatMap(failing));
    const walk = async (memory: RollupMemory) => {
      const names = new Set<string>();
      for (const atMs of times) {
        for (const name of (await same(atMs, { asked: ['group_by=agent'], memory })).names) names.add(name);
      }
      return names;
    };
    const roomy = openMemory(store.reader, 64 * 1_048_576);
    await walk(roomy);
    const small = openMemory(store.reader, 1.4 * roomy.bytes);
    expect(await walk(small)).not.toContain('failure_groups');
    expect(small.bytes).toBeLessThan(0.7 * roomy.bytes);
    await store.run('SYSTEM START MERGES agent_failures_v1');
    for (const memory of [roomy, small]) await memory.stop();
  });
});

describe('distinct values of several states of the engine', () => {
  async function hashesOf(from: string): Promise<UniqueHashes> {
    const sql = `SELECT base64Encode(CAST(uniqState(n), 'String')) AS state FROM (${from})`;
    const [row] = await store.reader.rows<{ state: string }>({ name: 'test', sql, params: {} });
    const hashes = new UniqueHashes();
    hashes.addState(Buffer.from(row?.state ?? '', 'base64'));
    return hashes;
  }

  test.each([0, 10, 30_000])('are exact where they are few: %i in each', async (count) => {
    const parts = [0, 1, 2].map((part) => `SELECT number + ${(part * count) / 2} AS n FROM numbers(${count})`);
    const [first = new UniqueHashes(), ...others] = await Promise.all(parts.map(hashesOf));
    expect(first.countWith(others)).toBe(2 * count);
    for (const other of others) first.addAll(other);
    expect(first.count).toBe(2 * count);
  });

  test.each([
    [60_000, 60_000],
    [500_000, 1_000],
    [1_000, 500_000],
    [300_000, 900_000],
  ])('are within two percent where they are many: %i and %i', async (ones, others) => {
    const first = await hashesOf(`SELECT number AS n FROM numbers(${ones})`);
    const other = await hashesOf(`SELECT number + ${ones / 2} AS n FROM numbers(${others})`);
    const count = Math.max(ones, ones / 2 + others);
    expect(Math.abs(first.countWith([other]) / count - 1)).toBeLessThan(0.02);
    const whole = new UniqueHashes();
    for (const part of [first, other]) whole.addAll(part);
    expect(Math.abs(whole.count / count - 1)).toBeLessThan(0.02);
  });
});
