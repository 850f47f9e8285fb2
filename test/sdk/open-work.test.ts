import { expect, test } from 'vitest';
import { TidemarkCallback } from '../../src/sdk/adapters/langchain.js';
import { told } from './told-events.js';

const openMax = 10_000;

test('beyond the open calls that an adapter keeps the oldest is given up as failed, and others go on', async () => {
  const { tm, heard, problems } = await told();
  const callback = new TidemarkCallback(tm);
  for (let index = 0; index < openMax; index += 1) callback.handleLLMStart({}, [], `call-${index}`);
  const ends = async () => (await heard()).filter(({ type }) => type !== 'step.started');
  expect(await ends()).toEqual([]);
  callback.handleLLMStart({}, [], 'one-more');
  const [first] = (await heard()).filter(({ type }) => type === 'step.started');
  const givenUp = {
    type: 'step.failed',
    step_id: first!.step_id,
    error_code: 'open_work_max',
    error_category: 'infra',
  };
  expect(await ends()).toEqual([expect.objectContaining(givenUp)]);
  // What its framework says of it later is too late, and of nothing.
  callback.handleLLMEnd({}, 'call-0');
  callback.handleLLMEnd({}, 'call-1');
  callback.handleLLMEnd({}, 'one-more');
  const types = (await ends()).map(({ type }) => type);
  expect(types).toEqual(['step.failed', 'step.completed', 'step.completed']);
  expect(problems).toEqual([]);
});
