import { MergedDigest } from '../sql/merged-digest.js';
import { type BucketNumber, bucketPlace, type RollupBucket } from './agent-buckets.js';
import type { ExecutionBucketRow, ExecutionPlace } from './execution-bucket-row.js';
import type { AgentPerformanceRow } from './performance-row.js';

const levels = [0.5, 0.95, 0.99];

const total = bucketPlace('total');
const successful = bucketPlace('successful');
const durationCount = bucketPlace('duration_count');
const durationMin = bucketPlace('duration_min_ms');
const memoryCount = bucketPlace('memory_mb_count');

/** What `readAgentPerformance` answers, of the rows a range is made of. */
export function performanceOf(buckets: readonly RollupBucket[], splitMs: number): AgentPerformanceRow {
  const first = buckets.filter(({ startMs }) => startMs < splitMs);
  const second = buckets.filter(({ startMs }) => startMs >= splitMs);
  const timed = buckets.filter((bucket) => bucket.number(durationCount) > 0);
  const measured = buckets.filter((bucket) => bucket.number(memoryCount) > 0);
  const durations = new MergedDigest();
  for (const bucket of timed) bucket.addDurations(durations);
  const [p50 = null, p95 = null, p99 = null] = durations.quantiles(levels);
  const sum = (name: BucketNumber): number => sumOf(buckets, bucketPlace(name));
  return {
    total: sum('total'),
    successful: sum('successful'),
    failed: sum('failed'),
    cancelled: sum('cancelled'),
    first_total: sumOf(first, total),
    first_successful: sumOf(first, successful),
    first_failed: sumOf(first, bucketPlace('failed')),
    first_successful_duration_digest: successes(first),
    second_successful_duration_digest: successes(second),
    duration_count: sum('duration_count'),
    duration_sum_ms: sum('duration_sum_ms'),
    duration_min_ms: shortestOf(timed),
    duration_max_ms: mostOf(timed, 'duration_max_ms'),
    percentiles: [p50, p95, p99],
    llm_calls: sum('llm_calls'),
    tokens_in: sum('tokens_in'),
    tokens_out: sum('tokens_out'),
    cost_micros: costOf(buckets),
    tokens_unpriced: sum('tokens_unpriced'),
    confidence_sum: sum('confidence_sum'),
    confidence_count: sum('confidence_count'),
    memory_mb_count: sum('memory_mb_count'),
    memory_mb_max: mostOf(measured, 'memory_mb_max'),
    buckets: buckets.length,
    first_bucket_s: (buckets[0]?.startMs ?? 0) / 1_000,
    end_bucket_s: buckets.reduce((end, { startMs, widthMs }) => Math.max(end, startMs + widthMs), 0) / 1_000,
    last_received_ms: mostOf(buckets, 'last_received'),
  };
}

/** Of its digests and its numbers. */
export function performanceBytes(row: AgentPerformanceRow): number {
  const { first_successful_duration_digest: first, second_successful_duration_digest: second } = row;
  return 900 + 8 * (first.length + second.length);
}

/** What `readExecutionBucket` answers. */
export function executionBucketOf(
  buckets: readonly RollupBucket[],
  place: ExecutionPlace,
): ExecutionBucketRow | undefined {
  const range = { total: sumOf(buckets, total), successful: sumOf(buckets, successful) };
  const wanted = place === 'middle' ? Math.floor(range.total / 2) : place;
  let before = { total: 0, successful: 0 };
  for (let at = 0; at < buckets.length; ) {
    const { startMs, widthMs } = buckets[at]!;
    const same: RollupBucket[] = [];
    for (; buckets[at]?.startMs === startMs; at++) same.push(buckets[at]!);
    const own = { total: sumOf(same, total), successful: sumOf(same, successful) };
    if (wanted >= before.total && wanted < before.total + own.total) {
      return {
        start_s: startMs / 1_000,
        width_s: widthMs / 1_000,
        ...own,
        total_before: before.total,
        successful_before: before.successful,
        range_total: range.total,
        range_successful: range.successful,
      };
    }
    before = { total: before.total + own.total, successful: before.successful + own.successful };
  }
  return undefined;
}

function sumOf(buckets: readonly RollupBucket[], place: number): number {
  let sum = 0;
  for (const bucket of buckets) sum += bucket.number(place);
  return sum;
}

function mostOf(buckets: readonly RollupBucket[], name: BucketNumber): number {
  const place = bucketPlace(name);
  let most = 0;
  for (const bucket of buckets) if (bucket.number(place) > most) most = bucket.number(place);
  return most;
}

function shortestOf(timed: readonly RollupBucket[]): number {
  if (timed.length === 0) return 0;
  return timed.reduce((least, bucket) => Math.min(least, bucket.number(durationMin)), Number.POSITIVE_INFINITY);
}

/** Null where nobody reported a cost. */
function costOf(buckets: readonly RollupBucket[]): number | null {
  const place = bucketPlace('cost_micros');
  let cost: number | null = null;
  for (const bucket of buckets) if (!Number.isNaN(bucket.number(place))) cost = (cost ?? 0) + bucket.number(place);
  return cost;
}

function successes(buckets: readonly RollupBucket[]): Float64Array {
  const digest = new MergedDigest();
  for (const bucket of buckets) bucket.addSuccessfulDurations(digest);
  return digest.centroids();
}
