import { afterAll, beforeAll, expect, test } from 'vitest';
import { readGroupedAttempts, readWorkAttempts } from '../../src/clickhouse/queries/work/work-attempts.js';
import type { WorkScope } from '../../src/clickhouse/queries/work/work-scope.js';
import { openQueryStore, type QueryStore, type RawRow } from '../api/api-store.js';
import { randomInteger, seededRandom, testSeed } from '../support/seeded-random.js';

const noonMs = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 43_200_000;
const seed = testSeed(20_261_128);
const random = seededRandom(seed);
const between = (least: number, most: number) => randomInteger(random, { min: least, max: most });
let store: QueryStore;

beforeAll(async () => {
  store = await openQueryStore();
});

afterAll(() => store.close());

const texts = ['parent_id', 'name', 'environment', 'model', 'provider', 'finish_reason', 'error_code', 'error_message'];
const counts = ['llm_calls', 'tokens_in', 'tokens_out', 'tokens_cache_read', 'tokens_cache_write', 'tokens_reasoning'];
const kinds = {
  run: ['started', 'completed', 'failed', 'cancelled'],
  task: ['pending', 'running', 'completed', 'failed', 'cancelled'],
  step: ['started', 'completed', 'failed'],
} as const;

/** An event that tells some of everything there is, of one of a few runs, tasks and steps. */
function told(run: string, offsetMs: number): RawRow {
  const kind = (['run', 'task', 'step', 'step'] as const)[between(0, 3)]!;
  const states = kinds[kind];
  const state = states[between(0, states.length - 1)]!;
  const fields: Record<string, unknown> = {
    type: `${kind}.${state}`,
    tenant: 'default',
    agent_id: `agent ${between(1, 3)}`,
    run_id: run,
    ...(kind === 'run' ? {} : { task_id: ['', 'a', '\u{1f600}', '\uff5e'][between(0, 3)] }),
    ...(kind === 'step' ? { step_id: `s${between(1, 3)}` } : {}),
    ts: noonMs + offsetMs,
    received: noonMs + 60_000 + between(0, 3),
    attempt: between(0, 3),
    usage_scope: between(0, 1) === 1 ? 'own' : 'rolled_up',
  };
  const maybe = (name: string, value: unknown) => {
    if (between(0, 2) === 0) fields[name] = value;
  };
  for (const name of texts) maybe(name, `${name} ${between(1, 9)} é`);
  for (const name of counts) maybe(name, between(0, 9));
  for (const name of ['inputs', 'outputs', 'labels']) {
    maybe(name, { [`k${between(1, 4)}`]: `${offsetMs}`, [`k${between(5, 9)}`]: 'x' });
  }
  maybe('duration_ms', between(0, 9_000) / 2);
  maybe('confidence', between(0, 4) / 4);
  maybe('cost_micros', between(0, 9_000));
  if (fields.cost_micros !== undefined) fields.cost_source = between(0, 1) === 1 ? 'reported' : 'priced';
  maybe('started_at', noonMs + between(-5_000, 20_000));
  maybe('ended_at', noonMs + between(0, 30_000));
  maybe('step_kind', ['llm', 'tool'][between(0, 1)]);
  maybe('args_hash', between(1, 99_999));
  if (state === 'failed') fields.error_category = ['tool', 'model'][between(0, 1)];
  return fields as RawRow;
}

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
    for (const page of [{ only: 'failed' }, { only: 'tasks' }, { only: 'attempts', after }, { after }] as const) {
      const few = { limit: 3, contexts: false, ...page };
      const found = await readWorkAttempts(store.reader, scope, few);
      expect(found, `seed ${seed}, ${run}, ${JSON.stringify(few)}`).toEqual(
        await readGroupedAttempts(store.reader, scope, few),
      );
    }
  }
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
