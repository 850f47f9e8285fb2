import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { RollupMemory } from '../../../src/clickhouse/memory/rollup-memory.js';
import { FakeClock } from '../../support/fake-clock.js';
import { createQueryApi } from '../api-client.js';
import { openMemory, openQueryStore, type QueryStore, type RawRow } from '../api-store.js';

/**
 * A page of tasks that is remembered is the one that the store tells, as time goes on and whoever changes the store.
 * The tests write past the memory, as another collector does.
 */
const minuteMs = 60_000;
const nowMs = Math.floor(Date.now() / minuteMs) * minuteMs;
const tenant = 'acme';

let store: QueryStore;

beforeAll(async () => {
  store = await openQueryStore();
  const tasks = Array.from({ length: 150 }, (_, index) => index);
  await store.insert(tasks.flatMap((index) => [started(`t${index}`, index), failed(`t${index}`, index)]));
  await told('limit=100&error_text=timed', ({ tasks }) => expect(tasks).toHaveLength(100));
});

afterAll(() => store.close());

function event(task: string, startedMs: number, fields: Readonly<Record<string, unknown>> & { readonly type: string }) {
  const ts = startedMs + 1_000;
  return {
    tenant,
    agent_id: 'a',
    task_id: task,
    run_id: `run-${task}`,
    started_at: startedMs,
    ts,
    received: ts,
    ...fields,
  };
}

function started(task: string, minutesAgo: number): RawRow {
  const startedMs = nowMs - minutesAgo * minuteMs;
  return event(task, startedMs, { type: 'task.running', ts: startedMs });
}

function failed(task: string, minutesAgo: number, message = `timed out (${task})`): RawRow {
  const error = { error_category: 'tool', error_message: message };
  return event(task, nowMs - minutesAgo * minuteMs, { type: 'task.failed', ...error });
}

interface Page {
  readonly tasks: readonly { readonly task_id: string }[];
  readonly total: number;
  readonly [name: string]: unknown;
}

async function page(memory: RollupMemory | null, query: string): Promise<Page> {
  const remembered = memory === null ? {} : { memory };
  const api = createQueryApi({ store: store.reader, ...remembered, clock: new FakeClock(nowMs) });
  const { status, body } = await api.get(tenant, `/api/v1/monitoring/tasks?${query}`);
  expect(status).toBe(200);
  return body as unknown as Page;
}

/** An insert fills one table after another. */
async function told(query: string, check: (page: Page) => void): Promise<void> {
  await vi.waitFor(async () => check(await page(null, query)), 60_000);
}

const hasTask = (id: string) => (page: Page) => expect(page.tasks.map((task) => task.task_id)).toContain(id);

/** Compares with what the store tells. Returns the answer, and which statements the remembering one took. */
async function same(query: string, memory: RollupMemory) {
  const expected = await page(null, query);
  store.asked.length = 0;
  const answer = await page(memory, query);
  expect(answer).toEqual(expected);
  return { ...answer, names: store.asked.map(({ name }) => name) };
}

/** A memory of its own, and its clock. */
function memoryOf() {
  const clock = new FakeClock(nowMs);
  const memory = openMemory(store.reader, 1 << 24, undefined, clock);
  onTestFinished(() => memory.stop());
  return { memory, rest: () => clock.advance(2_000) };
}

const since = (minutesAgo: number) => `start_date_from=${new Date(nowMs - minutesAgo * minuteMs).toISOString()}`;

describe('a page of tasks that ended as asked for', () => {
  test.each([
    'error_text=timed',
    'error_text=%28t7%29',
    'error_category=tool&limit=5',
    'status=failed',
    'error_text=none',
  ])('is told by one look at the store while nothing of tasks is stored: %s', async (query) => {
    const { memory } = memoryOf();
    expect((await same(query, memory)).names).toContain('task_candidates');
    expect((await same(query, memory)).names).toEqual(['store_changes']);
    await store.insert([{ tenant, agent_id: 'a', type: 'heartbeat', ts: nowMs, received: nowMs }]);
    expect((await same(query, memory)).names).toEqual(['store_changes']);
  });

  test('is read for each limit, offset and filter', async () => {
    const { memory } = memoryOf();
    for (const query of ['limit=10', 'limit=20', 'limit=10&offset=10', 'limit=10&agent_id=a', `limit=10&${since(9)}`]) {
      expect((await same(`error_text=timed&${query}`, memory)).names).toContain('task_candidates');
    }
  });

  test('is not remembered where time tells the states, and of all tasks', async () => {
    const { memory } = memoryOf();
    for (const query of ['status=running', 'status=orphaned', 'agent_id=a', 'error_text=timed&status=pending']) {
      await same(query, memory);
      expect((await same(query, memory)).names).not.toContain('store_changes');
    }
  });
});

describe('a page of tasks of the last minutes', () => {
  test('holds as they go on, as long as all that it tells of lies in them', async () => {
    const { memory } = memoryOf();
    const query = (minutesAgo: number) => `error_text=timed&${since(minutesAgo)}`;
    expect((await same(query(20.5), memory)).total).toBe(21);
    expect((await same(query(20.1), memory)).names).toEqual(['store_changes']);
    expect(await same(query(19.9), memory)).toMatchObject({
      total: 20,
      names: expect.arrayContaining(['task_latest']),
    });
    // It began later than that.
    expect((await same(query(20.5), memory)).total).toBe(21);
  });

  test('holds where there are more than are counted, and none of those that were is older', async () => {
    const { memory } = memoryOf();
    await same(`error_text=timed&${since(149.5)}`, memory);
    expect((await same(`error_text=timed&${since(145)}`, memory)).names).toEqual(['store_changes']);
    expect((await same(`error_text=timed&${since(60)}`, memory)).total).toBe(61);
  });
});

describe('a page of tasks, after a change of the store', () => {
  test('has what failed since, and not what has ended otherwise since', async () => {
    const { memory, rest } = memoryOf();
    await same('error_text=late', memory);
    await store.insert([failed('x', 1, 'too late')]);
    await told('error_text=late', ({ total }) => expect(total).toBe(1));
    expect((await same('error_text=late', memory)).total).toBe(1);
    rest();
    await store.insert([event('x', nowMs - minuteMs, { type: 'task.completed', attempt: 2, ts: nowMs })]);
    await told('error_text=late', ({ total }) => expect(total).toBe(0));
    expect((await same('error_text=late', memory)).total).toBe(0);
    rest();
    expect((await same('error_text=late', memory)).names).toEqual(['store_changes']);
  });

  test('is read without a look for two seconds, and has what is stored meanwhile', async () => {
    const { memory, rest } = memoryOf();
    await same('error_text=busy', memory);
    await store.insert([failed('b1', 1, 'busy')]);
    await told('error_text=busy', ({ total }) => expect(total).toBe(1));
    expect((await same('error_text=busy', memory)).names).toContain('store_changes');
    await store.insert([failed('b2', 1, 'busy')]);
    await told('error_text=busy', ({ total }) => expect(total).toBe(2));
    expect(await same('error_text=busy', memory)).toMatchObject({
      total: 2,
      names: ['task_candidates', 'task_latest'],
    });
    rest();
    // What came after the last look may have come after the read as well.
    expect((await same('error_text=busy', memory)).names).toContain('task_candidates');
    rest();
    expect((await same('error_text=busy', memory)).names).toEqual(['store_changes']);
  });

  test('has nothing that was erased', async () => {
    const { memory, rest } = memoryOf();
    await store.insert([failed('e', 1, 'private')]);
    await told('error_text=private', ({ total }) => expect(total).toBe(1));
    await same('error_text=private', memory);
    for (const table of ['agent_task_history_v1', 'agent_tasks_by_start_v1']) {
      await store.run(`ALTER TABLE ${table} DELETE WHERE task_id = 'e' SETTINGS mutations_sync = 2`);
      expect((await same('error_text=private', memory)).total).toBe(0);
      rest();
    }
  });
});

describe('a page of tasks, beside others that begin and end', () => {
  const untouched = ['store_changes', 'task_list_touched'];
  const tables = ['agent_task_history_v1', 'agent_tasks_by_start_v1'];

  // A merge of what came with what was there has all of the merged part looked at.
  beforeEach(async () => {
    for (const table of tables) await store.run(`SYSTEM STOP MERGES ${table}`);
  });

  afterEach(async () => {
    for (const table of tables) await store.run(`SYSTEM START MERGES ${table}`);
  });

  test.each([
    'error_text=timed',
    'error_text=timed&agent_id=a',
    `error_category=tool&${since(20.5)}`,
    'status=failed',
    'error_text=none',
  ])('holds, and is told by two statements: %s', async (query) => {
    const { memory } = memoryOf();
    await same(query, memory);
    const other = { ...started(`other-${query}`, 0), task_id: `other-${query}`, agent_id: 'b' };
    await store.insert([other, { ...other, type: 'task.completed', ts: nowMs, duration_ms: 5 }]);
    await told('agent_id=b', hasTask(other.task_id));
    expect((await same(query, memory)).names).toEqual(untouched);
    expect((await same(query, memory)).names).toEqual(['store_changes']);
    await store.insert([
      { ...other, task_id: 'failed', type: 'task.failed', error_category: 'tool', error_message: 'none' },
    ]);
    await told('agent_id=b&status=failed', hasTask('failed'));
    await same(query, memory);
    await store.run('SYSTEM START MERGES agent_task_history_v1');
    await store.run('OPTIMIZE TABLE agent_task_history_v1 FINAL');
    await same(query, memory);
  });

  test('is read again when a task that was looked up and not listed holds after all', async () => {
    const { memory } = memoryOf();
    const again = event('again', nowMs - minuteMs, { type: 'task.completed', attempt: 2, ts: nowMs });
    await store.insert([failed('again', 1, 'flaky'), again]);
    await told('agent_id=a', hasTask('again'));
    await same('error_text=flaky', memory);
    // A later end of the first attempt, which tells no message itself.
    await store.insert([
      event('again', nowMs - minuteMs, { type: 'task.failed', ts: nowMs + 1, error_category: 'tool' }),
    ]);
    await told('error_text=flaky', ({ total }) => expect(total).toBe(1));
    expect((await same('error_text=flaky', memory)).total).toBe(1);
  });
});

describe('a page of tasks, where less is known of what came', () => {
  test.each(['error_text=apart', 'status=failed', 'error_category=tool'])(
    'has a task whose start alone tells the user, and whose end came since: %s',
    async (query) => {
      const { memory } = memoryOf();
      const user = `user of ${query}`;
      const asked = `user_id=${encodeURIComponent(user)}&${query}`;
      const [other, id] = [`other ${query}`, `apart ${query}`];
      await store.insert([other, id].map((task) => ({ ...started(task, 3), user_id: user })));
      await store.insert([failed(other, 3, 'apart')]);
      await told(asked, ({ total }) => expect(total).toBe(1));
      await same(asked, memory);
      await store.insert([failed(id, 3, 'apart')]);
      await told(asked, ({ total }) => expect(total).toBe(2));
      expect((await same(asked, memory)).total).toBe(2);
    },
  );

  test.each([
    ['agent_task_history_v1', 'agent_tasks_by_start_v1'],
    ['agent_tasks_by_start_v1', 'agent_task_history_v1'],
  ])('has a task of an insert that had filled %s alone', async (first, second) => {
    const { memory, rest } = memoryOf();
    const id = `half-${first}`;
    const copy = (table: string) =>
      store.run(`INSERT INTO ${table} SELECT * REPLACE('${id}' AS task_id) FROM ${table} AS t WHERE t.task_id = 't7'`);
    await copy(first);
    const { total } = await same('error_text=%28t7%29', memory);
    await copy(second);
    await told('error_text=%28t7%29', (page) => expect(page.total).toBe(total + 1));
    expect((await same('error_text=%28t7%29', memory)).total).toBe(total + 1);
    rest();
  });

  test('is read again where its ids are too many bytes to be asked for', async () => {
    const { memory } = memoryOf();
    const ids = Array.from({ length: 100 }, (_, index) => `${index}-${'x'.repeat(950)}`);
    await store.insert(ids.map((id) => failed(id, 2, 'long')));
    await told('error_text=long&limit=100', ({ tasks }) => expect(tasks).toHaveLength(100));
    await same('error_text=long', memory);
    await store.insert([{ ...started('unlike', 0), agent_id: 'c' }]);
    await told('agent_id=c', hasTask('unlike'));
    const { names } = await same('error_text=long', memory);
    expect(names).toContain('task_candidates');
    expect(names).not.toContain('task_list_touched');
  });
});
