import { expect, test } from 'vitest';
import { EventIdMemory } from '../../src/ingest/event-id-memory.js';
import { randomInteger, seededRandom, testSeed } from '../support/seeded-random.js';

test('an id passes once, and again after it was taken back', () => {
  const memory = new EventIdMemory({ idsMax: 100, onForgotten: () => {} });
  expect(memory.tryAdd(1, 2)).toBe(true);
  expect(memory.tryAdd(1, 2)).toBe(false);
  memory.remove(1, 2);
  expect(memory.tryAdd(1, 2)).toBe(true);
  expect(memory.tryAdd(0, 0)).toBe(true);
  expect(memory.tryAdd(0, 0)).toBe(false);
});

test('the oldest ids are forgotten and reported when the memory is full, the younger half stays', () => {
  let forgotten = 0;
  const memory = new EventIdMemory({ idsMax: 1_000, onForgotten: (count) => (forgotten += count) });
  for (let id = 1; id <= 1_499; id++) memory.tryAdd(id, id);
  expect(forgotten).toBe(500);
  expect(memory.size).toBeLessThanOrEqual(1_000);
  expect(memory.tryAdd(1_499, 1_499)).toBe(false);
  expect(memory.tryAdd(1, 1)).toBe(true);
});

test('a table that is used again knows nothing of what it held, over seven generations', () => {
  let forgotten = 0;
  const memory = new EventIdMemory({ idsMax: 8_000, onForgotten: (count) => (forgotten += count) });
  for (let id = 1; id <= 28_000; id++) {
    if (id % 64 === 1) memory.prefetch({ low: Uint32Array.of(id, 0), high: Uint32Array.of(7, 0) }, 0, 2);
    expect(memory.tryAdd(id, 7), `id ${id}`).toBe(true);
  }
  expect(forgotten).toBe(24_000);
  expect(memory.size).toBe(4_000);
  for (let id = 24_001; id <= 28_000; id++) expect(memory.tryAdd(id, 7), `id ${id}`).toBe(false);
  for (let id = 20_001; id <= 24_000; id++) expect(memory.tryAdd(id, 7), `id ${id}`).toBe(true);
});

test('it agrees with a plain set under random adds and removals in a small range', () => {
  const seed = testSeed(20_260_101);
  const random = seededRandom(seed);
  const memory = new EventIdMemory({ idsMax: 1_000_000, onForgotten: () => {} });
  const model = new Set<string>();
  for (let step = 0; step < 50_000; step++) {
    // High bits alone differ for many, so that probing runs get long and wrap around.
    const low = randomInteger(random, { min: 0, max: 3 });
    const high = randomInteger(random, { min: 1, max: 3_000 });
    const key = `${low}:${high}`;
    if (random() < 0.4) {
      memory.remove(low, high);
      model.delete(key);
    } else {
      expect(memory.tryAdd(low, high), `seed ${seed} step ${step}`).toBe(!model.has(key));
      model.add(key);
    }
  }
  expect(memory.size).toBe(model.size);
});
