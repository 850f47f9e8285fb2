import { expect, test } from 'vitest';
import { soon, stage } from './stage.js';
import { endsOf, expectWhole, failuresOf, runsOf, totalOf, treeOf } from './told-tree.js';

const { isMissing, perform, total } = await stage('openai-agents');
// Without the registry `stage` says so.
const tried = test.skipIf(isMissing);

const supportTree = [
  'run.started Agent workflow in -',
  'task.running support in Agent workflow',
  'step.started response in support',
  'step.started look_up in support',
  'step.started response in support',
];

tried('a trace is a run of an agent with its steps, and the numbers that were dealt out', async () => {
  const told = await perform('tools');
  expectWhole(told);
  expect(treeOf(told)).toEqual(supportTree);
  expect(told.events[0]).toMatchObject({ agent_id: 'scout', session_id: 'chat', user_id: 'ann' });
  const model = { model: 'fake-1-dated', agent_id: 'support' };
  expect(endsOf(told, 'llm')).toMatchObject([model, model]);
  expect(endsOf(told, 'tool')).toMatchObject([{ args_hash: expect.stringMatching(/^[0-9a-f]{16}$/) }]);
  await expect.poll(() => total(told), soon).toMatchObject(totalOf(told));
});

tried('a streamed answer and completions are told as answers are', async () => {
  const streamed = await perform('streamed');
  expectWhole(streamed);
  expect(treeOf(streamed)).toEqual(supportTree);
  const completions = await perform('completions');
  expectWhole(completions);
  expect(treeOf(completions)).toEqual([
    'run.started two in -',
    'task.running support in two',
    'step.started fake-1 in support',
    'task.running support in two',
    'step.started fake-1 in support',
  ]);
});

tried('what models do not tell, since data is not to be traced, is told of their agent', async () => {
  const told = await perform('withoutData');
  expect(treeOf(told)).toEqual(supportTree);
  expect(told.events.filter(({ args_hash }) => args_hash !== undefined)).toEqual([]);
  const expected = totalOf(told);
  const task = told.events.find(({ type }) => type === 'task.completed');
  expect(task).toMatchObject({ tokens_in: expected.tokens.in, tokens_out: expected.tokens.out, llm_calls: 0 });
  // How many of them were for reasoning, a turn does not say.
  const { tokens_reasoning: _, ...others } = expected;
  await expect.poll(() => total(told), soon).toMatchObject(others);
});

tried('what is handed over is a task of the other agent', async () => {
  const told = await perform('handedOver');
  expectWhole(told);
  expect(treeOf(told)).toEqual([
    'run.started Agent workflow in -',
    'task.running triage in Agent workflow',
    'step.started response in triage',
    'step.started triage in triage',
    'task.running refunds in Agent workflow',
    'step.started response in refunds',
  ]);
  expect(endsOf(told, 'llm').map(({ agent_id }) => agent_id)).toEqual(['triage', 'refunds']);
  expect(endsOf(told, 'handoff')).toHaveLength(1);
});

tried('a trace inside a handle is a task of that', async () => {
  const told = await perform('inside');
  expectWhole(told);
  expect(treeOf(told).slice(0, 3)).toEqual([
    'run.started outer in -',
    'task.running Agent workflow in outer',
    'task.running support in Agent workflow',
  ]);
});

tried('traces at once do not mix', async () => {
  const told = await perform('parallel');
  const runs = runsOf(told);
  expect(runs).toHaveLength(20);
  for (const events of runs) {
    expect(events).toHaveLength(10);
    expect(events.filter(({ llm_calls }) => llm_calls === 1).map(({ tokens_in }) => tokens_in)).toEqual([100, 200]);
  }
  expect(new Set(endsOf(told, 'tool').map(({ args_hash }) => args_hash)).size).toBe(20);
});

tried('the processor stands beside others, and the lines of the documentation add it', async () => {
  const beside = await perform('beside');
  expectWhole(beside);
  expect(beside.result).toEqual(['before trace', 'after trace', 'before end', 'after end']);
  const documented = await perform('documented');
  expectWhole(documented);
  expect(documented.events[0]).toMatchObject({ type: 'run.started', user_id: 'ann' });
});

tried('what throws fails its step, its agent and its run, in the category of where it happened', async () => {
  const tool = await perform('failingTool');
  expectWhole(tool);
  expect(failuresOf(tool)).toEqual([
    'step.failed look_up tool span_error',
    'task.failed support tool span_error',
    'run.failed Agent workflow tool span_error',
  ]);
  expect(tool.result).toContain('no such order');
  const away = await perform('away');
  expectWhole(away);
  expect(failuresOf(away)).toEqual([
    'step.failed response model span_error',
    'task.failed support model span_error',
    'run.failed Agent workflow model span_error',
  ]);
  const guarded = await perform('guarded');
  expectWhole(guarded);
  expect(failuresOf(guarded)).toEqual([
    'step.failed no politics guardrail guardrail_triggered',
    'task.failed support guardrail span_error',
    'run.failed Agent workflow guardrail span_error',
  ]);
});

tried('what is aborted is cancelled, and nobody failed', async () => {
  const told = await perform('aborted');
  expectWhole(told);
  expect(failuresOf(told)).toEqual(['task.cancelled support', 'run.cancelled Agent workflow']);
});
