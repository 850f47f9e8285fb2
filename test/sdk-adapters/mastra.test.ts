import { expect, test } from 'vitest';
import { soon, stage } from './stage.js';
import { endsOf, expectWhole, failuresOf, runsOf, totalOf, treeOf } from './told-tree.js';

const { isMissing, perform, total } = await stage('mastra');
// Without the registry `stage` says so.
const tried = test.skipIf(isMissing);

tried('an agent is a run of models and tools, streamed or not, with the numbers that were dealt out', async () => {
  for (const scene of ['generated', 'streamed']) {
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

tried('an agent inside a handle or a workflow is a task of that', async () => {
  const inside = await perform('inside');
  expectWhole(inside);
  expect(treeOf(inside)).toEqual([
    'run.started outer in -',
    'task.running support in outer',
    'step.started fake-1 in support',
  ]);
  const workflow = await perform('workflow');
  expectWhole(workflow);
  expect(treeOf(workflow)).toEqual([
    'run.started nightly in -',
    'task.running ask in nightly',
    'task.running support in ask',
    'step.started fake-1 in support',
  ]);
  expect(endsOf(workflow, 'llm')).toMatchObject([{ agent_id: 'support' }]);
});

tried('agents at once do not mix, and the lines of the documentation tell of one', async () => {
  const runs = runsOf(await perform('parallel'));
  expect(runs).toHaveLength(20);
  for (const events of runs) {
    const used = events.filter(({ llm_calls }) => llm_calls === 1);
    expect(used.map(({ tokens_in }) => tokens_in)).toEqual([100, 200]);
  }
  const documented = await perform('documented');
  expectWhole(documented);
  expect(treeOf(documented)).toEqual(['run.started support in -', 'step.started fake-1 in support']);
});

tried('a tool that throws is a failed step, a model that is away fails the run, an abort fails nobody', async () => {
  const tool = await perform('failingTool');
  expectWhole(tool);
  expect(failuresOf(tool)).toEqual(['step.failed look_up tool Error']);
  const away = await perform('away');
  expectWhole(away);
  expect(failuresOf(away)).toEqual(['step.failed fake-1 model Error', 'run.failed support model Error']);
  expect(away.events.at(-1)?.error_message).toBe('the model is away');
  const aborted = await perform('aborted');
  expectWhole(aborted);
  expect(failuresOf(aborted)).toEqual(['run.cancelled support']);
});
