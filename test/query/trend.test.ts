import { expect, test } from 'vitest';
import { trendOf } from '../../src/query/trend.js';

function half(successful: number, failed: number, cancelled = 0) {
  return { total: successful + failed + cancelled, successful, failed };
}

test.each([
  ['nothing happened', half(0, 0), half(0, 0), 'no_data', null],
  ['nine executions', half(5, 0), half(0, 4), 'insufficient_data', -100],
  ['an empty half', half(20, 0), half(0, 0), 'insufficient_data', null],
  ['a half of cancelled ones', half(20, 0), half(0, 0, 5), 'insufficient_data', null],
  ['ten executions', half(3, 2), half(5, 0), 'improving', 40],
  ['exactly five points up', half(90, 10), half(95, 5), 'stable', 5],
  ['a little more than five points up', half(899, 101), half(950, 50), 'improving', 5.1],
  ['exactly five points down', half(95, 5), half(90, 10), 'stable', -5],
  ['more than five points down', half(95, 5), half(89, 11), 'declining', -6],
  ['all failed in both', half(0, 10), half(0, 10), 'stable', 0],
] as const)('%s: %j then %j is %s', (_, first, second, verdict, change) => {
  const trend = trendOf(first, second);
  expect(trend.verdict).toBe(verdict);
  if (change === null) expect(trend.changePoints).toBeNull();
  else expect(trend.changePoints).toBeCloseTo(change, 9);
});
