import { expect, test } from 'vitest';
import { twoProportionTest } from '../../../src/api/statistics/two-proportion-test.js';

function share(successes: number, trials: number) {
  return { successes, trials };
}

/** Two-sided p values of the standard normal distribution at z, to the digits of published tables. */
const tables = [
  [0.6744897501960817, 0.5],
  [1.6448536269514722, 0.1],
  [1.959963984540054, 0.05],
  [2.5758293035489004, 0.01],
  [2.9999999, 0.002699797],
  [3, 0.002699796063260189],
  [3.2905267314919255, 0.001],
  [4.891638475698849, 1e-6],
  [6.109410204869, 1e-9],
] as const;

test.each(tables)('a difference of %d standard errors has the p value %d', (z, p) => {
  // n trials a side, half of them successes: z = difference * sqrt(2 n) to first order, exact when pooled to a half.
  const trials = 1e12;
  const shift = (z * Math.sqrt(trials / 2)) / 2;
  const tested = twoProportionTest(share(trials / 2 - shift, trials), share(trials / 2 + shift, trials));
  expect(tested?.zScore).toBeCloseTo(z, 5);
  expect((tested?.pValue ?? 0) / p).toBeCloseTo(1, 4);
});

test('a worked example: 38 of 100 and 102 of 200 differ by 2.1 standard errors', () => {
  // pooled 140 of 300; 0.13 / sqrt(0.46667 * 0.53333 * 0.015)
  const tested = twoProportionTest(share(38, 100), share(102, 200));
  expect(tested?.difference).toBeCloseTo(0.13, 12);
  expect(tested?.zScore).toBeCloseTo(2.12766, 4);
  expect(tested?.pValue).toBeCloseTo(0.03337, 4);
});

test('the sign of the z score is that of the change, the p value has none', () => {
  const up = twoProportionTest(share(10, 50), share(20, 50));
  const down = twoProportionTest(share(20, 50), share(10, 50));
  expect(up?.zScore).toBe(-(down?.zScore ?? 0));
  expect(up?.pValue).toBe(down?.pValue);
});

test('equal shares, none and all are no difference; without trials there is no test', () => {
  expect(twoProportionTest(share(5, 10), share(50, 100))).toEqual({ difference: 0, zScore: 0, pValue: 1 });
  expect(twoProportionTest(share(0, 10), share(0, 1000))).toEqual({ difference: 0, zScore: 0, pValue: 1 });
  expect(twoProportionTest(share(10, 10), share(7, 7))).toEqual({ difference: 0, zScore: 0, pValue: 1 });
  expect(twoProportionTest(share(0, 0), share(1, 1))).toBeNull();
  expect(twoProportionTest(share(1, 1), share(0, 0))).toBeNull();
});
