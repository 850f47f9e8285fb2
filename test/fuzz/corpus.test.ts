import { afterAll, describe, expect, test } from 'vitest';
import { keptPath, readInputs } from './kept-inputs.js';
import { openTarget, targetNames } from './open-target.js';

/** Inputs that `npm run fuzz -- --keep` kept, because together they reach nearly all that was reached. */
describe.each(targetNames)('the kept inputs of %s', async (name) => {
  const inputs = readInputs(keptPath(name));
  const target = await openTarget(name);
  afterAll(async () => await target.close?.());

  test('leave all that must hold as it is', async () => {
    expect(inputs.length).toBeGreaterThan(0);
    for (const input of inputs) await target.run(input);
  });
});
