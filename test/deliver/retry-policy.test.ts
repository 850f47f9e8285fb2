import { expect, test } from 'vitest';
import { defaultRetryPolicy, retryDelayMs } from '../../src/deliver/retry-policy.js';

const { delayMsMin, delayMsMax } = defaultRetryPolicy;

test('the ceiling of the delay doubles with each attempt, from twice the minimum to the maximum', () => {
  const ceilings = [1, 2, 3, 4, 5, 6, 7, 8].map((attempt) => retryDelayMs(defaultRetryPolicy, attempt, () => 1));
  expect(ceilings).toEqual([200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
});

test('the delay stays within its bounds for any attempt and any chance', () => {
  for (const attempt of [1, 2, 10, 1000, 1e9]) {
    for (const chance of [0, 0.25, 0.5, 0.999_999]) {
      const delayMs = retryDelayMs(defaultRetryPolicy, attempt, () => chance);
      expect(delayMs).toBeGreaterThanOrEqual(delayMsMin);
      expect(delayMs).toBeLessThanOrEqual(delayMsMax);
    }
  }
});

test('two collectors that fail together do not return together', () => {
  expect(retryDelayMs(defaultRetryPolicy, 5, () => 0.1)).not.toBe(retryDelayMs(defaultRetryPolicy, 5, () => 0.9));
});
