import { expect, test } from 'vitest';
import { fisherExactTest } from '../../../src/api/statistics/fisher-exact-test.js';
import { seededRandom, testSeed } from '../../support/seeded-random.js';

const seed = testSeed(61);

/** Odds of a table by its definition, with whole binomial coefficients. */
function definition(a: number, n1: number, b: number, n2: number): number {
  const ways = (cell: number) => choose(n1, cell) * choose(n2, a + b - cell);
  const cells = Array.from({ length: n1 + 1 }, (_, cell) => cell).filter(
    (cell) => a + b - cell >= 0 && a + b - cell <= n2,
  );
  const total = cells.reduce((sum, cell) => sum + ways(cell), 0n);
  const noLikelier = cells.filter((cell) => ways(cell) <= ways(a)).reduce((sum, cell) => sum + ways(cell), 0n);
  return Number((noLikelier * 10n ** 15n) / total) / 1e15;
}

function choose(n: number, k: number): bigint {
  let result = 1n;
  for (let step = 1; step <= k; step++) result = (result * BigInt(n - k + step)) / BigInt(step);
  return result;
}

test("the lady tasting tea: three of four cups right is 0.4857, four of four 0.0286 (Fisher's own example)", () => {
  expect(fisherExactTest({ successes: 3, trials: 4 }, { successes: 1, trials: 4 })).toBeCloseTo(0.485714285714, 11);
  expect(fisherExactTest({ successes: 4, trials: 4 }, { successes: 0, trials: 4 })).toBeCloseTo(0.028571428571, 11);
});

test('it equals the definition for tables of any shape, and is the same from either side', () => {
  const random = seededRandom(seed);
  for (let at = 0; at < 300; at++) {
    const [n1, n2] = [1 + Math.floor(random() * 60), 1 + Math.floor(random() * 60)];
    const [a, b] = [Math.floor(random() * (n1 + 1)), Math.floor(random() * (n2 + 1))];
    const p = fisherExactTest({ successes: a, trials: n1 }, { successes: b, trials: n2 });
    expect(p, `${a}/${n1} ${b}/${n2}, seed ${seed}`).toBeCloseTo(definition(a, n1, b, n2), 9);
    expect(fisherExactTest({ successes: b, trials: n2 }, { successes: a, trials: n1 })).toBeCloseTo(p, 9);
    expect(fisherExactTest({ successes: n1 - a, trials: n1 }, { successes: n2 - b, trials: n2 })).toBeCloseTo(p, 9);
  }
});

test('large and lopsided tables end, with a p value', () => {
  expect(fisherExactTest({ successes: 3, trials: 6 }, { successes: 500_000, trials: 1_000_000 })).toBeCloseTo(1, 3);
  expect(fisherExactTest({ successes: 6, trials: 6 }, { successes: 0, trials: 1_000_000 })).toBeLessThan(1e-30);
  expect(fisherExactTest({ successes: 2_000, trials: 2_000 }, { successes: 0, trials: 2_000 })).toBe(0);
  expect(fisherExactTest({ successes: 0, trials: 9 }, { successes: 0, trials: 9 })).toBe(1);
});
