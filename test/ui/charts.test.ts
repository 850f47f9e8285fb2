import { expect, test } from 'vitest';
import { isolatedOf, stackedTops } from '../../src/ui/charts/chart-data.js';
import { bucketMsOf, isUtcDays, stepsOf } from '../../src/ui/charts/chart-scales.js';
import { formatDuration } from '../../src/ui/format/durations.js';
import { formatCost, formatCount } from '../../src/ui/format/numbers.js';
import { formatBucket, formatTick } from '../../src/ui/format/times.js';

const at = (text: string) => new Date(text);

test('stacked values stand on those before them, and nothing known adds nothing', () => {
  expect(stackedTops([{ values: [1, null, 3] }, { values: [10, 20, null] }])).toEqual([
    [1, 0, 3],
    [11, 20, 3],
  ]);
});

test('a value without neighbours is a point, as no line would show it', () => {
  expect(isolatedOf([1, null, 2, 3, null, 0, null])).toEqual([0, 5]);
  expect(isolatedOf([7])).toEqual([0]);
  expect(isolatedOf([null, null])).toEqual([]);
});

test('buckets of whole days are days of UTC, others are of the viewer', () => {
  const days = [at('2026-11-24T00:00:00Z'), at('2026-11-25T00:00:00Z')];
  const hours = [at('2026-11-24T00:00:00Z'), at('2026-11-24T01:00:00Z')];
  expect([isUtcDays(days), isUtcDays(hours)]).toEqual([true, false]);
  expect(bucketMsOf([at('2026-11-24T00:00:00Z')])).toBe(3_600_000);
  expect(isUtcDays([days[0]!], 86_400_000)).toBe(true);
  expect(bucketMsOf(hours, 86_400_000)).toBe(3_600_000);
  expect(formatBucket(days[0]!, 86_400_000)).toBe('24 Nov (UTC)');
});

test('an axis of times names the day where another one begins', () => {
  const before = new Date(2026, 10, 24, 22);
  const later = new Date(2026, 10, 24, 23);
  const next = new Date(2026, 10, 25, 0);
  const of = { stepMs: 3_600_000, isUtc: false };
  expect(formatTick(before, { ...of, before: undefined })).toBe('22:00\n24 Nov');
  expect(formatTick(later, { ...of, before })).toBe('23:00');
  expect(formatTick(next, { ...of, before: later })).toBe('00:00\n25 Nov');
  expect(formatTick(at('2026-11-24T00:00:00Z'), { before: undefined, stepMs: 86_400_000, isUtc: true })).toBe('24 Nov');
});

test('no two ticks of an axis of counts or durations read alike', () => {
  const firstSteps = stepsOf(formatCount)!.slice(0, 3);
  expect(firstSteps).toEqual([1, 2, 5]);
  for (const format of [formatCount, formatDuration]) {
    for (const step of stepsOf(format)!.filter((of) => of < 1e9)) {
      const read = [0, 1, 2, 3].map((ticks) => format(ticks * step));
      expect(new Set(read).size, read.join()).toBe(4);
    }
  }
  expect(stepsOf(formatCost)).toBeUndefined();
});
