import { expect, test } from 'vitest';
import { soon, stage } from './stage.js';
import { endsOf, expectWhole, failuresOf, totalOf, treeOf } from './told-tree.js';

const { isMissing, perform, total } = await stage('claude-agent');
// Without the registry `stage` says so.
const tried = test.skipIf(isMissing);

const toolTree = [
  'run.started support in -',
  'step.started claude-fake-1 in support',
  'step.started mcp__shop__look_up in support',
  'step.started claude-fake-1 in support',
];

tried('a query is a run of models and tools, with the numbers that were dealt out, and looks as it did', async () => {
  const told = await perform('tools');
  expectWhole(told);
  expect(treeOf(told)).toEqual(toolTree);
  expect(told.result).toEqual(['system', 'system', 'assistant', 'user', 'system', 'assistant', 'result']);
  expect(told.events[0]).toMatchObject({ agent_id: 'scout', session_id: expect.any(String), user_id: 'ann' });
  expect(endsOf(told, 'llm').map(({ finish_reason }) => finish_reason)).toEqual(['tool_use', 'end_turn']);
  expect(endsOf(told, 'tool')).toMatchObject([{ args_hash: '2668005b4cba7183' }]);
  expect(Number(told.events.at(-1)?.cost_micros)).toBeGreaterThan(0);
  await expect.poll(() => total(told), soon).toMatchObject(totalOf(told));
});

tried('who asked for partial messages has them', async () => {
  const told = await perform('partial');
  expectWhole(told);
  expect(told.result).toContain('stream_event');
});

tried('a subagent is a task of its own, and what it used is in the sums', async () => {
  const told = await perform('subagent');
  expect(treeOf(told)).toEqual([
    'run.started support in -',
    'step.started claude-fake-1 in support',
    'step.started Agent in support',
    'task.running helper in support',
    'step.started claude-fake-1 in helper',
    'step.started claude-fake-1 in support',
  ]);
  // Its output tokens are known from the result alone.
  const [first, ofHelper, last] = endsOf(told, 'llm');
  expect([first, ofHelper, last]).toMatchObject([
    { tokens_in: 100, tokens_out: 10 },
    { tokens_in: 200, tokens_cache_read: 80, tokens_cache_write: 6, agent_id: 'helper' },
    { tokens_in: 300, tokens_out: 30 },
  ]);
  expect(ofHelper?.tokens_out).toBeUndefined();
  expect(told.events.at(-1)).toMatchObject({ type: 'run.completed', tokens_in: 0, tokens_out: 20 });
  await expect.poll(() => total(told), soon).toMatchObject(totalOf(told));
});

tried('a query inside a handle is a task of that, and the lines of the documentation tell of one', async () => {
  const inside = await perform('inside');
  expectWhole(inside);
  expect(treeOf(inside)).toEqual([
    'run.started outer in -',
    'task.running support in outer',
    'step.started claude-fake-1 in support',
  ]);
  const documented = await perform('documented');
  expectWhole(documented);
  expect(treeOf(documented)).toEqual(['run.started support in -', 'step.started claude-fake-1 in support']);
  expect(documented.result).toEqual(['system', 'system', 'assistant', 'result']);
});

tried('hooks and control methods of the caller work as before', async () => {
  const told = await perform('hooked');
  expectWhole(told);
  expect(treeOf(told)).toEqual(toolTree);
  expect(told.result).toEqual(['PreToolUse', 'Stop']);
});

tried('a tool that throws, or was not allowed, is a failed step, and the model goes on', async () => {
  const failing = await perform('failingTool');
  expectWhole(failing);
  expect(treeOf(failing)).toEqual(toolTree);
  expect(failuresOf(failing)).toEqual(['step.failed mcp__shop__look_up tool Error']);
  const denied = await perform('denied');
  expectWhole(denied);
  expect(failuresOf(denied)).toEqual(['step.failed mcp__shop__look_up tool tool_not_run']);
});

tried('each attempt at a model that is away is an attempt of one step', async () => {
  const told = await perform('retried');
  expectWhole(told);
  expect(treeOf(told).slice(1)).toEqual([
    'step.started claude-fake-1 in support',
    'step.started claude-fake-1#2 in support',
  ]);
  expect(failuresOf(told)).toEqual(['step.failed claude-fake-1 model 529']);
});

tried('a query that ends in an error has failed, in the category of what it was', async () => {
  const away = await perform('away');
  expectWhole(away);
  expect(failuresOf(away)).toEqual(['step.failed claude-fake-1 model api_error', 'run.failed support model api_error']);
  const tooLong = await perform('tooLong');
  expectWhole(tooLong);
  expect(failuresOf(tooLong)).toEqual(['run.failed support orchestration error_max_turns']);
  expect(tooLong.result).toContain('maximum number of turns');
});

tried('a query that is aborted, or left before its end, is cancelled', async () => {
  for (const scene of ['aborted', 'left']) {
    const told = await perform(scene);
    if (scene === 'left') expectWhole(told);
    expect(failuresOf(told), scene).toEqual(['run.cancelled support']);
    expect(told.events.at(-1)?.type).toBe('run.cancelled');
  }
});
