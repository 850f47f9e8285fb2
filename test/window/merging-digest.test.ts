import { expect, test } from 'vitest';
import { parseDigestState } from '../../src/clickhouse/queries/sql/digest-state.js';
import { compressCentroids, compressCentroidsTo, weightOf } from '../../src/window/merging-digest.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';

function cellsOf(pairs: readonly (readonly [mean: number, weight: number])[]) {
  const f64 = new Float64Array(pairs.length);
  const f32 = new Float32Array(f64.buffer);
  pairs.forEach(([mean, weight], index) => {
    f32[2 * index] = weight;
    f32[2 * index + 1] = mean;
  });
  return { f64, f32 };
}

test('compressing keeps the total weight and the order, and no centroid passes its size rule', () => {
  const seed = testSeed(3);
  const random = seededRandom(seed);
  const cells = cellsOf(Array.from({ length: 5_000 }, () => [Math.exp(10 * random()), 1 + Math.floor(random() * 3)]));
  const total = weightOf(cells, 0, 5_000);
  const count = compressCentroids(cells, 0, 5_000, 0.03);
  expect(count, `seed ${seed}`).toBeLessThan(250);
  expect(weightOf(cells, 0, count)).toBe(total);
  let before = 0;
  for (let index = 0; index < count; index++) {
    const weight = cells.f32[2 * index]!;
    const middle = before + weight / 2;
    if (weight > 3) expect(weight).toBeLessThanOrEqual((4 * 0.03 * middle * (total - middle)) / total);
    if (index > 0) expect(cells.f32[2 * index + 1]).toBeGreaterThanOrEqual(cells.f32[2 * index - 1]!);
    before += weight;
  }
});

test('a digest that must fit gets coarser until it does', () => {
  const cells = cellsOf(Array.from({ length: 512 }, (_, index) => [index, 1]));
  expect(compressCentroidsTo(cells, { start: 0, count: 512, countMax: 40, epsilon: 0.001 })).toBeLessThanOrEqual(40);
});

test('equal values, and values of very different size, sort by their mean', () => {
  const cells = cellsOf([
    [1e12, 1],
    [0, 5],
    [1e-3, 2],
    [7, 1],
    [7, 9],
  ]);
  const count = compressCentroids(cells, 0, 5, 1e-9);
  expect(Array.from({ length: count }, (_, index) => cells.f32[2 * index + 1])).toEqual(
    [0, Math.fround(1e-3), 7, 7, 1e12].map(Math.fround),
  );
});

test('a state of ClickHouse is read back, and a malformed one is refused', () => {
  expect([...parseDigestState('00')]).toEqual([]);
  expect([...parseDigestState('020000803f00000040000020410000803f')]).toEqual([1, 2, 10, 1]);
  for (const hex of [
    '',
    '02',
    '01000080',
    '010000803f00000040ff',
    '010000c07f00000040',
    '010000803f00000080',
    '8080',
  ]) {
    expect(() => parseDigestState(hex), hex).toThrow(/cannot read a digest state/);
  }
});
