import { expect, test } from 'vitest';
import { HashSet } from '../../src/clickhouse/queries/sql/hash-set.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';

const seed = testSeed(83);
const random = seededRandom(seed);

/** Of 32 bits; `step` a power of two that divides all of them. */
function values(count: number, step = 1): number[] {
  return Array.from({ length: count }, () => Math.floor((random() * 2 ** 32) / step) * step);
}

function setOf(given: readonly number[]): HashSet {
  const set = new HashSet();
  for (const value of given) set.add(value);
  return set;
}

function inOrder(set: HashSet): number[] {
  const found: number[] = [];
  set.visit((value) => found.push(value));
  return found;
}

test.each([
  [0, 1],
  [1, 1],
  [13, 1],
  [2_000, 1],
  [70_000, 1],
  [30_000, 4_096],
])(`holds %i values in steps of %i as a Set does (seed ${seed})`, (count, step) => {
  const given = [...values(count, step), ...(count > 100 ? [0, 2 ** 32 - 1, 0] : [])];
  const set = setOf(given);
  const known = new Set(given);
  expect(set.size).toBe(known.size);
  expect(inOrder(set).sort((a, b) => a - b)).toEqual([...known].sort((a, b) => a - b));
  for (const value of [...given, ...values(1_000)]) expect(set.has(value)).toBe(known.has(value));
  expect(set.bytes).toBeLessThan(250 + 11 * known.size);
});

test('each set has its values in an order of its own', () => {
  const given = values(1_000);
  const [first, second] = [inOrder(setOf(given)), inOrder(setOf(given))];
  expect(first).not.toEqual(second);
  // One that is filled in the order of another is as any other: its halves are mixed.
  const low = new Set(first.slice(0, first.length / 2));
  const lowInSecond = second.slice(0, second.length / 2).filter((value) => low.has(value)).length;
  expect(Math.abs(lowInSecond / first.length - 0.25)).toBeLessThan(0.05);
});
