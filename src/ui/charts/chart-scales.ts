import { formatDuration } from '../format/durations.js';
import { formatCount } from '../format/numbers.js';

const hourMs = 3_600_000;
const dayMs = 86_400_000;

/** How long a bucket is, of their starts; `given`, or an hour, when there is only one to tell by. */
export function bucketMsOf(times: readonly Date[], given = hourMs): number {
  const [first, second] = times;
  return first === undefined || second === undefined ? given : second.getTime() - first.getTime();
}

/** Buckets of whole days are UTC days, whatever the viewer's zone. */
export function isUtcDays(times: readonly Date[], given?: number): boolean {
  return bucketMsOf(times, given) % dayMs === 0;
}

const powers = Array.from({ length: 16 }, (_, power) => 10 ** power);
const counts = powers.flatMap((power) => [power, 2 * power, 5 * power]);
const seconds = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800];
const hours = [1, 2, 3, 6, 12, 24, 48, 96, 240, 480, 960, 2_400];
const durations = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...seconds.map((of) => of * 1_000),
  ...hours.map((of) => of * hourMs),
];

/** What the ticks of an axis are multiples of, so that each reads short: no half counts, no 100 seconds. */
export function stepsOf(format: (value: number) => string): readonly number[] | undefined {
  if (format === formatCount) return counts;
  return format === formatDuration ? durations : undefined;
}
