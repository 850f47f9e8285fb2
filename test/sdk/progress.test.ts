import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { summary, told } from './told-events.js';

/** What is told of work that is under way. */

test('a step that ends soon is told by its end alone, and one that takes longer while it is under way', async () => {
  const { tm, heard } = await told({ batchAgeMs: 40 });
  const events = await heard();
  const shortMs = [0, 0];
  await tm.task('t', { session: 's1' }, async () => {
    shortMs[0] = Date.now();
    await tm.tool('short', { labels: { tier: 1 } }, async () => 1);
    shortMs[1] = Date.now();
    await tm.llm('long', async (step) => {
      step.usage({ in: 5 });
      await expect.poll(() => summary(events)).toContain('step.started long');
      step.label('late', true);
    });
  });
  await heard();
  const [short] = events.filter(({ name }) => name === 'short');
  const [start, end] = events.filter(({ name }) => name === 'long');
  expect(summary(events)).toEqual([
    'task.running t',
    'step.completed short',
    'step.started long',
    'step.completed long',
    'task.completed t',
  ]);
  const context = { parent_id: start!.task_id, session_id: 's1' };
  expect(short).toMatchObject({ ...context, started_at: expect.any(Number), labels: { tier: '1' } });
  const times = [shortMs[0], short!.started_at, short!.ts, shortMs[1]].map(Number);
  expect(times).toEqual(times.toSorted((one, other) => one - other));
  expect(start).toMatchObject(context);
  expect(start!.tokens_in).toBeUndefined();
  expect(end).toMatchObject({ tokens_in: 5, labels: { late: 'true' }, duration_ms: expect.any(Number) });
  expect(Number(end!.ts) - Number(start!.ts)).toBeGreaterThanOrEqual(19);
  expect(end!.started_at).toBeUndefined();
});

test('batches of no age tell every step when it begins', async () => {
  const { tm, heard } = await told({ batchAgeMs: 0 });
  tm.tool('short', () => 1);
  expect(summary(await heard())).toEqual(['step.started short', 'step.completed short']);
});

test('what is under way when it is flushed is told, and what began first is told first', async () => {
  const { tm, heard } = await told();
  const outer = tm.step('outer');
  const inner = outer.tool('inner');
  outer.tool('gone').end();
  expect(summary(await heard())).toEqual(['step.completed gone', 'step.started outer', 'step.started inner']);
  inner.end();
  outer.end();
  expect(summary(await heard()).slice(3)).toEqual(['step.completed inner', 'step.completed outer']);
});

test('while something is open it says so, once a time, and a thousand at most', async () => {
  const { tm, heard } = await told({ heartbeatMs: 20 });
  const run = tm.run('r');
  const beats = async () => (await heard()).filter(({ type }) => type === 'heartbeat');
  await expect.poll(async () => (await beats()).length).toBeGreaterThan(1);
  expect((await beats()).length).toBeLessThan(100);
  run.end();
  const before = (await beats()).length;
  await sleep(60);
  expect(await beats()).toHaveLength(before);
});

test('of more than a thousand that are open each has its turn', async () => {
  const { tm, heard } = await told({ heartbeatMs: 20 });
  const runs = Array.from({ length: 2_500 }, () => tm.run('r'));
  const beating = async () =>
    new Set((await heard()).filter(({ type }) => type === 'heartbeat').map(({ run_id }) => run_id));
  await expect.poll(async () => (await beating()).size).toBe(2_500);
  for (const run of runs) run.end();
});
