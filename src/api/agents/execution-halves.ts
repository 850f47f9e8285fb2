import type { AgentKey } from '../../clickhouse/queries/agents/agent-known.js';
import { readExecutionBucket, readFirstExecutions } from '../../clickhouse/queries/agents/execution-split.js';
import type { PerformanceRange } from '../../clickhouse/queries/sql/rollup-range.js';
import type { StoreReader } from '../../core/ports/store-reader.js';
import { dayMs, type TimeSpan } from '../../core/time-span.js';
import { type TrendVerdict, trendExecutionsMin, trendPointsMin } from '../statistics/trend.js';

/**
 * The executions of a range in the order of their time, cut in the middle. How many of the first half succeeded lies
 * between two bounds; they differ where the order within a bucket of the rollups makes no difference to the verdict,
 * or is kept no longer.
 */
export interface ExecutionHalves {
  readonly total: number;
  readonly successful: number;
  /** Executions of the first half. */
  readonly first: number;
  readonly firstSuccessfulMin: number;
  readonly firstSuccessfulMax: number;
}

const noExecutions: ExecutionHalves = {
  total: 0,
  successful: 0,
  first: 0,
  firstSuccessfulMin: 0,
  firstSuccessfulMax: 0,
};

/** What of the first half has been counted, and the bucket the cut goes through. */
interface Cut {
  readonly counted: number;
  readonly span: TimeSpan;
  /** Of the bucket: those before the cut, all, and how many of all succeeded. */
  readonly first: number;
  readonly total: number;
  readonly successful: number;
}

/** One read of the rollups; then, only where it decides the verdict, one of the day's minutes and one of a minute. */
export async function readExecutionHalves(
  store: StoreReader,
  key: AgentKey,
  range: PerformanceRange,
): Promise<ExecutionHalves> {
  const bucket = await readExecutionBucket(store, key, range, 'middle');
  if (bucket === undefined) return noExecutions;
  const whole = {
    total: bucket.range_total,
    successful: bucket.range_successful,
    first: Math.floor(bucket.range_total / 2),
  };
  let cut = cutOf(bucket, whole.first, 0);
  let halves = boundsOf(whole, cut);
  if (isOpen(halves) && lengthMs(cut) === dayMs) {
    cut = (await cutInMinutes(store, key, cut)) ?? cut;
    halves = boundsOf(whole, cut);
  }
  if (!isOpen(halves)) return halves;
  const { total, successful } = await readFirstExecutions(store, key, { span: cut.span, count: cut.first });
  if (total < cut.first) return halves;
  return { ...halves, firstSuccessfulMin: cut.counted + successful, firstSuccessfulMax: cut.counted + successful };
}

type Bucket = NonNullable<Awaited<ReturnType<typeof readExecutionBucket>>>;

function cutOf(bucket: Bucket, place: number, counted: number): Cut {
  const fromMs = bucket.start_s * 1_000;
  return {
    counted: counted + bucket.successful_before,
    span: { fromMs, toMs: fromMs + bucket.width_s * 1_000 },
    first: place - bucket.total_before,
    total: bucket.total,
    successful: bucket.successful,
  };
}

function lengthMs({ span }: Cut): number {
  return span.toMs - span.fromMs;
}

/** Null when the minutes of the day are not all there. */
async function cutInMinutes(store: StoreReader, key: AgentKey, cut: Cut): Promise<Cut | null> {
  const { span, first, total, counted } = cut;
  const noDays = { fromMs: span.fromMs, toMs: span.fromMs };
  const range = { days: noDays, minutes: [span], splitMs: span.fromMs, dayLeftOutMs: null };
  const bucket = await readExecutionBucket(store, key, range, first);
  return bucket === undefined || bucket.range_total !== total ? null : cutOf(bucket, first, counted);
}

type Whole = Pick<ExecutionHalves, 'total' | 'successful' | 'first'>;

function boundsOf(whole: Whole, { counted, first, total, successful }: Cut): ExecutionHalves {
  return {
    ...whole,
    firstSuccessfulMin: counted + Math.max(0, first - (total - successful)),
    firstSuccessfulMax: counted + Math.min(first, successful),
  };
}

function isOpen(halves: ExecutionHalves): boolean {
  return verdictOf(halves, halves.firstSuccessfulMin) !== verdictOf(halves, halves.firstSuccessfulMax);
}

/**
 * `improving` or `declining` when the share of executions that succeeded is more than five points higher or lower in
 * the second half; `insufficient_data` below ten executions, and where an order decides that is kept no longer.
 */
export function halvesVerdict(halves: ExecutionHalves): TrendVerdict {
  return isOpen(halves) ? 'insufficient_data' : verdictOf(halves, halves.firstSuccessfulMin);
}

/** In whole numbers: a change of exactly five points is none, whatever fractions make of it. */
function verdictOf({ total, successful, first }: Whole, firstSuccessful: number): TrendVerdict {
  if (total === 0) return 'no_data';
  if (total < trendExecutionsMin) return 'insufficient_data';
  const second = total - first;
  const change = (successful - firstSuccessful) * first - firstSuccessful * second;
  const threshold = trendPointsMin * first * second;
  if (100 * change > threshold) return 'improving';
  return 100 * change < -threshold ? 'declining' : 'stable';
}
