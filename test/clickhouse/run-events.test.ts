import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { readFinalOutput } from '../../src/clickhouse/queries/runs/final-output.js';
import { readRunDetail } from '../../src/clickhouse/queries/runs/run-detail.js';
import { readRunEvents } from '../../src/clickhouse/queries/runs/run-events.js';
import { readRunTasks } from '../../src/clickhouse/queries/runs/run-tasks.js';
import { readRunActivity } from '../../src/clickhouse/queries/work/run-activity.js';
import { readWorkAttempts } from '../../src/clickhouse/queries/work/work-attempts.js';
import { scopeOfUser } from '../../src/clickhouse/queries/work/work-owner.js';
import { runScope } from '../../src/clickhouse/queries/work/work-scope.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api/api-store.js';
import { randomInteger, seededRandom, testSeed } from '../support/seeded-random.js';
import { toldEvent } from '../support/told-event.js';

const noonMs = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 43_200_000;
const seed = testSeed(20_261_127);
const random = seededRandom(seed);
const between = (min: number, max: number) => randomInteger(random, { min, max });
const tenant = 'default';
const runs = Array.from({ length: 12 }, (_, index) => `r${index}`);
let store: QueryStore;

/** Of people as well, with what only the tables of tasks and runs keep, and with events that are of no attempt. */
function eventsOf(run: string): RawRow[] {
  return Array.from({ length: between(1, 50) }, (_, index) => {
    const event = toldEvent(random, { run, tsMs: noonMs + index * between(1, 400) });
    const user_id = ['', 'ann', 'bob'][between(0, 2)];
    const others = { user_id, session_id: `s${between(1, 2)}`, crew_id: 'crew', conflicting_end: between(0, 9) === 0 };
    const whole = { ...event, ...others, memory_mb: between(1, 9), agent_name: `name ${between(1, 3)}` } as RawRow;
    return between(0, 5) === 0 ? ({ ...whole, type: ['log', 'heartbeat'][between(0, 1)] } as RawRow) : whole;
  });
}

beforeAll(async () => {
  store = await openQueryStore();
  const rows = runs.flatMap(eventsOf);
  await store.insert(rows);
  // Tables are filled one after another.
  const sql = `SELECT (SELECT sum(events) FROM agent_run_activity_v1) AS active,
    (SELECT count() FROM agent_runs_v1) + (SELECT count() FROM agent_task_history_v1) AS kept,
    (SELECT count() FROM agent_tasks_by_start_v1) AS listed`;
  const ofKind = (kind: string) => rows.filter(({ type }) => type.startsWith(kind)).length;
  const expected = { active: rows.length, kept: ofKind('run.') + ofKind('task.'), listed: ofKind('task.') };
  const seen = async () => (await store.reader.rows({ name: 'seen', sql, params: {} }))[0];
  await vi.waitFor(async () => expect(await seen()).toEqual(expected), { timeout: 60_000 });
});

afterAll(() => store.close());

async function read(runId: string) {
  const activity = await readRunActivity(store.reader, { tenant, runId });
  return { activity: activity!, events: await readRunEvents(store.reader, { tenant, runId }, activity!) };
}

test.each(runs)(`a run is the same by its events and by the tables made of them: %s (seed ${seed})`, async (runId) => {
  const key = { tenant, runId };
  const { activity, events } = await read(runId);
  const state = (await readRunDetail(store.reader, key)) ?? null;
  expect(told(events!.detail()?.state)).toEqual(told(state));
  for (const limit of [1, 3, 100]) {
    const { tasks, total } = await readRunTasks(store.reader, key, { limit });
    const made = events!.tasks({ limit })!;
    expect(made.total).toBe(total);
    // The list reads neither of these.
    const unread = { agent_version: null, outputs: {}, labels: {}, usage_scope: 'own', place_ms: null };
    expect(made.tasks.map((task) => ({ ...task, ...unread }))).toEqual(tasks.map((task) => ({ ...task, ...unread })));
  }
  for (const user of [null, 'ann']) {
    const scope = scopeOfUser(runScope(key, activity), user);
    for (const page of [{ limit: 1_000 }, { limit: 3, only: 'failed' }, { limit: 4, only: 'attempts' }] as const) {
      const asked = { ...page, contexts: true };
      expect(events!.attempts(user, asked)).toEqual(await readWorkAttempts(store.reader, scope, asked));
    }
    expect(events!.finalOutput(user)).toEqual(await readFinalOutput(store.reader, scope));
  }
});

/** Where it has a place in a list is of no account for a run by its id. */
function told(state: object | null | undefined) {
  return state === null || state === undefined ? null : { ...state, place_ms: null };
}

test('events that the raw table lacks, or too many of them, leave a run to its tables', async () => {
  const { activity } = await read('r0');
  const key = { tenant, runId: 'r0' };
  expect(await readRunEvents(store.reader, key, activity)).not.toBeNull();
  expect(await readRunEvents(store.reader, key, { ...activity, events: activity.events + 1 })).toBeNull();
  store.asked.length = 0;
  expect(await readRunEvents(store.reader, key, { ...activity, events: 1_001 })).toBeNull();
  expect(store.asked).toEqual([]);
});
