import { expect, test } from 'vitest';
import { centroidQuantiles, float32Digits, nearestRank, toldPercentile } from '../../src/core/percentile.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';

test.each([
  [[], null],
  [[7], 7],
  [[1, 3], 3],
  [Array.from({ length: 101 }, (_, index) => index), 95],
  [Array.from({ length: 10 }, (_, index) => 100 * (index + 1)), 1000],
])('the 95th percentile of %j is %s, one of the values', (values, wanted) => {
  expect(nearestRank(values, 0.95)).toBe(wanted);
});

test('the median of ten values is the fifth, and a level that divides their number evenly takes no more', () => {
  const values = Array.from({ length: 100 }, (_, index) => index + 1);
  expect(nearestRank(values.slice(0, 10), 0.5)).toBe(5);
  // 0.07 * 100 is 7.000000000000001 in a double.
  expect([0, 0.07, 0.5, 0.95, 0.99, 1].map((level) => nearestRank(values, level))).toEqual([1, 7, 50, 95, 99, 100]);
});

test('a digest in which every value is a centroid gives the nearest rank at every level', () => {
  const seed = testSeed(8);
  const random = seededRandom(seed);
  for (let count = 1; count <= 200; count++) {
    const values = Float64Array.from({ length: count }, () => Math.round(1e6 * random()) / 1e3).sort();
    const pairs = Float64Array.from([...values].flatMap((value) => [value, 1]));
    const levels = [0, random() / 2, 0.5, 0.5 + random() / 2, 0.95, 0.99, 1].sort();
    const quantiles = centroidQuantiles({ pairs, meanAt: 0, weightAt: 1, count }, levels);
    const nearest = levels.map((level) => nearestRank(values, level));
    expect(quantiles, `${count} values, seed ${seed}`).toEqual(nearest);
  }
});

test('between two centroids the value grows linearly, and beyond the outer ones it stays', () => {
  const pairs = Float64Array.from([10, 1, 20, 4, 30, 1]);
  const centroids = { pairs, meanAt: 0, weightAt: 1, count: 3 };
  // Positions 0, 1, 2, 3, 5.5 and 6 of 6: the single values take a whole place, the middle one its middle, 3.
  expect(centroidQuantiles(centroids, [0, 1 / 6, 2 / 6, 0.5, 5.5 / 6, 1])).toEqual([10, 10, 15, 20, 30, 30]);
  expect(centroidQuantiles({ ...centroids, count: 0 }, [0.5])).toBeNull();
});

test('what was sent with up to seven digits comes back from a Float32 as it was sent', () => {
  expect([123.456, 0.1, 0, 16_777_215, 1e-7, 4096].map((value) => float32Digits(Math.fround(value)))).toEqual([
    123.456, 0.1, 0, 16_777_215, 1e-7, 4096,
  ]);
  const seed = testSeed(9);
  const random = seededRandom(seed);
  for (let index = 0; index < 10_000; index++) {
    const value = Number((10 ** (8 * random() - 2)).toPrecision(7));
    expect(float32Digits(Math.fround(value)), `seed ${seed}`).toBe(value);
  }
});

test('a percentile of values with more digits than a Float32 holds stays between the exact extremes', () => {
  const [min, max] = [1234.56789, 1_234_567.891];
  // The Float32 of the maximum is 1234567.875, told as 1234567.9.
  expect(toldPercentile(Math.fround(max), { min, max })).toBe(max);
  expect(toldPercentile(Math.fround(min), { min, max: min })).toBe(min);
});
