import { afterAll, beforeAll, expect, test } from 'vitest';
import { readWindowRestore } from '../../src/clickhouse/queries/restoration/window-restore.js';
import { CollectorError } from '../../src/core/errors.js';
import type { WindowSlice } from '../../src/core/event-batch.js';
import type { ErrorCategory } from '../../src/core/event-types.js';
import { silentLogger } from '../../src/core/logger.js';
import { type WindowName, windowNames } from '../../src/core/ports/live-windows.js';
import type { StoreQuery } from '../../src/core/ports/store-reader.js';
import { createLiveWindows, type LiveWindowsOptions } from '../../src/window/live-windows.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api/api-store.js';
import { defaultWindowLimits } from '../support/default-config.js';
import { FakeClock } from '../support/fake-clock.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';
import { CountingCounter, sliceOf } from './window-slices.js';

// Of yesterday, since the engine expires rows by its own clock.
const restart = new Date().setUTCHours(12, 7, 33, 0) - 86_400_000;
const agents = ['planner', 'writer', "o'brien \\ \t{x}"];
const seed = testSeed(5);

interface Task {
  readonly agentId: string;
  readonly receivedMs: number;
  readonly timeMs: number;
  readonly durationMs: number | null;
  readonly error: ErrorCategory | null;
}

/**
 * 24 hours of tasks; a tenth is received up to two hours late, so that some of the late ones come after the restart.
 */
function createTasks(): Task[] {
  const random = seededRandom(seed);
  return Array.from({ length: 6_000 }, (_, index) => {
    const timeMs = Math.floor(restart - 86_400_000 * 1.1 * random() ** 3 + 600_000 * random());
    const lateMs = random() < 0.1 ? 7_200_000 * random() : 2_000 * random();
    return {
      agentId: agents[index % agents.length]!,
      timeMs,
      receivedMs: Math.floor(timeMs + lateMs),
      durationMs: random() < 0.05 ? null : Math.round(Math.exp(7 + 2 * random()) * 1000) / 1000,
      error: random() < 0.1 ? (['tool', 'model', 'infra'] as const)[index % 3]! : null,
    };
  });
}

const tasks = createTasks();
let store: QueryStore;

beforeAll(async () => {
  store = await openQueryStore();
  await store.insert(tasks.map(rowOf));
});
afterAll(() => store.close());

function rowOf(task: Task): RawRow {
  return {
    tenant: 'acme',
    agent_id: task.agentId,
    type: task.error === null ? 'task.completed' : 'task.failed',
    ts: task.timeMs,
    received: task.receivedMs,
    duration_ms: task.durationMs,
    error_category: task.error ?? '',
    llm_calls: 2,
    tokens_in: 100,
    tokens_out: 10,
    cost_micros: task.receivedMs % 2 === 0 ? 7 : null,
    confidence: 0.5,
    memory_mb: 64,
  };
}

/** What a worker makes of one task. */
function sliceOfTask(task: Task): WindowSlice {
  return sliceOf(task.timeMs, task.durationMs === null ? [] : [task.durationMs], {
    agentId: task.agentId,
    completed: task.error === null ? 1 : 0,
    failed: task.error === null ? 0 : 1,
    errors: task.error === null ? {} : { [task.error]: 1 },
    llmCalls: 2,
    tokensIn: 100,
    tokensOut: 10,
    ...(task.receivedMs % 2 === 0 ? { costMicros: 7 } : { costMicros: null, tokensUnpriced: 110 }),
    confidenceSum: 0.5,
    confidenceCount: 1,
    memoryMbMax: 64,
  });
}

function setUp(nowMs: number, options: Partial<LiveWindowsOptions> = {}) {
  const clock = new FakeClock(nowMs);
  const instruments = { keysEvicted: new CountingCounter(), eventsLate: new CountingCounter() };
  return {
    clock,
    windows: createLiveWindows({ clock, logger: silentLogger, instruments }, { ...defaultWindowLimits, ...options }),
  };
}

async function restore(windows: ReturnType<typeof setUp>['windows'], nowMs: number): Promise<void> {
  const range = { receivedBeforeMs: restart, nowMs, agentsMax: 100 };
  for await (const rows of readWindowRestore(store.reader, range)) windows.restore(rows);
}

const relevant: readonly WindowName[] = ['1h', '24h'];

test('windows restored long after the restart, on top of live batches, equal windows that never stopped', async () => {
  const nowMs = restart + 1_500_000;
  const { windows } = setUp(nowMs);
  const { windows: neverStopped } = setUp(nowMs);
  const known = tasks.filter((task) => task.receivedMs <= nowMs);
  for (const task of known) neverStopped.add([sliceOfTask(task)]);
  // The store holds everything, also what was received since: nothing of that may count twice.
  for (const task of known) if (task.receivedMs >= restart) windows.add([sliceOfTask(task)]);
  const liveOnly = windows.snapshot('acme', 'planner', '24h')!.total;
  await restore(windows, nowMs);
  for (const agentId of agents) {
    for (const window of relevant) {
      const { duration, ...counts } = windows.snapshot('acme', agentId, window)!;
      const { duration: expected, ...expectedCounts } = neverStopped.snapshot('acme', agentId, window)!;
      expect(counts, `seed ${seed}`).toEqual(expectedCounts);
      expect(duration.count).toBe(expected.count);
      expect([duration.min, duration.max]).toEqual([expected.min, expected.max]);
      expect(duration.avg).toBeCloseTo(expected.avg!, 6);
      for (const name of ['p50', 'p95', 'p99'] as const) {
        expect(Math.abs(duration[name]! / expected[name]! - 1), `${name}, seed ${seed}`).toBeLessThan(0.03);
      }
    }
  }
  expect(liveOnly).toBeGreaterThan(50);
});

test('short windows are restored to the minute', async () => {
  const { clock, windows } = setUp(restart);
  await restore(windows, restart);
  // 15 minutes back from 12:07:35 is 11:52:35: the minute whose middle lies before that is out.
  const fromMs = restart - 33_000 - 14 * 60_000;
  const expected = tasks.filter(
    ({ agentId, receivedMs, timeMs }) =>
      agentId === 'planner' && receivedMs < restart && timeMs >= fromMs && timeMs < restart + 27_000,
  );
  expect(windows.snapshot('acme', 'planner', '15m')?.total).toBe(expected.length);
  expect(expected.length).toBeGreaterThan(10);
  clock.advance(15 * 60_000 + 60_000);
  // Only what is dated ahead of the restart is left.
  const ahead = tasks.filter((task) => task.agentId === 'planner' && task.timeMs >= restart - 60_000);
  expect(windows.snapshot('acme', 'planner', '15m')!.total).toBeLessThanOrEqual(ahead.length);
});

test('when counting error categories takes too long, they are left out and the rest is exact', async () => {
  const slow = {
    rows: <Row>(query: StoreQuery): Promise<Row[]> =>
      query.name === 'window_restore_errors'
        ? Promise.reject(new CollectorError('query_timeout', 'cannot run window_restore_errors: too slow'))
        : store.reader.rows<Row>(query),
  };
  const { windows } = setUp(restart);
  let skipped = 0;
  const range = { receivedBeforeMs: restart, nowMs: restart, agentsMax: 100 };
  for await (const rows of readWindowRestore(slow, range, { onErrorsSkipped: () => skipped++ })) windows.restore(rows);
  const { windows: complete } = setUp(restart);
  await restore(complete, restart);
  expect(skipped).toBe(1);
  expect(windows.snapshot('acme', 'writer', '24h')).toEqual({
    ...complete.snapshot('acme', 'writer', '24h'),
    errors: {},
  });
});

test.each([
  ['few minutes each', { agents: 250, minutes: 1, durations: 1 }, [0, 100, 200]],
  ['a whole day and many durations each', { agents: 3, minutes: 1_440, durations: 40_000 }, [0, 1, 2]],
  ['a whole day and hardly a duration each', { agents: 20, minutes: 1_440, durations: 10 }, [0, 12]],
])(
  'a page is as many agents as are read at once: of %s',
  async (_what, { agents: count, minutes, durations }, begins) => {
    const rows = Array.from({ length: count }, (_, index) => ({
      tenant: 'acme',
      agent_id: `agent-${index}`,
      minutes: String(minutes),
      duration_count: String(durations),
    }));
    const counted = {
      rows: async <Row>({ name }: StoreQuery) => (name === 'window_restore_agents' ? rows : []) as Row[],
    };
    const done: number[] = [];
    const range = { receivedBeforeMs: restart, nowMs: restart, agentsMax: 1_000 };
    for await (const page of readWindowRestore(counted, range, { onAgents: (each) => done.push(each) })) {
      expect(page).toEqual([]);
    }
    expect(done).toEqual(begins);
  },
);

test('a restore that is run again adds nothing', async () => {
  const { windows } = setUp(restart);
  await restore(windows, restart);
  const before = windowNames.map((window) => windows.snapshot('acme', 'writer', window));
  await restore(windows, restart);
  expect(windowNames.map((window) => windows.snapshot('acme', 'writer', window))).toEqual(before);
});

test('a restore never evicts an agent: when no further fits, it says so', async () => {
  const { windows } = setUp(restart, { keysMax: 2 });
  windows.add([sliceOf(restart, [1], { agentId: 'live' })]);
  const pages = readWindowRestore(store.reader, { receivedBeforeMs: restart, nowMs: restart, agentsMax: 100 });
  const outcomes: string[] = [];
  for await (const rows of pages) outcomes.push(windows.restore(rows));
  expect(outcomes).toEqual(['full']);
  expect([...windows.keys()].map((key) => key.agentId)[0]).toBe('live');
  expect(windows.stats().keys).toBe(2);
});

test('the most recently active agents come first and the rest is left out', async () => {
  const latest = new Map(agents.map((agentId) => [agentId, 0]));
  for (const { agentId, timeMs } of tasks)
    latest.set(agentId, Math.max(latest.get(agentId)!, Math.floor(timeMs / 60_000)));
  const first = Math.max(...latest.values());
  const pages = readWindowRestore(store.reader, { receivedBeforeMs: restart, nowMs: restart, agentsMax: 1 });
  const seen = new Set<string>();
  for await (const rows of pages) for (const row of rows) seen.add(row.agentId);
  expect(seen.size).toBe(1);
  expect(latest.get([...seen][0]!)).toBe(first);
});
