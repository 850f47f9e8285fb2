import { expect, test } from 'vitest';
import { soon, stage } from './stage.js';
import { endsOf, expectWhole, failuresOf, runsOf, totalOf, treeOf } from './told-tree.js';

const { isMissing, perform, total } = await stage('ai-sdk-6');
// Without the registry `stage` says so.
const tried = test.skipIf(isMissing);

tried('a generation is a run of models and tools, streamed or not, with the numbers that were dealt out', async () => {
  for (const scene of ['tools', 'streamed']) {
    const told = await perform(scene);
    expectWhole(told);
    expect(treeOf(told).slice(0, 4), scene).toEqual([
      'run.started support in -',
      'step.started fake-1 in support',
      'step.started look_up in support',
      'step.started fake-1 in support',
    ]);
    expect(told.events[0]).toMatchObject({ agent_id: 'scout', session_id: 'chat', user_id: 'ann' });
    const last = { model: 'fake-1-dated', provider: 'fake', finish_reason: 'stop' };
    expect(endsOf(told, 'llm').at(-1)).toMatchObject(last);
    expect(endsOf(told, 'tool')[0]?.args_hash).toBe('2668005b4cba7183');
    await expect.poll(() => total(told), soon).toMatchObject(totalOf(told));
  }
});

tried('a generation inside a tool is a task of that tool, and generations at once do not mix', async () => {
  const nested = await perform('nested');
  expectWhole(nested);
  expect(treeOf(nested)).toEqual([
    'run.started outer in -',
    'task.running support in outer',
    'step.started fake-1 in support',
    'step.started look_up in support',
    'task.running writer in look_up',
    'step.started fake-1 in writer',
    'step.started fake-1 in support',
  ]);
  const runs = runsOf(await perform('parallel'));
  expect(runs).toHaveLength(20);
  for (const events of runs) {
    const used = events.filter(({ llm_calls }) => llm_calls === 1);
    expect(used.map(({ tokens_in }) => tokens_in)).toEqual([100, 200]);
  }
});

tried('embeddings, and the lines of the documentation, are told as with the next version', async () => {
  const embeddings = await perform('embeddings');
  expectWhole(embeddings);
  expect(treeOf(embeddings)).toEqual(['task.running index in -', 'step.started embedMany in index']);
  const documented = await perform('documented');
  expectWhole(documented);
  expect(treeOf(documented)).toEqual(['run.started support in -', 'step.started fake-1 in support']);
});

tried('what fails is a failed step, each attempt at a model one of the same, and the last fails the run', async () => {
  const tool = await perform('failingTool');
  expectWhole(tool);
  expect(failuresOf(tool)).toEqual(['step.failed look_up tool Error']);
  const retried = await perform('retried');
  expectWhole(retried);
  expect(treeOf(retried).slice(1, 3)).toEqual(['step.started fake-1 in support', 'step.started fake-1#2 in support']);
  const [failed, again, next] = endsOf(retried, 'llm');
  expect([again?.step_id === failed?.step_id, next?.step_id === failed?.step_id]).toEqual([true, false]);
  const away = await perform('away');
  expectWhole(away);
  expect(failuresOf(away)).toEqual([
    'step.failed fake-1 model AI_APICallError',
    'step.failed fake-1 model AI_APICallError',
    'run.failed support model AI_APICallError',
  ]);
});

tried('what is aborted is cancelled, and nobody failed', async () => {
  for (const scene of ['aborted', 'abortedCall']) {
    const told = await perform(scene);
    expectWhole(told);
    expect(failuresOf(told), scene).toEqual(['run.cancelled support']);
  }
});
