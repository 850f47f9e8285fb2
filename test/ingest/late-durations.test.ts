import { expect, test } from 'vitest';
import { addDurations } from '../../src/ingest/work/late-durations.js';
import { sliceOf } from '../window/window-slices.js';

test('durations that are found out later make the slice that it were if they had been known at once', () => {
  const [known, late] = [
    [40, 10_000],
    [5, 10, 10.5, 700_000, 9e9],
  ];
  for (const first of [known, []]) {
    const slice = sliceOf(0, first!, { completed: 7 });
    addDurations(slice, late!);
    expect(slice).toEqual(sliceOf(0, [...first!, ...late!], { completed: 7 }));
  }
});

test('a bound of the histogram counts in the bucket that it ends, and what is above all bounds in the last', () => {
  const slice = sliceOf(0, []);
  addDurations(slice, [10, 10.5, 655_360, 655_361]);
  expect([...slice.durationBuckets]).toEqual([1, 1, ...Array.from({ length: 14 }, () => 0), 1, 1]);
});
