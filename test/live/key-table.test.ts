import { expect, test } from 'vitest';
import { KeyTable } from '../../src/core/key-table.js';
import { fingerprintKey } from '../../src/core/live-batch.js';
import { seededRandom, testSeed } from '../support/seeded-random.js';

test('a table of fingerprints holds what a Map holds, whatever is added and removed', () => {
  const seed = testSeed(3);
  const random = seededRandom(seed);
  const table = new KeyTable();
  const model = new Map<number, number>();
  // Few low words, so that many keys have one home.
  const keys = Array.from({ length: 3_000 }, (_, index) => fingerprintKey(Math.floor(random() * 500), index + 1));
  for (let turn = 0; turn < 60_000; turn++) {
    const key = keys[Math.floor(random() * keys.length)]!;
    expect(table.get(key), `seed ${seed}, turn ${turn}`).toBe(model.get(key) ?? -1);
    if (model.has(key)) {
      table.remove(key);
      model.delete(key);
    } else {
      table.add(key, turn);
      model.set(key, turn);
    }
  }
  expect(table.size).toBe(model.size);
  for (const key of keys) expect(table.get(key)).toBe(model.get(key) ?? -1);
  table.clear();
  for (const key of keys) expect(table.get(key)).toBe(-1);
});
