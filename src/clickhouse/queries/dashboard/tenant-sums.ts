import type { TenantBucketRow } from './tenant-days.js';

const counts = ['successful', 'failed', 'cancelled'] as const;
const usage = ['llm_calls', 'tokens_in', 'tokens_out', 'tokens_unpriced'] as const;

/** The numbers of a bucket, for `packed`: of rows that the query calls `bucket`, added up or one by one. */
export const summedBucket = [
  ...counts.map((name) => `sum(bucket.${name})`),
  ...usage.map((name) => `sum(toFloat64(bucket.${name}))`),
  'ifNull(sum(toFloat64(bucket.cost_micros)), nan)',
];
export const plainBucket = [...counts, ...usage]
  .map((name) => `bucket.${name}`)
  .concat('ifNull(bucket.cost_micros, nan)');
export const bucketNumbers = summedBucket.length;

/** Of the numbers from this one on. */
export function bucketOf(startS: number, numbers: Float64Array, at: number): TenantBucketRow {
  const cost = numbers[at + 7]!;
  return {
    start_s: startS,
    successful: numbers[at]!,
    failed: numbers[at + 1]!,
    cancelled: numbers[at + 2]!,
    llm_calls: numbers[at + 3]!,
    tokens_in: numbers[at + 4]!,
    tokens_out: numbers[at + 5]!,
    tokens_unpriced: numbers[at + 6]!,
    cost_micros: Number.isNaN(cost) ? null : cost,
  };
}

/** Those of one start together, in the order of time. */
export function addedByStart(buckets: Iterable<TenantBucketRow>): TenantBucketRow[] {
  const byStart = new Map<number, TenantBucketRow>();
  for (const bucket of buckets) {
    const before = byStart.get(bucket.start_s);
    byStart.set(bucket.start_s, before === undefined ? bucket : added(before, bucket));
  }
  return [...byStart.values()].sort((a, b) => a.start_s - b.start_s);
}

/** A cost that is not known adds nothing to one that is. */
function added(a: TenantBucketRow, b: TenantBucketRow): TenantBucketRow {
  const [costA, costB] = [a.cost_micros, b.cost_micros];
  return {
    start_s: a.start_s,
    successful: a.successful + b.successful,
    failed: a.failed + b.failed,
    cancelled: a.cancelled + b.cancelled,
    llm_calls: a.llm_calls + b.llm_calls,
    tokens_in: a.tokens_in + b.tokens_in,
    tokens_out: a.tokens_out + b.tokens_out,
    cost_micros: costA === null || costB === null ? (costA ?? costB) : costA + costB,
    tokens_unpriced: a.tokens_unpriced + b.tokens_unpriced,
  };
}
