import { expect, test } from 'vitest';
import { soon, stage } from './stage.js';
import { endsOf, expectWhole, failuresOf, totalOf, treeOf } from './told-tree.js';

const { isMissing, perform, total } = await stage('langchain');
// Without the registry `stage` says so.
const tried = test.skipIf(isMissing);

/** As test/sdk-python/test_langchain.py has it of the same agent. */
const supportTree = [
  'run.started support in -',
  'task.running think in support',
  'step.started Shelf in think',
  'step.started Dealer in think',
  'task.running act in support',
  'step.started look_up in act',
  'step.started Dealer in act',
];

tried('a graph is a run of tasks with steps, and the numbers that were dealt out', async () => {
  const told = await perform('graph');
  expectWhole(told);
  expect(treeOf(told)).toEqual(supportTree);
  expect(told.events[0]).toMatchObject({ agent_id: 'scout', session_id: 'chat', user_id: 'ann' });
  const model = { model: 'fake-1-dated', provider: 'fake', finish_reason: 'stop' };
  expect(endsOf(told, 'llm')).toMatchObject([model, model]);
  // The hash that Python's SDK has of {"order": "A-1"}.
  expect(endsOf(told, 'tool')).toMatchObject([{ args_hash: '2668005b4cba7183' }]);
  expect(endsOf(told, 'retrieval')).toMatchObject([{ outputs: { documents: 2 } }]);
  await expect.poll(() => total(told), soon).toMatchObject(totalOf(told));
});

tried('a graph whose messages are streamed is told as one that is not', async () => {
  const told = await perform('streamedGraph');
  expectWhole(told);
  expect(treeOf(told)).toEqual(supportTree);
  expect(told.result).toBe(2);
});

tried('the lines of the documentation tell of the graph', async () => {
  const told = await perform('documented');
  expectWhole(told);
  expect(treeOf(told)).toEqual(supportTree);
  expect(told.events[0]).toMatchObject({ session_id: 'chat-42' });
});

tried('graphs at once keep apart, and belong to the handle around them', async () => {
  const told = await perform('parallel');
  expect(new Set(told.events.map(({ run_id }) => run_id)).size).toBe(1);
  const inOuter = ['task.running support in outer', ...supportTree.slice(1)];
  expect(treeOf(told).sort()).toEqual(['run.started outer in -', ...Array(5).fill(inOuter).flat()].sort());
  for (const step of told.events.filter(({ type }) => type === 'step.started')) {
    const task = told.events.find(({ type, task_id }) => type === 'task.running' && task_id === step.task_id);
    const graph = told.events.find(({ type, task_id }) => type === 'task.running' && task_id === task?.parent_id);
    expect(graph?.name).toBe('support');
  }
  expect(endsOf(told, 'llm').map(({ tokens_in }) => tokens_in)).toEqual([...Array(5).fill(100), ...Array(5).fill(200)]);
  expect(told.events.at(-1)).toMatchObject({ type: 'run.completed', name: 'outer' });
});

tried('a model alone is a step of what is around it, and its stream is followed to its end', async () => {
  const told = await perform('model');
  expectWhole(told);
  expect(treeOf(told)).toEqual(['step.started Dealer in -', 'task.running ask in -', 'step.started Dealer in ask']);
});

tried('a chain is one run, whatever it is put together from', async () => {
  const told = await perform('chain');
  expectWhole(told);
  expect(treeOf(told)).toEqual(['run.started shorten in -', 'step.started Dealer in shorten']);
});

tried('a tool that throws fails its step, its task and its run', async () => {
  const told = await perform('failing');
  expectWhole(told);
  expect(failuresOf(told)).toEqual([
    'step.failed look_up tool Error',
    'task.failed act tool Error',
    'run.failed support tool Error',
  ]);
  expect(told.result).toBe('Error: no such order');
});

tried('each attempt of a retry is a step, of which the last one counts', async () => {
  const told = await perform('retried');
  expectWhole(told);
  expect(treeOf(told)).toEqual([
    'run.started Dealer in -',
    'step.started Dealer in Dealer',
    'step.started Dealer in Dealer',
  ]);
  expect(failuresOf(told)).toEqual(['step.failed Dealer model Error']);
});

tried('what is aborted is cancelled, and a graph that asks a person has not failed', async () => {
  const aborted = await perform('aborted');
  expectWhole(aborted);
  expect(failuresOf(aborted)).toEqual(['run.cancelled slow']);
  expect(endsOf(aborted, 'llm')).toMatchObject([{ finish_reason: 'cancelled' }]);
  const interrupted = await perform('interrupted');
  expectWhole(interrupted);
  expect(failuresOf(interrupted)).toEqual(['task.cancelled ask']);
});
