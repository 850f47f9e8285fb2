import { expect, test } from 'vitest';
import { type TrendHalf, trendOf } from '../../../src/api/statistics/trend.js';
import { seededRandom, testSeed } from '../../support/seeded-random.js';

const seed = testSeed(23);

/** Values as centroids of weight 1: how the store keeps few of them. */
function centroids(values: readonly number[]): Float64Array {
  const sorted = Float64Array.from(values).sort();
  const pairs = new Float64Array(2 * sorted.length).fill(1);
  for (const [index, value] of sorted.entries()) pairs[2 * index] = value;
  return pairs;
}

function half(successful: number, failed: number, cancelled = 0, values: readonly number[] = []): TrendHalf {
  return { total: successful + failed + cancelled, successful, failed, successfulDurations: centroids(values) };
}

test.each([
  ['nothing happened', 'no_data', null, half(0, 0), half(0, 0)],
  ['nine executions', 'insufficient_data', -100, half(5, 0), half(0, 4)],
  ['an empty half', 'insufficient_data', null, half(20, 0), half(0, 0)],
  ['a half of cancelled ones', 'insufficient_data', null, half(20, 0), half(0, 0, 5)],
  ['ten executions of which two more succeed', 'stable', 40, half(3, 2), half(5, 0)],
  ['ten executions that turn from failing to succeeding', 'improving', 100, half(0, 5), half(5, 0)],
  ['exactly five points up, of many', 'stable', 5, half(9_000, 1_000), half(9_500, 500)],
  ['a little more than five points up, of many', 'improving', 5.1, half(8_990, 1_010), half(9_500, 500)],
  ['a little more than five points up, of few', 'stable', 6, half(90, 10), half(96, 4)],
  ['exactly five points down, of many', 'stable', -5, half(9_500, 500), half(9_000, 1_000)],
  ['more than five points down, of many', 'declining', -6, half(9_500, 500), half(8_900, 1_100)],
  ['significant and small', 'stable', -1, half(99_000, 1_000), half(98_000, 2_000)],
  ['all failed in both', 'stable', 0, half(0, 10), half(0, 10)],
] as const)('%s is %s, a change of %s points', (_, verdict, change, first, second) => {
  const trend = trendOf(first, second);
  expect(trend.verdict).toBe(verdict);
  if (change === null) expect(trend.successRate.points).toBeNull();
  else expect(trend.successRate.points).toBeCloseTo(change, 9);
});

const steady = Array.from({ length: 400 }, (_, index) => 1_000 + index);
const slower = steady.map((value) => value * 1.5);

test.each([
  ['the same durations', 'stable', steady, steady],
  ['durations half as long again', 'declining', steady, slower],
  ['durations a third shorter', 'improving', slower, steady],
  ['significant and less than the threshold', 'stable', steady, steady.map((value) => value * 1.1)],
  ['the same constant', 'stable', Array(400).fill(5), Array(400).fill(5)],
  ['one constant, then a longer one', 'declining', Array(400).fill(500), Array(400).fill(700)],
  ['a tail of repeated values that grows', 'declining', tail(2), tail(20)],
  ['ten values that differ by chance', 'stable', steady.slice(0, 5), slower.slice(0, 5)],
  ['durations of 0', 'stable', Array(400).fill(0), Array(400).fill(0)],
] as const)('%s in the halves are %s', (_, verdict, before, after) => {
  const trend = trendOf(half(before.length, 0, 0, before), half(after.length, 0, 0, after));
  expect(trend.verdict).toBe(verdict);
});

/** 400 values of 100 ms, of which some percent take 30 s. */
function tail(percent: number): number[] {
  return Array.from({ length: 400 }, (_, index) => (index < 4 * percent ? 30_000 : 100));
}

test('one that declines outweighs one that improves', () => {
  const better = half(600, 0, 0, slower);
  const worse = half(400, 200, 0, steady);
  expect(trendOf(worse, better).verdict).toBe('declining');
  expect(trendOf(worse, half(600, 0, 0, steady)).verdict).toBe('improving');
  expect(trendOf(half(400, 200, 0, slower), half(400, 200, 0, steady)).verdict).toBe('improving');
});

test('a half without durations is judged by its success rate alone', () => {
  const trend = trendOf(half(90, 10, 0, steady), half(50, 50));
  expect(trend.verdict).toBe('declining');
  expect(trend.p95).toMatchObject({ secondMs: null, percent: null, above: null, significance: null });
});

/** Standard normal, Box and Muller. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

const distributions: Readonly<Record<string, (random: () => number) => number>> = {
  'log-normal': (random) => Math.exp(7 + normal(random)),
  Pareto: (random) => 100 / (1 - random()) ** (1 / 1.5),
  bimodal: (random) => (random() < 0.9 ? 200 + 20 * normal(random) : 5_000 + 500 * normal(random)),
};

const sampled = 400;

function draw(count: number, sample: (random: () => number) => number, random: () => number): number[] {
  return Array.from({ length: count }, () => Math.max(0, sample(random)));
}

test.each([60, 400])('equal durations of halves of %i are told apart in about one case of twenty', (count) => {
  const random = seededRandom(seed);
  for (const [name, sample] of Object.entries(distributions)) {
    let significant = 0;
    for (let at = 0; at < sampled; at++) {
      const { p95 } = trendOf(
        half(count, 0, 0, draw(count, sample, random)),
        half(count, 0, 0, draw(count, sample, random)),
      );
      if ((p95.significance?.pValue ?? 1) < 0.05) significant++;
    }
    // Binomial(400, 5 %) has a standard deviation of 1.1 %; discreteness makes small halves more careful.
    expect(significant / sampled, `${name}, seed ${seed}`).toBeLessThan(0.09);
    if (count > 100) expect(significant / sampled, `${name}, seed ${seed}`).toBeGreaterThan(0.02);
  }
});

test.each([10, 30, 100, 400])(
  'equal success rates of halves of %i are told apart in one case of twenty at most',
  (count) => {
    const random = seededRandom(seed + 1);
    for (const rate of [0.5, 0.8, 0.95, 0.99]) {
      let wrong = 0;
      for (let at = 0; at < 1_000; at++) {
        const of = () => {
          const successes = draw(count, (r) => (r() < rate ? 1 : 0), random).reduce((total, one) => total + one, 0);
          return half(successes, count - successes);
        };
        if (trendOf(of(), of()).verdict !== 'stable') wrong++;
      }
      expect(wrong / 1_000, `rate ${rate}, seed ${seed}`).toBeLessThan(0.08);
    }
  },
);

test('real changes are found: success rate from 95 to 85 %, p95 up by half, with 1,000 a half', () => {
  const random = seededRandom(seed + 2);
  let [rates, durations] = [0, 0];
  for (let at = 0; at < 100; at++) {
    const failed = (share: number) => draw(1_000, (r) => (r() < share ? 1 : 0), random).reduce((a, b) => a + b, 0);
    const [before, after] = [failed(0.05), failed(0.15)];
    if (trendOf(half(1_000 - before, before), half(1_000 - after, after)).verdict === 'declining') rates++;
    const sample = distributions['log-normal'] ?? Math.random;
    const slow = draw(1_000, sample, random).map((value) => value * 1.6);
    const trend = trendOf(half(1_000, 0, 0, draw(1_000, sample, random)), half(1_000, 0, 0, slow));
    if (trend.verdict === 'declining') durations++;
  }
  expect(rates).toBeGreaterThan(95);
  expect(durations).toBeGreaterThan(90);
});

test('a trend mirrored in time is the opposite trend', () => {
  const random = seededRandom(seed + 3);
  const opposite = { improving: 'declining', declining: 'improving', stable: 'stable' } as Record<string, string>;
  for (let at = 0; at < 200; at++) {
    const of = () => half(5 + Math.floor(random() * 100), Math.floor(random() * 50));
    const [first, second] = [of(), of()];
    const verdict = trendOf(first, second).verdict;
    expect(trendOf(second, first).verdict).toBe(opposite[verdict]);
  }
});
