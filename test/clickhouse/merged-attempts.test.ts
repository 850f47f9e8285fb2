import { afterAll, beforeAll, expect, test } from 'vitest';
import { readTaskEvents } from '../../src/clickhouse/queries/tasks/task-events.js';
import { readTaskLogs } from '../../src/clickhouse/queries/tasks/task-logs.js';
import { manyEventsMax, readManyAttempts } from '../../src/clickhouse/queries/work/many-attempts.js';
import {
  attemptsOfPage,
  readGroupedAttempts,
  readWorkAttempts,
} from '../../src/clickhouse/queries/work/work-attempts.js';
import { taskScope, type WorkScope } from '../../src/clickhouse/queries/work/work-scope.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api/api-store.js';
import { randomInteger, seededRandom, testSeed } from '../support/seeded-random.js';
import { toldEvent } from '../support/told-event.js';

const noonMs = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 43_200_000;
const seed = testSeed(20_261_128);
const random = seededRandom(seed);
const between = (least: number, most: number) => randomInteger(random, { min: least, max: most });
let store: QueryStore;

beforeAll(async () => {
  store = await openQueryStore();
});

afterAll(() => store.close());

const told = (run: string, offsetMs: number) => toldEvent(random, { run, tsMs: noonMs + offsetMs });

test('attempts are the same whether the engine adds their events up or the collector', async () => {
  const runs = Array.from({ length: 40 }, (_, index) => `r${index}`);
  await store.insert(
    runs.flatMap((run) => Array.from({ length: between(1, 60) }, (_, index) => told(run, index * between(1, 400)))),
  );
  for (const run of runs) {
    const scope: WorkScope = {
      where: 'tenant = {tenant:String} AND run_id = {run_id:String}',
      params: { tenant: 'default', run_id: run },
    };
    store.asked.length = 0;
    const all = await readWorkAttempts(store.reader, scope, { limit: 1_000, contexts: true });
    const grouped = await readGroupedAttempts(store.reader, scope, { limit: 1_000, contexts: true });
    expect(all, `seed ${seed}, ${run}`).toEqual(grouped);
    const [, at] = all;
    const position = { startMs: 0, taskId: '', stepId: '', attemptNumber: 0 };
    const after =
      at === undefined
        ? position
        : { startMs: at.start_ms, taskId: at.task_id, stepId: at.step_id, attemptNumber: at.attempt_number };
    for (const page of [{}, { only: 'failed' }, { only: 'tasks' }, { only: 'attempts', after }, { after }] as const) {
      const few = { limit: 3, contexts: false, ...page };
      const found = await readWorkAttempts(store.reader, scope, few);
      expect(found, `seed ${seed}, ${run}, ${JSON.stringify(few)}`).toEqual(
        await readGroupedAttempts(store.reader, scope, few),
      );
    }
  }
});

test('attempts of a run of many events are those that the engine adds up, whatever they are told by', async () => {
  const count = 1_500;
  const events = Array.from({ length: count }, (_, at) => told('many', at * 7));
  const named = events.map((event, at) => (at % 3 === 0 ? event : { ...event, task_id: `t${at % 200}` }));
  await store.insert([...named, { ...told('other', 5), type: 'step.started' }]);
  const where = 'tenant = {tenant:String} AND run_id = {run_id:String}';
  const scope: WorkScope = { where, params: { tenant: 'default', run_id: 'many' }, events: count };
  const grouped = await readGroupedAttempts(store.reader, scope, { limit: 5_000 });
  expect(grouped.length).toBeGreaterThan(600);
  const many = await readManyAttempts(store.reader, scope);
  expect(attemptsOfPage(many ?? [], { limit: 5_000 }), `seed ${seed}`).toEqual(grouped);
  expect(await readManyAttempts(store.reader, { ...scope, events: manyEventsMax + 1 })).toBeNull();
});

test('of more events than are added up here, and of a run that is known to have more, the engine adds up', async () => {
  const scope: WorkScope = {
    where: 'tenant = {tenant:String} AND run_id = {run_id:String}',
    params: { tenant: 'default', run_id: 'long' },
  };
  const steps = Array.from({ length: 1_001 }, (_, index) => ({
    ...{ type: 'step.completed', tenant: 'default', agent_id: 'a', run_id: 'long', step_id: `s${index}` },
    ...{ ts: noonMs + index, received: noonMs + index },
  }));
  await store.insert(steps);
  store.asked.length = 0;
  const found = await readWorkAttempts(store.reader, scope, { limit: 5, only: 'attempts' });
  expect(found.map(({ total_attempts: total }) => total)).toEqual([1_001, 1_001, 1_001, 1_001, 1_001]);
  expect(store.asked.map(({ name }) => name)).toEqual(['attempt_events', 'work_attempts']);
  store.asked.length = 0;
  expect(await readWorkAttempts(store.reader, { ...scope, events: 1_001 }, { limit: 5, only: 'attempts' })).toEqual(
    found,
  );
  expect(store.asked.map(({ name }) => name)).toEqual(['work_attempts']);
});

test('the first of many attempts tell what became of the others, whoever adds them up', async () => {
  const scope: WorkScope = {
    where: 'tenant = {tenant:String} AND run_id = {run_id:String}',
    params: { tenant: 'default', run_id: 'tried again' },
  };
  const tries = [1, 2, 3].map((attempt) => ({
    ...{ type: attempt === 3 ? 'task.completed' : 'task.failed', tenant: 'default', agent_id: 'a', task_id: 't' },
    ...{ run_id: 'tried again', attempt, ts: noonMs + attempt, received: noonMs },
    ...(attempt === 3 ? {} : { error_category: 'tool' }),
  }));
  await store.insert(tries as RawRow[]);
  const first = {
    ...{ attempt_number: 1, last_attempt: 3, last_completed_attempt: 3 },
    ...{ total_attempts: 3, completed_attempts: 1, failed_attempts: 2 },
  };
  for (const limit of [1, 2]) {
    const here = await readWorkAttempts(store.reader, scope, { limit });
    expect(here[0]).toMatchObject(first);
    expect(await readGroupedAttempts(store.reader, scope, { limit })).toEqual(here);
  }
});

test('attempts and logs of a task are the same by one read of its events as by one of each', async () => {
  const logs = Array.from({ length: 240 }, (_, at) => ({
    ...{ type: 'log', tenant: 'default', agent_id: 'a', run_id: 'logged', task_id: 'a', event_id: `e${at}` },
    ...{ level: ['', 'info', 'error', 'fatal', 'info', 'info'][at % 6], message: `line ${at} é`, attempt: 0 },
    ...{ ts: noonMs + (at % 50), received: noonMs + (at % 3), ...(at % 4 === 0 ? { step_id: 's1' } : {}) },
  }));
  const work = Array.from({ length: 300 }, (_, at) => told('logged', at)).filter(({ task_id: id }) => id === 'a');
  await store.insert([
    ...work,
    ...logs,
    ...Array.from({ length: 220 }, (_, at) => ({ ...logs[1]!, event_id: `m${at}` })),
  ]);
  const scope = taskScope({ tenant: 'default', taskId: 'a', runId: 'logged', agentId: 'a' });
  const found = await readTaskEvents(store.reader, scope);
  expect(found?.logs).toEqual(await readTaskLogs(store.reader, scope));
  expect(found?.logs.map(({ level, lines, newest }) => [level, lines, newest.length])).toEqual([
    [null, 40, 40],
    ['info', 340, 200],
    ['error', 40, 40],
    ['fatal', 40, 40],
  ]);
  expect(found?.attempts).toEqual(await readWorkAttempts(store.reader, scope, { limit: 1_000, contexts: true }));
  expect(found?.attempts.length).toBeGreaterThan(3);
  await store.insert(Array.from({ length: 600 }, (_, at) => ({ ...logs[0]!, event_id: `n${at}` })));
  expect(await readTaskEvents(store.reader, scope)).toBeNull();
});
