import { expect, test } from 'vitest';
import { KeptReadings } from '../../../src/api/work/kept-readings.js';
import { FakeClock } from '../../support/fake-clock.js';

function kept() {
  const clock = new FakeClock();
  return { clock, readings: new KeptReadings<string>(clock, { ageMsMax: 100, sizeMax: 10 }) };
}

test('a reading is there until it is too old or dropped', async () => {
  const { clock, readings } = kept();
  readings.keep('a', 'A', 4);
  readings.keep('b', 'B', 4);
  await clock.advance(100);
  expect([readings.get('a'), readings.get('b'), readings.get('c')]).toEqual(['A', 'B', undefined]);
  readings.drop('b');
  expect(readings.get('b')).toBeUndefined();
  await clock.advance(1);
  expect(readings.get('a')).toBeUndefined();
});

test('the oldest are let go when all together are too large, and one that is too large alone is not kept', () => {
  const { readings } = kept();
  readings.keep('a', 'A', 4);
  readings.keep('b', 'B', 4);
  readings.keep('c', 'C', 3);
  expect([readings.get('a'), readings.get('b'), readings.get('c')]).toEqual([undefined, 'B', 'C']);
  readings.keep('huge', 'H', 11);
  expect([readings.get('huge'), readings.get('b')]).toEqual([undefined, 'B']);
});

test('a reading that takes the place of another counts once', () => {
  const { readings } = kept();
  for (const reading of ['first', 'second', 'third']) readings.keep('a', reading, 6);
  readings.keep('b', 'B', 4);
  expect([readings.get('a'), readings.get('b')]).toEqual(['third', 'B']);
});
