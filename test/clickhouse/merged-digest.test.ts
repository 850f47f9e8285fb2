import { expect, test } from 'vitest';
import { DigestCells, MergedDigest } from '../../src/clickhouse/queries/sql/merged-digest.js';
import { seededRandom } from '../support/seeded-random.js';

const levels = [0.01, 0.5, 0.95, 0.99];

test('centroids in sorted states make the digest that they make in any order', () => {
  const random = seededRandom(15);
  for (const [states, centroids] of [
    [1, 300],
    [2, 3],
    [7, 290],
    [60, 30],
    [500, 4],
  ] as const) {
    const sorted = Array.from({ length: states }, () => centroidsOf(centroids, random).sort(([a], [b]) => a - b));
    const inOrder = new MergedDigest();
    for (const state of sorted) inOrder.add(cellsOf([state]));
    const shuffled = new MergedDigest();
    shuffled.add(cellsOf([sorted.flat().sort(() => random() - 0.5)]));
    expect(inOrder.quantiles(levels)).toEqual(shuffled.quantiles(levels));
    expect(inOrder.centroids()).toEqual(shuffled.centroids());
  }
});

test('states that follow each other in one text are told apart', () => {
  const cells = new DigestCells();
  expect(
    cells.append(
      base64([
        [[1, 2]],
        [],
        [
          [3, 1],
          [4, 5],
        ],
      ]),
      3,
    ),
  ).toEqual([1, 1, 3]);
  expect(cells.append(base64([Array.from({ length: 300 }, (_, place) => [place, 1] as const)]), 1)).toEqual([303]);
  const digest = new MergedDigest();
  digest.add(cells.cells(), 1, 3);
  expect([...digest.centroids()]).toEqual([3, 1, 4, 5]);
});

test('a state that ends too soon, or holds what no centroid is, is refused', () => {
  const whole = base64([
    [
      [1, 2],
      [3, 4],
    ],
  ]);
  const bytes = Buffer.from(whole, 'base64');
  expect(() => new DigestCells().append(whole, 2)).toThrow('a state ends within its length');
  const cut = bytes.subarray(0, bytes.length - 1).toString('base64');
  expect(() => new DigestCells().append(cut, 1)).toThrow('2 centroids are more than there are bytes');
  expect(() => new DigestCells().append(base64([[[1, 0]]]), 1)).toThrow('a centroid has mean 1 and weight 0');
});

type Centroid = readonly [mean: number, weight: number];

function centroidsOf(count: number, random: () => number): Centroid[] {
  return Array.from({ length: count }, () => [Math.floor(random() * 500), 1 + Math.floor(random() * 9)] as const);
}

function cellsOf(states: readonly (readonly Centroid[])[]): Float64Array {
  const cells = new DigestCells();
  cells.append(base64(states), states.length);
  return cells.cells();
}

function base64(states: readonly (readonly Centroid[])[]): string {
  const parts = states.map((centroids) => {
    const head = centroids.length < 128 ? [centroids.length] : [(centroids.length & 127) | 128, centroids.length >> 7];
    const floats = Buffer.from(Float32Array.from(centroids.flat()).buffer);
    return Buffer.concat([Buffer.from(head), floats]);
  });
  return Buffer.concat(parts).toString('base64');
}
