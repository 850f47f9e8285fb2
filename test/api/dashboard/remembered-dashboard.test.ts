import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RollupMemory } from '../../../src/clickhouse/memory/rollup-memory.js';
import { FakeClock } from '../../support/fake-clock.js';
import { seededRandom, testSeed } from '../../support/seeded-random.js';
import { createQueryApi } from '../api-client.js';
import { openMemory, openQueryStore, type QueryStore, type RawRow } from '../api-store.js';

/**
 * A dashboard of what is remembered of parts is the one that the engine adds up, whatever has happened to the store
 * meanwhile. The tests write past the memory, as another collector does.
 */
const seed = testSeed(23);
const random = seededRandom(seed);
const minuteMs = 60_000;
const hourMs = 3_600_000;
const dayMs = 86_400_000;
const nowMs = Math.floor(Date.now() / minuteMs) * minuteMs + 34_567;
const todayMs = Math.floor(nowMs / dayMs) * dayMs;
const day = 'agent_performance_per_day_v1';
const minute = 'agent_performance_per_minute_v1';

let store: QueryStore;
let tasks = 0;

beforeAll(async () => {
  process.stdout.write(`remembered dashboard: seed ${seed}, now ${nowMs}\n`);
  store = await openQueryStore();
  for (let back = 40; back >= 0; back -= 4) await store.insert(executions(nowMs - back * dayMs, 400));
  await store.run(`OPTIMIZE TABLE ${day} FINAL`);
});

afterAll(() => store.close());

interface Told {
  readonly agentId?: string;
  readonly name?: string;
  readonly durationMs?: number;
  readonly type?: string;
}

function execution(ts: number, { agentId, name = '', durationMs, type }: Told = {}): RawRow {
  tasks += 1;
  const isFailed = random() < 0.1;
  return {
    tenant: 'acme',
    agent_id: agentId ?? `agent-${Math.floor(random() * 12)}`,
    agent_name: name,
    type: type ?? (isFailed ? 'task.failed' : 'task.completed'),
    error_category: (type ?? (isFailed ? 'failed' : '')).endsWith('failed') ? 'tool' : '',
    task_id: `t${tasks}`,
    tokens_in: Math.floor(random() * 900),
    ...(random() < 0.5 ? { cost_micros: Math.floor(random() * 9_000) } : {}),
    duration_ms: durationMs ?? Math.exp(6 + random()),
    ts,
    received: Math.max(ts, nowMs - 29 * dayMs),
  };
}

/** Over the four days before. */
function executions(untilMs: number, count: number, told: Told = {}): RawRow[] {
  return Array.from({ length: count }, () => execution(untilMs - Math.floor(random() * 4 * dayMs), told));
}

interface Issue {
  readonly reason: string;
  readonly recent: { readonly p95_ms?: number };
  readonly baseline?: { readonly p95_ms?: number };
}

interface Dashboard {
  readonly agents_with_issues: readonly { readonly agent_id: string; readonly issues: readonly Issue[] }[];
  readonly [name: string]: unknown;
}

async function dashboard(memory: RollupMemory | null, atMs = nowMs): Promise<Dashboard> {
  const remembered = memory === null ? {} : { memory };
  const api = createQueryApi({ store: store.reader, ...remembered, clock: new FakeClock(atMs) });
  const { status, body } = await api.get('acme', '/api/v1/metrics/dashboard');
  expect(status).toBe(200);
  return body as unknown as Dashboard;
}

/** Compares with what the engine adds up. Returns the statements that the remembering dashboard took, in order. */
async function same(memory = store.memory, atMs = nowMs): Promise<{ names: string[]; answer: Dashboard }> {
  const expected = await dashboard(null, atMs);
  store.asked.length = 0;
  const answer = await dashboard(memory, atMs);
  const names = store.asked.map(({ name }) => name);
  expect({ ...answer, agents_with_issues: null }).toEqual({ ...expected, agents_with_issues: null });
  expect(answer.agents_with_issues.map(issuesOf)).toEqual(expected.agents_with_issues.map(issuesOf));
  const [told, wanted] = [p95sOf(answer), p95sOf(expected)];
  // A digest merged in another order is another digest.
  for (const [index, p95] of told.entries()) expect(Math.abs(p95 / (wanted[index] ?? 0) - 1)).toBeLessThan(0.01);
  return { names, answer };
}

function issuesOf({ agent_id, issues }: Dashboard['agents_with_issues'][number]) {
  return { agent_id, issues: issues.map((issue) => (issue.reason === 'p95_regression' ? issue.reason : issue)) };
}

function p95sOf({ agents_with_issues: agents }: Dashboard): number[] {
  const slow = agents.flatMap(({ issues }) => issues.filter(({ reason }) => reason === 'p95_regression'));
  return slow.flatMap(({ recent, baseline }) => [recent.p95_ms ?? 0, baseline?.p95_ms ?? 0]);
}

/** Names of the parts that the last dashboard did not read, of both tables. */
function partsLeftOut(): string[] {
  const asked = store.asked.filter(({ name }) => name === 'tenant_parts').map(({ params }) => params);
  return asked.flatMap(({ known_0 = [], known_1 = [] }) => [...(known_0 as string[]), ...(known_1 as string[])]);
}

async function activeParts(table: string): Promise<string[]> {
  const sql = `SELECT name FROM system.parts WHERE database = currentDatabase() AND table = '${table}' AND active`;
  return (await store.metadata.rows<{ readonly name: string }>({ name: 'parts', sql, params: {} })).map(
    (part) => part.name,
  );
}

describe('a remembered dashboard', () => {
  test('takes one statement, then a look, and after an insert reads only the parts that came with it', async () => {
    const first = (await same()).names.filter((name) => name !== 'remembered_tables');
    expect(first).toEqual(['store_changes', 'tenant_parts']);
    expect((await same()).names).toEqual(['store_changes']);
    const before = await activeParts(day);
    await store.insert([execution(nowMs - 5 * minuteMs), execution(nowMs - 3 * minuteMs, { agentId: 'newcomer' })]);
    expect((await same()).names).toEqual(['store_changes', 'tenant_parts']);
    const still = (await activeParts(day)).filter((name) => before.includes(name));
    expect(still.length).toBeGreaterThan(0);
    expect(partsLeftOut()).toEqual(expect.arrayContaining(still));
    expect((await same()).names).toEqual(['store_changes']);
  });

  test('follows late events of any day, and merges of parts it knew with parts it did not', async () => {
    for (const back of [1, 3, 8, 12, 29, 35]) {
      await store.insert(executions(todayMs - back * dayMs, 30, back === 3 ? { agentId: 'late' } : {}));
      await same();
    }
    await store.insert(executions(nowMs, 20));
    await store.run(`OPTIMIZE TABLE ${day} FINAL`);
    await store.run(`OPTIMIZE TABLE ${minute} FINAL`);
    await store.insert(executions(nowMs, 20));
    await same();
  });

  test('tells the name by event time, and of equal event times by receipt', async () => {
    const at = nowMs - 10 * minuteMs;
    const named = (ts: number, name: string, more: object = {}) => ({
      ...execution(ts, { agentId: 'renamed', name, type: 'task.failed' }),
      ...more,
    });
    await store.insert(Array.from({ length: 30 }, () => named(at, 'Second')));
    const nameIn = ({ agents_with_issues: agents }: Dashboard) => agents.find(({ agent_id: id }) => id === 'renamed');
    expect(nameIn((await same()).answer)).toMatchObject({ agent_name: 'Second' });
    await store.insert([named(at - 1, 'First'), named(at + 5, '')]);
    expect(nameIn((await same()).answer)).toMatchObject({ agent_name: 'Second' });
    await store.insert([named(at, 'Thïrd', { received: nowMs })]);
    expect(nameIn((await same()).answer)).toMatchObject({ agent_name: 'Thïrd' });
  });

  test('finds who got slow from the digests of many parts, and who did not', async () => {
    await store.insert(
      Array.from({ length: 400 }, () =>
        execution(todayMs - (1.1 + 6 * random()) * dayMs, { agentId: 'slow', type: 'task.completed' }),
      ),
    );
    await same();
    for (let part = 0; part < 8; part++) {
      const durationMs = () => Math.exp(6 + random()) * (random() < 0.2 ? 20 : 1);
      await store.insert(
        Array.from({ length: 15 }, () =>
          execution(nowMs - 30 * minuteMs, { agentId: 'slow', type: 'task.completed', durationMs: durationMs() }),
        ),
      );
      await same();
    }
    const { answer } = await same();
    const slow = answer.agents_with_issues.find(({ agent_id: id }) => id === 'slow');
    expect(slow?.issues.map(({ reason }) => reason)).toEqual(['p95_regression']);
  });
});

describe('the list of agents', () => {
  test('is answered of what is remembered for a dashboard, as the store answers it, page by page', async () => {
    const list = async (memory: RollupMemory | null) => {
      const remembered = memory === null ? {} : { memory };
      const api = createQueryApi({ store: store.reader, ...remembered, clock: new FakeClock(nowMs) });
      const pages: unknown[] = [];
      for (let cursor = ''; ; ) {
        const { status, body } = await api.get('acme', `/api/v1/agents?limit=5${cursor}`);
        expect(status).toBe(200);
        pages.push(body.agents);
        if (body.next_cursor === null) return pages;
        cursor = `&cursor=${String(body.next_cursor)}`;
      }
    };
    await store.insert([
      execution(nowMs - minuteMs, { agentId: '\u{1f980} agent', type: 'task.cancelled', name: 'Crab' }),
      execution(nowMs - minuteMs, { agentId: '\uffee agent' }),
    ]);
    await same();
    const expected = await list(null);
    expect(expected.length).toBeGreaterThan(2);
    store.asked.length = 0;
    expect(await list(store.memory)).toEqual(expected);
    expect([...new Set(store.asked.map(({ name }) => name))]).toEqual(['store_changes']);
    const other = openMemory(store.reader, 1 << 24);
    store.asked.length = 0;
    expect(await list(other)).toEqual(expected);
    expect(store.asked.map(({ name }) => name)).not.toContain('tenant_parts');
    await other.stop();
  });
});

describe('a remembered dashboard of a store that loses rows, of other times, and of too much', () => {
  test('follows rows that were removed and written again, as erasures and finalizations do', async () => {
    const text = new Date(todayMs - 4 * dayMs).toISOString().slice(0, 10);
    await same();
    for (const [table, where] of [
      [day, `day = '${text}' AND agent_id = 'agent-3'`],
      [minute, `agent_id = 'agent-4'`],
    ] as const) {
      await store.run(`DELETE FROM ${table} WHERE ${where} SETTINGS lightweight_deletes_sync = 2`);
      await same();
    }
    await store.run(`INSERT INTO ${day} (tenant, agent_id, day, total, successful, events)
      SELECT 'acme', 'agent-3', toDate('${text}'), 7, 7, 7`);
    await same();
    const month = text.slice(0, 7).replace('-', '');
    await store.run(`ALTER TABLE ${minute} DROP PARTITION ${month}`);
    await same();
  });

  test('is right at every time of a rolling day, back and forth, with events of later in the store', async () => {
    await store.insert([execution(nowMs + 2 * minuteMs), execution(nowMs + 90 * minuteMs)]);
    for (const atMs of [
      nowMs,
      nowMs + minuteMs,
      nowMs + 2 * minuteMs,
      nowMs + hourMs,
      nowMs + 2 * hourMs,
      todayMs,
      todayMs - 1,
      todayMs + dayMs,
      nowMs,
    ]) {
      await same(store.memory, atMs);
    }
  });

  test('two collectors answer alike, and one whose memory is too small asks the engine', async () => {
    const outcomes: string[] = [];
    const other = openMemory(store.reader, 1 << 24);
    const small = openMemory(store.reader, 20_000, ({ outcome }) => outcomes.push(outcome));
    for (let round = 0; round < 2; round++) {
      await store.insert(executions(nowMs, 5));
      await same(other);
      await same();
      await same(small);
      expect(small.bytes).toBeLessThanOrEqual(20_000);
    }
    await store.insert(executions(nowMs, 5));
    const { names } = await same(small);
    expect(names).toEqual(expect.arrayContaining(['tenant_minutes', 'agent_standings', 'tenant_days']));
    expect(names).not.toContain('tenant_parts');
    expect(outcomes).toContain('unseen');
    await other.stop();
    await small.stop();
  });
});
