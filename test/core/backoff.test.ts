import { expect, test } from 'vitest';
import { backoffMs } from '../../src/core/backoff.js';

const backoff = { delayMsMin: 100, delayMsMax: 10_000 };

test('the ceiling of the delay doubles with each attempt, from twice the minimum to the maximum', () => {
  const ceilings = [1, 2, 3, 4, 5, 6, 7, 8].map((attempt) => backoffMs(backoff, attempt, () => 1));
  expect(ceilings).toEqual([200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
});

test('the delay stays within its bounds for any attempt and any chance', () => {
  for (const attempt of [1, 2, 10, 1000, 1e9]) {
    for (const chance of [0, 0.25, 0.5, 0.999_999]) {
      const delayMs = backoffMs(backoff, attempt, () => chance);
      expect(delayMs).toBeGreaterThanOrEqual(backoff.delayMsMin);
      expect(delayMs).toBeLessThanOrEqual(backoff.delayMsMax);
    }
  }
});

test('two collectors that fail together do not return together', () => {
  expect(backoffMs(backoff, 5, () => 0.1)).not.toBe(backoffMs(backoff, 5, () => 0.9));
});
