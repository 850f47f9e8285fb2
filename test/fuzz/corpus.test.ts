import { afterAll, describe, expect, test } from 'vitest';
import { openTarget, targetNames } from './fuzz-target.js';
import { keptPath, readInputs } from './kept-inputs.js';

/** Inputs that the fuzzer of `npm run fuzz` kept, because together they reach what it reached. */
describe.each(targetNames)('the kept inputs of %s', async (name) => {
  const inputs = readInputs(keptPath(name));
  const target = await openTarget(name);
  afterAll(async () => await target.close?.());

  test('and those to begin with leave all that must hold as it is', async () => {
    expect(inputs.length).toBeGreaterThan(0);
    for (const input of inputs) await target.run(input);
    for (const seed of target.seeds()) await target.run(Uint8Array.from(Buffer.from(seed as string)));
  });
});
