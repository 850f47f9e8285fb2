import { afterAll, beforeAll, expect, test } from 'vitest';
import { mergedCentroids, quantileOf, valuesAbove, valuesOf } from '../../../src/api/statistics/digest-quantiles.js';
import { parseDigestState } from '../../../src/clickhouse/queries/sql/digest-state.js';
import { seededRandom, testSeed } from '../../support/seeded-random.js';
import { openQueryStore, type QueryStore } from '../api-store.js';

const seed = testSeed(71);
const levels = [0, 0.001, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1];

let store: QueryStore;

beforeAll(async () => {
  store = await openQueryStore();
});

afterAll(async () => {
  await store.close();
});

/** The centroids the engine makes of an expression over `number`, and what it answers for them. */
async function engineDigest(value: string, count: number) {
  const [row] = await store.reader.rows<{ state: string; quantiles: number[] }>({
    name: 'test',
    sql: `SELECT hex(digest) AS state, finalizeAggregation(digest) AS quantiles
      FROM (SELECT quantilesTDigestState(${levels.join(', ')})(toFloat64(${value})) AS digest FROM numbers(${count}))`,
    params: {},
  });
  if (row === undefined) throw new Error('no row');
  return { centroids: parseDigestState(row.state), quantiles: row.quantiles };
}

const uniform = `(cityHash64(number, ${seed}) % 1000003) / 1000003`;

const samples = [
  ['log-normal', `exp(7 + sqrt(-2 * log(1 - ${uniform})) * cos(2 * pi() * (cityHash64(number, 9) % 10007) / 10007))`],
  ['Pareto', `100 / pow(1 - ${uniform}, 1 / 1.2)`],
  ['constant', '1234'],
  ['few values', 'number % 3'],
] as const;

test.each(samples.flatMap(([name, sql]) => [1, 2, 10, 1_000, 200_000].map((count) => [count, name, sql] as const)))(
  'quantiles of %i %s values are those of the engine',
  async (count, _, sql) => {
    const { centroids, quantiles } = await engineDigest(sql, count);
    expect(valuesOf(centroids)).toBe(count);
    const means = [...centroids].filter((_value, at) => at % 2 === 0);
    expect(means).toEqual([...means].sort((a, b) => a - b));
    for (const [index, level] of levels.entries()) {
      const [ours, theirs] = [quantileOf(centroids, level) ?? Number.NaN, quantiles[index] ?? Number.NaN];
      // The engine computes in Float32.
      expect(Math.abs(ours - theirs), `level ${level}`).toBeLessThanOrEqual(1e-6 * Math.abs(theirs));
    }
  },
);

test.each([300, 200_000])(
  'of %i values, as many are above a value as there are, within a thousandth',
  async (count) => {
    const { centroids } = await engineDigest('number', count);
    for (const share of [0.01, 0.5, 0.9, 0.95, 0.99, 0.999]) {
      const value = Math.floor(share * count) - 1;
      const off = Math.abs(valuesAbove(centroids, value) - (count - 1 - value));
      expect(off).toBeLessThanOrEqual(Math.max(1, 0.001 * count));
    }
    expect(valuesAbove(centroids, -1)).toBe(count);
    expect(valuesAbove(centroids, count)).toBe(0);
  },
);

test('values that are single in the digest are counted one by one', () => {
  const centroids = Float64Array.from([1, 1, 2, 1, 2, 1, 2, 1, 5, 1]);
  expect([0, 1, 1.5, 2, 3, 5].map((value) => valuesAbove(centroids, value))).toEqual([5, 4, 4, 1, 1, 0]);
  expect([1, 2, 5].map((value) => valuesAbove(centroids, value, true))).toEqual([5, 4, 1]);
});

test('the number of values above a quantile is what its level says', () => {
  const random = seededRandom(seed);
  for (let at = 0; at < 300; at++) {
    let mean = 0;
    const pairs = Array.from({ length: 1 + Math.floor(random() * 40) }, () => {
      mean += 0.01 + random() ** 3;
      return [mean, random() < 0.3 ? 1 : 1 + Math.floor(random() * 50)];
    });
    const centroids = Float64Array.from(pairs.flat());
    const level = random();
    const total = valuesOf(centroids);
    const above = valuesAbove(centroids, quantileOf(centroids, level) ?? 0);
    const atToo = valuesAbove(centroids, quantileOf(centroids, level) ?? 0, true);
    // Positions are Float32. A level within a single value, or beyond the middle of the outer centroids, has no share
    // of its own.
    expect(above, `seed ${seed}`).toBeLessThanOrEqual((1 - level + 1e-6) * total);
    const [first, last] = [pairs[0]?.[1] ?? 0, pairs.at(-1)?.[1] ?? 0];
    expect(atToo).toBeGreaterThanOrEqual((1 - level) * total - Math.max(first, last) / 2 - 1e-6 * total);
  }
});

test('merging keeps every centroid, in order; nothing has no quantile', () => {
  const merged = mergedCentroids(Float64Array.from([1, 2, 5, 1]), Float64Array.from([0, 1, 5, 3, 9, 1]));
  expect([...merged]).toEqual([0, 1, 1, 2, 5, 1, 5, 3, 9, 1]);
  const none = new Float64Array(0);
  expect([...mergedCentroids(none, none)]).toEqual([]);
  expect([quantileOf(none, 0.5), valuesOf(none), valuesAbove(none, 0)]).toEqual([null, 0, 0]);
});
