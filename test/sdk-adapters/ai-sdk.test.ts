import { expect, test } from 'vitest';
import { soon, stage } from './stage.js';
import { endsOf, expectWhole, failuresOf, runsOf, totalOf, treeOf } from './told-tree.js';

const { isMissing, perform, total } = await stage('ai-sdk');
// Without the registry `stage` says so.
const tried = test.skipIf(isMissing);

tried('a generation is a run of models and tools, with the numbers that were dealt out', async () => {
  const told = await perform('tools');
  expectWhole(told);
  expect(treeOf(told)).toEqual([
    'run.started support in -',
    'step.started fake-1 in support',
    'step.started look_up in support',
    'step.started fake-1 in support',
    'step.started look_up in support',
    'step.started fake-1 in support',
  ]);
  expect(told.result).toContain('secret');
  expect(told.events[0]).toMatchObject({ agent_id: 'scout', session_id: 'chat', user_id: 'ann' });
  expect(endsOf(told, 'llm').at(-1)).toMatchObject({
    model: 'fake-1-dated',
    provider: 'fake',
    finish_reason: 'stop',
  });
  const [first, second] = endsOf(told, 'tool');
  expect(first?.args_hash).toMatch(/^[0-9a-f]{16}$/);
  expect(second?.args_hash).not.toBe(first?.args_hash);
  await expect.poll(() => total(told), soon).toMatchObject(totalOf(told));
});

tried('a stream is followed to its end', async () => {
  const told = await perform('streamed');
  expectWhole(told);
  expect(treeOf(told)).toEqual([
    'run.started support in -',
    'step.started fake-1 in support',
    'step.started look_up in support',
    'step.started fake-1 in support',
  ]);
  expect(Number(endsOf(told, 'llm')[0]?.duration_ms)).toBeGreaterThan(2);
});

tried('a generation inside a tool is a task of that tool, and one inside a handle a task of that', async () => {
  const told = await perform('nested');
  expectWhole(told);
  expect(treeOf(told)).toEqual([
    'run.started outer in -',
    'task.running support in outer',
    'step.started fake-1 in support',
    'step.started look_up in support',
    'task.running writer in look_up',
    'step.started fake-1 in writer',
    'step.started fake-1 in support',
  ]);
  expect(new Set(told.events.map(({ run_id }) => run_id)).size).toBe(1);
});

tried('generations at once do not mix', async () => {
  const told = await perform('parallel');
  const runs = runsOf(told);
  expect(runs).toHaveLength(20);
  const hashes = new Set<unknown>();
  for (const events of runs) {
    expect(events.map(({ type }) => type)).toEqual([
      'run.started',
      ...['step.started', 'step.completed', 'step.started', 'step.completed', 'step.started', 'step.completed'],
      'run.completed',
    ]);
    expect(events[2]).toMatchObject({ step_kind: 'llm', tokens_in: 100 });
    expect(events[6]).toMatchObject({ step_kind: 'llm', tokens_in: 200 });
    hashes.add(events[4]?.args_hash);
  }
  expect(hashes.size).toBe(20);
});

tried('a generated object and embeddings are told with what they used', async () => {
  const object = await perform('object');
  expectWhole(object);
  expect(treeOf(object)).toEqual(['run.started shape in -', 'step.started fake-1 in shape']);
  const embeddings = await perform('embeddings');
  expectWhole(embeddings);
  expect(treeOf(embeddings)).toEqual(['task.running index in -', 'step.started embedMany in index']);
  expect(endsOf(embeddings, 'llm')).toMatchObject([{ model: 'fake-e', provider: 'fake' }]);
});
tried('a tool that throws is a failed step, and the model goes on', async () => {
  const told = await perform('failingTool');
  expectWhole(told);
  expect(failuresOf(told)).toEqual(['step.failed look_up tool Error']);
  expect(told.events.at(-1)?.type).toBe('run.completed');
});

tried('each attempt at a model that is away is an attempt of one step', async () => {
  const told = await perform('retried');
  expectWhole(told);
  expect(treeOf(told)).toEqual([
    'run.started support in -',
    'step.started fake-1 in support',
    'step.started fake-1#2 in support',
    'step.started look_up in support',
    'step.started fake-1 in support',
  ]);
  expect(failuresOf(told)).toEqual(['step.failed fake-1 model AI_APICallError']);
  const [failed, again, next] = endsOf(told, 'llm');
  expect(again?.step_id).toBe(failed?.step_id);
  expect(next?.step_id).not.toBe(failed?.step_id);
});

tried('a model that stays away fails the run, as the error of the last attempt says', async () => {
  const told = await perform('away');
  expectWhole(told);
  expect(failuresOf(told)).toEqual([
    'step.failed fake-1 model AI_APICallError',
    'step.failed fake-1 model AI_APICallError',
    'run.failed support model AI_APICallError',
  ]);
  expect(told.result).toMatch(/^AI_RetryError/);
  const streamed = await perform('streamAway');
  expectWhole(streamed);
  expect(failuresOf(streamed)).toEqual([
    'step.failed fake-1 model AI_APICallError',
    'run.failed support model AI_APICallError',
  ]);
});

tried('what is aborted is cancelled, and nobody failed', async () => {
  for (const scene of ['aborted', 'abortedCall']) {
    const told = await perform(scene);
    expectWhole(told);
    expect(failuresOf(told), scene).toEqual(['run.cancelled support']);
    expect(endsOf(told, 'llm')).toMatchObject([{ finish_reason: 'cancelled' }]);
  }
});

tried('the lines of the documentation tell of each call once they have run', async () => {
  const told = await perform('documented');
  expectWhole(told);
  expect(treeOf(told)).toEqual(['run.started support in -', 'step.started fake-1 in support']);
  expect(told.events[0]).toMatchObject({ user_id: 'ann' });
});
